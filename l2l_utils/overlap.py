"""How the error of a separation depends on the overlap of the structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from l2l_utils import intervals, judging
from l2l_utils.separation import Channel

SIDE_PX: Final = 32
FAINTEST: Final = 0.05  # mean intensity below which a square shows nothing of a structure
FEWEST_IMAGES: Final = 3
BIN_EDGES: Final = np.linspace(0, 1, 6)


def overlaps(channel: Channel) -> NDArray[np.float64]:
    """Return for each square of 32 px how much the two structures overlap in it.

    Parameters
    ----------
    channel : Channel
        One of the structures.

    Returns
    -------
    ndarray of shape (rows, columns)
        Manders' overlap coefficient of the noise-free images, 0 (apart) to 1 (alike), whatever their brightness. NaN
        where this structure's mean is below 0.05.

    References
    ----------
    Manders et al. (1993), https://doi.org/10.1111/j.1365-2818.1993.tb03313.x
    """
    own, other = _squares(channel.light), _squares(channel.other)
    product = np.sqrt((own**2).sum(axis=-1) * (other**2).sum(axis=-1))
    found = (own * other).sum(axis=-1) / np.maximum(product, np.finfo(float).tiny)
    return np.where(own.mean(axis=-1) < FAINTEST, np.nan, found)


def errors(channel: Channel, image: ArrayLike) -> NDArray[np.float64]:
    """Return the error in each square of 32 px, as a share of what is there: 0 is perfect.

    Parameters
    ----------
    channel : Channel
        The structure.
    image : array_like of shape (Y, X)
        Image of it, on the scale of the normalised benchmark.

    Returns
    -------
    ndarray of shape (rows, columns)
        Root mean square of the difference from the noise-free image, divided by that of the noise-free image.
    """
    own, difference = _squares(channel.light), _squares(np.asarray(image, float) - channel.light)
    return np.sqrt((difference**2).mean(axis=-1) / np.maximum((own**2).mean(axis=-1), np.finfo(float).tiny))


def judge(channel: Channel, image: ArrayLike) -> judging.Measures:
    """Return Spearman's correlation of error with overlap over the squares of an image, with the reference truth.

    Parameters are as those of `errors`. NaN if the structure is in fewer than 5 squares.
    """
    overlap, error = overlaps(channel), errors(channel, image)
    there = np.isfinite(overlap)
    enough = np.count_nonzero(there) >= 5
    value = stats.spearmanr(overlap[there], error[there]).statistic if enough else np.nan
    return {("truth", "overlap_correlation"): float(value)}


def curve(channels: Sequence[Channel], images: Mapping[judging.Key, Sequence[ArrayLike]]) -> pd.DataFrame:
    """Return the mean error over the overlap.

    Parameters
    ----------
    channels : sequence of Channel
        One structure of the held-out fields.
    images : mapping of (str, str or None, int or None) to sequence of array_like of shape (Y, X)
        By method, loss and seed, an image of each field.

    Returns
    -------
    pandas.DataFrame
        Columns ``method``, ``loss``, ``seed``, ``image``, ``overlap`` (middle of a fifth of its range) and ``error``,
        the mean over the squares of a field with such an overlap.
    """
    rows = []
    middles = (BIN_EDGES[1:] + BIN_EDGES[:-1]) / 2
    places = [np.digitize(overlaps(channel), BIN_EDGES[1:-1]) for channel in channels]
    there = [np.isfinite(overlaps(channel)) for channel in channels]
    for key, found in images.items():
        for channel, image, place, known in zip(channels, found, places, there, strict=True):
            error = errors(channel, image)
            rows += [
                judging.describe(key) | {"image": channel.name, "overlap": middle, "error": error[known & here].mean()}
                for i, middle in enumerate(middles)
                if (known & (here := place == i)).any()
            ]
    return pd.DataFrame(rows)


def summarise(curves: pd.DataFrame) -> pd.DataFrame:
    """Return mean error and interval for each structure, method, loss and overlap: what is drawn and recorded.

    Parameters
    ----------
    curves : pandas.DataFrame
        Of `curve`, with the column ``dataset``, the structure.

    Returns
    -------
    pandas.DataFrame
        Columns ``dataset``, ``method``, ``loss``, ``overlap``, ``value``, ``low``, ``high`` and ``n_images``; the
        interval is for other trainings and other images. Overlaps that fewer than 3 images show are left out.
    """
    keys, rows = ["dataset", "method", "loss", "overlap"], []
    for group, part in curves.fillna({"loss": ""}).groupby(keys, sort=False):
        table = intervals.by_seed_and_image(part.rename(columns={"error": "value"}))
        if table.shape[1] >= FEWEST_IMAGES:
            mean, low, high = intervals.interval(table)
            found = {"value": mean, "low": low, "high": high, "n_images": table.shape[1]}
            rows.append(dict(zip(keys, group, strict=True)) | found)
    return pd.DataFrame(rows)


def _squares(image: NDArray) -> NDArray[np.float64]:
    """Return an image in squares, axes (rows, columns, pixel); what is left over at its ends is dropped."""
    rows, columns = (size // SIDE_PX for size in image.shape)
    whole = np.asarray(image[: rows * SIDE_PX, : columns * SIDE_PX], float)
    squares = whole.reshape(rows, SIDE_PX, columns, SIDE_PX).swapaxes(1, 2)
    return squares.reshape(rows, columns, SIDE_PX**2)
