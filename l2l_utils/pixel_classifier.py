"""A pixel classifier that learns from images with known masks, in place of ilastik's in the luminescence paper.

A random forest on intensity, edges and texture at several scales, as in ilastik: features by scikit-image, forest by
OpenCV. Both differ from ilastik's in detail, and here all pixels of the examples are known, not a few drawn by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.feature import multiscale_basic_features

from l2l_utils.rolling_ball import subtract_smooth_background

BALL_PX: Final = 5
SIGMAS_PX: Final = (0.5, 8)
N_TREES: Final = 50
MAX_DEPTH: Final = 12
N_PIXELS: Final = 1000

Classifier = cv2.ml.RTrees


def prepare(stack: NDArray) -> NDArray:
    """Project a stack to its brightest plane per pixel, and subtract the background with a ball of 5 px.

    Parameters
    ----------
    stack : ndarray of shape (Z, Y, X)
        uint8, uint16, or float of 0 to 1, as in `rolling_ball.subtract_background`: the ball depends on the unit.

    Returns
    -------
    ndarray of shape (Y, X)
        Image of the same dtype, float32 for floats, not below 0; what ImageJ's "Max Intensity" and "Subtract
        Background" make with their own settings.

    Raises
    ------
    ValueError
        If the stack has not three axes, or another dtype.
    """
    if stack.ndim != 3:
        raise ValueError(
            f"Expected a stack of shape (Z, Y, X), found {stack.shape}. One plane is a stack as image[np.newaxis]."
        )
    return subtract_smooth_background(stack.max(axis=0), radius_px=BALL_PX)


def train(images: Sequence[NDArray], masks: Sequence[NDArray[np.bool_]], *, rng: np.random.Generator) -> Classifier:
    """Train a classifier on pixels drawn from a few images whose masks are known.

    Parameters
    ----------
    images : sequence of ndarray of shape (Y, X)
        Images as the classifier shall see others: prepared alike, of one dtype and on one intensity scale.
    masks : sequence of ndarray of shape (Y, X)
        True on the structure, one for each image.
    rng : numpy.random.Generator
        Draws up to 1000 pixels of each image, and the seed of the forest. OpenCV has one generator for all, which is
        set by this.

    Returns
    -------
    Classifier
        The same for the same images, masks and generator.

    Raises
    ------
    ValueError
        If there are no images, a mask is missing or has another shape than its image, or the drawn pixels are all
        structure or all background.
    """
    _check_examples(images, masks)
    drawn = [rng.choice(mask.size, min(mask.size, N_PIXELS), replace=False) for mask in masks]
    features = np.concatenate([_features(image)[pixels] for image, pixels in zip(images, drawn, strict=True)])
    classes = np.concatenate([mask.ravel()[pixels] for mask, pixels in zip(masks, drawn, strict=True)]).astype(np.int32)
    if np.ptp(classes) == 0:
        raise ValueError(
            f"A classifier needs examples of structure and of background, found only one of both in "
            f"{classes.size} pixels. Choose images that show more of the other."
        )
    forest = cv2.ml.RTrees.create()
    forest.setMaxDepth(MAX_DEPTH)
    forest.setTermCriteria((cv2.TERM_CRITERIA_MAX_ITER, N_TREES, 0))
    cv2.setRNGSeed(int(rng.integers(2**31)))
    forest.train(features, cv2.ml.ROW_SAMPLE, classes)
    return forest


def segment(classifier: Classifier, image: NDArray) -> NDArray[np.bool_]:
    """Return where most trees of a classifier see structure.

    Parameters
    ----------
    classifier : Classifier
        Of `train`.
    image : ndarray of shape (Y, X)
        Prepared as the images of the training, and on their intensity scale.

    Returns
    -------
    ndarray of shape (Y, X)
        True on the structure.
    """
    _, classes = classifier.predict(_features(image))
    return classes.reshape(image.shape) > 0


def _features(image: NDArray) -> NDArray[np.float32]:
    """Return the features of each pixel, shape (pixels, features)."""
    sigma_min, sigma_max = SIGMAS_PX
    features = multiscale_basic_features(image, sigma_min=sigma_min, sigma_max=sigma_max)
    return features.reshape(image.size, -1)


def _check_examples(images: Sequence[NDArray], masks: Sequence[NDArray[np.bool_]]) -> None:
    shapes, of_masks = [image.shape for image in images], [mask.shape for mask in masks]
    if not shapes or shapes != of_masks or any(len(shape) != 2 for shape in shapes):
        raise ValueError(
            f"Expected images of shape (Y, X) with a mask of the same shape for each, found images of {shapes} and "
            f"masks of {of_masks}. Give one mask for each image, in the same order."
        )
