"""How well an alarm finds false structure, judged where the truth is known."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from l2l_utils import against_truth

FEWEST_PX: Final = 20  # of false, and of true structure, from which an image can be judged


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
        The alarm's values at places of both kinds.

    Returns
    -------
    float
        0.5 for an alarm that knows nothing, 1 for one that is always right; NaN with fewer than 20 places of a kind.

    References
    ----------
    Fawcett (2006), https://doi.org/10.1016/j.patrec.2005.10.010
    """
    false, true = np.ravel(false), np.ravel(true)
    if min(len(false), len(true)) < FEWEST_PX:
        return float("nan")
    ranks = stats.rankdata(np.concatenate([false, true]))[: len(false)]
    return float((ranks.sum() - len(false) * (len(false) + 1) / 2) / (len(false) * len(true)))


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
