"""Read-outs of the luminescence paper with masks: the error between two, the correlation of two images under one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2l_utils.metrics import same_shape


def mask_error(mask_true: NDArray[np.bool_], mask_test: NDArray[np.bool_]) -> float:
    """Mean absolute error between two masks.

    Parameters
    ----------
    mask_true, mask_test : ndarray of shape (Y, X)
        Boolean masks of one field.

    Returns
    -------
    float
        Share of the pixels on which they differ, 0 to 1. The paper's number, from ImageJ's SNR plugin, is 255 times
        this, because there masks are 0 and 255.

    Raises
    ------
    ValueError
        If the shapes differ or a mask is not boolean.

    References
    ----------
    Sage and Unser (2003), IEEE Signal Processing Magazine 20 (6), 43 to 52, which the paper cites for that plugin.
    """
    _check_mask(mask_true, mask_test.shape)
    _check_mask(mask_test, mask_true.shape)
    return float((mask_true ^ mask_test).mean())


def correlation(image_true: ArrayLike, image_test: ArrayLike, mask: NDArray[np.bool_]) -> float:
    """Pearson's correlation of two images on the pixels of a mask.

    Parameters
    ----------
    image_true, image_test : array_like of shape (Y, X)
        Reference and image under test, each on any intensity scale.
    mask : ndarray of shape (Y, X)
        True where the images are compared; in the paper, the objects of the reference.

    Returns
    -------
    float
        Correlation, -1 to 1. Only the mask leaves pixels out: there is no threshold.

    Raises
    ------
    ValueError
        If the shapes differ, the mask is not boolean or holds fewer than two pixels, or an image has the same intensity
        on all of them.
    """
    true, test = same_shape(image_true, image_test)
    _check_mask(mask, true.shape)
    if mask.sum() < 2:
        raise ValueError(
            f"A correlation needs at least two pixels, found a mask with {mask.sum()}. Lower the threshold or the "
            "smallest size of an object."
        )
    for name, image in (("reference", true), ("image under test", test)):
        if not np.ptp(image[mask]):
            raise ValueError(
                f"A correlation needs intensities that differ, found {image[mask][0]:g} everywhere under the mask in "
                f"the {name}. Use another mask, or leave the image out."
            )
    return float(np.corrcoef(true[mask], test[mask])[0, 1])


def _check_mask(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> None:
    if mask.dtype != bool or mask.shape != shape:
        raise ValueError(
            f"Expected a boolean mask of shape {shape}, found {mask.dtype} of shape {mask.shape}. Make it from "
            "an image of the same field by a comparison, as in image > threshold."
        )
