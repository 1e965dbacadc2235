"""How far a label stands out from its background: one image, without a reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage


def contrast(image: ArrayLike, *, sample_percent: float = 10.0) -> dict[str, float]:
    """Michelson and root mean square contrast of a label.

    The image is smoothed (Gaussian, sigma 2 px) and normalised to its 1st and 99th percentile without clipping. The
    brightest pixels are the sample; the median of the others is the background.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Raw image, any intensity scale.
    sample_percent : float
        Share of the pixels, in percent, that belong to the sample.

    Returns
    -------
    dict of str to float
        ``michelson``, 0 to 1, and ``rms_contrast``, the standard deviation of the sample.

    References
    ----------
    Peli (1990), https://doi.org/10.1364/JOSAA.7.002032
    """
    smooth = ndimage.gaussian_filter(np.asarray(image, dtype=np.float64), 2)
    low, high = np.percentile(smooth, (1, 99))
    normalised = (smooth - low) / (high - low)
    sample = normalised >= np.percentile(normalised, 100 - sample_percent)
    background = max(float(np.median(normalised[~sample])), 0.0)
    return {"michelson": (1 - background) / (1 + background), "rms_contrast": float(normalised[sample].std())}
