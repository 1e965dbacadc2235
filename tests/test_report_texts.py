"""Words and numbers of the report: they say what the table says, and warn when they have to."""

import pandas as pd
import pytest
from judged_images import judge

from l2l_utils import data, quality
from l2l_utils import report_texts as texts


@pytest.fixture
def judged(images, tmp_path):
    """Return two images, judged, of a method that was trained twice."""
    return judge(images, tmp_path / "out")


def table(gains, *, psnr=None, si_psnr=None):
    """Return a table of one method: gains in 3S-SSIM by seed and image."""
    rows = [(seed, f"cell_{i}", gain) for seed, found in gains.items() for i, gain in enumerate(found)]
    found = pd.DataFrame(rows, columns=["seed", "image", "gain_ms_ssim_3"]).assign(method="L2L")
    found["gain_psnr"] = found.gain_ms_ssim_3 if psnr is None else psnr
    return found.assign(gain_si_psnr=found.gain_psnr if si_psnr is None else si_psnr)


def test_in_short(judged):
    """The sentence has the means of input and method, over images and trainings."""
    mean = judged.table.groupby("method").ms_ssim_3.mean()
    sentence = texts.in_short(judged)
    assert f"went from {mean['input']:.3f} to {mean['L2L']:.3f}, and PSNR" in sentence
    assert sentence.endswith("to 16.99 dB, on average over 2 held-out images.")  # (20 + 20 - 20 log10(2)) / 2


def test_every_reader_is_warned(judged):
    """Whatever the scores, the limits of scores and intensities are told."""
    said = " ".join(texts.watch(judged, {("L2L", 0): {}}))
    assert "noise and gaps of its own" in said
    assert "Measure intensities in the raw image" in said
    assert "2 images held out: fewer than 20" in said


def test_worse_images_are_named():
    """An image that lost by either measure is named; where none did, that is said."""
    assert "no nearer" not in texts._worse_images(table({0: [0.1, 0.2]}), "L2L")[0]
    (sentence,) = texts._worse_images(table({0: [0.1, -0.2, 0.3]}), "L2L")
    assert sentence.startswith("In 1 of 3 held-out images L2L is no nearer")
    assert "cell_1." in sentence
    (sentence,) = texts._worse_images(table({0: [0.1, 0.2]}, psnr=[1, -1]), "L2L")
    assert "cell_1." in sentence


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ({0: [0.1]}, "L2L was trained once"),
        ({0: [0.1], 1: [0.12]}, "The mean gain in 3S-SSIM is 0.110, and differs between 2 trainings by 0.014"),
        ({0: [0.1], 1: [-0.05]}, "That is not clearly more than chance."),
    ],
)
def test_spread_of_trainings(gains, expected):
    """One training tells nothing of chance; of several, the gain is set against the spread."""
    (sentence,) = texts._spread(table(gains), "L2L")
    assert expected in sentence
    assert ("chance." in sentence) == (expected[:3] in {"L2L", "Tha"})


def test_nothing_is_said_of_the_trainings_of_another_tool(judged):
    """Another tool has no seeds that the report knows."""
    assert texts._spread(judged.table[judged.table.method == "other tool"], "other tool") == []


@pytest.mark.parametrize(
    ("psnr", "si_psnr", "warned"), [(3, 2.5, False), (3, 0.2, True), (3, -1, True), (-1, -2, False)]
)
def test_gain_that_is_brightness(psnr, si_psnr, warned):
    """A gain in PSNR that a fit of gain and offset explains is called brightness."""
    assert bool(texts._brightness(table({0: [0.1]}, psnr=psnr, si_psnr=si_psnr))) == warned


def test_removed_structure(judged):
    """A method that shows the benchmark took nothing of it away; correlations are those of the chapter."""
    (sentence,) = texts._removed(judged, "L2L")
    assert sentence.startswith("What L2L removed correlates with the benchmark by ")
    assert sentence.count("(a)") + sentence.count("(b)") == 1


@pytest.mark.parametrize(
    ("best", "expected"), [(10, "train for more epochs"), (3, "learn its images by heart"), (7, None)]
)
def test_curves(best, expected):
    """A loss that still falls, and one that rose early, are told apart from one that levelled off."""
    found = texts._curves({("L2L", 1): {"best_epoch": best, "config": {"train_epochs": 10}}})
    assert len(found) == (expected is not None)
    assert not expected or (expected in found[0] and "L2L seed 1" in found[0])


def test_enough_images_are_no_reason_to_warn():
    """Twenty images are enough."""
    assert texts._small(20) == []
    assert texts._small(1)[0].startswith("1 image held out")


def test_ranking_and_tables(judged):
    """Images come from best to worst, and tables have the numbers of the scores."""
    ranked = texts.ranking(judged)
    assert ranked.is_monotonic_decreasing
    mine = judged.table[judged.table.method == "L2L"]
    assert ranked["a"] == mine.ms_ssim_3[mine.image == "a"].mean()
    shown = texts.image_table(judged)
    assert list(shown.index.get_level_values("image")[::3]) == list(ranked.index)
    assert shown.loc[("b", "L2L"), "NRMSE"] == pytest.approx(0.15)
    found = texts.score_tables(judged)
    assert list(found) == ["benchmark", "truth"]
    assert found["benchmark"].loc["L2L", "NRMSE"] == "0.150 ± 0.071"
    assert "benchmark" not in found["benchmark"].index
    assert list(found["benchmark"].columns) == [texts.NAMES[name] for name in quality.MEASURES]


def test_data_table(judged):
    """Checksums are those on record of what was trained on, and else those of the files."""
    a, b = judged.held_out
    known = {"a": {"source": "1" * 64, "target": "2" * 64}}
    shown = texts.data_table({"training": [a], "held_out": [b]}, known)
    assert shown.loc["a"].tolist() == ["training", "1" * 64, "2" * 64]
    assert shown.loc["b"].tolist() == ["held out", data.checksum(b.source), data.checksum(b.target)]


def test_settings_of_a_model(model):
    """What is on record is there, without the checksums of the images."""
    shown = texts.settings_table({"L2L": model.logdir})["L2L"]
    assert shown["config.unet_n_first"] == "4"
    assert shown["about.data"] == "1"
    assert not [name for name in shown.index if name.startswith("about.sha256")]


def test_there_must_be_something_to_report(judged):
    """Raw images alone are no result."""
    only_raw = judged._replace(shown={"input": judged.shown["input"]})
    with pytest.raises(ValueError, match="Expected restored images of held-out fields"):
        texts.main_method(only_raw)
    assert texts.main_method(judged) == "L2L"
    others = {name: judged.shown[name] for name in ("input", "other tool")}
    assert texts.main_method(judged._replace(shown=others)) == "other tool"
