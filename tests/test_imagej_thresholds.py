"""Thresholds have their known values, follow the intensities, and are scikit-image's Triangle but for one bin."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage
from skimage.filters import threshold_triangle

from l2l_utils import imagej_thresholds

METHODS = ("Mean", "Triangle")
SIZES = st.tuples(st.integers(2, 12), st.integers(2, 12))


def varied(dtype, elements=None):
    """Return a strategy for images that are not the same everywhere."""
    return arrays.arrays(dtype, SIZES, elements=elements).filter(lambda image: image.min() < image.max())


def blobs(rng, photons):
    """Return a dark image with noisy bright blobs, 8 bit."""
    bright = ndimage.gaussian_filter(rng.random((80, 90)), 3)
    bright = ((bright - bright.min()) / np.ptp(bright)) ** 3
    return np.minimum(rng.poisson(photons * bright + 8), 255).astype(np.uint8)


def test_8_bits():
    """As many values as bins: one each. Fewer: spread over the bins. Floats: the ends of the scale are 0 and 255."""
    ramp = np.arange(256).reshape(16, 16)
    np.testing.assert_array_equal(imagej_thresholds.to_8_bit((ramp + 300).astype(np.uint16)), ramp)
    np.testing.assert_array_equal(imagej_thresholds.to_8_bit(np.array([[7, 8]], np.uint16)), [[0, 128]])
    np.testing.assert_array_equal(imagej_thresholds.to_8_bit(np.array([[0, 65535]], np.uint16)), [[0, 255]])
    np.testing.assert_array_equal(imagej_thresholds.to_8_bit(ramp / 512 - 0.25), ramp)
    np.testing.assert_array_equal(imagej_thresholds.to_8_bit(ramp[:, :9].astype(np.uint8)), ramp[:, :9])


def test_16_bits():
    """Floats are stretched over all 65536 levels, integers keep their values."""
    levels = np.arange(65536).reshape(256, 256)
    np.testing.assert_array_equal(imagej_thresholds.to_16_bit(levels * 0.5 - 3), levels)
    image = np.array([[3, 200]], np.uint8)
    assert imagej_thresholds.to_16_bit(image).dtype == np.uint16
    np.testing.assert_array_equal(imagej_thresholds.to_16_bit(image), image)


def test_known_thresholds():
    """A mean of 2.5 counts as 2. The bin farthest below the line is the first after the peak, and one more is dark."""
    assert imagej_thresholds.threshold(np.array([[0, 0], [0, 10]], np.uint8), method="Mean") == 3
    tail = np.concatenate([np.full(100, 10), np.arange(11, 21)]).astype(np.uint8)[:, None]
    assert imagej_thresholds.threshold(tail, method="Triangle") == 13
    np.testing.assert_array_equal(imagej_thresholds.binarize(tail, method="Triangle"), tail >= 13)


def test_16_bit_thresholds_are_rounded_grey_values():
    """Bin 128 of 0 to 1000 is at 128 / 255 of the range; as a float it is not rounded."""
    image = np.array([[0, 1000]], np.uint16)
    assert imagej_thresholds.threshold(image, method="Mean") == round(128 / 255 * 1000)
    assert imagej_thresholds.threshold(image / 1000, method="Mean") == pytest.approx(128 / 255)


@pytest.mark.parametrize("photons", [20, 60, 150])
def test_triangle_is_one_bin_from_scikit_image(rng, photons):
    """On 8 bits: ImageJ's bin is one more with the peak on the dark side, one less with it on the bright side."""
    dark = blobs(rng, photons)
    assert imagej_thresholds.threshold(dark, method="Triangle") - 1 == threshold_triangle(dark) + 1
    bright = 255 - dark
    assert imagej_thresholds.threshold(bright, method="Triangle") - 1 == threshold_triangle(bright) - 1


@given(varied(np.uint8), st.randoms(use_true_random=False))
def test_places_do_not_matter(image, random):
    """The threshold depends on the intensities, not on where they are."""
    order = list(range(image.size))
    random.shuffle(order)
    shuffled = image.ravel()[order].reshape(image.shape)
    for method in METHODS:
        expected = imagej_thresholds.threshold(image, method=method)
        assert imagej_thresholds.threshold(shuffled, method=method) == expected


@given(varied(np.uint16, st.integers(0, 30000)), st.integers(0, 30000))
def test_16_bit_masks_ignore_an_offset(image, offset):
    """An offset of the camera moves the threshold by as much, and leaves the mask."""
    moved = image + np.uint16(offset)
    for method in METHODS:
        mask = imagej_thresholds.binarize(image, method=method)
        np.testing.assert_array_equal(imagej_thresholds.binarize(moved, method=method), mask)


@given(varied(np.float32, st.floats(-1, 1, width=16, allow_subnormal=False)), st.integers(-6, 6))
def test_float_masks_ignore_the_gain(image, exponent):
    """Floats have no unit: a gain (a power of two, which rounds nothing) leaves the mask."""
    for method in METHODS:
        mask = imagej_thresholds.binarize(image, method=method)
        np.testing.assert_array_equal(imagej_thresholds.binarize(image * 2.0**exponent, method=method), mask)


@given(varied(np.uint8, st.integers(3, 252)))
def test_triangle_of_the_negative(image):
    """Away from both ends, and where peak and farther side are beyond doubt, the negative has the mirrored bin."""
    histogram = np.bincount(image.ravel(), minlength=256)
    peak = int(histogram.argmax())
    assume((histogram == histogram[peak]).sum() == 1)
    assume(peak - (int(image.min()) - 1) != int(image.max()) + 1 - peak)
    bin_of = [imagej_thresholds.threshold(each, method="Triangle") - 1 for each in (image, 255 - image)]
    assert sum(bin_of) == 255


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((3, 4, 5), np.uint8), r"shape \(Y, X\).*found \(3, 4, 5\)"),
        (np.zeros((4, 5), np.int64), "uint8, uint16 or float, found .* int64"),
        (np.full((4, 5), 9, np.uint16), "different intensities, found 9 to 9"),
        (np.array([[0, np.nan]]), "finite .* found nan"),
    ],
)
def test_images_without_threshold_are_refused(image, message):
    """The message says what was expected and found."""
    with pytest.raises(ValueError, match=message):
        imagej_thresholds.binarize(image, method="Mean")


def test_unknown_method_is_refused():
    """The methods are named as in ImageJ."""
    with pytest.raises(ValueError, match="Mean, Triangle, found 'Otsu'"):
        imagej_thresholds.threshold(np.eye(3), method="Otsu")
