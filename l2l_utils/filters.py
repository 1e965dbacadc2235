"""The classical filters that Kölln et al. (2022) compare with, and their settings for each structure.

All take and return images normalised to 0 and 1, and smooth first, because each of the others enhances noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from l2l_utils.rolling_ball import subtract_background

Settings = Mapping[str, float]

# OpenCV's default, as the paper says of what it does not name; the authors' own program has 2.
CLIP_LIMIT: Final = 40
AUTHORS_CLIP_LIMIT: Final = 2


def _settings(sigma_px: float, radius_px: int, size_px: int, n_tiles: int) -> dict[str, dict[str, float]]:
    return {
        "gaussian": {"sigma_px": sigma_px},
        "rolling_ball": {"sigma_px": sigma_px, "radius_px": radius_px},
        "top_hat": {"sigma_px": sigma_px, "size_px": size_px},
        "clahe": {"sigma_px": sigma_px, "n_tiles": n_tiles, "clip_limit": CLIP_LIMIT},
    }


# By structure and filter; Kölln et al. (2022), https://doi.org/10.1242/jcs.258994, Image processing.
PAPER_SETTINGS: Final = {
    "actin": _settings(2, 20, 11, 11),
    "tubulin": _settings(2, 10, 25, 7),
    "caveolae": _settings(3, 5, 13, 7),
    "paxillin": _settings(2, 5, 17, 7),
}


def gaussian(image: NDArray, *, sigma_px: float) -> NDArray[np.float32]:
    """Smooth an image of shape (Y, X), 0 to 1, with a Gaussian of a standard deviation in px."""
    return ndimage.gaussian_filter(image.astype(np.float32), sigma_px)


def rolling_ball(image: NDArray, *, sigma_px: float, radius_px: float) -> NDArray[np.float32]:
    """Smooth an image of shape (Y, X), 0 to 1, then subtract its background, see `rolling_ball.subtract_background`."""
    return subtract_background(np.clip(gaussian(image, sigma_px=sigma_px), 0, 1), radius_px=radius_px)


def top_hat(image: NDArray, *, sigma_px: float, size_px: int) -> NDArray[np.float32]:
    """Smooth an image, then keep what is narrower than a square: the image less its opening.

    Parameters
    ----------
    image : ndarray of shape (Y, X)
        Normalised, 0 to 1.
    sigma_px : float
        Standard deviation of the Gaussian.
    size_px : int
        Side of the square. For odd sides the result is OpenCV's ``MORPH_TOPHAT``; for even ones that lies a pixel off.

    Returns
    -------
    ndarray of shape (Y, X)
        float32, 0 to 1.
    """
    return ndimage.white_tophat(gaussian(image, sigma_px=sigma_px), int(size_px))


def clahe(image: NDArray, *, sigma_px: float, n_tiles: int, clip_limit: float) -> NDArray[np.float32]:
    """Smooth an image, then equalise its histogram tile by tile, with a limit to the contrast that this may give.

    Parameters
    ----------
    image : ndarray of shape (Y, X)
        Normalised, 0 to 1. It passes OpenCV as 8 bits, because the limit counts pixels per grey level.
    sigma_px : float
        Standard deviation of the Gaussian.
    n_tiles : int
        Tiles along each axis.
    clip_limit : float
        Pixels that a grey level of a tile may have, in units of the mean over all grey levels.

    Returns
    -------
    ndarray of shape (Y, X)
        float32, 0 to 1, in steps of 1/255.

    References
    ----------
    Zuiderveld (1994), https://doi.org/10.1016/B978-0-12-336156-1.50061-6
    """
    grey = np.rint(np.clip(gaussian(image, sigma_px=sigma_px), 0, 1) * 255).astype(np.uint8)
    equalised = cv2.createCLAHE(float(clip_limit), (int(n_tiles), int(n_tiles))).apply(grey)
    return equalised.astype(np.float32) / 255


FILTERS: Final[dict[str, Callable[..., NDArray[np.float32]]]] = {
    "gaussian": gaussian,
    "rolling_ball": rolling_ball,
    "top_hat": top_hat,
    "clahe": clahe,
}


def apply(name: str, image: NDArray, settings: Settings) -> NDArray[np.float32]:
    """Filter an image.

    Parameters
    ----------
    name : {"gaussian", "rolling_ball", "top_hat", "clahe"}
        Filter.
    image : ndarray of shape (Y, X)
        Normalised, 0 to 1.
    settings : mapping
        The filter's arguments; those of the paper are ``PAPER_SETTINGS[structure][name]``.

    Returns
    -------
    ndarray of shape (Y, X)
        float32; what the filter leaves of the intensities, at most 1.

    Raises
    ------
    ValueError
        If there is no such filter.
    """
    if name not in FILTERS:
        raise ValueError(f"Expected a filter among {', '.join(FILTERS)}, found {name!r}. Choose one of those.")
    return FILTERS[name](image, **settings)
