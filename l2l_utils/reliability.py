"""How well an alarm finds false structure, judged where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from l2l_utils import against_truth, intervals

FEWEST_PX: Final = 20  # of false structure, from which an alarm can be judged


class Places(NamedTuple):
    """The pixels where an image shows structure, and those of them where there is none; both of shape (Y, X)."""

    shown: NDArray[np.bool_]
    false: NDArray[np.bool_]


def places(truth: ArrayLike, restored: ArrayLike, *, resolution_px: float) -> Places:
    """Return where a restoration shows structure, and where it is false: farther from any true one than the resolution.

    Parameters
    ----------
    truth, restored : array_like of shape (Y, X)
        True structure, 0 to 1, and the restoration, thresholded as `against_truth.found_structure` does.
    resolution_px : float
        Optical resolution.

    Raises
    ------
    ValueError
        If the truth holds no structure, or nothing but structure.
    """
    shown = against_truth.found_structure(truth, restored)
    far = against_truth.distance_px(against_truth.true_structure(truth)) > resolution_px
    return Places(shown, shown & far)


def split_values(alarm: NDArray, found: Places) -> tuple[NDArray, NDArray]:
    """Return an alarm's values at the false and at the true pixels of the structure that is shown."""
    return alarm[found.false], alarm[found.shown & ~found.false]


def auc(false: ArrayLike, true: ArrayLike) -> float:
    """Return the area under the ROC curve: the chance that an alarm is higher at a false place than at a true one.

    Parameters
    ----------
    false, true : array_like
        The alarm's values at places of both kinds, one of each at least.

    Returns
    -------
    float
        0.5 for an alarm that knows nothing, 1 for one that is always right; ties count half.

    References
    ----------
    Fawcett (2006), https://doi.org/10.1016/j.patrec.2005.10.010
    """
    return float(_placements(np.ravel(false), np.sort(np.ravel(true))).mean())


def auc_interval(
    false: Mapping[tuple[int, str], ArrayLike], true: Mapping[tuple[int, str], ArrayLike]
) -> intervals.Interval:
    """Return the area under the ROC curve over several trainings and images, with its interval for others of both.

    All false places together are compared with all true ones; many images have too few false places for an area of
    their own. The interval is that of `intervals.interval`, of the area as a ratio of sums over the images.

    Parameters
    ----------
    false, true : mapping of (seed, image) to array_like
        The alarm's values at places of both kinds; each image counts for as many as it has.

    Returns
    -------
    Interval
        NaN with fewer than 20 false places, or fewer than two images that have any.
    """
    pooled = np.sort(np.concatenate([np.ravel(values) for values in true.values()]))
    hits = pd.Series({key: _placements(np.ravel(values), pooled).sum() for key, values in false.items()})
    number = pd.Series({key: np.size(values) for key, values in false.items()})
    if number.sum() < FEWEST_PX or (number.groupby(level=1).sum() > 0).sum() < 2:
        return intervals.Interval(np.nan, np.nan, np.nan)
    area = hits.sum() / number.sum()
    influence = (area + (hits - area * number) / number.mean()).rename_axis(["seed", "image"]).reset_index(name="area")
    mean, low, high = intervals.interval(influence.pivot_table("area", "seed", "image").dropna(axis="columns"))
    return intervals.Interval(mean, max(low, 0.0), min(high, 1.0))


def roc(false: ArrayLike, true: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ROC curve of an alarm: rates of false alarms and of hits, from no warning to warning everywhere.

    Parameters
    ----------
    false, true : array_like
        The alarm's values at places of both kinds, one of each at least.

    Returns
    -------
    false_alarms, hits : ndarray
        Shares, 0 to 1, of the true and of the false places at which the alarm exceeds each of 201 thresholds.
    """
    false, true = np.sort(np.ravel(false)), np.sort(np.ravel(true))
    thresholds = np.concatenate([[np.inf], np.quantile(true, np.linspace(1, 0, 200)), [-np.inf]])
    return tuple(1 - np.searchsorted(values, thresholds, side="right") / len(values) for values in (true, false))


def _placements(false: NDArray, true_sorted: NDArray) -> NDArray[np.float64]:
    """Return for each false place the share of the true places that the alarm puts below it."""
    below, up_to = (np.searchsorted(true_sorted, false, side=side) for side in ("left", "right"))
    return (below + up_to) / 2 / len(true_sorted)
