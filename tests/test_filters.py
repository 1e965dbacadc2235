"""Each filter is the library's that the paper names, and the settings are the paper's."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import filters, rolling_ball


@pytest.fixture
def image(rng):
    """Return a noisy image with blurred lines, float32, 0 to 1."""
    lines = np.zeros((101, 120), np.float32)
    lines[rng.choice(101, 9, replace=False)] = 1
    noisy = ndimage.gaussian_filter(lines, 2) + rng.normal(0.1, 0.03, lines.shape)
    return np.clip(noisy / noisy.max(), 0, 1).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("size_px", [7, 11, 13, 17, 25])
def test_top_hat_is_opencvs(image, size_px, dtype):
    """SciPy's top-hat equals OpenCV's bit for bit at the paper's sizes, on 8 bits, 16 bits and floats."""
    grey = image if dtype is np.float32 else (image * np.iinfo(dtype).max).astype(dtype)
    square = cv2.getStructuringElement(cv2.MORPH_RECT, (size_px, size_px))
    expected = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, square)
    np.testing.assert_array_equal(ndimage.white_tophat(grey, size_px), expected)
    if dtype is np.float32:
        np.testing.assert_array_equal(filters.top_hat(image, sigma_px=0, size_px=size_px), expected)


def test_even_top_hats_lie_a_pixel_off(image):
    """The documented difference: with an even side OpenCV's opening lies one row and one column further."""
    grey = (image * 255).astype(np.uint8)
    opencv = cv2.morphologyEx(grey, cv2.MORPH_OPEN, np.ones((8, 8), np.uint8))
    scipy = ndimage.grey_opening(grey, 8)
    np.testing.assert_array_equal(scipy[16:-16, 16:-16], opencv[17:-15, 17:-15])
    assert not np.array_equal(scipy, opencv)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_clahe_of_one_tile_is_clipped_equalisation(image, dtype):
    """With one tile OpenCV's result has a closed form: the cumulative histogram, clipped, its excess shared out."""
    n_levels = int(np.iinfo(dtype).max) + 1
    grey = np.rint(image * (n_levels - 1)).astype(dtype)
    clip_limit = 4 if dtype is np.uint8 else 1
    counts = np.bincount(grey.ravel(), minlength=n_levels)
    limit = max(int(clip_limit * grey.size / n_levels), 1)
    excess = np.maximum(counts - limit, 0).sum()
    counts = np.minimum(counts, limit) + excess // n_levels
    rest = excess % n_levels
    counts[:: max(n_levels // rest, 1)][:rest] += 1
    curve = np.rint(np.cumsum(counts).astype(np.float32) * np.float32((n_levels - 1) / grey.size))
    equalised = cv2.createCLAHE(clip_limit, (1, 1)).apply(grey)
    np.testing.assert_array_equal(equalised, curve.clip(0, n_levels - 1)[grey])
    if dtype is np.uint8:
        ours = filters.clahe(image, sigma_px=0, n_tiles=1, clip_limit=clip_limit)
        np.testing.assert_array_equal(np.rint(ours * 255), equalised)


def test_clahe_of_tiles_is_opencvs(image):
    """The whole filter is a Gaussian, 8 bits, and OpenCV's CLAHE with that many tiles per axis."""
    smooth = np.rint(ndimage.gaussian_filter(image, 2) * 255).astype(np.uint8)
    expected = cv2.createCLAHE(clipLimit=2, tileGridSize=(7, 7)).apply(smooth)
    ours = filters.clahe(image, sigma_px=2, n_tiles=7, clip_limit=2)
    np.testing.assert_array_equal(np.rint(ours * 255).astype(np.uint8), expected)


def test_each_filter_smooths_first(image):
    """Smoothing inside a filter equals smoothing before it; the input is not changed."""
    before = image.copy()
    smooth = filters.gaussian(image, sigma_px=1.5)
    np.testing.assert_array_equal(smooth, ndimage.gaussian_filter(image, 1.5))
    ball = rolling_ball.subtract_background(smooth, radius_px=10)
    np.testing.assert_array_equal(filters.rolling_ball(image, sigma_px=1.5, radius_px=10), ball)
    hat = filters.top_hat(smooth, sigma_px=0, size_px=11)
    np.testing.assert_array_equal(filters.top_hat(image, sigma_px=1.5, size_px=11), hat)
    np.testing.assert_array_equal(image, before)


def test_settings_are_the_papers():
    """Sigma 2/2/3/2, radius 20/10/5/5, size 11/25/13/17, grid 11/7/7/7, in the order of the paper's text."""
    found = [
        [settings[name][argument] for settings in filters.PAPER_SETTINGS.values()]
        for name, argument in [
            ("gaussian", "sigma_px"),
            ("rolling_ball", "radius_px"),
            ("top_hat", "size_px"),
            ("clahe", "n_tiles"),
        ]
    ]
    assert list(filters.PAPER_SETTINGS) == ["actin", "tubulin", "caveolae", "paxillin"]
    assert found == [[2, 2, 3, 2], [20, 10, 5, 5], [11, 25, 13, 17], [11, 7, 7, 7]]


@pytest.mark.parametrize("name", filters.FILTERS)
@pytest.mark.parametrize("structure", filters.PAPER_SETTINGS)
def test_paper_settings_fit_the_filters(image, name, structure):
    """Each filter runs at the paper's settings of each structure, and adds no light above what is there."""
    filtered = filters.apply(name, image, filters.PAPER_SETTINGS[structure][name])
    assert filtered.dtype == np.float32
    assert filtered.shape == image.shape
    assert 0 <= filtered.min() < filtered.max() <= 1


def test_unknown_filter_is_named(image):
    with pytest.raises(ValueError, match=r"gaussian.*'median'"):
        filters.apply("median", image, {})
