"""What chapter 06 shows of its records, and the models it opens."""

import shutil

import numpy as np
import pandas as pd
import pytest

from l2l_utils import alarms, data, examination, likeness, records, scores, trust


def test_models_of_one_kind_are_opened(model, tmp_path):
    """Of a folder with two kinds, those of the loss that is asked for; a folder without models is named."""
    for name in ("L2L_L1_seed0", "L2L_L1_seed1", "N2N_L1_seed0"):
        shutil.copytree(model.logdir, tmp_path / name)
    assert [found.name for found in trust.open_models(tmp_path, loss="L1")] == ["L2L_L1_seed0", "L2L_L1_seed1"]
    assert len(trust.open_models(tmp_path, loss="SSIM")) == 3
    for folder in ("", tmp_path / "L2L_L1_seed0"):
        with pytest.raises(FileNotFoundError, match="expected a folder that holds models' folders"):
            trust.open_models(folder, loss="L1")


def test_choices_come_from_the_images_or_the_model(model):
    """The resolution is what was given, else that of the images, else 5 px; the percentiles are the model's."""
    folders = data.Folders("set", None, None, None, None, resolution_px=3.0)
    for given, images, expected in ((2.0, folders, 2.0), (0.0, folders, 3.0), (0.0, None, 5.0)):
        found = trust.choices(images, model, resolution_px=given, n_renoised=2)
        assert found["resolution_px"] == expected
    assert found["percentiles"] == {"pmin": 1.0, "pmax": 99.9}


def test_verdict_says_what_it_does_not_know(model):
    """A model without a fingerprint of its training images gives no verdict."""
    assert trust.verdict(np.ones((64, 64)), model).startswith("not judged, because the model knows 0 training images")


def test_a_cell_without_structure_is_seen_as_one():
    """Its contrast lies below that of any cell with structure: nothing but spots and background."""
    blank = trust.without_structure("tubulin")
    assert blank.shape == trust.BLANK_SHAPE
    assert likeness.fingerprint(blank)["coherence"] < 0.5


def test_recorded_tables_have_every_structure():
    """The records hold what the chapter shows: four structures, both methods, all losses, all alarms."""
    structures = {"tubulin", "actin", "paxillin", "caveolae"}
    assert structures == set(trust.warned().columns)
    areas = trust.areas_by_loss("combined")
    assert {(s, m) for s in structures for m in ("L2L", "N2N")} == set(areas.index)
    assert set(areas.columns) == {"L1", "SSIM", "3S-SSIM", "5S-SSIM"}
    assert set(trust.rates("combined").index) == structures
    for structure in structures:
        assert set(trust.areas_by_case(structure).columns) == set(examination.ALARMS)
    effects = trust.effect_sizes(trust.read_effects("tubulin"))
    assert set(effects.columns) == {"fewer pieces", "dimmer label", "found without treatment"}
    assert trust.read_effects("caveolae").equals(trust.read_effects("tubulin"))


def test_recorded_rates_are_what_the_words_say():
    """The sentence of chapter 03 counts images of other structures as hits and of the own as false alarms."""
    recorded = records.read("likeness")
    own = recorded[(recorded.images == recorded.structure) | (recorded.images == trust.NEW)]
    assert f"{own.n_warned.sum()} of {own.n_images.sum()} that showed the same" in trust.measured_verdict()


def test_scores_of_alarms_and_verdicts(tmp_path, rng):
    """Verdicts, SQUIRREL's numbers and areas become rows of the common columns; an area that is unknown is left out."""
    checked = {
        "a": pd.DataFrame({"verdict": ["like"], "score": [1.5], "limit": [4.0], "why": [""]}, index=["x.tif"]),
        "b": pd.DataFrame({"verdict": ["not judged"], "why": ["few"]}, index=["y.tif"]),
    }
    counted = trust.count_verdicts(checked)
    assert counted.warned.to_dict() == {"a": "0 of 1", "b": "0 of 1"}
    image = rng.random((32, 32))
    examined = examination.Examined(image, image, image > 0.5, {}, alarms.squirrel(image, image))
    summary = pd.DataFrame(
        {"alarm": ["combined", "error map"], "auc": [0.9, np.nan], "low": [0.8, np.nan], "high": 1.0}
    )
    parts = [trust.score_verdicts(checked), trust.score_comparison(examined, tmp_path / "x.tif")]
    trust.write_scores([*parts, trust.score_alarms(summary)], tmp_path / "scores.csv", dataset="d", loss="L1")
    table = pd.read_csv(tmp_path / "scores.csv")
    assert list(table.columns) == scores.COLUMNS
    values = table.set_index("metric").value
    assert values["unlikeness"] == 1.5
    assert values["rsp"] == pytest.approx(1, abs=1e-3)
    assert values["auc"] == 0.9
    assert set(table.reference) == {"none", "truth"}
