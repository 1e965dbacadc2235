"""Crops show structure, both images of a pair in the same place and position, each with the maximum 1."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from l2l_utils import nanoscopy_crops
from l2l_utils.nanoscopy_crops import Crops

SIDE = 8


def coded(rng, shape=(20, 30)):
    """Return an image without two equal pixels."""
    return rng.permutation(np.arange(1, np.prod(shape) + 1)).reshape(shape).astype(np.float32)


def take(crops, n=1, **options):
    """Return the first batches."""
    return list(islice(crops.batches(**{"batch_size": 4, "seed": 0, **options}), n))


def test_both_images_of_a_pair_are_cropped_alike(rng):
    """Where the noisy image is seven times the clean one, the crops are equal."""
    image = coded(rng)
    for noisy, clean in take(Crops([(7 * image, image)], SIDE), 20):
        assert noisy.shape == clean.shape == (4, SIDE, SIDE, 1)
        assert noisy.dtype == clean.dtype == np.float32
        np.testing.assert_allclose(noisy, clean, rtol=1e-6)
        np.testing.assert_array_equal(clean.max(axis=(1, 2, 3)), 1)


def test_eight_ways_to_lay_a_square(rng):
    """Of an image that is one crop, all eight occur, equally often but for chance."""
    image = coded(rng, (SIDE, SIDE))
    squares = np.concatenate([clean for _, clean in take(Crops([(image, image)], SIDE), 100)])[..., 0]
    ways = [np.rot90(turned, k) for turned in (image, image.T) for k in range(4)]
    counts = [sum(np.allclose(square, way / image.max()) for square in squares) for way in ways]
    assert sum(counts) == 400
    assert min(counts) > 25


@given(st.integers(0, 19), st.integers(0, 29), st.integers(0, 10))
def test_every_crop_shows_structure(row, column, seed):
    """One bright pixel in the dark is in every crop, wherever it is, and at any place of it."""
    clean = np.full((20, 30), 0.05)
    clean[row, column] = 1
    crops = Crops([(np.ones_like(clean) + clean, clean)], SIDE)
    ((_, batch),) = take(crops, seed=seed)
    np.testing.assert_array_equal((batch == 1).sum(axis=(1, 2, 3)), 1)


def test_a_noisy_crop_without_any_intensity_is_black():
    """Division by its maximum leaves it 0."""
    clean, noisy = np.zeros((8, 40)), np.zeros((8, 40))
    clean[:, 4], noisy[:, 36] = 1, 1
    noisy_crops, clean_crops = Crops([(noisy, clean)], SIDE).fixed(3, seed=0)
    assert not noisy_crops.any()
    assert clean_crops.max() == 1


def test_a_batch_depends_on_seed_and_number_alone(rng):
    """A training that goes on sees what it would have seen; another seed shows other crops."""
    image = coded(rng)
    pairs = [(image, image), (image[::-1], image[::-1])]
    first, later = Crops(pairs, SIDE), Crops(pairs, SIDE)
    np.testing.assert_array_equal(take(first, 3)[2], take(later, 1, start=2)[0])
    assert (take(first, seed=1)[0][0] != take(first)[0][0]).any()


def test_fixed_crops_are_of_each_image_and_upright(rng):
    """As many of each, in their order; patterns that only their own image has."""
    images = [coded(rng) for _ in range(3)]
    noisy, _ = Crops([(image, image) for image in images], SIDE).fixed(2, seed=5)
    assert noisy.shape == (6, SIDE, SIDE, 1)
    for i, crop in enumerate(noisy[..., 0]):
        windows = np.lib.stride_tricks.sliding_window_view(images[i // 2], (SIDE, SIDE))
        highest = windows.max(axis=(2, 3), keepdims=True)
        assert np.isclose(windows / highest, crop, rtol=1e-5).all(axis=(2, 3)).sum() == 1


def test_description_tells_images_apart(rng):
    """Equal images have equal hashes, whatever their unit; a changed pixel or another order does not."""
    one, other = coded(rng), coded(rng)
    described = Crops([(one, other)], SIDE).description()
    assert described == Crops([(2 * one, other)], SIDE).description()
    assert described["pairs"] == 1
    assert described != Crops([(other, one)], SIDE).description()
    changed = other.copy()
    changed[0, 0] += 1
    assert described != Crops([(one, changed)], SIDE).description()


def test_huge_intensities_are_scaled_before_they_become_float32():
    """Powers of an indicator can be beyond float32."""
    image = ndimage.gaussian_filter(np.eye(20), 1) * 1e200
    np.testing.assert_allclose(nanoscopy_crops.checked_image(image, "it"), image / image.max(), rtol=1e-6)


GOOD = np.eye(10)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "found none"),
        ([(GOOD, GOOD[:9])], r"one shape.*\(10, 10\) and \(9, 10\)"),
        ([(GOOD[:7], GOOD[:7])], r"8 px or more per side, found \(7, 10\)"),
        ([(GOOD, GOOD), (GOOD, GOOD * np.nan)], "the clean image 1, found 100 that are NaN"),
        ([(0 * GOOD, GOOD)], "the noisy image 0 .*from 0.0 to 0.0"),
        ([(0 * GOOD + 3, GOOD)], "from 3.0 to 3.0"),
        ([(-GOOD, GOOD)], "from -1.0 to -0.0"),
        ([(GOOD[None], GOOD)], r"axes YX, found the shape \(1, 10, 10\)"),
        ([(GOOD * 1j, GOOD)], "complex128"),
    ],
)
def test_pairs_that_nothing_can_be_learnt_from(pairs, message):
    """Each has its message, which says where and what to do."""
    with pytest.raises(ValueError, match=message):
        Crops(pairs, SIDE)
