"""How the pixels of every small window of a time stack fluctuate together, a bounded number of windows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from l2l_utils.optics import Optics

SMALLEST_PX: Final = 7
STRIP: Final = 16  # rows of windows whose products are kept
BATCH: Final = 128  # windows


def window_px(optics: Optics) -> int:
    """Return the side, in px, of the windows of MUSICAL: odd, to the first dark ring on both sides, at least 7.

    Parameters
    ----------
    optics : Optics
        Aperture, pixel size and emission.

    Returns
    -------
    int
        ``max(7, 1 + 2 floor(0.61 emission / (aperture * pixel)))``.
    """
    return max(SMALLEST_PX, 1 + 2 * int(optics.rayleigh_nm / optics.pixel_nm))


def soft_window(width_px: int) -> NDArray[np.float64]:
    """Return the weights of a window's pixels: a Gaussian of variance ``width_px // 2`` px^2 and height 1.

    Parameters
    ----------
    width_px : int
        Side of the window, odd.

    Returns
    -------
    ndarray of shape (width_px, width_px)
        Weights, 0 to 1.
    """
    radius = width_px // 2
    side = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * radius))
    return np.outer(side, side)


def window_covariances(stack: NDArray, width_px: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Yield ``A A^T`` of the windows that fit into a stack, where A is a window's weighted pixels by its frames.

    Neighbouring windows share most of their pairs of pixels, so each pair is multiplied over time once per strip.

    Parameters
    ----------
    stack : ndarray of shape (T, Y, X)
        Frames.
    width_px : int
        Side of the windows, odd; at most Y and X.

    Yields
    ------
    corners : ndarray of shape (n, 2)
        Row and column of the first pixel of each window.
    covariances : ndarray of shape (n, width_px ** 2, width_px ** 2)
        Sums over time of products of two pixels, each times its weight in `soft_window`; nothing is subtracted.
    """
    over_time = np.ascontiguousarray(np.moveaxis(stack, 0, -1), np.float64)
    n_rows, n_columns = (side - width_px + 1 for side in stack.shape[1:])
    weights = soft_window(width_px).ravel()
    weights = np.outer(weights, weights)
    for first in range(0, n_rows, STRIP):
        strip = over_time[first : first + STRIP + width_px - 1]
        products = _products(strip, width_px)
        corners = np.stack(np.indices((min(STRIP, n_rows - first), n_columns)), -1).reshape(-1, 2)
        for batch in np.array_split(corners, -(-len(corners) // BATCH)):
            at = np.ravel_multi_index(tuple(batch.T), strip.shape[:2])
            found = products.ravel()[at[:, None, None] + _pair_offsets(width_px, strip.shape)]
            yield np.add(batch, (first, 0)), found * weights


def _products(strip: NDArray[np.float64], width_px: int) -> NDArray[np.float64]:
    """Return the sums over time of each pixel times each that follows it within a window, at the pair's upper row."""
    rows, columns, _ = strip.shape
    products = np.zeros((width_px, 2 * width_px - 1, rows, columns))
    for down, across in np.ndindex(products.shape[:2]):
        shift = across - (width_px - 1)
        left, right = max(0, -shift), min(columns, columns - shift)
        pair = strip[: rows - down, left:right], strip[down:, left + shift : right + shift]
        products[down, across, : rows - down, left:right] = np.einsum("yxt,yxt->yx", *pair)
    return products


def _pair_offsets(width_px: int, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return where in the flattened products each pair of a window's pixels is, from the window's first pixel."""
    row, column = np.divmod(np.arange(width_px**2), width_px)
    one, other = np.indices((width_px**2,) * 2)
    upper, lower = np.minimum(one, other), np.maximum(one, other)
    kind = (row[lower] - row[upper]) * (2 * width_px - 1) + column[lower] - column[upper] + width_px - 1
    return (kind * shape[0] + row[upper]) * shape[1] + column[upper]
