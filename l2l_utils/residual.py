"""What a restoration took away from the raw image, and whether it looks like background or like structure."""

from __future__ import annotations

import numpy as np
from csbdeep.utils import normalize_minmse
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage


def removed(raw: ArrayLike, restored: ArrayLike) -> NDArray[np.float64]:
    """Subtract a restoration, brought to the raw image's scale, from the raw image.

    Parameters
    ----------
    raw, restored : array_like of shape (Y, X)
        Image before and after; any intensity scales.

    Returns
    -------
    ndarray of shape (Y, X)
        Difference in the raw image's unit, of mean 0: positive where signal was taken away.
    """
    raw = np.asarray(raw, dtype=np.float64)
    return raw - normalize_minmse(restored, raw)


def structure_in(
    removed_image: ArrayLike, benchmark: ArrayLike, *, fine_px: float = 1.0, coarse_px: float = 4.0
) -> float:
    """Correlate what was removed with the benchmark label, at the scale of structure.

    Noise and background of two labels are independent, so only structure that both show and that the restoration
    lacks correlates. Both images are band-passed (difference of Gaussians) to leave out pixel noise and the outline of
    the cell.

    Parameters
    ----------
    removed_image, benchmark : array_like of shape (Y, X)
        Result of `removed`, and the benchmark label of the same field.
    fine_px, coarse_px : float
        Standard deviations of the two Gaussians.

    Returns
    -------
    float
        Pearson correlation: about 0 if background was removed, positive if structure was, negative if structure is
        drawn stronger than in the raw image.
    """
    bands = [
        ndimage.gaussian_filter(image, fine_px) - ndimage.gaussian_filter(image, coarse_px)
        for image in (np.asarray(removed_image, dtype=np.float64), np.asarray(benchmark, dtype=np.float64))
    ]
    return float(np.corrcoef(bands[0].ravel(), bands[1].ravel())[0, 1])
