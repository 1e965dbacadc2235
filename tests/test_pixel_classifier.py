"""The classifier learns threads on an uneven background from a few examples, and the same seed gives the same masks."""

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import threshold_otsu

from l2l_utils import pixel_classifier


def threads(rng):
    """Return an image of blurred winding threads of unequal brightness on uneven haze, and where the threads are."""
    truth, brightness = np.zeros((2, 96, 96))
    for _ in range(14):
        place, angle, bright = rng.uniform(8, 88, 2), rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.5)
        for _ in range(25):
            angle += rng.normal(0, 0.2)
            place = np.clip(place + np.array([np.sin(angle), np.cos(angle)]), 2, 93)
            row, column = place.astype(int)
            truth[row - 1 : row + 2, column - 1 : column + 2] = 1
            brightness[row - 1 : row + 2, column - 1 : column + 2] = bright
    haze = ndimage.gaussian_filter(rng.random((96, 96)), 15)
    haze = (haze - haze.min()) / np.ptp(haze)
    photons = 60 * ndimage.gaussian_filter(brightness, 1) + 40 * haze + 5
    return rng.poisson(photons).astype(np.uint16), truth > 0


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.fixture(scope="module")
def examples():
    """Return four images to learn from, and four others, with their masks."""
    rng = np.random.default_rng(5)
    drawn = [threads(rng) for _ in range(8)]
    return drawn[:4], drawn[4:]


@pytest.fixture(scope="module")
def classifier(examples):
    """Return a classifier trained with seed 3."""
    return pixel_classifier.train(*zip(*examples[0], strict=True), rng=np.random.default_rng(3))


def test_masks_of_images_that_it_has_not_seen(examples, classifier):
    """It finds the threads, and on each image better than a threshold does."""
    for image, truth in examples[1]:
        mask = pixel_classifier.segment(classifier, image)
        assert mask.dtype == bool
        assert dice(mask, truth) > 0.85
        assert dice(mask, truth) > dice(image > threshold_otsu(image), truth)


def test_same_seed_same_masks(examples, classifier):
    """Whatever else was drawn from OpenCV's generator before; another seed gives another forest."""
    image = examples[1][0][0]
    cv2.setRNGSeed(99)
    same, other = (
        pixel_classifier.train(*zip(*examples[0], strict=True), rng=np.random.default_rng(seed)) for seed in (3, 4)
    )
    expected = pixel_classifier.segment(classifier, image)
    np.testing.assert_array_equal(pixel_classifier.segment(same, image), expected)
    assert (pixel_classifier.segment(other, image) != expected).any()


def test_turned_images_have_turned_masks(examples, classifier):
    """The features know no direction, so turning an image turns its mask but for roundings."""
    image, _ = examples[1][1]
    mask = pixel_classifier.segment(classifier, image)
    turned = pixel_classifier.segment(classifier, np.ascontiguousarray(np.rot90(image)))
    assert (np.rot90(mask) != turned).mean() < 0.005


def test_preparation(rng):
    """The brightest plane counts, an even background goes, and what is narrower than the ball stays."""
    stack = np.full((3, 40, 50), 100, np.uint16)
    stack[1, 10, 5:45], stack[2, 30, 5:45] = 180, 250
    prepared = pixel_classifier.prepare(stack)
    assert prepared.dtype == np.uint16
    assert prepared[20].max() == 0
    assert prepared[10, 20] > 60
    assert prepared[30, 20] > 120
    np.testing.assert_array_equal(pixel_classifier.prepare(stack + 1000), prepared)
    with pytest.raises(ValueError, match=r"stack of shape \(Z, Y, X\), found \(40, 50\)"):
        pixel_classifier.prepare(rng.random((40, 50)))


def test_bad_examples_are_refused(examples):
    """Images without masks, of other shapes, or that show one kind of pixel only."""
    rng = np.random.default_rng(0)
    image, mask = examples[0][0]
    for images, masks in (([], []), ([image], []), ([image], [mask[1:]]), ([image[None]], [mask[None]])):
        with pytest.raises(ValueError, match="with a mask of the same shape for each"):
            pixel_classifier.train(images, masks, rng=rng)
    with pytest.raises(ValueError, match="found only one of both in 2000 pixels"):
        pixel_classifier.train([image] * 2, [np.zeros_like(mask)] * 2, rng=rng)
