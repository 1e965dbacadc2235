"""Planted inventions, omissions, background and label move each their own number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from l2l_utils import against_truth


def lines(*rows, shape=(96, 96)):
    """Return horizontal lines of 3 px, 60 px long."""
    image = np.zeros(shape)
    for row in rows:
        image[row - 1 : row + 2, 18:78] = 1
    return image


def test_perfect_restoration_has_no_structure_errors():
    """The truth itself has neither invented nor lost structure."""
    truth = lines(20, 60)
    assert against_truth.structure_errors(truth, truth, resolution_px=3) == {
        "false_structure": 0,
        "missed_structure": 0,
        "false_objects": 0,
    }


def test_planted_invention_moves_false_structure_only():
    """One invented line beside two true ones is a third of the image's structure."""
    errors = against_truth.structure_errors(lines(20, 60), lines(20, 60, 80), resolution_px=3)
    assert errors == {"false_structure": pytest.approx(1 / 3), "missed_structure": 0, "false_objects": 1}


def test_planted_omission_moves_missed_structure_only():
    """One of three true lines gone is a third of the true structure."""
    errors = against_truth.structure_errors(lines(20, 60, 80), lines(20, 60), resolution_px=3)
    assert errors == {"false_structure": 0, "missed_structure": pytest.approx(1 / 3), "false_objects": 0}


def test_shift_within_the_resolution_is_no_error():
    """Structure displaced by less than the resolution is neither false nor missed."""
    errors = against_truth.structure_errors(lines(20), lines(22), resolution_px=2)
    assert errors == {
        "false_structure": 0,
        "missed_structure": 0,
        "false_objects": 0,
    }


@settings(deadline=None, max_examples=25)
@given(gain=st.floats(0.01, 1000), offset=st.floats(-1000, 1000), seed=st.integers(0, 99))
def test_structure_errors_ignore_gain_and_offset(gain, offset, seed):
    """A linear change of intensity moves neither number."""
    noise = np.random.default_rng(seed).standard_normal((96, 96))
    truth, image = lines(20, 60), lines(20, 80) + 0.3 * noise
    original = against_truth.structure_errors(truth, image, resolution_px=3)
    changed = against_truth.structure_errors(truth, gain * image + offset, resolution_px=3)
    assert changed == pytest.approx(original, abs=2e-3)


def test_structure_errors_need_structure():
    """A truth without structure is refused."""
    with pytest.raises(ValueError, match="on the structure"):
        against_truth.structure_errors(np.zeros((96, 96)), lines(20), resolution_px=3)


def test_false_objects_are_counted_where_they_touch_at_corners_too():
    """Two invented dots apart are two objects; pixels that meet at a corner are one."""
    image = lines(20, 60)
    image[40, [10, 30]] = image[41, 11] = 1
    assert against_truth.structure_errors(lines(20, 60), image, resolution_px=3)["false_objects"] == 2


def test_background_is_its_share_of_the_structure():
    """Structure at 1 on a background of 0.2 leaves 0.2; pixels within the resolution do not count."""
    truth = lines(20, 60)
    image = np.where(ndimage.binary_dilation(truth, iterations=2), 1, 0.2)
    assert against_truth.background(truth, image, resolution_px=3) == pytest.approx(0.2)


def test_missed_structure_is_told_apart_by_its_label():
    """A line that bound little and is not shown is missed among the weak and not among the strong."""
    truth = lines(20, 40, 60, 80)
    light = truth * np.where(np.arange(96)[:, None] > 70, 0.1, 1)
    light[20] += truth[20]
    missed = against_truth.missed_by_label(truth, lines(20, 40, 60), light, resolution_px=3)
    assert missed["missed_weak"] == pytest.approx(1)
    assert missed["missed_strong"] == 0


def test_variation_along_a_line_is_its_closed_form():
    """A sine along the crest of amplitude 0.5 around 1 has the relative spread 0.5 / sqrt(2), a little smoothed."""
    truth = lines(20, 60)
    wave = 1 + 0.5 * np.sin(np.arange(96) * 2 * np.pi / 30)
    truth[19:22], truth[59:62] = (np.outer(np.ones(3), truth[row] > 0) for row in (20, 60))
    image = ndimage.uniform_filter1d(truth, 9, axis=0) * wave
    measured = against_truth.along_structure(truth, image, truth * wave)
    assert measured["variation"] == pytest.approx(0.5 / np.sqrt(2), rel=0.1)
    assert measured["label_correlation"] > 0.95
    opposite = against_truth.along_structure(truth, image, truth * (2 - wave))
    assert opposite["label_correlation"] < -0.95
