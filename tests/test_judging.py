"""Virtual fields are judged against what is known of them."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from l2l_utils import data, judging, metrics, normalization, simulation, virtual_sets


@pytest.fixture(scope="module")
def fields():
    """Return two fields of the small set of microtubules."""
    folder = data.fetch("virtual/tubulin-small")
    pairs = data.pair_images(folder / "source", folder / "target")[2:4]
    return judging.read_fields("virtual/tubulin-small", pairs, rng=np.random.default_rng(0))


def test_fields_hold_what_the_files_do(fields):
    """Labels are normalised by the set's percentiles; windows are of 128 px and inside."""
    folder = data.fetch("virtual/tubulin-small")
    field = fields[0]
    assert field.name == "cell_002"
    expected = normalization.read_normalized(folder / "target" / "cell_002.tif", pmin=1, pmax=99.9)
    np.testing.assert_array_equal(field.benchmark, expected)
    assert field.resolution_px == pytest.approx(220 / 45)
    assert len(field.windows) == 6
    assert all(field.raw[window].shape == (128, 128) for window in field.windows)
    known = judging.known_images(fields)
    assert [method for method, *_ in known] == ["input", "average", "benchmark", "STED", "truth"]
    assert known["input", None, None][1] is fields[1].raw


def test_intensities_and_change(fields):
    """The raw image has not changed; the benchmark's histogram is its own; an offset is a change and a distance."""
    field = fields[0]
    raw, moved = (judging.judge_intensities(field, image) for image in (field.raw, field.raw + 0.25))
    assert raw["none", "change"] == 0
    assert moved["none", "change"] == pytest.approx(0.25)
    assert judging.judge_intensities(field, field.benchmark)["benchmark", "histogram_distance"] == 0
    assert raw["none", "saturated"] == np.mean(field.raw == 1)


def test_bound_light_is_that_of_the_images():
    """What uneven binding changes in the whole label's light, background and all, it changes in the bound light."""
    entry, structure = data.read_entry("virtual/tubulin-small"), simulation.STRUCTURES["tubulin"]
    rng = np.random.default_rng([entry["seed"], 2])
    specimen = simulation.make_specimen(structure, tuple(entry["shape"]), rng=rng)
    whole = structure.labels["source"]
    bare = replace(whole, cytosol=0, texture=0, puncta_per_um2=0)
    in_focus = replace(whole.optics, haze=0)
    changes = []
    for label in (whole, bare):
        even = replace(label, binding=0)
        density = [simulation.label_specimen(specimen, each, rng=copy.deepcopy(rng)) for each in (label, even)]
        light = [simulation.optical_image(each, in_focus, pixel_size_nm=45) for each in density]
        changes.append(light[0] - light[1])
    np.testing.assert_allclose(*changes, atol=1e-4)
    assert np.abs(changes[0]).max() > 0.5
    np.testing.assert_array_equal(virtual_sets.bound_light(entry, 2), light[0])


def test_the_benchmark_and_the_truth_are_perfect_against_themselves(fields):
    """A field's benchmark equals itself; its truth has no structure errors and no background."""
    field = fields[0]
    measured = judging.judge(field, field.benchmark)
    assert measured["benchmark", "ssim"] == pytest.approx(1)
    assert measured["truth", "ssim"] < 0.9
    against = judging.judge(field, 3 * field.truth + 1)
    assert against["truth", "ms_ssim_3"] == pytest.approx(1, abs=1e-3)
    assert against["truth", "false_structure"] == against["truth", "missed_structure"] == 0
    assert judging.judge_structure(field, field.truth)["truth", "background"] == pytest.approx(0, abs=1e-3)


def test_scores_are_means_over_the_windows(fields):
    """PSNR against the benchmark is the mean of the six windows' PSNR, after the Gaussian where one is asked for."""
    field = fields[0]
    windows = [metrics.evaluate(field.benchmark[w], field.raw[w])["psnr"] for w in field.windows]
    assert judging.judge(field, field.raw)["benchmark", "psnr"] == pytest.approx(np.mean(windows))
    smooth = [ndimage.gaussian_filter(image, 1.5) for image in (field.benchmark, field.raw)]
    windows = [metrics.evaluate(smooth[0][w], smooth[1][w])["psnr"] for w in field.windows]
    assert judging.judge_smoothed(field, field.raw)["benchmark", "psnr"] == pytest.approx(np.mean(windows))


def test_scores_come_in_the_long_form(fields, tmp_path):
    """Images may be arrays or files; every row says what it is of."""
    data.write_image(tmp_path / "a.tif", fields[1].raw)
    images = {("N2N", "L1", 0): [fields[0].raw, tmp_path / "a.tif"], ("input", None, None): [f.raw for f in fields]}
    table = judging.score(fields, images, judges=[judging.judge], dataset="tubulin")
    values = table.pivot_table("value", ["image", "reference", "metric"], "method")
    np.testing.assert_allclose(values["N2N"], values["input"], rtol=1e-6)
    assert set(table.dataset) == {"tubulin"}
    assert pd.isna(table.seed[table.method == "input"]).all()


def test_caveolae_are_also_scored_after_a_gaussian(fields):
    """As the paper's Table 1 says; other structures are not."""
    images = {("input", None, None): [f.raw for f in fields]}
    plain = judging.score_as_paper(fields, images, structure="tubulin")
    both = judging.score_as_paper(fields, images, structure="caveolae")
    assert plain.condition.isna().all()
    assert set(both.condition.dropna()) == {"gaussian=1.5"}
    assert {"fwhm_nm", "michelson", "background", "variation", "missed_weak"} <= set(plain.metric)
