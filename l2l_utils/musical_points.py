"""Quadratic forms of the image that a point of light at each sub-pixel would leave in a window."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.linalg import interpolative

from l2l_utils.musical_windows import soft_window
from l2l_utils.optics import Optics

PRECISION: Final = 1e-13  # of the interpolation between sub-pixels, relative to the largest value


class TestPoints(NamedTuple):
    """What does not depend on the stack; g is the weighted image of a point at a sub-pixel."""

    __test__ = False  # MUSICAL's own word, and no test of pytest's

    energy: NDArray[np.float64]  # g^T g at every sub-pixel, (side, side)
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]]  # of pixels, the first not after the second
    products: NDArray[np.float64]  # g_i g_j at the chosen sub-pixels, (pairs, chosen)
    spread: NDArray[np.float64]  # from chosen to all sub-pixels along an axis

    def forms(self, matrices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``g^T M g`` at every sub-pixel.

        Parameters
        ----------
        matrices : ndarray of shape (n, width ** 2, width ** 2)
            Symmetric matrices M between the pixels of a window; their upper triangles are read.

        Returns
        -------
        ndarray of shape (n, side, side)
            The forms; right to 1e-12 of the largest.
        """
        n_chosen = self.spread.shape[1]
        chosen = matrices[:, *self.pairs] @ self.products
        return self.spread @ chosen.reshape(-1, n_chosen, n_chosen) @ self.spread.T


def test_points(optics: Optics, width_px: int, subpixels: int) -> TestPoints:
    """Prepare the sub-pixels of a window for `TestPoints.forms`.

    Light of an aperture has no detail finer than its diffraction limit, and a form no finer than half of that. So a
    form is worked out at few sub-pixels, which an interpolative decomposition chooses, and follows at all others.

    Parameters
    ----------
    optics : Optics
        Aperture, pixel size and emission.
    width_px : int
        Side of the window, odd.
    subpixels : int
        Sub-pixels per pixel and axis; a window has ``side = width_px * subpixels`` of them along an axis.

    Returns
    -------
    TestPoints
        For an in-focus Airy disk sampled at pixel centres, of height 1, times `soft_window`.
    """
    pixels = np.arange(width_px) - width_px // 2
    points = (np.arange(width_px * subpixels) + 0.5) / subpixels - width_px / 2
    spread, chosen = _interpolation(optics, pixels, points)
    images = point_images(optics, width_px, points)
    some = images[:, chosen[:, None], chosen].reshape(width_px**2, -1)
    pairs = np.triu_indices(width_px**2)
    twice = np.where(np.equal(*pairs), 1, 2)[:, None]
    return TestPoints((images**2).sum(0), pairs, some[pairs[0]] * some[pairs[1]] * twice, spread)


def point_images(optics: Optics, width_px: int, points_px: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return what points of light leave in the pixels of a window.

    Parameters
    ----------
    optics : Optics
        Aperture, pixel size and emission.
    width_px : int
        Side of the window, odd.
    points_px : ndarray of shape (n,)
        Places along either axis, in px from the window's centre.

    Returns
    -------
    ndarray of shape (width_px ** 2, n, n)
        Airy disks of height 1 at the pixels' centres, times `soft_window`.
    """
    pixels = np.arange(width_px) - width_px // 2
    square = (pixels[:, None] - points_px) ** 2
    distance_px = np.sqrt(square[:, None, :, None] + square[None, :, None, :]).reshape(
        width_px**2, *2 * points_px.shape
    )
    return airy(optics, distance_px) * soft_window(width_px).reshape(-1, 1, 1)


def airy(optics: Optics, distance_px: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the brightness of an in-focus point's image, 1 at its centre.

    Parameters
    ----------
    optics : Optics
        Aperture, pixel size and emission.
    distance_px : ndarray
        From the centre, in px.

    Returns
    -------
    ndarray
        ``(2 J1(q) / q)^2`` with ``q = 2 pi aperture distance / emission``.

    References
    ----------
    Born, Wolf (1999), Principles of Optics, section 8.5.2: the Airy pattern.
    """
    phase = 2 * np.pi * optics.numerical_aperture * optics.pixel_nm / optics.emission_nm * distance_px
    phase = np.maximum(phase, np.finfo(np.float64).tiny)
    return (2 * special.j1(phase) / phase) ** 2


def _interpolation(
    optics: Optics, pixels: NDArray[np.intp], points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return how products of two Airy disks at all points follow from those at chosen points of a line, and these."""
    # Lines at several distances from the pixels: through their centres the disks are sharpest, farther off wider.
    offsets = np.array([0, 0.5, 1, 2, points[-1]])
    lines = airy(optics, np.hypot((pixels[:, None] - points), offsets[:, None, None])).reshape(-1, len(points))
    one, other = np.triu_indices(len(lines))
    n_chosen, order, weights = interpolative.interp_decomp(lines[one] * lines[other], PRECISION, rand=False)
    return interpolative.reconstruct_interp_matrix(order, weights).T, order[:n_chosen]
