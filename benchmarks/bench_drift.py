"""Time of the drift search, as a share of the same search by a plain loop over scikit-image's SSIM."""

from __future__ import annotations

import time
from collections.abc import Callable

import measuring
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.metrics import structural_similarity

from l2l_utils import patches, shifts, simulation

COMPARED_PX = 50
Surface = Callable[[NDArray, NDArray], NDArray]


def plain_loop(reference: NDArray, moving: NDArray) -> NDArray:
    """Return the mean SSIM of all patches at every shift, by one call of scikit-image per patch and shift."""
    side = reference.shape[1]
    surface = np.zeros(np.subtract(moving.shape, reference.shape)[1:] + 1)
    options = {"data_range": 1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    for row, column in np.ndindex(*surface.shape):
        for patch, other in zip(reference, moving, strict=True):
            window = other[row : row + side, column : column + side]
            surface[row, column] += structural_similarity(patch, window, **options)
    return surface / len(reference)


def cut_patches(n_patches: int, search_px: int) -> tuple[NDArray, NDArray]:
    """Return patches of a virtual cell, and of its second recording with a margin."""
    rng = np.random.default_rng(0)
    cell = simulation.simulate_cell("tubulin", (512, 512), rng=rng)
    images = [
        patches.normalize(ndimage.gaussian_filter(cell[name].astype(np.float32), 2), pmin=2, pmax=99.8)
        for name in ("source", "source_repeat")
    ]
    corners = rng.integers(search_px, 512 - COMPARED_PX - search_px + 1, (n_patches, 2))
    return tuple(
        np.stack([image[r - m : r + COMPARED_PX + m, c - m : c + COMPARED_PX + m] for r, c in corners])
        for image, m in zip(images, (0, search_px), strict=True)
    )


def timed(function: Surface, *images: NDArray) -> tuple[float, NDArray]:
    """Return the seconds of one call, and its result."""
    start = time.perf_counter()
    result = function(*images)
    return time.perf_counter() - start, result


def report(smoke: bool) -> None:
    """Alternate both searches on the same patches, and print the ratio of their times and their largest difference."""
    n_patches, search_px, n_rounds = (4, 2, 2) if smoke else (100, 5, 7)
    reference, moving = cut_patches(n_patches, search_px)
    shifts.similarity_by_shift(reference, moving)
    rounds = [[timed(f, reference, moving) for f in (plain_loop, shifts.similarity_by_shift)] for _ in range(n_rounds)]
    plain, ours = zip(*[[seconds for seconds, _ in one] for one in rounds], strict=True)
    expected, found = (surface for _, surface in rounds[0])
    measuring.table(
        f"Drift search: {n_patches} patches, shifts within {search_px} px, {n_rounds} rounds, median (range)",
        ["plain loop, s", "ours, s", "plain / ours", "largest difference of the SSIM index", "same best shift"],
        [
            [
                measuring.spread(plain),
                measuring.spread(ours, 3),
                measuring.spread(a / b for a, b in zip(plain, ours, strict=True)),
                f"{np.abs(expected - found).max():.1e}",
                bool(expected.argmax() == found.argmax()),
            ]
        ],
    )


if __name__ == "__main__":
    measuring.run(report, dict)
