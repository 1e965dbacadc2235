"""MUSICAL: where in a stack of fluctuating emitters points of light explain what the pixels do together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.linalg import lapack

from l2l_utils.musical_points import test_points
from l2l_utils.musical_windows import soft_window, window_covariances, window_px
from l2l_utils.optics import Optics

DYNAMIC_RANGE: Final = 1e-3  # of singular values, in a stack without noise
LEAST_NOISE: Final = 3  # singular values that are noise whatever the threshold, as in MusiJ
SMALLEST_SHARE: Final = 1e-12  # of a point's image outside the signal; rounding leaves no less
Split = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def reconstruct(
    stack: NDArray, optics: Optics, *, threshold: float | None = None, alpha: float = 4.0, subpixels: int = 10
) -> NDArray[np.float32]:
    """Reconstruct a stack of frames as one image on a finer grid.

    In a window about each pixel, the fluctuations over time are split into signal and noise by their singular values.
    The indicator of a test point is ``(p_S / p_N) ** (alpha / 2)``, where p_S and p_N are the shares of the point's
    image that lie in the signal and in the noise. Only windows that fit into the frame are used, so each sub-pixel is
    the mean over the windows that cover it: ``window_px ** 2`` of them inside, fewer within a window of the border,
    one in the corners.

    Parameters
    ----------
    stack : ndarray of shape (T, Y, X)
        Frames of equal exposure, any intensity unit, not all dark.
    optics : Optics
        Aperture, pixel size and emission.
    threshold : float, optional
        Decimal logarithm of the smallest singular value that is signal, of the stack divided by its largest value; see
        `singular_values`. If not given, the split is soft: a singular value s counts ``s^2 / (s^2 + r^2)`` as signal,
        the gain of a Wiener filter, and the rest as noise, where r is the stack's `noise_level`. This weighting is this
        package's own, not the one of Acuna et al. (2020). It needs no choice, and serves stacks without noise, too.
    alpha : float
        Contrast.
    subpixels : int
        Sub-pixels per pixel and axis.

    Returns
    -------
    ndarray of shape (Y * subpixels, X * subpixels), float32
        The indicator, 0 or more, without unit. Sub-pixel i has its centre at pixel ``(i + 0.5) / subpixels - 0.5``.

    Raises
    ------
    ValueError
        The stack is no stack, has values that are negative or not finite, is dark, or is smaller than a window.

    References
    ----------
    Agarwal, Macháň (2016), https://doi.org/10.1038/ncomms13752: MUSICAL. Acuna et al. (2020),
    Optics Express 28, 34434: soft thresholds.
    """
    width = window_px(optics)
    scaled = _scaled(stack, width)
    if threshold is None:
        split = partial(_soft, level=noise_level(stack, optics))
    else:
        split = partial(_hard, cut=10.0**threshold)
    points = test_points(optics, width, subpixels)
    side = width * subpixels
    total = np.zeros([n * subpixels for n in scaled.shape[1:]])
    for corners, covariances in window_covariances(scaled, width):
        noise = np.maximum(points.forms(split(covariances)), SMALLEST_SHARE)
        indicator = (np.maximum(points.energy - noise, 0) / noise) ** (alpha / 2)
        for (row, column), patch in zip(corners * subpixels, indicator, strict=True):
            total[row : row + side, column : column + side] += patch
    return (total / _n_covering(scaled.shape[1:], width, subpixels)).astype(np.float32)


def singular_values(stack: NDArray, optics: Optics) -> NDArray[np.float64]:
    """Return the singular values of the window about every pixel, to choose a threshold from their logarithms.

    The stack is divided by its largest value and surrounded by zeros, so that pixels at the border have a window, too;
    `reconstruct` does without those.

    Parameters
    ----------
    stack : ndarray of shape (T, Y, X)
        Frames, as for `reconstruct`.
    optics : Optics
        Aperture, pixel size and emission.

    Returns
    -------
    ndarray of shape (Y, X, window_px ** 2)
        Singular values, largest first. They are roots of eigenvalues, so those below 1e-7 of the largest are rounding.

    Raises
    ------
    ValueError
        As `reconstruct`.
    """
    width = window_px(optics)
    scaled = _scaled(stack, width)
    values = np.empty((*scaled.shape[1:], width**2))
    margin = width // 2
    for corners, covariances in window_covariances(np.pad(scaled, [(0, 0), *[(margin, margin)] * 2]), width):
        values[tuple(corners.T)] = np.linalg.eigvalsh(covariances)[:, ::-1]
    return np.sqrt(np.maximum(values, 0))


def noise_level(stack: NDArray, optics: Optics) -> float:
    """Return the singular value that divides signal from noise where no threshold is given.

    Parameters
    ----------
    stack : ndarray of shape (T, Y, X)
        Frames, as for `reconstruct`.
    optics : Optics
        Aperture, pixel size and emission.

    Returns
    -------
    float
        Half the median singular value of the brightest window, where shot noise is strongest, or half a thousandth of
        its largest if that is more, as it is without noise; of the stack divided by its largest value.

    Raises
    ------
    ValueError
        As `reconstruct`.
    """
    width = window_px(optics)
    scaled, weights = _scaled(stack, width), soft_window(width)
    energy = signal.correlate((scaled**2).sum(0, dtype=np.float64), weights**2, mode="valid", method="direct")
    row, column = np.unravel_index(energy.argmax(), energy.shape)
    window = scaled[:, row : row + width, column : column + width] * weights
    values = np.linalg.svd(window.reshape(len(stack), -1), compute_uv=False)
    return float(max(np.median(values), DYNAMIC_RANGE * values[0]) / 2)


def _scaled(stack: NDArray, width: int) -> NDArray[np.float64]:
    if stack.ndim != 3 or min(stack.shape[1:]) < width or not len(stack):
        raise ValueError(
            f"stack: expected frames (T, Y, X) of at least {width} x {width} px, the window of these optics, found the "
            f"shape {stack.shape}. Take a larger field, or check aperture and pixel size."
        )
    lowest, largest = float(np.min(stack)), float(np.max(stack))
    if not (lowest >= 0 and 0 < largest < np.inf):
        raise ValueError(
            f"stack: expected finite intensities of 0 or more, some above, found {lowest} to {largest}. Subtract no "
            "more than the camera's offset, and clip at 0."
        )
    return stack / largest


def _hard(covariances: NDArray[np.float64], cut: float) -> NDArray[np.float64]:
    """Return the projections onto the eigenvectors whose singular values are below a cut."""
    squares, vectors = np.linalg.eigh(covariances)
    noise = squares < cut**2
    noise[:, :LEAST_NOISE] = True
    return (vectors * noise[:, None, :]) @ np.swapaxes(vectors, 1, 2)


def _soft(covariances: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Return the sums of projections onto all eigenvectors, each times ``r^2 / (s^2 + r^2)``; the upper triangles."""
    noise = covariances + level**2 * np.eye(covariances.shape[-1])
    for one in noise:
        # Transposed, a symmetric matrix is in the order of LAPACK, which leaves the inverse in its place.
        factor, _ = lapack.dpotrf(one.T, lower=1, overwrite_a=1)
        lapack.dpotri(factor, lower=1, overwrite_c=1)
    noise *= level**2
    return noise


def _n_covering(shape_px: tuple[int, ...], width: int, subpixels: int) -> NDArray[np.intp]:
    """Return how many of the windows that fit cover each sub-pixel."""
    rows, columns = (
        np.repeat(np.convolve(np.ones(n - width + 1, int), np.ones(width, int)), subpixels) for n in shape_px
    )
    return np.outer(rows, columns)
