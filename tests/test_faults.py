"""The faults of the virtual microscope are what their descriptions say, and nothing else."""

from functools import cache

import numpy as np
import pytest
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from l2l_utils.faults import CAMERA_LIMIT, FAULTS, simulate_faulty_cell
from l2l_utils.simulation import STRUCTURES, simulate_cell

SHAPE = (256, 288)
TUBULIN = STRUCTURES["tubulin"]


@cache
def faulty(fault, strength=None, structure="tubulin"):
    """Return source and target, as floats; equal specimen and stains for all faults after those stages."""
    cell = simulate_faulty_cell(structure, SHAPE, fault=fault, strength=strength, rng=np.random.default_rng(7))
    return cell["source"].astype(float), cell["target"].astype(float)


def faultless():
    return faulty("bleed-through into benchmark", 0.0)


def light(image):
    """Return the mean number of photons in the image's pixels."""
    return (image.mean() - TUBULIN.detector.offset) / TUBULIN.detector.gain


def smooth_correlation(first, second):
    return np.corrcoef(*(ndimage.gaussian_filter(image, 2).ravel() for image in (first, second)))[0, 1]


@pytest.mark.parametrize("fault", FAULTS)
def test_images_are_counts_and_follow_from_the_generator(fault):
    """Each fault gives two uint16 images of the shape asked for, and the same ones again from an equal generator."""
    cells = [simulate_faulty_cell("tubulin", (64, 72), fault=fault, rng=np.random.default_rng(1)) for _ in range(2)]
    for name in ("source", "target"):
        assert cells[0][name].dtype == np.uint16
        assert cells[0][name].shape == (64, 72)
        np.testing.assert_array_equal(cells[0][name], cells[1][name])


def test_no_strength_is_no_fault():
    """A cell whose fault has strength 0 has the brightness and the correlation of labels of a good cell."""
    good = simulate_cell("tubulin", SHAPE, rng=np.random.default_rng(7))
    for image, name in zip(faultless(), ("source", "target"), strict=True):
        assert light(image) == pytest.approx(light(good[name]), rel=0.2)
    assert smooth_correlation(*faultless()) == pytest.approx(
        smooth_correlation(good["source"], good["target"]), abs=0.1
    )


def test_swapped_labels_have_changed_places():
    """Source and target are those of the same cell without the fault, the other way round."""
    for image, other in zip(faulty("swapped"), reversed(faultless()), strict=True):
        np.testing.assert_array_equal(image, other)


@pytest.mark.parametrize("distance", [3.0, 10.0])
def test_unregistered_target_is_displaced_by_the_distance(distance):
    """Phase correlation finds the target displaced by the strength, in px, against the target without the fault."""
    smooth = [ndimage.gaussian_filter(images[1], 2) for images in (faultless(), faulty("unregistered", distance))]
    shift, _, _ = phase_cross_correlation(*smooth, upsample_factor=10, normalization=None)
    assert np.hypot(*shift) == pytest.approx(distance, abs=0.5)


def test_unrelated_labels_do_not_correlate():
    """The target of another cell is at least four times less like the source's structure than the right one is."""
    bands = [
        [ndimage.gaussian_filter(image, 1.5) - ndimage.gaussian_filter(image, 6) for image in images]
        for images in (faulty("unrelated"), faultless())
    ]
    unrelated, right = (np.corrcoef(source.ravel(), target.ravel())[0, 1] for source, target in bands)
    assert abs(unrelated) < right / 4


def test_saturated_share_is_at_the_limit_of_the_camera():
    """The strength is the share of target pixels at 4095; the source is as it was."""
    source, target = faulty("saturated", 0.03)
    assert target.max() == CAMERA_LIMIT
    assert np.mean(target == CAMERA_LIMIT) == pytest.approx(0.03, abs=0.003)
    np.testing.assert_array_equal(source, faultless()[0])


def test_identical_target_is_made_from_the_source():
    """The target is the source itself, or smoothed by scipy's Gaussian and stretched to the range of its file."""
    source, target = faulty("identical")
    np.testing.assert_array_equal(source, target)
    source, target = faulty("identical", 2.0)
    smooth = ndimage.gaussian_filter(source, 2)
    np.testing.assert_allclose(target, smooth * 65535 / smooth.max(), atol=0.5)


def test_blind_benchmark_misses_its_share_of_the_structure():
    """The light that the target loses is the strength, as a share of all the light of its structure."""
    nothing, some, all_of_it = (faulty("blind benchmark", strength)[1].mean() for strength in (0.0, 0.3, 1.0))
    assert (nothing - some) / (nothing - all_of_it) == pytest.approx(0.3, abs=0.06)


def test_blind_regions_are_regions():
    """In the blind regions the target has lost its structure, elsewhere it is what it was: the ratio has two levels."""
    seen, blind = (ndimage.gaussian_filter(faulty("blind benchmark", s)[1], 4) for s in (0.0, 0.3))
    dark = np.percentile(blind, 2)
    bright = seen > np.percentile(seen, 70)
    ratio = ((blind - dark) / (seen - dark))[bright]
    assert np.mean((ratio > 0.3) & (ratio < 0.7)) < 0.25
    assert np.mean(ratio > 0.7) == pytest.approx(0.7, abs=0.15)


@pytest.mark.parametrize(("fault", "receiving"), [("bleed-through into benchmark", 1), ("bleed-through into input", 0)])
def test_bleed_through_adds_a_share_of_the_other_label(fault, receiving):
    """The receiving channel gains the share of the other's light; the other channel is as bright as it was."""
    before, after = faultless(), faulty(fault, 0.2)
    gained = light(after[receiving]) - light(before[receiving])
    assert gained == pytest.approx(0.2 * light(before[1 - receiving]), rel=0.03)
    assert light(after[1 - receiving]) == pytest.approx(light(before[1 - receiving]), rel=0.01)


def test_cross_reaction_shows_the_input_in_the_benchmarks_optics():
    """The target gains the share of the source's fluorophores, as bright and as hazy as its own dye is shown."""
    before, after = faultless(), faulty("cross-reaction", 0.2)
    source, target = TUBULIN.labels["source"], TUBULIN.labels["target"]
    shown = [label.optics.light * (1 + label.optics.haze) for label in (source, target)]
    expected = 0.2 * light(before[0]) * (target.photons / source.photons) * (shown[1] / shown[0])
    assert light(after[1]) - light(before[1]) == pytest.approx(expected, rel=0.05)
    np.testing.assert_array_equal(after[0], before[0])


@pytest.mark.parametrize(
    ("structure", "fault", "named"),
    [
        ("tubulin", "blinded", "'blinded'.*blind benchmark"),
        ("nucleus_membrane", "swapped", "'nucleus_membrane'.*tubulin"),
        ("glass", "swapped", "'glass'.*tubulin"),
    ],
)
def test_unknown_faults_and_unfit_structures_are_refused(structure, fault, named, rng):
    """The error names what was asked for and what there is."""
    with pytest.raises(ValueError, match=named):
        simulate_faulty_cell(structure, SHAPE, fault=fault, rng=rng)
