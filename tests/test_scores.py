"""Scores of files against the benchmark and the truth, and the table made of them."""

import numpy as np
import pandas as pd
import pytest
from drawn_pairs import draw_images, write_pairs

from l2l_utils import data, metrics, patches, scores
from l2l_utils.pairs import compare_labels

ERRORS = {"false_structure", "missed_structure", "false_objects"}


def values(table, **choice):
    """Return the values of the rows that match, by reference and metric."""
    for column, value in choice.items():
        table = table[table[column] == value]
    return table.set_index(["reference", "metric"]).value


def test_scores_of_raw_images(images):
    """Raw files are normalised, then compared as metrics.evaluate does; labels fill their columns."""
    pairs = data.pair_images(images.source, images.target)
    table = scores.score_files({p.name: p.source for p in pairs}, pairs, images, scale="raw", method="input", loss="")
    assert list(table.columns) == scores.COLUMNS
    expected = metrics.evaluate(*(patches.read_normalized(path) for path in (pairs[0].target, pairs[0].source)))
    assert values(table, image="a")["benchmark"].to_dict() == pytest.approx(expected, rel=1e-5)
    assert set(values(table, image="b")["truth"].index) == expected.keys() | ERRORS
    assert set(table.method) == {"input"}


def test_percentiles_are_those_that_are_given(images):
    """Grey values of image and benchmark are scaled by the given percentiles, as the training scaled them."""
    pairs = data.pair_images(images.source, images.target)
    files = {p.name: p.source for p in pairs}
    table = scores.score_files(files, pairs, images, scale="raw", pmin=5, pmax=90, method="input")
    both = [patches.read_normalized(path, pmin=5, pmax=90) for path in (pairs[0].target, pairs[0].source)]
    assert values(table, image="a")["benchmark"].to_dict() == pytest.approx(metrics.evaluate(*both), rel=1e-5)


def test_the_benchmark_equals_itself(images):
    """The benchmark against the benchmark is perfect, against the truth it is not."""
    pairs = data.pair_images(images.source, images.target)
    table = scores.score_files({p.name: p.target for p in pairs}, pairs, images, scale="raw", method="benchmark")
    assert values(table, image="a")["benchmark", "ssim"] == pytest.approx(1)
    assert values(table, image="a")["truth", "ssim"] < 1


def test_scale_of_another_tool_does_not_matter(images, tmp_path):
    """Grey values of another tool are brought to the reference's scale first; a normalised file is left alone."""
    pairs = data.pair_images(images.source, images.target)[:1]
    normalised = patches.read_normalized(pairs[0].target) * 0.8
    for name, image in {"ours": normalised, "theirs": normalised * 12000 + 300}.items():
        data.write_image(tmp_path / name / "a.tif", image)
    files = {name: {"a": tmp_path / name / "a.tif"} for name in ("ours", "theirs")}
    theirs = scores.score_files(files["theirs"], pairs, images, scale="unknown", method="other tool")
    ours = scores.score_files(files["ours"], pairs, images, scale="normalised", method="L2L")
    assert values(theirs)["benchmark", "ssim"] == pytest.approx(1, abs=1e-4)
    assert values(ours)["benchmark", "ssim"] < 0.99
    assert values(theirs)["truth"].to_dict() == pytest.approx(values(ours)["truth"].to_dict(), rel=1e-2)


def test_missing_image_is_named(images):
    """A held-out field without an image of the method is named, with the remedy."""
    pairs = data.pair_images(images.source, images.target)
    with pytest.raises(FileNotFoundError, match=r"none of 'b' for other tool.*under the file name"):
        scores.score_files({"a": pairs[0].source}, pairs, images, scale="unknown", method="other tool")


def test_score_table_known_answer():
    """Two seeds with means 1.5 and 2.5 are 2.000 with a spread of 0.707; one image set without seeds has no spread."""
    rows = [("L2L", 0, 1), ("L2L", 0, 2), ("L2L", 1, 2), ("L2L", 1, 3), ("input", None, 4)]
    table = pd.DataFrame(rows, columns=["method", "seed", "value"]).assign(reference="truth", metric="psnr")
    shown = scores.score_table(table.reindex(columns=scores.COLUMNS), "truth", names=["psnr"])
    assert shown.psnr.to_dict() == {"L2L": "2.000 ± 0.707", "input": "4.000"}


def test_overview_has_mean_and_spread_over_seeds():
    """Images are averaged within a seed, then seeds give mean and sample standard deviation; one seed has no spread."""
    columns = ["method", "loss", "seed", "image", "value"]
    rows = [("raw", None, None, "a", 0.1), ("raw", None, None, "b", 0.3)]
    rows += [
        ("L2L", "3S-SSIM", seed, image, value + seed) for seed in (0, 1, 2) for image, value in (("a", 2), ("b", 4))
    ]
    table = pd.DataFrame(rows, columns=columns)
    table = table.assign(claim="", dataset="x", condition=None, reference="truth", metric="ssim")
    assert scores.overview(table).loc[("truth", "ssim")].to_dict() == {
        ("raw", ""): "0.200",
        ("L2L", "3S-SSIM"): "4.000 ± 1.000",
    }


def test_overview_does_not_mix_data_sets():
    """Scores of two data sets get a row each, with nothing where a method was not scored."""
    table = pd.DataFrame({"dataset": ["x", "y"], "value": [1.0, 3.0], "method": ["raw", "L2L"], "metric": "ssim"})
    table = table.assign(loss=None, seed=None, condition=None, reference=None)
    assert scores.overview(table).to_numpy().tolist() == [["1.000", ""], ["", "3.000"]]


def test_labels_are_scored_as_their_measures_say(tmp_path):
    """Contrast of each label without reference, agreement of the input with the benchmark as reference."""
    sources, targets = draw_images(2, shape=(160, 170)), draw_images(2, shape=(160, 170), seed=1)
    pairs = write_pairs(tmp_path / "set", sources, targets)
    table = scores.score_labels(pairs, dataset="drawn", sample_percent=5, rng=np.random.default_rng(4))
    assert list(table.columns) == scores.COLUMNS
    benchmark = values(table, image="cell_1", method="benchmark")
    assert benchmark["none"].to_dict() == metrics.contrast(targets[1], sample_percent=5)
    first = values(table, image="cell_0", method="input")["benchmark"]
    agreement = compare_labels(sources[0], targets[0], rng=np.random.default_rng(4))
    assert first.to_dict() == agreement
    assert set(table.claim) == {"L01", "L23"}
