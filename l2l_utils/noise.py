"""The noise of a raw image, estimated from the image itself, and the same image with more of it."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

N_LEVELS: Final = 20
LEVEL_SIGMA_PX: Final = 2.0
# Blind to planes and almost so to structure as wide as the optical resolution; the sum of its squares is 36.
CURVATURE: Final = np.outer((1, -2, 1), (1, -2, 1)).astype(float)


class Noise(NamedTuple):
    """Variance of the noise as an affine function of the intensity: ``gain * intensity + dark``."""

    gain: float  # grey values per photon
    dark: float  # variance at intensity 0, in squared grey values; negative where the camera adds an offset

    def sd(self, intensity: ArrayLike) -> NDArray[np.float64]:
        """Return the standard deviation of the noise at each intensity, 0 where the variance would be negative."""
        return np.sqrt(np.maximum(self.gain * np.asarray(intensity, dtype=np.float64) + self.dark, 0))


def estimate_noise(image: ArrayLike) -> Noise:
    """Estimate how the noise of a raw image grows with its intensity.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Raw image, whose noise is independent from pixel to pixel; any intensity unit.

    Returns
    -------
    Noise
        In the image's unit; of gain 0 where all of the image has about one intensity.

    References
    ----------
    Immerkaer (1996), https://doi.org/10.1006/cviu.1996.0060, for the variance, here level by level; Foi et al. (2008),
    https://doi.org/10.1109/TIP.2008.2001399, for the affine model.
    """
    image = np.asarray(image, dtype=np.float64)
    level = ndimage.gaussian_filter(image, LEVEL_SIGMA_PX)
    squares = ndimage.convolve(image, CURVATURE) ** 2 / np.sum(CURVATURE**2)
    edges = np.unique(np.quantile(level, np.linspace(0, 1, N_LEVELS + 1)))
    bins = np.digitize(level.ravel(), edges[1:-1])
    n_pixels = np.bincount(bins)
    mean, variance = (np.bincount(bins, values.ravel()) / n_pixels for values in (level, squares))
    weights = np.sqrt(n_pixels) / np.maximum(variance, 1e-12 + 1e-3 * variance.max())
    spread = np.average((mean - np.average(mean, weights=weights**2)) ** 2, weights=weights**2)
    overall = float(np.average(variance, weights=weights**2))
    # An image without levels says nothing about the gain: its levels differ by the smoothed noise alone.
    if len(mean) < 3 or spread < 4 * overall / (4 * np.pi * LEVEL_SIGMA_PX**2):
        return Noise(0.0, float(squares.mean()))
    gain, dark = np.polyfit(mean, variance, 1, w=weights)
    return Noise(float(gain), float(dark)) if gain > 0 else Noise(0.0, overall)


def add_noise(image: ArrayLike, noise: Noise, *, rng: np.random.Generator) -> NDArray[np.float64]:
    """Add as much noise once more as an image has already.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Raw image.
    noise : Noise
        As `estimate_noise` returns it for this image.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray of shape (Y, X)
        The image plus Gaussian noise of the variance that belongs to its smoothed intensity.
    """
    image = np.asarray(image, dtype=np.float64)
    return image + rng.standard_normal(image.shape) * noise.sd(ndimage.gaussian_filter(image, LEVEL_SIGMA_PX))
