"""The best linear filter from one label to the other, learnt from image pairs: what a network has to beat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import signal


class LinearFilter(NamedTuple):
    """A kernel of shape (2 r + 1, 2 r + 1) that weights the surroundings of a pixel, and what is added to the sum."""

    kernel: NDArray[np.float64]
    offset: float

    def apply(self, image: NDArray) -> NDArray[np.float32]:
        """Return the filtered image, shape (Y, X), float32; beyond its border the image is mirrored."""
        padded = np.pad(image.astype(np.float64), len(self.kernel) // 2, mode="symmetric")
        filtered = signal.oaconvolve(padded, self.kernel[::-1, ::-1], mode="valid")
        return (filtered + self.offset).astype(np.float32)


def learn(
    examples: Iterable[tuple[NDArray, NDArray]],
    *,
    radius_px: int = 12,
    n_pixels: int = 10_000,
    rng: np.random.Generator,
) -> LinearFilter:
    """Learn the stationary linear filter whose result has the least mean squared distance from the target.

    Wiener's filter with a kernel of finite size: its equations are solved for the correlations that the image pairs
    have, so neither spectrum nor noise has to be assumed, and borders do not matter.

    Parameters
    ----------
    examples : iterable of (ndarray, ndarray)
        Source and target of each pair, shape (Y, X), normalised as they will be later.
    radius_px : int
        Half the side of the kernel, without its centre.
    n_pixels : int
        Pixels drawn from each pair; there should be many times as many in all as weights in the kernel.
    rng : numpy.random.Generator
        Draws the pixels.

    Returns
    -------
    LinearFilter
        Kernel and offset.

    Raises
    ------
    ValueError
        If there are no pairs, the images of one differ in shape, or one has no pixel as far from its border.

    References
    ----------
    Wiener (1949), Extrapolation, Interpolation, and Smoothing of Stationary Time Series, MIT Press.
    """
    side = 2 * radius_px + 1
    products = np.zeros((side**2 + 1, side**2 + 1))
    sums = np.zeros(side**2 + 1)
    for source, target in examples:
        if source.shape != target.shape or min(source.shape) < side:
            raise ValueError(
                f"Expected two images of one shape with at least {side} px per side, found {source.shape} and "
                f"{target.shape}. Crop both alike, or learn a smaller kernel."
            )
        surroundings = np.lib.stride_tricks.sliding_window_view(source, (side, side))
        rows, columns = (rng.integers(size, size=n_pixels) for size in surroundings.shape[:2])
        drawn = surroundings[rows, columns].reshape(n_pixels, -1).astype(np.float64)
        known = np.column_stack([drawn, np.ones(n_pixels)])
        products += known.T @ known
        sums += known.T @ target[rows + radius_px, columns + radius_px]
    if not products.any():
        raise ValueError("Expected at least one image pair to learn a filter from, found none. Give training pairs.")
    weights = np.linalg.lstsq(products, sums, rcond=None)[0]
    return LinearFilter(weights[:-1].reshape(side, side), float(weights[-1]))
