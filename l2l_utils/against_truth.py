"""What an image shows of a structure that is known: invented, lost, left in the background, weakly labelled.

The truth is an image of 0 to 1; structure is where it is 0.5 or more. Distances count up to the optical resolution.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from l2l_utils.metrics import same_shape

STRUCTURE: Final = 0.5


def found_structure(truth: ArrayLike, image: ArrayLike) -> NDArray[np.bool_]:
    """Return where an image shows structure, whatever its gain and offset.

    It does where it is brighter than halfway between its median off the true structure and its 90th percentile on it.

    Parameters
    ----------
    truth : array_like of shape (Y, X)
        True structure, 0 to 1.
    image : array_like of shape (Y, X)
        Image under test, any intensity scale.

    Returns
    -------
    ndarray of shape (Y, X)
        True where structure is shown.

    Raises
    ------
    ValueError
        If the shapes differ or the truth holds no structure, or nothing but structure.
    """
    true, test = same_shape(truth, image)
    structure = true_structure(true)
    return test > (np.median(test[~structure]) + np.percentile(test[structure], 90)) / 2


def true_structure(truth: ArrayLike) -> NDArray[np.bool_]:
    """Return where the structure truly is, shape (Y, X); ValueError if it is nowhere or everywhere."""
    structure = np.asarray(truth) >= STRUCTURE
    if structure.all() or not structure.any():
        raise ValueError("The truth needs pixels on the structure (0.5 or more) and off it, found only one kind.")
    return structure


def distance_px(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the distance of each pixel to the nearest one of a mask (Y, X), in px; infinite if it is empty."""
    return ndimage.distance_transform_edt(~mask) if mask.any() else np.full(mask.shape, np.inf)


def structure_errors(truth: ArrayLike, image: ArrayLike, *, resolution_px: float) -> dict[str, float]:
    """Count invented and lost structure.

    Parameters
    ----------
    truth : array_like of shape (Y, X)
        True structure, 0 to 1.
    image : array_like of shape (Y, X)
        Image under test, any intensity scale.
    resolution_px : float
        Distance up to which two places count as the same.

    Returns
    -------
    dict of str to float
        ``false_structure``, the share of the image's structure pixels farther than the resolution from any true
        structure; ``missed_structure``, the share of the true structure farther than the resolution from any of the
        image's, both 0 to 1; ``false_objects``, the number of connected areas of false structure.

    Raises
    ------
    ValueError
        As `found_structure`.
    """
    structure, found = true_structure(truth), found_structure(truth, image)
    false = found & (distance_px(structure) > resolution_px)
    return {
        "false_structure": float(false.sum() / max(found.sum(), 1)),
        "missed_structure": float((distance_px(found)[structure] > resolution_px).mean()),
        "false_objects": float(ndimage.label(false, np.ones((3, 3)))[1]),
    }


def background(truth: ArrayLike, image: ArrayLike, *, resolution_px: float) -> float:
    """Return the mean intensity off the structure as a share of that on it, for an image whose zero means nothing.

    Parameters
    ----------
    truth, image : array_like of shape (Y, X)
        True structure, and a percentile-normalised or restored image.
    resolution_px : float
        Pixels nearer to structure than this are left out.
    """
    true, test = same_shape(truth, image)
    structure = true_structure(true)
    return float(test[distance_px(structure) > resolution_px].mean() / test[structure].mean())


def missed_by_label(truth: ArrayLike, image: ArrayLike, light: ArrayLike, *, resolution_px: float) -> dict[str, float]:
    """Return how much structure an image misses where its label bound little, and where it bound much.

    The image is thresholded so that it shows as many pixels of structure as there truly are: at equal area.

    Parameters
    ----------
    truth, image : array_like of shape (Y, X)
        True structure, 0 to 1, and image under test.
    light : array_like of shape (Y, X)
        Light of the bound label alone, without background and noise.
    resolution_px : float
        Distance up to which two places count as the same.

    Returns
    -------
    dict of str to float
        ``missed_weak`` and ``missed_strong``: shares, 0 to 1, of the quarter of the structure with the least and with
        the most light.
    """
    true, test = same_shape(truth, image)
    structure = true_structure(true)
    found = test > np.quantile(test, 1 - structure.mean())
    missed = distance_px(found)[structure] > resolution_px
    bound = np.asarray(light)[structure]
    low, high = np.quantile(bound, (0.25, 0.75))
    return {"missed_weak": float(missed[bound <= low].mean()), "missed_strong": float(missed[bound >= high].mean())}


def along_structure(truth: ArrayLike, image: ArrayLike, light: ArrayLike) -> dict[str, float]:
    """Return how intensity goes along the structure.

    Parameters
    ----------
    truth, image : array_like of shape (Y, X)
        True structure, 0 to 1, and image under test; smoothed by 1 px against noise.
    light : array_like of shape (Y, X)
        Light of the bound label alone, without background and noise.

    Returns
    -------
    dict of str to float
        ``variation``, the standard deviation of the intensity on the crest of the structure as a share of its mean
        above the median of the image; ``label_correlation``, Pearson's, of intensity and light on the structure.
    """
    true, test = same_shape(truth, image)
    test = ndimage.gaussian_filter(test, 1)
    structure = true_structure(true)
    crest = test[true >= 0.9] if (true >= 0.9).any() else test[structure]
    above = crest.mean() - np.median(test)
    return {
        "variation": float(crest.std() / above) if above > 0 else np.inf,
        "label_correlation": float(np.corrcoef(test[structure], np.asarray(light)[structure])[0, 1]),
    }
