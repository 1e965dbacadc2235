"""Errors between masks are counts, correlations are SciPy's on the pixels of the mask, and nonsense is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from l2l_utils import mask_measures

MASK = arrays.arrays(bool, (6, 7))


@pytest.fixture
def mask():
    """Return a mask of 4 x 5 px on 10 x 10."""
    mask = np.zeros((10, 10), bool)
    mask[3:7, 2:7] = True
    return mask


def test_mask_error_counts_pixels(mask):
    """A mask shifted by a column differs in two columns of 4 px; 255 times that is what ImageJ has for 0 and 255."""
    shifted = np.roll(mask, 1, axis=1)
    assert mask_measures.mask_error(mask, shifted) == 8 / 100
    in_imagej = np.abs(np.where(mask, 255.0, 0.0) - np.where(shifted, 255.0, 0.0)).mean()
    assert 255 * mask_measures.mask_error(mask, shifted) == pytest.approx(in_imagej)
    assert mask_measures.mask_error(mask, ~mask) == 1
    assert mask_measures.mask_error(np.zeros_like(mask), mask) == 20 / 100


@given(MASK, MASK, MASK)
def test_mask_error_is_a_distance(a, b, c):
    """Zero for equal masks only, the same both ways, no shorter by a detour, and blind to inverting both."""
    error = mask_measures.mask_error
    assert (error(a, b) == 0) == np.array_equal(a, b)
    assert error(a, b) == error(b, a) == error(~a, ~b)
    assert error(a, c) <= error(a, b) + error(b, c) + 1e-12


def test_correlation_is_on_the_mask(rng, mask):
    """It is SciPy's of the pixels in the mask, whatever lies outside."""
    true, test = rng.random((2, 10, 10))
    expected = stats.pearsonr(true[mask], test[mask]).statistic
    assert mask_measures.correlation(true, test, mask) == pytest.approx(expected)
    true[~mask], test[~mask] = 1e6, -1e6
    assert mask_measures.correlation(true, test, mask) == pytest.approx(expected)


@given(st.floats(0.01, 100), st.floats(-100, 100))
def test_correlation_ignores_gain_and_offset(gain, offset):
    """A brighter or darker copy correlates fully, a negative one fully the other way."""
    image = np.arange(30.0).reshape(5, 6) ** 2
    everywhere = np.ones(image.shape, bool)
    assert mask_measures.correlation(image, gain * image + offset, everywhere) == pytest.approx(1)
    assert mask_measures.correlation(image, offset - gain * image, everywhere) == pytest.approx(-1)


def test_masks_without_pixels_are_refused(rng, mask):
    """An empty mask, one pixel, or equal intensities have no correlation."""
    image = rng.random((10, 10))
    with pytest.raises(ValueError, match="at least two pixels, found a mask with 0"):
        mask_measures.correlation(image, image, np.zeros_like(mask))
    single = np.zeros_like(mask)
    single[4, 4] = True
    with pytest.raises(ValueError, match="at least two pixels, found a mask with 1"):
        mask_measures.correlation(image, image, single)
    flat = np.where(mask, 7, image)
    with pytest.raises(ValueError, match="found 7 everywhere under the mask in the reference"):
        mask_measures.correlation(flat, image, mask)
    with pytest.raises(ValueError, match="in the image under test"):
        mask_measures.correlation(image, flat, mask)


def test_other_shapes_and_kinds_are_refused(mask):
    """Masks are boolean and of one shape."""
    image = np.zeros((10, 10))
    with pytest.raises(ValueError, match=r"boolean mask of shape \(10, 9\), found bool of shape \(10, 10\)"):
        mask_measures.mask_error(mask, mask[:, 1:])
    with pytest.raises(ValueError, match="found uint8"):
        mask_measures.mask_error(mask, 255 * mask.astype(np.uint8))
    with pytest.raises(ValueError, match="found float64"):
        mask_measures.correlation(image, image, mask.astype(float))
    with pytest.raises(ValueError, match="same shape"):
        mask_measures.correlation(image, image[1:], mask)
