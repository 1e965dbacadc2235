"""Confidence intervals of a mean over trainings and images, both of which are samples of many more."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

GROUPS: Final = ["dataset", "method", "loss", "condition", "reference", "metric"]


class Interval(NamedTuple):
    """A mean and its confidence interval, in the unit of the values."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the three numbers with three significant digits."""
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


def interval(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return the mean of a table of trainings and images with its interval for other trainings and other images.

    Seeds and images are crossed random effects; the variance of their mean is taken from the mean squares of rows and
    columns, its degrees of freedom by Satterthwaite's formula. With three seeds, resampling seeds and images instead
    would give intervals that are too narrow where seeds differ.

    Parameters
    ----------
    values : array_like of shape (seed, image)
        One value per training and image; a single row where nothing was trained.
    confidence : float
        Share of such intervals that hold the true mean.

    Returns
    -------
    Interval
        Of infinite width where there is a single image.

    Raises
    ------
    ValueError
        If the table is empty, has no two axes or holds values that are no numbers.

    References
    ----------
    Satterthwaite (1946), https://doi.org/10.2307/3002019
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise ValueError(
            f"Expected a table of numbers of the shape (seed, image), found {table.shape} with "
            f"{np.count_nonzero(~np.isfinite(table))} values that are none. Leave those images out for all seeds."
        )
    n_seeds, n_images = table.shape
    mean = float(table.mean())
    squares, freedom = [], []
    for axis, (n, n_other) in enumerate(((n_seeds, n_images), (n_images, n_seeds))):
        if n > 1:
            squares.append(n_other * table.mean(axis=1 - axis).var(ddof=1))
            freedom.append(n - 1)
    if n_images < 2:
        return Interval(mean, -np.inf, np.inf)
    squares, freedom = np.array(squares), np.array(freedom)
    total = squares.max()
    if n_seeds > 1:
        rest = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + mean
        total = max(total, squares.sum() - np.sum(rest**2) / freedom.prod())
    if total <= 0:
        return Interval(mean, mean, mean)
    quantile = stats.t.ppf((1 + confidence) / 2, total**2 / np.sum(squares**2 / freedom))
    half = float(quantile * np.sqrt(total / table.size))
    return Interval(mean, mean - half, mean + half)


def by_seed_and_image(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the values of one method as a table of shape (seed, image); an untrained method has one row.

    Parameters
    ----------
    scores : pandas.DataFrame
        Rows of one method and metric: columns ``seed``, ``image`` and ``value``.
    """
    return scores.pivot_table("value", "seed", "image", dropna=False)


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Return mean, spread and interval of every method and measure: what a record keeps of the scores of a sweep.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, a row per training, image and measure.

    Returns
    -------
    pandas.DataFrame
        Columns `GROUPS`; ``value``, the mean; ``sd``, the standard deviation over seeds of the mean over images, where
        there are several; ``low`` and ``high``, the interval's ends; ``n_seeds`` and ``n_images``. Values that are no
        numbers are left out.
    """
    rows = []
    for group, part in scores.groupby(GROUPS, sort=False, dropna=False):
        table = by_seed_and_image(part[np.isfinite(part.value)]).dropna(axis="columns")
        if not table.empty:
            mean, low, high = interval(table)
            spread = {"sd": table.mean(axis=1).std(), "n_seeds": len(table), "n_images": table.shape[1]}
            rows.append(dict(zip(GROUPS, group, strict=True)) | {"value": mean, "low": low, "high": high} | spread)
    return pd.DataFrame(rows).replace({name: {np.nan: ""} for name in GROUPS})


def by_method(summary: pd.DataFrame, metric: str, *, condition: str = "") -> pd.DataFrame:
    """Return one measure of all methods and data sets as a table to read.

    Parameters
    ----------
    summary : pandas.DataFrame
        Of `summarise`, with one reference, and at most one loss of each method per data set.
    metric : str
        The measure.
    condition : str
        Rows with another condition are left out.

    Returns
    -------
    pandas.DataFrame
        Texts, ``mean [low, high]``: a row per method, a column per data set, in the order of `summary`.
    """
    chosen = summary[(summary.metric == metric) & (summary.condition == condition)]
    texts = [str(Interval(row.value, row.low, row.high)) for row in chosen.itertuples()]
    table = chosen.assign(text=texts).pivot_table("text", "method", "dataset", aggfunc="first", sort=False)
    return table.fillna("").rename_axis(index=None, columns=metric)


def difference(first: pd.DataFrame, second: pd.DataFrame, *, confidence: float = 0.95) -> Interval:
    """Return how much higher one method's values are than another's on the same images.

    Parameters
    ----------
    first, second : pandas.DataFrame
        Rows of one method and metric each: columns ``seed``, ``image`` and ``value``. Equal seeds are paired; an
        untrained method is compared with every seed of the other.
    confidence : float
        As in `interval`.

    Returns
    -------
    Interval
        Of first minus second, over the images that both have; one "beats" the other if it excludes 0.

    Raises
    ------
    ValueError
        If they have no image or no seed in common.
    """
    tables = [by_seed_and_image(scores) for scores in (first, second)]
    untrained = [bool(table.index.isna().all()) for table in tables]
    if untrained[0] != untrained[1]:
        tables = [table.iloc[0] if alone else table for table, alone in zip(tables, untrained, strict=True)]
        paired = tables[0] - tables[1] if untrained[1] else -(tables[1] - tables[0])
    else:
        paired = tables[0] - tables[1]
    return interval(paired.dropna(axis="index", how="all").dropna(axis="columns"), confidence=confidence)
