"""Masks keep what is above the percentile and large enough; Dice and distances have their closed forms."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import binarisation, judging, rolling_ball


@pytest.fixture
def bands():
    """Return an image of two bright bands of 20 x 80 px and a speck of 3 x 3 px on black."""
    image = np.zeros((100, 80), np.float32)
    image[10:30] = image[60:80] = image[45:48, 40:43] = 1
    return image


def test_small_objects_go(bands):
    """The speck of 9 px is removed where the smallest object has 10 px, and stays where it has 9."""
    clean = binarisation.binarize(bands, binarisation.Recipe((), 50, 10))
    assert clean.sum() == 2 * 20 * 80
    assert binarisation.binarize(bands, binarisation.Recipe((), 50, 9)).sum() == 2 * 20 * 80 + 9


def test_threshold_is_the_percentile(rng):
    """Without filters and smallest size the mask is that share of the pixels, and the brightest."""
    image = rng.random((50, 50)).astype(np.float32)
    mask = binarisation.binarize(image, binarisation.Recipe((), 90, 0))
    assert mask.sum() == 250
    assert image[mask].min() > image[~mask].max()


def test_tubulin_recipe_by_hand(rng):
    """The paper's recipe for tubulin, written out with OpenCV's top-hat."""
    image = np.clip(ndimage.gaussian_filter(rng.random((90, 90)), 2) * 3 - 1, 0, 1).astype(np.float32)
    ball = rolling_ball.subtract_background(image, radius_px=10)
    hat = cv2.morphologyEx(ball, cv2.MORPH_TOPHAT, np.ones((11, 11), np.uint8))
    labels, n = ndimage.label(hat > np.percentile(hat, 60))
    sizes = ndimage.sum_labels(np.ones_like(labels), labels, np.arange(n + 1))
    expected = (labels > 0) & (sizes >= 50)[labels]
    mask = binarisation.binarize(image, binarisation.PAPER_RECIPES["tubulin"])
    np.testing.assert_array_equal(mask, expected)
    assert mask.any()


def test_recipes_are_the_papers():
    """Percentiles 75/60/93/90; objects below 20 px (caveolae) or 50 px are removed; filters as in the text."""
    recipes = binarisation.PAPER_RECIPES
    assert list(recipes) == ["actin", "tubulin", "caveolae", "paxillin"]
    assert [recipe.percentile for recipe in recipes.values()] == [75, 60, 93, 90]
    assert [recipe.smallest_px for recipe in recipes.values()] == [50, 50, 20, 50]
    assert [name for name, _ in recipes["actin"].steps] == ["rolling_ball", "top_hat", "clahe"]
    assert recipes["caveolae"].steps == (("rolling_ball", {"sigma_px": 0.75, "radius_px": 5}),)


def test_perfect_and_shifted_masks():
    """A perfect mask has Dice 1 and no distance error; a band shifted by 5 of 20 px overlaps by 15."""
    truth = np.zeros((100, 80), np.float32)
    truth[40:60] = 1
    assert binarisation.compare_masks(truth, truth > 0.5) == {"dice": 1, "distance_error_px": 0}
    shifted = np.roll(truth, 5, axis=0) > 0.5
    compared = binarisation.compare_masks(truth, shifted)
    assert compared["dice"] == pytest.approx(15 / 20)
    rows = np.arange(100)
    distances = [np.maximum(np.maximum(top - rows, rows - top - 19), 0) for top in (40, 45)]
    assert compared["distance_error_px"] == pytest.approx(np.abs(distances[0] - distances[1]).mean())


def test_empty_mask_is_as_far_as_can_be():
    """Where nothing was found Dice is 0 and every distance the diagonal."""
    truth = np.zeros((30, 40), np.float32)
    truth[10:20] = 1
    compared = binarisation.compare_masks(truth, np.zeros((30, 40), bool))
    assert compared["dice"] == 0
    assert compared["distance_error_px"] == pytest.approx(50 - binarisation.distance_map(truth > 0.5).mean())


def test_fields_are_judged_by_recipe_and_at_equal_area(rng):
    """An image whose order of grey values is the truth's is perfect at equal area; the recipe has its own threshold."""
    truth = np.zeros((60, 60), np.float32)
    truth[20:35] = 1
    field = judging.Field(**(dict.fromkeys(judging.Field._fields) | {"truth": truth}))
    image = 0.4 * truth + 0.1 * rng.random(truth.shape, dtype=np.float32)
    measures = binarisation.Recipe((), 50, 0).judge(field, image)
    assert measures["truth", "dice_equal_area"] == 1
    assert measures["truth", "distance_error_px_equal_area"] == 0
    assert measures["truth", "dice"] == pytest.approx(2 * 900 / (900 + 1800))
