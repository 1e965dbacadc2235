"""Alarms that need no truth: maps of where a restoration deserves less trust.

All maps have the shape (Y, X) of the image, are smoothed to the optical resolution, and are higher where trust is less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, optimize

from l2l_utils.drawing import FWHM_PER_SIGMA

WIDEST_PX: Final = 12.0
# Of the normalised intensity: below it, a share of what is drawn means nothing.
FAINT: Final = 0.05


class Reblurred(NamedTuple):
    """A restoration brought back to the raw image: how it looks there, and the standard deviation of the blur in px."""

    image: NDArray[np.float64]
    sigma_px: float


class Comparison(NamedTuple):
    """What NanoJ-SQUIRREL reports: the map of absolute errors, their root mean square (RSE), and Pearson's r (RSP)."""

    error: NDArray[np.float64]
    rse: float
    rsp: float


def smooth(image: NDArray[np.float64], resolution_px: float) -> NDArray[np.float64]:
    """Return an image blurred by the resolution, a full width at half maximum in px."""
    return ndimage.gaussian_filter(image, resolution_px / FWHM_PER_SIGMA)


def reblur(restored: ArrayLike, raw: ArrayLike, *, narrowest_px: float = 0.0) -> Reblurred:
    """Blur a restoration by the Gaussian, and scale it by the linear change, that bring it nearest to the raw image.

    Parameters
    ----------
    restored, raw : array_like of shape (Y, X)
        Both of any intensity scale.
    narrowest_px : float
        Least standard deviation of the blur. Without it a restoration that is as blurred as the raw image is not
        blurred at all.

    Returns
    -------
    Reblurred
        On the raw image's scale.
    """
    restored, raw = np.asarray(restored, dtype=np.float32), np.asarray(raw, dtype=np.float64)

    def blurred(sigma_px: float) -> NDArray[np.float64]:
        return _fit(ndimage.gaussian_filter(restored, sigma_px), raw)

    best = optimize.minimize_scalar(
        lambda sigma_px: np.mean((blurred(sigma_px) - raw) ** 2),
        bounds=(narrowest_px, WIDEST_PX),
        method="bounded",
        options={"xatol": 0.1},
    )
    return Reblurred(blurred(best.x), float(best.x))


def squirrel(raw: ArrayLike, restored: ArrayLike) -> Comparison:
    """Compare a restoration, blurred and scaled to the raw image, with that image.

    Parameters
    ----------
    raw, restored : array_like of shape (Y, X)
        Both of any intensity scale.

    Returns
    -------
    Comparison
        In the raw image's unit.

    References
    ----------
    Culley et al. (2018), https://doi.org/10.1038/nmeth.4605
    """
    raw = np.asarray(raw, dtype=np.float64)
    expected = reblur(restored, raw).image
    return Comparison(
        np.abs(raw - expected), float(np.sqrt(np.mean((raw - expected) ** 2))), _correlation(raw, expected)
    )


def unexplained_light(raw: ArrayLike, restored: ArrayLike, *, resolution_px: float) -> NDArray[np.float64]:
    """Return the light of the raw image that the restoration does not account for, signed.

    A bright spot of which the network draws a part leaves the rest unexplained. The restoration is blurred by the
    resolution at least, for structure is drawn sharper than any microscope shows it.

    Parameters
    ----------
    raw, restored : array_like of shape (Y, X)
        Normalised raw image, and its restoration of any intensity scale.
    resolution_px : float
        Optical resolution.

    Returns
    -------
    ndarray of shape (Y, X)
        In the raw image's unit: positive where it is brighter than expected.
    """
    raw = np.asarray(raw, dtype=np.float64)
    expected = reblur(restored, raw, narrowest_px=resolution_px / FWHM_PER_SIGMA).image
    return smooth(raw - expected, resolution_px)


def local_mismatch(raw: ArrayLike, restored: ArrayLike, *, resolution_px: float) -> NDArray[np.float64]:
    """Return how little raw image and restoration correlate around each place, at the scale of structure.

    Haze and background, which rule the plain error, are taken away from both by a difference of Gaussians.

    Parameters
    ----------
    raw, restored : array_like of shape (Y, X)
        Both of any intensity scale.
    resolution_px : float
        Optical resolution; the correlation is weighted by a Gaussian twice as wide.

    Returns
    -------
    ndarray of shape (Y, X)
        1 minus Pearson's r: 0 where both agree, 1 where they have nothing in common, up to 2.
    """
    sigma_px = resolution_px / FWHM_PER_SIGMA
    first, second = (
        ndimage.gaussian_filter(image, sigma_px) - ndimage.gaussian_filter(image, 3 * sigma_px)
        for image in (np.asarray(raw, dtype=np.float64), np.asarray(restored, dtype=np.float64))
    )

    def around(image: NDArray[np.float64]) -> NDArray[np.float64]:
        return ndimage.gaussian_filter(image, 2 * sigma_px)

    means = around(first), around(second)
    covariance = around(first * second) - means[0] * means[1]
    variances = (around(first**2) - means[0] ** 2) * (around(second**2) - means[1] ** 2)
    floor = 1e-12 * max(float(variances.max()), 1e-30)
    return 1 - covariance / np.sqrt(np.maximum(variances, floor))


def disagreement(restorations: Sequence[ArrayLike], *, resolution_px: float) -> NDArray[np.float64]:
    """Return how much several restorations of one image differ, as a share of what they draw.

    Parameters
    ----------
    restorations : sequence of array_like of shape (Y, X)
        Two or more, normalised: of networks trained with other seeds, or of the image with noise added.
    resolution_px : float
        Optical resolution.

    Returns
    -------
    ndarray of shape (Y, X)
        Standard deviation over the restorations, divided by their mean; both smoothed.

    Raises
    ------
    ValueError
        If there are fewer than two.
    """
    if len(restorations) < 2:
        raise ValueError(
            f"Disagreement needs two restorations or more, found {len(restorations)}. Train with another seed too."
        )
    stack = np.asarray(restorations, dtype=np.float64)
    spread, mean = (smooth(image, resolution_px) for image in (stack.std(axis=0, ddof=1), stack.mean(axis=0)))
    return spread / (np.maximum(mean, 0) + FAINT)


def highest_rank(maps: Sequence[NDArray[np.float64]], drawn: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how high each place stands in that of several maps where it stands highest.

    Parameters
    ----------
    maps : sequence of ndarray of shape (Y, X)
        Alarm maps, each on a scale of its own.
    drawn : ndarray of bool, shape (Y, X)
        Where the restoration draws structure.

    Returns
    -------
    ndarray of shape (Y, X)
        The share of drawn places with a lower value, 0 to 1, of the map where it is largest; 0 where nothing is drawn.
    """
    return np.max([np.searchsorted(np.sort(image[drawn]), image) / max(drawn.sum(), 1) for image in maps], axis=0)


def _fit(image: NDArray[np.float64], raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the image after the linear change that brings it nearest to the raw image."""
    centred = image - image.mean()
    power = np.mean(centred**2)
    gain = np.mean(centred * raw) / power if power else 0.0
    return raw.mean() + gain * centred


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    first, second = first - first.mean(), second - second.mean()
    return float(np.sum(first * second) / np.sqrt(max(np.sum(first**2) * np.sum(second**2), 1e-30)))
