"""The virtual microscope returns what it promises, for every structure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import simulation
from l2l_utils.simulation import STRUCTURES
from l2l_utils.specimen import make_specimen, true_image

SHAPE = (256, 320)
TUBULIN = STRUCTURES["tubulin"]
COUNTS = {"source", "source_repeat", "source_average"}
PAIR = COUNTS | {"target", "target_average"}
NAMES = dict.fromkeys(STRUCTURES, PAIR | {"truth"})
NAMES["tubulin"] = NAMES["tubulin"] | {"sted"}
NAMES["nucleus_membrane"] = COUNTS | {
    *("nucleus", "nucleus_average", "truth_nucleus", "membrane", "membrane_average", "truth_membrane")
}


@pytest.fixture(scope="module")
def cell():
    """Make one small virtual cell."""
    return simulation.simulate_cell("tubulin", SHAPE, rng=np.random.default_rng(7))


@pytest.mark.parametrize("structure", STRUCTURES)
def test_images_have_the_promised_form(structure):
    """Counts are uint16; truths are float32, 0 off the structure and near 1 on it; all have the shape asked for."""
    images = simulation.simulate_cell(structure, (512, 448), rng=np.random.default_rng(3))
    assert set(images) == NAMES[structure]
    assert {image.shape for image in images.values()} == {(512, 448)}
    for name, image in images.items():
        assert image.dtype == (np.float32 if name.startswith("truth") else np.uint16)
        if name.startswith("truth"):
            assert image.min() == 0
            assert 0.9 < image.max() <= 1


@pytest.mark.parametrize("structure", STRUCTURES)
def test_equal_generators_give_equal_images(structure):
    """The generator decides everything: the same one repeats each image, another changes each."""
    first, again, other = (
        simulation.simulate_cell(structure, (128, 128), rng=np.random.default_rng(seed)) for seed in (7, 7, 8)
    )
    for name, image in first.items():
        np.testing.assert_array_equal(image, again[name])
        assert name.startswith("truth") or not np.array_equal(image, other[name])


def test_global_random_state_is_neither_read_nor_changed():
    """NumPy's global random state has no part in it."""
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    simulation.simulate_cell("tubulin", (64, 64), rng=np.random.default_rng(0))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_repeat_shares_the_specimen_but_not_the_noise(cell):
    """The two images of the input label differ by twice the noise variance, and by noise alone."""
    first, repeat, target = (cell[name].astype(float) for name in ("source", "source_repeat", "target"))
    detector = TUBULIN.detector
    expected = 2 * (detector.gain * (first.mean() - detector.offset) + detector.read_noise**2)
    assert ((first - repeat) ** 2).mean() == pytest.approx(expected, rel=0.03)
    noise_of_target = target - ndimage.gaussian_filter(target, 2)
    assert abs(np.corrcoef((first - repeat).ravel(), noise_of_target.ravel())[0, 1]) < 5 / np.sqrt(first.size)


def test_average_shares_the_specimen(cell):
    """A 20-frame average differs from one frame by 21 twentieths of a frame's noise variance."""
    first, average = (cell[name].astype(float) for name in ("source", "source_average"))
    detector = TUBULIN.detector
    variance = detector.gain * (first.mean() - detector.offset) + detector.read_noise**2
    assert ((first - average) ** 2).mean() == pytest.approx(21 / 20 * variance, rel=0.03)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_truth_knows_nothing_of_the_labels(structure, monkeypatch):
    """Other labels change the images and leave the truth alone."""
    row, shape = STRUCTURES[structure], (128, 128)
    labels = {name: replace(label, photons=9 * label.photons, binding=0.9) for name, label in row.labels.items()}
    before = simulation.simulate_cell(structure, shape, rng=np.random.default_rng(7))
    monkeypatch.setitem(STRUCTURES, structure, replace(row, labels=labels))
    after = simulation.simulate_cell(structure, shape, rng=np.random.default_rng(7))
    for name in before:
        assert np.array_equal(before[name], after[name]) == name.startswith("truth")


def test_superposed_image_is_the_sum():
    """Nucleus and membrane together give the photons of both."""
    row = STRUCTURES["nucleus_membrane"]
    photons = simulation.expected_photons(
        make_specimen(row, SHAPE, rng=np.random.default_rng(0)), rng=np.random.default_rng(1)
    )
    np.testing.assert_allclose(photons["source"], photons["nucleus"] + photons["membrane"], rtol=1e-5)


