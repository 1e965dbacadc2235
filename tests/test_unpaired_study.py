"""What chapter 07 compares: who sees which images, when a network has failed, and what is recorded of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from collecting import collect_as
from test_training import RECIPE

from l2l_utils import cyclegan, data, judging, patches, record, scores, unpaired_study
from l2l_utils.unpaired_claims import UNPAIRED_CLAIMS

SETTINGS = cyclegan.Settings(
    n_first=2, n_blocks=1, n_first_discriminator=2, epochs=2, decay_epochs=0, batch_size=2, identity_weight=0.0
)


@pytest.fixture(scope="module")
def pairs():
    """Return the pairs of the small virtual set."""
    folder = data.fetch("virtual/tubulin-small")
    return data.pair_images(folder / "source", folder / "target")


def test_both_kinds_of_network_see_equally_many_images(pairs, tmp_path):
    """The network with pairs gets one half of the fields; the other its sources, and targets of the second half."""
    study = unpaired_study.Study(tmp_path, RECIPE, replace(SETTINGS, epochs=1), 48, 2)
    split = patches.Split(pairs[:4], pairs[4:], [])
    study.with_pairs("labels", {"L2L": split}, loss="L1", seeds=[0])
    study.without_pairs("labels", split, {"CycleGAN": {}}, seeds=[0])
    with_pairs, without = (
        record.read(tmp_path / "labels" / "models" / name)["about"] for name in ("L2L_L1_seed0", "CycleGAN_seed0")
    )
    assert with_pairs["sha256"] == data.checksums([pairs[0], pairs[2]])
    for kind, files in {"source": pairs[0:4:2], "target": pairs[1:4:2]}.items():
        alone = [data.Pair(pair.name, *[getattr(pair, kind)] * 2) for pair in files]
        assert without[kind]["sha256"] == data.checksums(alone)


def test_a_study_without_pairs(pairs, tmp_path):
    """Trained, restored and followed over the epochs; a second call trains nothing."""
    study = unpaired_study.Study(tmp_path, RECIPE, SETTINGS, 48, 2)
    split = patches.Split(pairs[:3], pairs[3:5], pairs[5:])
    methods = {"c2GAN": {"structure": cyclegan.Structure()}}
    restored = study.without_pairs("labels", split, methods, seeds=[3])
    (path,) = restored["c2GAN", None, 3]
    written = path.stat().st_mtime_ns
    assert study.without_pairs("labels", split, methods, seeds=[3]) == restored
    assert path.stat().st_mtime_ns == written

    models = study.open_models("labels", methods, seeds=[3])
    model = models["c2GAN", 3]
    assert model.settings == replace(SETTINGS, structure=cyclegan.Structure())
    fields = judging.read_fields("virtual/tubulin-small", split.held_out, rng=np.random.default_rng(0))
    table = unpaired_study.over_epochs(models, fields, split.held_out)
    assert list(table.epoch) == [1, 2]
    best = table.loc[table.criterion.idxmin()]
    assert best.ms_ssim_3 == pytest.approx(judging.judge(fields[0], data.read_image(path))["truth", "ms_ssim_3"])


def test_choices_of_epochs_by_hand():
    """With the criterion of one training falling as quality rises, and of the other one rising."""
    quality, falling = [0.1, 0.4, 0.3], [0.9, 0.2, 0.5]
    rows = [
        {"dataset": "tubulin", "method": "CycleGAN", "seed": seed, "epoch": i + 1, "criterion": c, "ms_ssim_3": q}
        for seed, criteria in enumerate((falling, quality))
        for i, (c, q) in enumerate(zip(criteria, quality, strict=True))
    ]
    (found,) = unpaired_study.choices(pd.DataFrame(rows)).to_dict("records")
    expected = {"first": 0.1, "last": 0.3, "chosen": (0.4 + 0.1) / 2, "best": 0.4}
    assert found == pytest.approx(expected | {"agreement": 0, "lowest": -1, "highest": 1})


def test_failed_is_what_is_more_wrong_than_right():
    """The error is the mean of false and missed structure; a failure is one above a half, for each image."""
    rows = [
        {"method": "GAN", "seed": seed, "image": "a", "reference": reference, "metric": metric, "value": value}
        for seed, values in enumerate([(0.2, 0.4), (0.5, 0.5), (0.9, 0.3)])
        for reference in ("truth", "benchmark")
        for metric, value in zip(("false_structure", "missed_structure"), values, strict=True)
    ]
    found = unpaired_study.failures(pd.DataFrame(rows).reindex(columns=scores.COLUMNS))
    assert set(found.reference) == {"truth"}
    table = found.pivot_table("value", "seed", "metric")
    np.testing.assert_allclose(table.structure_error, [0.3, 0.5, 0.6])
    assert table.failed.tolist() == [0, 0, 1]


def test_the_record_can_be_read():
    """A row per measure and method, a column per data set; each task's methods in its own table."""
    table = unpaired_study.recorded(["CycleGAN", "c2GAN"], ms_ssim_3="truth", change="none")
    assert {"tubulin", "paxillin"} <= set(table.columns)
    assert set(table.index) == {(measure, m) for measure in ("ms_ssim_3", "change") for m in ("CycleGAN", "c2GAN")}
    failed = unpaired_study.recorded(["c2GAN", "L2L"], condition="task=without identity loss", failed="truth")
    assert failed.index.tolist() == [("failed", "c2GAN")]


