"""A classical filter on the benchmark's scale, and its best settings, from the pairs that a network would train on."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from l2l_utils import filters, metrics, progress

Examples = Sequence[tuple[NDArray, NDArray]]

_SIGMAS_PX: Final = (0.5, 1, 2, 3, 5, 8)
GRIDS: Final[dict[str, dict[str, Sequence[float]]]] = {
    "gaussian": {"sigma_px": (0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)},
    "rolling_ball": {"sigma_px": _SIGMAS_PX, "radius_px": (5, 20, 40, 100)},
    "top_hat": {"sigma_px": _SIGMAS_PX, "size_px": (7, 13, 25, 49, 97)},
    "clahe": {"sigma_px": _SIGMAS_PX, "n_tiles": (4, 8), "clip_limit": (1, 2, 40)},
}


class ScaledFilter(NamedTuple):
    """A filter with its settings, and the gain and offset that bring its results to the scale of the benchmark.

    Of a tuned filter: the mean 3S-SSIM that it reached on the pairs it was tuned on, and the time that this took.
    """

    name: str
    settings: filters.Settings
    gain: float
    offset: float
    ms_ssim_3: float | None = None
    seconds: float | None = None

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


def prepare(structure: str, examples: Examples) -> dict[str, ScaledFilter]:
    """Return the filters that Kölln et al. (2022) compare with, at the paper's settings for a structure and tuned.

    Parameters
    ----------
    structure : {"actin", "tubulin", "caveolae", "paxillin"}
        What the images show.
    examples : sequence of (ndarray, ndarray)
        As those of `calibrate`.

    Returns
    -------
    dict of str to ScaledFilter
        By the paper's name of the filter; ``clahe, limit 2``, with the limit of the authors' program, which the paper
        does not tell; and ``tuned`` with the name.
    """
    paper = filters.PAPER_SETTINGS[structure]
    prepared = {name: calibrate(name, settings, examples) for name, settings in paper.items()}
    limit = filters.AUTHORS_CLIP_LIMIT
    prepared[f"clahe, limit {limit}"] = calibrate("clahe", paper["clahe"] | {"clip_limit": limit}, examples)
    for name in filters.FILTERS:
        started = time.perf_counter()
        table = tune(name, examples)
        tuned = calibrate(name, table.drop(columns="ms_ssim_3").iloc[0].to_dict(), examples)
        reached = {"ms_ssim_3": float(table.ms_ssim_3[0]), "seconds": time.perf_counter() - started}
        prepared[f"tuned {name}"] = tuned._replace(**reached)
    return prepared


def best(prepared: Mapping[str, ScaledFilter]) -> str:
    """Return which of the filters that `prepare` tuned reached the highest 3S-SSIM on the training pairs."""
    return max((name for name in prepared if name.startswith("tuned ")), key=lambda name: prepared[name].ms_ssim_3)


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
