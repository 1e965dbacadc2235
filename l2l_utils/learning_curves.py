"""How a result grows with the number of image pairs: means of cross-validations, differences and trends, intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from l2l_utils.intervals import Interval
from l2l_utils.relative_change import CHANGES

CROSS_VALIDATION: Final = ["dataset", "n_pairs", "repetition"]
TRAINING: Final = [*CROSS_VALIDATION, "fold"]


class Trend(NamedTuple):
    """A straight line over the logarithm of N, fitted to cross-validations, each of which counts alike."""

    per_doubling: Interval
    n_pairs: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def of_one_more_pair(self, n_pairs: float) -> Interval:
        """Return what one more pair changes where there are `n_pairs`, by the line's slope there."""
        return Interval(*(value / (n_pairs * np.log(2)) for value in self.per_doubling))


def points(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each cross-validation over its images, seen and unseen: a data point of the paper's Fig. 5.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cross_validation.score`, of any number of cross-validations.

    Returns
    -------
    pandas.DataFrame
        Columns ``dataset``, ``n_pairs``, ``repetition``, ``seen`` and both changes.
    """
    return table.groupby([*CROSS_VALIDATION, "seen"], sort=False)[list(CHANGES)].mean().reset_index()


def failures(table: pd.DataFrame) -> pd.DataFrame:
    """Return the trainings that failed: on the very images that they were trained on, they lower 5S-SSIM.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cross_validation.score`, of any number of cross-validations.

    Returns
    -------
    pandas.DataFrame
        A row per failed training: ``dataset``, ``n_pairs``, ``repetition``, ``fold``, and the mean changes on its
        training images. No test image has a say in it.
    """
    means = table[table.seen].groupby(TRAINING, sort=False)[list(CHANGES)].mean().reset_index()
    return means[means.ms_ssim_5_change < 0].reset_index(drop=True)


def without_failures(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all trainings that did not fail, see `failures`."""
    failed = pd.MultiIndex.from_frame(failures(table)[TRAINING])
    return table[~pd.MultiIndex.from_frame(table[TRAINING]).isin(failed)]


def contrast(groups: Mapping[int, Sequence[float]], weights: Mapping[int, float]) -> Interval:
    """Return a weighted sum of group means with its 95 % interval, from the spread within all groups together.

    Few repetitions of each N tell little of its own spread, so one spread is taken for all.

    Parameters
    ----------
    groups : mapping of int to sequence of float
        Values of the cross-validations by N.
    weights : mapping of int to float
        Weight of each mean; a group that is not named has none.

    Returns
    -------
    Interval
        Infinite where no group has two values.

    References
    ----------
    Scheffé (1959), The Analysis of Variance, chapter 3.
    """
    freedom = sum(len(values) - 1 for values in groups.values())
    mean = float(sum(weight * np.mean(groups[n]) for n, weight in weights.items()))
    if not freedom:
        return Interval(mean, -np.inf, np.inf)
    variance = sum(np.var(values) * len(values) for values in groups.values()) / freedom
    error = np.sqrt(variance * sum(weight**2 / len(groups[n]) for n, weight in weights.items()))
    half = float(stats.t.ppf(0.975, freedom) * error)
    return Interval(mean, mean - half, mean + half)


def trend(n_pairs: ArrayLike, values: ArrayLike) -> Trend:
    """Fit a straight line over log2 N by least squares.

    Parameters
    ----------
    n_pairs, values : array_like of shape (cross-validation,)
        N and the change; three cross-validations or more, of two N or more.

    Returns
    -------
    Trend
        The slope per doubling of N, and the line at 50 values of N between the smallest and the largest, all with 95 %
        intervals.

    Raises
    ------
    ValueError
        If there are fewer cross-validations, or only one N.
    """
    if len(set(np.asarray(n_pairs).tolist())) < 2 or np.size(n_pairs) < 3:
        raise ValueError(
            f"Expected three cross-validations or more, with two numbers of pairs or more, found {np.size(n_pairs)} "
            f"with {sorted(set(np.asarray(n_pairs).tolist()))} pairs. Repeat the cross-validation with other numbers."
        )
    across = np.log2(np.asarray(n_pairs, dtype=np.float64))
    fit = stats.linregress(across, values)
    freedom = len(across) - 2
    quantile = stats.t.ppf(0.975, freedom)
    spread = across - across.mean()
    at = np.linspace(across.min(), across.max(), 50)
    line = fit.intercept + fit.slope * at
    residual = np.sqrt(np.sum((values - fit.intercept - fit.slope * across) ** 2) / freedom)
    half = quantile * residual * np.sqrt(1 / len(across) + (at - across.mean()) ** 2 / np.sum(spread**2))
    slope = Interval(*(float(fit.slope + sign * quantile * fit.stderr) for sign in (0, -1, 1)))
    return Trend(slope, 2**at, line, line - half, line + half)


def worth(table: pd.DataFrame, *, at: Sequence[int]) -> pd.DataFrame:
    """Return what more pairs are worth on unseen images, in percentage points of the change, by the line over log2 N.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cross_validation.score`, of a sweep.
    at : sequence of int
        Numbers of pairs to which one more is added.

    Returns
    -------
    pandas.DataFrame
        A row per data set and measure: texts, the mean and its 95 % interval; where that includes 0, it is said.
    """
    rows = {}
    for dataset, part in points(table[~table.seen]).groupby("dataset", sort=False):
        for change in CHANGES:
            fit = trend(part.n_pairs, part[change])
            found = {"twice the pairs": fit.per_doubling} | {f"one more at {n}": fit.of_one_more_pair(n) for n in at}
            rows[dataset, change] = {name: _in_points(interval) for name, interval in found.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def spread_of_one_image(table: pd.DataFrame, change: str) -> tuple[float, int]:
    """Return how much the change of one and the same unseen image differs between trainings.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of one data set and one N.
    change : str
        One of both changes.

    Returns
    -------
    sd, freedom : float, int
        Standard deviation within images, pooled, and its degrees of freedom; NaN where no image was tested twice.
    """
    by_image = table[~table.seen].groupby("image")[change]
    freedom = int((by_image.count() - 1).sum())
    squares = float((by_image.var(ddof=0) * by_image.count()).sum())
    return (float(np.sqrt(squares / freedom)) if freedom else np.nan), freedom


def spread_ratio(first: tuple[float, int], second: tuple[float, int]) -> Interval:
    """Return log2 of the ratio of two standard deviations with its 95 % interval, from the F distribution.

    Parameters
    ----------
    first, second : (float, int)
        Standard deviations with their degrees of freedom, of `spread_of_one_image`.

    Returns
    -------
    Interval
        1 where the first is twice the second; infinite where one is not known.
    """
    if not (first[1] and second[1]):
        return Interval(np.nan, -np.inf, np.inf)
    ratio = np.log2(first[0] / second[0])
    low, high = (0.5 * np.log2(stats.f.ppf(level, first[1], second[1])) for level in (0.025, 0.975))
    return Interval(float(ratio), float(ratio - high), float(ratio - low))


def _in_points(found: Interval) -> str:
    mean, low, high = (f"{100 * value:+.2f}" for value in found)
    return f"{mean} [{low}, {high}]" if found.low * found.high > 0 else f"not determined [{low}, {high}]"
