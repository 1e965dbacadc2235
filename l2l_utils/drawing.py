"""Drawing with sub-pixel accuracy, and smooth random fields: what the virtual microscope draws with."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FWHM_PER_SIGMA: Final = 2 * np.sqrt(2 * np.log(2))
POINTS_PER_BLOCK: Final = 1 << 20
COARSE_SIGMA_PX: Final = 4


def render(
    points_px: NDArray[np.floating], weights: NDArray[np.floating], shape: tuple[int, int], *, fwhm_px: float
) -> NDArray[np.float32]:
    """Draw points as Gaussians without rounding their positions.

    Parameters
    ----------
    points_px : ndarray of shape (N, 2)
        Positions; (0, 0) is the centre of the first pixel. Points outside the image are left out.
    weights : ndarray of shape (N,)
        Brightness of each point: what it adds to the sum of the image.
    shape : tuple of int
        Size (Y, X) of the image in px.
    fwhm_px : float
        Width of each point, 1 px or more.

    Returns
    -------
    ndarray of shape (Y, X)
        The image.
    """
    rows, columns = shape
    framed = np.zeros((rows + 2, columns + 2), np.float32)
    for first in range(0, len(points_px), POINTS_PER_BLOCK):
        block = slice(first, first + POINTS_PER_BLOCK)
        position = points_px[block].astype(np.float64) + 1
        inside = ((position >= 0) & (position < (rows + 1, columns + 1))).all(axis=1)
        corner, fraction = np.divmod(position[inside], 1)
        index = corner.astype(np.intp) @ (columns + 2, 1)
        for step in ((0, 0), (0, 1), (1, 0), (1, 1)):
            share = np.abs(np.subtract(1, step) - fraction).prod(axis=1) * weights[block][inside]
            np.add.at(framed.reshape(-1), index + step @ np.array((columns + 2, 1)), share.astype(np.float32))
    # Sharing a point among four pixels widens it by 1/6 px^2 on average.
    sigma = np.sqrt(max((fwhm_px / FWHM_PER_SIGMA) ** 2 - 1 / 6, 0))
    return ndimage.gaussian_filter(framed[1:-1, 1:-1], sigma)


def flattening(fwhm_px: float, dimension: int) -> float:
    """Return by how much a Gaussian of this width lowers the crest of a spot (0), line (1) or area (2) of density 1."""
    return (np.sqrt(2 * np.pi) * fwhm_px / FWHM_PER_SIGMA) ** (2 - dimension)


def smooth_noise(
    shape: tuple[int, ...], sigma: float | tuple[float, ...], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return Gaussian noise of variance 1 that keeps its value over about `sigma` pixels (one number per axis)."""
    sigma = np.broadcast_to(sigma, len(shape))
    # What varies slowly is made on a coarser lattice, and never so small that the noise would meet itself.
    pitch = np.maximum(1, sigma // COARSE_SIGMA_PX).astype(int)
    lattice = np.ceil(np.maximum(np.divide(shape, pitch), 6 * sigma / pitch)).astype(int)
    noise = rng.standard_normal(tuple(lattice), dtype=np.float32)
    for axis, width in enumerate(sigma / pitch):
        if width > 0.5:
            noise = ndimage.gaussian_filter1d(noise, width, axis=axis, mode="wrap")
            noise *= np.float32(np.sqrt(2 * np.sqrt(np.pi) * width))
    if pitch.max() > 1:
        noise = ndimage.zoom(noise, pitch, mode="grid-wrap", grid_mode=True)
    return noise[tuple(map(slice, shape))]


def fluctuation(
    shape: tuple[int, ...], *, relative_sd: float, grain_px: float | NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return a log-normal factor of mean 1 with grains of a given FWHM (one number, or one per axis)."""
    spread = np.sqrt(np.log1p(relative_sd**2))
    field = smooth_noise(shape, grain_px / FWHM_PER_SIGMA, rng)
    return np.exp(np.float32(spread) * field - np.float32(spread**2 / 2))