def test_nucleus_and_membrane_overlap_in_part():
    """A part of the membrane lies over the nucleus, most of it beside."""
    specimen = make_specimen(STRUCTURES["nucleus_membrane"], (512, 512), rng=np.random.default_rng(0))
    nucleus, membrane = (true_image(specimen, f"truth_{name}") >= 0.3 for name in ("nucleus", "membrane"))
    assert 0.005 < (nucleus & membrane).sum() / membrane.sum() < 0.3


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("shape", [(512, 512), (300, 1100)])
def test_field_holds_cell_and_glass(structure, shape):
    """Fields show cells, glass beside them, and structure in cells only."""
    row, shares = STRUCTURES[structure], []
    for seed in range(3):
        specimen = make_specimen(row, shape, rng=np.random.default_rng(seed))
        shares.append((specimen.cytosol > 0).mean())
        away = ndimage.distance_transform_edt(specimen.cytosol == 0) > 400 / row.pixel_size_nm + 5
        for name in row.draw:
            truth = true_image(specimen, name)
            assert 0.001 < (truth >= 0.5).mean() < 0.6
            assert row.dimension == 0 or truth[away].max(initial=0) < 0.02
    assert 0.3 < np.mean(shares) < 0.98


@pytest.mark.parametrize("structure", STRUCTURES)
def test_smallest_field_is_made(structure):
    """An image of the smallest size is made."""
    images = simulation.simulate_cell(structure, (64, 64), rng=np.random.default_rng(0))
    assert images["source"].shape == (64, 64)


@pytest.mark.parametrize("shape", [(63, 512), (512, 10), (512,), (2, 512, 512)])
def test_small_or_odd_shape_is_refused(shape):
    """A shape that is too small, or not two-dimensional, is refused with what was expected and found."""
    with pytest.raises(ValueError, match=r"\(Y, X\) of at least 64 px per side, found"):
        simulation.simulate_cell("tubulin", shape, rng=np.random.default_rng(0))


def test_unknown_structure_is_refused():
    """An unknown structure is refused by name, with the known ones."""
    with pytest.raises(ValueError, match=r"'tubuline'.*tubulin"):
        simulation.simulate_cell("tubuline", SHAPE, rng=np.random.default_rng(0))


def series(drift_px, structure="tubulin", shape=(128, 160)):
    return simulation.simulate_series(structure, shape, drift_px=drift_px, rng=np.random.default_rng(5))


def test_frames_without_drift_differ_by_noise_alone():
    """Two frames of a stage that stands still differ by twice the noise variance, and show the same cell."""
    frames = series(np.zeros((2, 2))).astype(float)
    detector = TUBULIN.detector
    expected = 2 * (detector.gain * (frames.mean() - detector.offset) + detector.read_noise**2)
    assert ((frames[0] - frames[1]) ** 2).mean() == pytest.approx(expected, rel=0.05)


def test_whole_pixel_drift_displaces_the_frame(monkeypatch):
    """Without noise, a frame that drifted by whole pixels is the first one, shifted by these towards higher indices."""
    monkeypatch.setattr(simulation, "digital_image", lambda photons, detector, rng: np.rint(200 * photons))  # noqa: ARG005
    still, drifted = series([(0, 0), (7, -4)]).astype(float)
    np.testing.assert_allclose(drifted[7:, :-4], still[:-7, 4:], atol=1)


def test_half_a_pixel_of_drift_lies_between(monkeypatch):
    """Drifting twice by half a pixel is drifting by one: the frames' centres of mass move evenly."""
    monkeypatch.setattr(simulation, "digital_image", lambda photons, detector, rng: np.rint(200 * photons))  # noqa: ARG005
    still, half, whole = series([(0, 0), (0.5, 0), (1, 0)]).astype(float)
    between = ndimage.shift(still, (0.5, 0), mode="nearest")
    inside = np.s_[8:-8, 8:-8]
    np.testing.assert_allclose(half[inside], between[inside], atol=5)
    assert np.abs(half - whole)[inside].max() > 100
