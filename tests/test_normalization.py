"""Normalisation: percentiles to 0 and 1, whatever the intensity unit, for whole images and for windows of files."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import normalization, patches


@settings(deadline=None, max_examples=30)
@given(gain=st.floats(0.01, 100), offset=st.floats(-1000, 1000), seed=st.integers(0, 99))
def test_normalize_ignores_gain_and_offset(gain, offset, seed):
    """Exposure and camera offset vanish under normalisation."""
    image = np.random.default_rng(seed).gamma(2, 50, (32, 32))
    np.testing.assert_allclose(patches.normalize(gain * (image + offset)), patches.normalize(image), atol=1e-4)


def test_normalize_known_answer():
    """Percentiles map to 0 and 1, what lies outside is clipped, integers do not overflow, the input is untouched."""
    image = np.arange(1001, dtype=np.uint16).reshape(7, 143)
    before = image.copy()
    normalised = patches.normalize(image, pmin=10, pmax=90)
    np.testing.assert_allclose(normalised.ravel(), np.clip((np.arange(1001) - 100) / 800, 0, 1), atol=1e-6)
    assert normalised.dtype == np.float32
    np.testing.assert_array_equal(image, before)


def test_normalize_refuses_an_empty_image():
    """An image without contrast between the percentiles is named as such."""
    image = np.zeros((100, 100))
    image[0, 0] = 1
    with pytest.raises(ValueError, match="constant or nearly empty"):
        patches.normalize(image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_files_are_normalised_alike(tmp_path, rng, dtype, compression):
    """From a file, whole or by the window, come the values that the array gives, of every number type."""
    image = rng.integers(0, 255, (40, 50)).astype(dtype)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image, compression=compression)
    low, high = np.percentile(image, (5, 95))
    expected = np.clip((image.astype(float) - low) / (high - low), 0, 1)
    whole = patches.read_normalized(path, pmin=5, pmax=95)
    np.testing.assert_allclose(whole, expected, atol=1e-6)
    file, again = normalization.open_normalized(path, pmin=5, pmax=95)
    np.testing.assert_array_equal(again, whole)
    assert (file.low, file.high) == (low, high)
    window = file.read(slice(7, 31), slice(2, 49))
    np.testing.assert_array_equal(window, whole[7:31, 2:49])
    assert {whole.dtype, window.dtype} == {np.dtype(np.float32)}


def test_the_file_is_named(tmp_path):
    """What is wrong with an image is said together with the name of its file."""
    image = np.zeros((100, 100), np.uint8)
    image[0, 0] = 1
    tifffile.imwrite(tmp_path / "a.tif", image)
    with pytest.raises(ValueError, match=r"a.tif: The 1th and the 99.9th percentile .* found 0 for both"):
        patches.read_normalized(tmp_path / "a.tif")