def test_records_say_what_the_scores_say(tmp_path):
    """Every claim without pairs is decided by scores in which the constraint helps and saturation is the CNN's."""
    levels = {"psnr": 20, "ssim": 0.3, "ms_ssim_3": 0.3, "change": 0.2, "histogram_distance": 0.1, "saturated": 0.01}
    levels |= {"false_structure": 0.2, "structure_error": 0.2, "failed": 0.5}
    rows = []
    for comparison in [c for claim in UNPAIRED_CLAIMS.values() for c in claim.comparisons]:
        better = 1 if comparison.says == "higher" else -1 if comparison.says == "lower" else 0
        for name, sign in ((comparison.first, better), (comparison.second, -better)):
            method, _, loss = name.rpartition(" ") if name.startswith("L2L") else (name, "", None)
            known = method in ("input", "benchmark")
            rows += [
                {"dataset": comparison.dataset, "method": method, "loss": loss, "seed": None if known else seed}
                | {"image": f"cell_{i}", "condition": comparison.condition or None, "reference": comparison.reference}
                | {"metric": comparison.metric, "value": levels[comparison.metric] * (1 + 0.1 * sign + 0.001 * i)}
                for seed in range(1 if known else 3)
                for i in range(6)
            ]
    table = pd.DataFrame(rows).reindex(columns=scores.COLUMNS)
    keys = [name for name in scores.COLUMNS if name != "value"]
    table = table.groupby(keys, dropna=False, sort=False).value.mean().reset_index()[scores.COLUMNS]
    (tmp_path / "all").mkdir()
    table.to_csv(tmp_path / "all" / "scores.csv", index=False)
    epochs = pd.DataFrame({"dataset": ["tubulin"], "method": ["CycleGAN"], "epoch": [1], "ms_ssim_3": [0.5]})
    epochs.to_csv(tmp_path / "all" / "epochs.csv", index=False)
    results = collect_as("07_cyclegan", tmp_path)
    claims = pd.read_csv(results / "unpaired_claims.csv", comment="#")
    assert set(claims.claim) == {"L25", "L26", "L27", "C01", "C02", "C03", "C04"}
    single = claims[claims.claim.isin(["C01", "C03"])]
    assert single.holds.all()
    summary = pd.read_csv(results / "unpaired.csv", comment="#")
    assert set(summary.metric) == set(levels)
    pd.testing.assert_frame_equal(pd.read_csv(results / "unpaired_epochs.csv", comment="#"), epochs)
    assert "# seeds: 0 1 2" in (results / "unpaired.csv").read_text("utf-8")
