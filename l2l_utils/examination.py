"""One image examined: restored by several networks, with every alarm map beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.filters import threshold_otsu

from l2l_utils import alarms, noise, normalization

ALARMS: Final = ("error map", "local mismatch", "unexplained light", "disagreement", "re-noising", "combined")

Restore = Callable[[NDArray], NDArray[np.float32]]


class Examined(NamedTuple):
    """An image with its restoration, where that draws structure, and the alarm maps by name."""

    raw: NDArray[np.float32]  # normalised, as the network sees it
    restored: NDArray[np.float32]
    drawn: NDArray[np.bool_]
    maps: dict[str, NDArray[np.float64]]
    comparison: alarms.Comparison


def examine(
    image: ArrayLike,
    restorers: Sequence[Restore],
    *,
    resolution_px: float,
    percentiles: Mapping[str, float],
    n_renoised: int = 3,
    rng: np.random.Generator,
) -> Examined:
    """Restore an image and compute every alarm for it.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Raw image.
    restorers : sequence of callable
        Each restores a raw image, by a network trained with another seed; the first makes the restoration that is
        examined. With a single one there is no disagreement, and ``combined`` is the unexplained light alone.
    resolution_px : float
        Optical resolution.
    percentiles : mapping of str to float
        ``pmin`` and ``pmax`` of the training.
    n_renoised : int
        How often the image is restored again with more noise; below 2 there is no such map.
    rng : numpy.random.Generator
        Source of that noise.

    Returns
    -------
    Examined
        With maps named as in `ALARMS`.
    """
    image = np.asarray(image)
    raw = normalization.normalize(image, **percentiles)
    restorations = [restore(image) for restore in restorers]
    comparison = alarms.squirrel(raw, restorations[0])
    maps = {
        "error map": alarms.smooth(comparison.error, resolution_px),
        "local mismatch": alarms.local_mismatch(raw, restorations[0], resolution_px=resolution_px),
        "unexplained light": alarms.unexplained_light(raw, restorations[0], resolution_px=resolution_px),
    }
    if len(restorations) > 1:
        maps["disagreement"] = alarms.disagreement(restorations, resolution_px=resolution_px)
    if n_renoised > 1:
        more = noise.estimate_noise(image)
        again = [restorers[0](noise.add_noise(image, more, rng=rng)) for _ in range(n_renoised)]
        maps["re-noising"] = alarms.disagreement(again, resolution_px=resolution_px)
    drawn = drawn_structure(restorations[0])
    best = [maps[name] for name in ("unexplained light", "disagreement") if name in maps]
    maps["combined"] = alarms.highest_rank(best, drawn)
    return Examined(raw, restorations[0], drawn, maps, comparison)


def drawn_structure(restored: ArrayLike) -> NDArray[np.bool_]:
    """Return where a restoration (Y, X) draws structure: above Otsu's threshold; nowhere if it is constant."""
    restored = np.asarray(restored)
    return restored > threshold_otsu(restored)
