"""Structure as a mask and as a map of distances, by the recipe of Kölln et al. (2022), Fig. S8, and how right both are.

Paper: https://doi.org/10.1242/jcs.258994, Image processing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.morphology import remove_small_objects

from l2l_utils import against_truth, filters
from l2l_utils.judging import Field, Measures


class Recipe(NamedTuple):
    """Filters and their settings in order, the percentile of the threshold, and the size of the smallest object."""

    steps: Sequence[tuple[str, filters.Settings]]
    percentile: float
    smallest_px: int

    def judge(self, field: Field, image: ArrayLike) -> Measures:
        """Compare the masks that are made of an image of a virtual field with its true structure.

        Parameters
        ----------
        field : Field
            The field.
        image : array_like of shape (Y, X)
            Restored, filtered or raw image of it, on the scale of the normalised labels.

        Returns
        -------
        dict of (str, str) to float
            `compare_masks` of the recipe's mask with the reference truth; and, ending in ``_equal_area``, of the
            brightest pixels without any filter, as many as truly are structure.
        """
        plain = Recipe((), 100 * (1 - against_truth.true_structure(field.truth).mean()), 0)
        measures = {}
        for ending, recipe in {"": self, "_equal_area": plain}.items():
            compared = compare_masks(field.truth, binarize(image, recipe))
            measures |= {("truth", f"{name}{ending}"): value for name, value in compared.items()}
        return measures


def _ball(radius_px: int, sigma_px: float = 0) -> tuple[str, filters.Settings]:
    return "rolling_ball", {"sigma_px": sigma_px, "radius_px": radius_px}


def _top_hat(size_px: int) -> tuple[str, filters.Settings]:
    return "top_hat", {"sigma_px": 0, "size_px": size_px}


_CLAHE: Final = ("clahe", {"sigma_px": 0, "n_tiles": 11, "clip_limit": filters.CLIP_LIMIT})
PAPER_RECIPES: Final = {
    "actin": Recipe((_ball(10), _top_hat(7), _CLAHE), 75, 50),
    "tubulin": Recipe((_ball(10), _top_hat(11)), 60, 50),
    "caveolae": Recipe((_ball(5, sigma_px=0.75),), 93, 20),
    "paxillin": Recipe((_ball(5),), 90, 50),
}


def binarize(image: ArrayLike, recipe: Recipe) -> NDArray[np.bool_]:
    """Return where an image shows structure.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Normalised, 0 to 1; what lies outside is clipped.
    recipe : Recipe
        ``PAPER_RECIPES[structure]``, or another.

    Returns
    -------
    ndarray of shape (Y, X)
        True where the filtered image is above its percentile and the connected area (over sides) is not too small.
    """
    filtered = np.clip(np.asarray(image, dtype=np.float32), 0, 1)
    for name, settings in recipe.steps:
        filtered = filters.apply(name, filtered, settings)
    return remove_small_objects(filtered > np.percentile(filtered, recipe.percentile), recipe.smallest_px)


def compare_masks(truth: ArrayLike, mask: NDArray[np.bool_]) -> dict[str, float]:
    """Compare a mask with the true structure.

    Parameters
    ----------
    truth : array_like of shape (Y, X)
        True structure, 0 to 1; structure is where it is 0.5 or more.
    mask : ndarray of shape (Y, X)
        True where an image shows structure.

    Returns
    -------
    dict of str to float
        ``dice``, twice the common area divided by the sum of both, 0 to 1; ``distance_error_px``, the mean over all
        pixels of how wrong the distance to the nearest structure is. For an empty mask that distance counts as the
        image's diagonal.

    Raises
    ------
    ValueError
        If the truth holds no structure, or nothing but structure.

    References
    ----------
    Dice (1945), https://doi.org/10.2307/1932409
    """
    structure = against_truth.true_structure(truth)
    error = np.abs(distance_map(mask) - distance_map(structure)).mean()
    dice = 2 * np.count_nonzero(structure & mask) / (np.count_nonzero(structure) + np.count_nonzero(mask))
    return {"dice": float(dice), "distance_error_px": float(error)}


def distance_map(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how far each pixel is from structure, in px, shape (Y, X); the image's diagonal if there is none."""
    return np.minimum(against_truth.distance_px(mask), np.hypot(*mask.shape))
