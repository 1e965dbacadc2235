"""How much nearer to its benchmark a restored image is than the raw one, measured as in the paper's Fig. 5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from l2l_utils import data, metrics, normalization, pairs

N_WINDOWS: Final = 6
CHANGES: Final = ("nrmse_change", "ms_ssim_5_change")


def relative_changes(
    pair: data.Pair, images: Sequence[ArrayLike], *, sigma_px: float = 0.0, pmin: float = 1.0, pmax: float = 99.9
) -> list[dict[str, float]]:
    """Return how much nearer to the benchmark each image of a field is than the raw one, relative to the raw one.

    Parameters
    ----------
    pair : Pair
        Raw image and benchmark, over 128 px per side.
    images : sequence of array_like of shape (Y, X)
        Restored images of the field, on the scale of the normalised labels.
    sigma_px, pmin, pmax : float
        As in `score`.

    Returns
    -------
    list of dict of str to float
        For each image ``nrmse_change``, below 0 if the error falls, and ``ms_ssim_5_change``, above 0 if the structural
        similarity rises: (restored - raw) / raw of the means over six squares of 128 px where the benchmark shows more
        than background. A field's squares are the same in every call.

    Raises
    ------
    ValueError
        If an image cannot be compared, or the raw one has nothing in common with its benchmark.
    """
    raw, benchmark = (normalization.read_normalized(path, pmin=pmin, pmax=pmax) for path in (pair.source, pair.target))
    if min(benchmark.shape) <= pairs.PATCH_PX:
        remedy = "Use larger images."
        raise data.problem(pair.target, f"over {pairs.PATCH_PX} px per side", benchmark.shape, remedy)
    windows = pairs.bright_windows(benchmark, n=N_WINDOWS, rng=np.random.default_rng(crc32(pair.name.encode())))
    smooth = [ndimage.gaussian_filter(np.asarray(image, np.float32), sigma_px) for image in (benchmark, raw, *images)]
    before, *after = ([_compare(smooth[0][place], image[place]) for place in windows] for image in smooth[1:])
    before, after = np.mean(before, axis=0), np.mean(after, axis=1)
    if not before.all():
        remedy = "Look at both: are they of one field of view?"
        raise data.problem(f"{pair.source} and {pair.target}", "two labels that share structure", "none", remedy)
    return [dict(zip(CHANGES, map(float, change), strict=True)) for change in (after - before) / before]


def _compare(image_true: NDArray, image_test: NDArray) -> tuple[float, float]:
    """Return NRMSE and 5S-SSIM, as `metrics.evaluate` does, without the other measures."""
    nrmse = float(np.sqrt(np.mean((image_true - image_test) ** 2, dtype=np.float64)))
    return nrmse, metrics.ms_ssim(image_true, image_test, n_scales=5)
