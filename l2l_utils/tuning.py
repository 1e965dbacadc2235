"""A classical filter on the benchmark's scale, and its best settings, from the pairs that a network would train on."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from l2l_utils import filters, metrics, progress

Examples = Sequence[tuple[NDArray, NDArray]]

_SIGMAS_PX: Final = (0.5, 1, 2, 3, 5)
GRIDS: Final[dict[str, dict[str, Sequence[float]]]] = {
    "gaussian": {"sigma_px": (0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7)},
    "rolling_ball": {"sigma_px": _SIGMAS_PX, "radius_px": (5, 20, 40)},
    "top_hat": {"sigma_px": _SIGMAS_PX, "size_px": (7, 11, 17, 25, 41)},
    "clahe": {"sigma_px": _SIGMAS_PX, "n_tiles": (4, 8), "clip_limit": (1, 2, 40)},
}


class ScaledFilter(NamedTuple):
    """A filter with its settings, and the gain and offset that bring its results to the scale of the benchmark."""

    name: str
    settings: filters.Settings
    gain: float
    offset: float

    def apply(self, image: NDArray) -> NDArray[np.float32]:
        """Return the filtered image, shape (Y, X), float32, on the scale of the normalised benchmark."""
        return np.float32(self.gain) * filters.apply(self.name, image, self.settings) + np.float32(self.offset)


def calibrate(name: str, settings: filters.Settings, examples: Examples) -> ScaledFilter:
    """Give a filter a scale: its results shall have the benchmark's mean and standard deviation over all examples.

    A network learns its scale with all the rest; without this a filter that removes light would be judged by how much
    darker it makes an image. For given correlation, SSIM is highest at equal mean and standard deviation.

    Parameters
    ----------
    name, settings : str, mapping
        Filter and arguments, see `filters.apply`.
    examples : sequence of (ndarray, ndarray)
        Source and target of each pair, shape (Y, X), normalised; not those that the result is judged on.

    Raises
    ------
    ValueError
        If there are no examples or no such filter, or the filter leaves nothing of them.
    """
    return _scale(name, settings, [filters.apply(name, source, settings) for source, _ in examples], examples)


def tune(name: str, examples: Examples, *, grid: Mapping[str, Sequence[float]] | None = None) -> pd.DataFrame:
    """Try all combinations of a filter's settings on pairs of images; higher 3S-SSIM to the benchmark is better.

    Parameters
    ----------
    name : str
        Filter, see `filters.apply`.
    examples : sequence of (ndarray, ndarray)
        As those of `calibrate`, by which each combination gets its scale.
    grid : mapping of str to sequence of float
        Values to try of each of the filter's arguments; without it, those of `GRIDS`.

    Returns
    -------
    pandas.DataFrame
        A column per argument, and ``ms_ssim_3``, the mean over the pairs; a row per combination, the best first.

    Raises
    ------
    ValueError
        As `calibrate`.
    """
    grid = GRIDS.get(name, {}) if grid is None else grid
    tried = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    for settings in progress.bar(tried, desc=f"tuning {name}", unit="setting"):
        filtered = [filters.apply(name, source, settings) for source, _ in examples]
        scaled = _scale(name, settings, filtered, examples)
        scores = [
            metrics.ms_ssim(target, scaled.gain * image + scaled.offset, n_scales=3)
            for image, (_, target) in zip(filtered, examples, strict=True)
        ]
        settings["ms_ssim_3"] = float(np.mean(scores))
    return pd.DataFrame(tried).sort_values("ms_ssim_3", ascending=False, kind="stable", ignore_index=True)


def best(table: pd.DataFrame) -> dict[str, float]:
    """Return the settings in the first row of what `tune` returns."""
    return table.drop(columns="ms_ssim_3").iloc[0].to_dict()


def _scale(name: str, settings: filters.Settings, filtered: Sequence[NDArray], examples: Examples) -> ScaledFilter:
    if not examples:
        raise ValueError("Expected at least one image pair to scale a filter by, found none. Give the training pairs.")
    mean, sd = _moments(filtered)
    target_mean, target_sd = _moments(target for _, target in examples)
    if not sd:
        raise ValueError(f"Expected {name} to leave something of the images, found nothing left. Change {settings}.")
    gain = target_sd / sd
    return ScaledFilter(name, dict(settings), gain, target_mean - gain * mean)


def _moments(images: Iterable[NDArray]) -> tuple[float, float]:
    """Return mean and standard deviation of all pixels."""
    pixels = np.concatenate([np.ravel(image) for image in images]).astype(np.float64)
    return float(pixels.mean()), float(pixels.std())
