"""Binning: blocks of pixels that become one, and back to the full size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sum_blocks(image: NDArray, n: int) -> NDArray:
    """Add up blocks of n x n pixels, as a camera does on its chip.

    Parameters
    ----------
    image : ndarray of shape (..., Y, X)
        Anything that adds up, such as photons; both sides are multiples of n.
    n : int
        Side of the blocks in px.

    Returns
    -------
    ndarray of shape (..., Y / n, X / n)
        The sums.

    Raises
    ------
    ValueError
        The blocks do not fit the image.
    """
    *stack, rows, columns = np.shape(image)
    if n < 1 or rows % n or columns % n:
        raise ValueError(
            f"binning: expected blocks that fit an image of {rows} x {columns} px, found {n} x {n} px. "
            "Crop the image, or choose another block."
        )
    return np.reshape(image, (*stack, rows // n, n, columns // n, n)).sum(axis=(-3, -1))


def average_blocks(counts: NDArray[np.uint16], n: int) -> NDArray[np.uint16]:
    """Average blocks of n x n pixels and round half up, as Fiji's Bin does with images of 16 bit.

    Parameters
    ----------
    counts : ndarray of shape (..., Y, X)
        Counts; both sides are multiples of n.
    n : int
        Side of the blocks in px.

    Returns
    -------
    ndarray of shape (..., Y / n, X / n)
        Counts.
    """
    return ((2 * sum_blocks(counts, n) + n**2) // (2 * n**2)).astype(np.uint16)


def enlarge(image: NDArray, n: int) -> NDArray:
    """Repeat every pixel of an image (..., Y, X) n times along both sides; returns the shape (..., n Y, n X)."""
    return image.repeat(n, axis=-2).repeat(n, axis=-1)
