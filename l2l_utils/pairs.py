"""How two labels of one field compare: agreement on patches as in the paper's tables, and contrast of each."""

from __future__ import annotations

from typing import Final

import numpy as np
from csbdeep.data import no_background_patches
from numpy.typing import NDArray

from l2l_utils import metrics
from l2l_utils.normalization import normalize

PATCH_PX: Final = 128


def compare_labels(
    source: NDArray,
    target: NDArray,
    *,
    pmin: float = 1.0,
    pmax: float = 99.9,
    n_patches: int = 6,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Compare the input label with the benchmark label on patches where the benchmark shows more than background.

    Parameters
    ----------
    source, target : ndarray of shape (Y, X)
        Raw images of one field, over 128 px per side.
    pmin, pmax : float
        Percentiles of each image that are scaled to 0 and 1.
    n_patches : int
        Number of patches of 128 px, cut by CSBDeep's rule; anywhere if the benchmark shows something at its rim only.
    rng : numpy.random.Generator
        Chooses the patches.

    Returns
    -------
    dict of str to float
        The measures of `metrics.evaluate`, averaged over the patches.

    Raises
    ------
    ValueError
        If the shapes differ, or a side is too short for a patch.

    References
    ----------
    Kölln et al. (2022), https://doi.org/10.1242/jcs.258994, Table 1.
    """
    if source.shape != target.shape or min(source.shape) <= PATCH_PX:
        raise ValueError(
            f"Two labels are compared on images of one shape, over {PATCH_PX} px per side, found {source.shape} and "
            f"{target.shape}. Crop both alike, or use larger images."
        )
    windows = bright_windows(target, n=n_patches, rng=rng)
    images = [normalize(image, pmin=pmin, pmax=pmax) for image in (target, source)]
    scores = [metrics.evaluate(*(image[window] for image in images)) for window in windows]
    return {name: float(np.mean([patch[name] for patch in scores])) for name in scores[0]}


def bright_windows(target: NDArray, *, n: int, rng: np.random.Generator) -> list[tuple[slice, slice]]:
    """Return windows of 128 px where the benchmark shows more than background, as the paper's tables are measured on.

    Parameters
    ----------
    target : ndarray of shape (Y, X)
        Benchmark label, over 128 px per side.
    n : int
        Number of windows, placed by CSBDeep's rule; anywhere if the benchmark shows something at its rim only.
    rng : numpy.random.Generator
        Chooses them; they may overlap.
    """
    eligible = no_background_patches()((target.astype(float),), (PATCH_PX, PATCH_PX))
    half = PATCH_PX // 2
    eligible = eligible[half : 1 - half, half : 1 - half]
    corners = np.argwhere(eligible if eligible.any() else np.ones_like(eligible))
    chosen = corners[rng.choice(len(corners), n, replace=len(corners) < n)]
    return [np.s_[row : row + PATCH_PX, column : column + PATCH_PX] for row, column in chosen]
