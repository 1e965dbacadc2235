"""SOFI: images of how strongly, and in which way, the light of each pixel fluctuates."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.restoration import richardson_lucy

from l2l_utils.musical_points import airy
from l2l_utils.optics import Optics

HIGHEST_ORDER: Final = 4
# Pairs of pixels, in px from the first to the second, by where their middle lies: on a pixel, or half a pixel off.
PAIRS: Final = {(0, 0): ((0, 2), (2, 0)), (0, 1): ((0, 1),), (1, 0): ((1, 0),), (1, 1): ((1, 1), (1, -1))}


class MolecularStatistics(NamedTuple):
    """What the emitters of each pixel are like, (Y, X) each; NaN where the cumulants fit no emitters of two states."""

    on_ratio: NDArray[np.float64]  # share of time, 0 to 1
    number: NDArray[np.float64]  # emitters that a pixel sees
    brightness: NDArray[np.float64]  # of one that is on, in the stack's unit


def cumulants(stack: NDArray, *, lag: int = 0) -> NDArray[np.float64]:
    """Return the auto-cumulants of every pixel over time, of orders 2 to 4.

    Parameters
    ----------
    stack : ndarray of shape (T, Y, X)
        Frames of equal exposure.
    lag : int
        Frames from each factor to the next. At 0 they are the cumulants of the pixel's values, shot noise included;
        from 1 on shot noise, which is independent from frame to frame, has no share, and neither have fluctuations that
        are over within a frame.

    Returns
    -------
    ndarray of shape (3, Y, X)
        Orders 2, 3, 4, in the stack's unit to that power. They are moments of the sample: with few frames, biased by
        the order of 1 / T.

    Raises
    ------
    ValueError
        The stack has not three axes, a lag is negative, or there are not enough frames for it.

    References
    ----------
    Dertinger et al. (2009), https://doi.org/10.1073/pnas.0907866106
    """
    return np.stack([_cumulant(stack, order, lag) for order in range(2, HIGHEST_ORDER + 1)])


def sofi2(stack: NDArray, *, lag: int = 1) -> NDArray[np.float64]:
    """Return the second-order SOFI image, in which a point is sqrt(2) times narrower.

    Parameters
    ----------
    stack : ndarray of shape (T, Y, X)
        Frames of equal exposure.
    lag : int
        As for `cumulants`; 0 gives the variance.

    Returns
    -------
    ndarray of shape (Y, X)
        Mean over time of ``dF(t) dF(t + lag)``, in squared units of the stack; noise can make it negative.
    """
    return _cumulant(stack, 2, lag)


def cross_cumulant2(stack: NDArray) -> NDArray[np.float64]:
    """Return second-order cumulants of neighbouring pixels, on a grid of half the pixel size.

    What two pixels' fluctuations have in common comes from the light between them: it is the cumulant of a virtual
    pixel in their middle. Shot noise, which pixels do not share, stays out. The farther apart the pixels, the fainter
    is their cumulant, by the distance factor: so each kind of pair is scaled to the mean of direct neighbours.

    Parameters
    ----------
    stack : ndarray of shape (T, Y, X)
        Frames of equal exposure, 3 px high and wide or more.

    Returns
    -------
    ndarray of shape (2 Y - 1, 2 X - 1)
        Cumulants in squared units of the stack; ``[2 i, 2 j]`` lies on pixel (i, j). The corners, which are in no
        pair's middle, repeat the virtual pixel diagonally inside.

    Raises
    ------
    ValueError
        The stack has not three axes or is too small.

    References
    ----------
    Dertinger et al. (2010), https://doi.org/10.1364/OE.18.018875: cross-cumulants and the distance factor.
    """
    deviation = _deviation(stack)
    if min(deviation.shape[1:]) < 3:
        raise ValueError(f"stack: expected 3 x 3 px or more, found the shape {stack.shape}. Take a larger field.")
    neighbours = np.mean([_pair_cumulant(deviation, *offset).mean() for offset in ((0, 1), (1, 0))])
    total, count = np.zeros((2, *np.multiply(deviation.shape[1:], 2) - 1))
    for offsets in PAIRS.values():
        for down, across in offsets:
            pair = _pair_cumulant(deviation, down, across)
            # Without fluctuations both means are noise about 0, and their ratio says nothing.
            factor = neighbours / pair.mean() if min(neighbours, pair.mean()) > 0 else 1
            middle = np.s_[down : total.shape[0] - down : 2, abs(across) : total.shape[1] - abs(across) : 2]
            total[middle] += factor * pair
            count[middle] += 1
    corners = np.ix_([0, -1], [0, -1])
    total[corners], count[corners] = total[np.ix_([1, -2], [1, -2])], count[np.ix_([1, -2], [1, -2])]
    return total / count


def bsofi(
    stack: NDArray, optics: Optics, *, order: int = 2, lag: int = 1, n_iterations: int = 30, smallest: float = 1e-3
) -> NDArray[np.float64]:
    """Return the balanced SOFI image: an order's resolution, with brightness in proportion to the emitters.

    The cumulant of order n is a picture of points of shape ``U ** n``, if U is a point's image, whose brightness grows
    with the power n of an emitter's. Deconvolution with ``U ** n`` finds the points, a root of order n their
    brightness, and points of shape ``U(n r)`` give them back the width that the method can resolve.

    Parameters
    ----------
    stack : ndarray of shape (T, Y, X)
        Frames of equal exposure.
    optics : Optics
        Aperture, pixel size and emission; U is the in-focus Airy disk.
    order : int
        2, 3 or 4; of some hundred noisy frames, orders above 2 are mostly noise.
    lag : int
        As for `cumulants`; 0 leaves shot noise in, and keeps what blinks within a frame.
    n_iterations : int
        Of Richardson-Lucy.
    smallest : float
        Share of the largest cumulant below which a pixel counts as dark, because the root would lift its noise.

    Returns
    -------
    ndarray of shape (Y, X)
        Linearised cumulant, 0 or more, largest value 1; all 0 if nothing fluctuates.

    Raises
    ------
    ValueError
        As `cumulants`, or the order is not 2, 3 or 4.

    References
    ----------
    Geissbuehler et al. (2012), https://doi.org/10.1186/2192-2853-1-4
    """
    if order not in range(2, HIGHEST_ORDER + 1):
        raise ValueError(f"order: expected 2, 3 or 4, found {order}. Cumulants of other orders are not offered.")
    cumulant = np.abs(_cumulant(stack, order, lag))
    if not cumulant.any():
        return cumulant
    cumulant /= cumulant.max()
    cumulant[cumulant < smallest] = 0
    radius = int(np.ceil(2 * optics.rayleigh_nm / optics.pixel_nm))
    distance = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1])
    sharp, narrow = airy(optics, distance) ** order, airy(optics, order * distance)
    points = richardson_lucy(cumulant, sharp / sharp.sum(), num_iter=n_iterations, clip=False, filter_epsilon=1e-12)
    image = ndimage.convolve(np.maximum(points, 0) ** (1 / order), narrow / narrow.sum(), mode="constant")
    return image / image.max()


def molecular_statistics(stack: NDArray) -> MolecularStatistics:
    """Return duty cycle, number and brightness of the emitters that each pixel sees, from cumulants of orders 2 to 4.

    N emitters that are on for a share rho of the time, independently, with brightness b, give ``k2 = N b^2 rho (1 -
    rho)``, ``k3 / k2 = b (1 - 2 rho)`` and ``k4 / k2 = b^2 (1 - 6 rho + 6 rho^2)``, which are solved for the three.

    Parameters
    ----------
    stack : ndarray of shape (T, Y, X)
        Frames of equal exposure, many of them: a fourth cumulant needs thousands. Shot noise is not accounted for, nor
        that a pixel sees emitters beside its centre as dimmer ones.

    Returns
    -------
    MolecularStatistics
        Images of the stack's size.

    Raises
    ------
    ValueError
        As `cumulants`.

    References
    ----------
    Geissbuehler et al. (2012), https://doi.org/10.1186/2192-2853-1-4
    """
    second, third, fourth = cumulants(stack)
    second = np.where(second > 0, second, np.nan)
    skewness, kurtosis = third / second, fourth / second
    square = 3 * skewness**2 - 2 * kurtosis
    brightness = np.sqrt(np.where(square > 0, square, np.nan))
    on_ratio = 0.5 - skewness / (2 * brightness)
    on_ratio = np.where((on_ratio > 0) & (on_ratio < 1), on_ratio, np.nan)
    number = second / (brightness**2 * on_ratio * (1 - on_ratio))
    return MolecularStatistics(on_ratio, number, np.where(np.isnan(on_ratio), np.nan, brightness))


def _deviation(stack: NDArray) -> NDArray[np.float64]:
    if stack.ndim != 3 or len(stack) < 2:
        raise ValueError(f"stack: expected two or more frames (T, Y, X), found the shape {stack.shape}. Give a stack.")
    return stack - stack.mean(0, dtype=np.float64)


def _cumulant(stack: NDArray, order: int, lag: int) -> NDArray[np.float64]:
    deviation = _deviation(stack)
    n_frames = len(deviation) - (order - 1) * lag
    if lag < 0 or n_frames < 1:
        raise ValueError(
            f"lag: expected 0 or more, and {order - 1} lags within the {len(deviation)} frames, found {lag}. "
            "Take a shorter lag or more frames."
        )
    factors = [deviation[i * lag : i * lag + n_frames] for i in range(order)]
    moment = np.prod(factors, axis=0).mean(0)
    if order < HIGHEST_ORDER:
        return moment
    a, b, c, d = factors
    return moment - sum((p * q).mean(0) * (r * s).mean(0) for p, q, r, s in ((a, b, c, d), (a, c, b, d), (a, d, b, c)))


def _pair_cumulant(deviation: NDArray[np.float64], down: int, across: int) -> NDArray[np.float64]:
    """Return the mean over time of each pixel's deviation times that of the pixel at an offset."""
    height, width = deviation.shape[1] - down, deviation.shape[2] - abs(across)
    left, right = max(0, -across), max(0, across)
    one = deviation[:, :height, left : left + width]
    other = deviation[:, down:, right : right + width]
    return np.einsum("tyx,tyx->yx", one, other) / len(deviation)
