"""Line profiles across single filaments, and their width by a Gaussian fit."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from skimage.feature import structure_tensor
from skimage.measure import profile_line

from l2l_utils.drawing import FWHM_PER_SIGMA

HALF_LENGTH_PX: Final = 14
WIDTH_PX: Final = 20
OFF_CENTRE_PX: Final = 5
WELL_FITTED: Final = 0.5  # share of the profile's variance that the fit must explain
MOST_CANDIDATES: Final = 400


class Line(NamedTuple):
    """A line across a filament, from `start` to `end`, (row, column) in px."""

    start: tuple[float, float]
    end: tuple[float, float]


def across_single_filaments(truth: ArrayLike, *, n: int, rng: np.random.Generator) -> list[Line]:
    """Choose lines across filaments that run straight and alone.

    Parameters
    ----------
    truth : array_like of shape (Y, X)
        True structure, 0 to 1.
    n : int
        How many lines; fewer are returned where there are not as many such places.
    rng : numpy.random.Generator
        Chooses places at random.

    Returns
    -------
    list of Line
        Of 28 px, with the filament in the middle: averaged over 20 px along the filament, the truth shows one peak, no
        more than a third wider than the narrowest, and nothing else.
    """
    truth = np.asarray(truth, dtype=np.float64)
    crest = np.argwhere(truth > 0.9)
    crest = crest[((crest >= 2 * HALF_LENGTH_PX) & (crest < np.subtract(truth.shape, 2 * HALF_LENGTH_PX))).all(axis=1)]
    rows, mixed, columns = structure_tensor(truth, sigma=3, order="rc")
    lines, widths = [], []
    for row, column in rng.permutation(crest)[:MOST_CANDIDATES]:
        place = row, column
        angle = 0.5 * np.arctan2(2 * mixed[place], rows[place] - columns[place])
        half = HALF_LENGTH_PX * np.array([np.cos(angle), np.sin(angle)])
        line = Line(tuple(place - half), tuple(place + half))
        profile = averaged(truth, line)
        aside = np.abs(np.arange(len(profile)) - HALF_LENGTH_PX) > OFF_CENTRE_PX
        if profile[aside].max() < 0.05 and np.isfinite(width := fwhm_px(profile)):
            lines.append(line)
            widths.append(width)
    straight = np.array(widths) <= 4 / 3 * min(widths, default=0)
    return [line for line, chosen in zip(lines, straight, strict=True) if chosen][:n]


def averaged(image: ArrayLike, line: Line) -> NDArray[np.float64]:
    """Return the intensity along a line, a value per px, averaged over 20 px across it."""
    # Cubic interpolation, because linear widens a filament of 4 px by 5 %.
    image = np.asarray(image, float)
    return profile_line(image, *line, linewidth=WIDTH_PX, order=3, mode="reflect", reduce_func=np.mean)


def fwhm_px(profile: ArrayLike) -> float:
    """Return the full width at half maximum of a profile, in px, by a Gaussian on a constant background.

    Parameters
    ----------
    profile : array_like of shape (N,)
        Intensities, 1 px apart, with the peak within 5 px of the middle.

    Returns
    -------
    float
        NaN where the fit fails: it finds no peak there, or one that explains less than half of the variance, or one
        as wide as the profile.
    """
    profile = np.asarray(profile, dtype=np.float64)
    position = np.arange(len(profile)) - (len(profile) - 1) / 2
    height = float(np.ptp(profile))
    if not height > 0:
        return np.nan
    bounds = [-np.inf, 0, -OFF_CENTRE_PX, 0.3], [np.inf, 3 * height, OFF_CENTRE_PX, position[-1]]
    try:
        with warnings.catch_warnings(action="ignore", category=optimize.OptimizeWarning):
            start = [profile.min(), height, 0, 2]
            found, _ = optimize.curve_fit(_gaussian, position, profile, start, bounds=bounds)
    except RuntimeError:
        return np.nan
    rest = np.var(profile - _gaussian(position, *found)) / np.var(profile)
    width = FWHM_PER_SIGMA * found[3]
    failed = rest > 1 - WELL_FITTED or abs(found[2]) > 0.99 * OFF_CENTRE_PX or width > len(profile) / 2
    return float("nan") if failed else float(width)


def measure(image: ArrayLike, lines: Sequence[Line], *, pixel_nm: float) -> dict[str, float]:
    """Measure the width of filaments in an image.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Any intensity scale.
    lines : sequence of Line
        Across single filaments.
    pixel_nm : float
        Side of a pixel.

    Returns
    -------
    dict of str to float
        ``fwhm_nm``, the mean of the fits that succeeded (NaN if none did), and ``fwhm_failed``, the share of those
        that did not.

    References
    ----------
    Kölln et al. (2022), https://doi.org/10.1242/jcs.258994, Fig. S4C.
    """
    widths = np.array([fwhm_px(averaged(image, line)) for line in lines])
    fitted = widths[np.isfinite(widths)]
    mean = float(fitted.mean() * pixel_nm) if len(fitted) else np.nan
    return {"fwhm_nm": mean, "fwhm_failed": float(1 - len(fitted) / len(lines)) if lines else np.nan}


def _gaussian(x: NDArray, base: float, height: float, centre: float, sigma: float) -> NDArray:
    return base + height * np.exp(-((x - centre) ** 2) / (2 * sigma**2))
