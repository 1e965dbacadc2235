"""Whether a probabilistic network is as far off as it states: how often its intervals hold the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

STATED: Final = tuple(percent / 100 for percent in range(5, 100, 5))


def central_interval(mean: ArrayLike, scale: ArrayLike, *, stated: float) -> tuple[NDArray, NDArray]:
    """Return the interval around the mean that holds a pixel's value with a stated probability.

    It is ``mean +- scale * -ln(1 - stated)``, because a Laplace distribution leaves ``exp(-x / scale)`` outside of x.

    Parameters
    ----------
    mean, scale : array_like
        What a network predicts, of one shape, in one unit; the scale above 0.
    stated : float
        Probability, above 0 and below 1.

    Returns
    -------
    low, high : ndarray
        Ends of the interval in each pixel, in the unit of the mean.

    Raises
    ------
    ValueError
        If shapes differ, a scale is not above 0, or there is no such probability.
    """
    mean, scale = _as_numbers(mean=mean, scale=scale)
    half = scale * _half_widths([stated])[0]
    return mean - half, mean + half


def share_inside(
    image_true: ArrayLike,
    mean: ArrayLike,
    scale: ArrayLike,
    *,
    stated: Sequence[float] = STATED,
    mask: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return the share of an image's pixels that lie in their central intervals of stated probabilities.

    A network states how far the images are off that it was trained towards, noise included. Judged by another such
    image the shares should equal what is stated; judged by a truth without noise, more lies inside.

    Parameters
    ----------
    image_true, mean, scale : array_like
        Image to judge by and what a network predicts of it, of one shape, all on the scale of the normalised target;
        the predicted scale above 0.
    stated : sequence of float
        Probabilities, above 0 and below 1.
    mask : array_like of bool, optional
        Pixels to judge, of the same shape; all of them if not given.

    Returns
    -------
    ndarray of shape (stated,)
        Shares, 0 to 1.

    Raises
    ------
    ValueError
        If shapes differ, values are no numbers, a scale is not above 0, the mask is empty, or there is no such
        probability.
    """
    image_true, mean, scale = _as_numbers(image_true=image_true, mean=mean, scale=scale)
    off = np.abs(image_true - mean) / scale
    if mask is not None:
        off = off[_checked_mask(mask, off.shape)]
    return np.searchsorted(np.sort(off, axis=None), _half_widths(stated), side="right") / off.size


def calibration(
    images: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]],
    *,
    stated: Sequence[float] = STATED,
    masks: Mapping[str, ArrayLike] | None = None,
) -> pd.DataFrame:
    """Return the calibration curve of each image.

    Parameters
    ----------
    images : mapping of str to (array_like, array_like, array_like)
        Image to judge by, predicted mean and predicted scale by name, as `share_inside` takes them.
    stated : sequence of float
        Probabilities, above 0 and below 1.
    masks : mapping of str to array_like of bool, optional
        Pixels to judge by the images' names; all pixels if not given.

    Returns
    -------
    pandas.DataFrame
        A row per image and probability: ``image``, ``stated`` and ``inside``, the share of pixels in the interval.

    Raises
    ------
    ValueError
        As `share_inside`; the message names the image. If there are no images, or one has no mask.
    """
    if not images or (masks is not None and images.keys() - masks.keys()):
        raise ValueError(
            f"Expected images, and a mask for each if there are masks, found images {sorted(images)} and masks "
            f"{sorted(masks or {})}. Give the same names to both."
        )
    curves = []
    for name, predicted in images.items():
        try:
            inside = share_inside(*predicted, stated=stated, mask=None if masks is None else masks[name])
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        curves.append(pd.DataFrame({"image": name, "stated": stated, "inside": inside}))
    return pd.concat(curves, ignore_index=True)


def miscalibration(table: pd.DataFrame) -> float:
    """Return the mean absolute difference of stated and measured probability over the rows of a calibration table.

    Of a table of many images it is the mean of each image's own. ``table.groupby("stated", as_index=False)
    .inside.mean()`` makes their common curve, in which images with too wide and with too narrow intervals cancel.

    Returns
    -------
    float
        0 where every interval holds what it states; below 1.
    """
    return float((table.inside - table.stated).abs().mean())


def _half_widths(stated: Sequence[float]) -> NDArray[np.float64]:
    """Return the half widths of central intervals in units of the scale."""
    shares = np.asarray(stated, np.float64)
    if not shares.size or not ((shares > 0) & (shares < 1)).all():
        raise ValueError(f"Expected probabilities above 0 and below 1, found {list(stated)}. Give, for instance, 0.5.")
    return -np.log1p(-shares)


def _as_numbers(**arrays: ArrayLike) -> list[NDArray[np.float64]]:
    """Return arrays as float64 if they have one shape and the last of them, the scale, is above 0."""
    numbers = [np.asarray(array, np.float64) for array in arrays.values()]
    if len({array.shape for array in numbers}) > 1 or not numbers[0].size:
        found = ", ".join(f"{array.shape} for {name}" for name, array in zip(arrays, numbers, strict=True))
        raise ValueError(f"Expected pixels and one shape for {' and '.join(arrays)}, found {found}. Crop all alike.")
    for name, array in zip(arrays, numbers, strict=True):
        if not np.isfinite(array).all():
            raise ValueError(f"Expected a number in every pixel of {name}, found NaN or infinite values. Leave it out.")
    if not numbers[-1].min() > 0:
        raise ValueError(
            f"Expected a scale above 0 in every pixel, found {numbers[-1].min():g}. Give the scale that "
            "`care.restore_with_scale` returns."
        )
    return numbers


def _checked_mask(mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.asarray(mask)
    if mask.shape != shape or mask.dtype != bool or not mask.any():
        raise ValueError(
            f"Expected a mask of booleans of the shape {shape} with pixels in it, found {mask.dtype} of the shape "
            f"{mask.shape} with {np.count_nonzero(mask)}. Give, for instance, image > threshold."
        )
    return mask
