"""Which images are hard to restore, and which do harm when they train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

TRAINING: Final = ["n_pairs", "repetition", "fold"]


class Spreads(NamedTuple):
    """Standard deviations of a change: between images, and of one image between trainings."""

    between_images: float
    between_trainings: float
    p: float


def difficulty(table: pd.DataFrame, change: str) -> pd.DataFrame:
    """Return how far each unseen image's change lies from the mean change at that N.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cross_validation.score`, of a whole sweep.
    change : str
        One of both changes.

    Returns
    -------
    pandas.DataFrame
        Columns ``dataset``, ``n_pairs``, ``repetition``, ``fold``, ``image``, ``deviation``: a row per test.
    """
    unseen = table[~table.seen]
    means = unseen.groupby(["dataset", "n_pairs"])[change].transform("mean")
    return unseen[["dataset", *TRAINING, "image"]].assign(deviation=unseen[change] - means)


def spreads(deviations: pd.DataFrame) -> Spreads:
    """Tell the spread between images from the spread between trainings, by an analysis of variance.

    Parameters
    ----------
    deviations : pandas.DataFrame
        Of `difficulty`, of one data set.

    Returns
    -------
    Spreads
        Both standard deviations, and the probability of so large a spread between images if all were equally hard.

    Raises
    ------
    ValueError
        If no image, or only one, was tested twice.

    References
    ----------
    Searle, Casella, McCulloch (1992), https://doi.org/10.1002/9780470316856, chapter 3.
    """
    groups = deviations.groupby("image").deviation
    counts, means, n = groups.count(), groups.mean(), len(deviations)
    if len(counts) < 2 or n == len(counts):
        raise ValueError(
            f"Expected two images or more, some of them tested twice, found {n} tests of {len(counts)} images. "
            "Repeat the cross-validation."
        )
    within = float((groups.var(ddof=0) * counts).sum() / (n - len(counts)))
    between = float((counts * (means - deviations.deviation.mean()) ** 2).sum() / (len(counts) - 1))
    per_image = (n - (counts**2).sum() / n) / (len(counts) - 1)
    p = float(stats.f.sf(between / within, len(counts) - 1, n - len(counts))) if within else float(between == 0)
    return Spreads(float(np.sqrt(max(between - within, 0) / per_image)), float(np.sqrt(within)), p)


def spreads_table(table: pd.DataFrame, changes: Sequence[str]) -> pd.DataFrame:
    """Return the `spreads` of several changes, a row per data set and change."""
    return pd.DataFrame(
        {
            (dataset, change): spreads(part)._asdict()
            for change in changes
            for dataset, part in difficulty(table, change).groupby("dataset", sort=False)
        }
    ).T


def influence(table: pd.DataFrame, change: str) -> pd.DataFrame:
    """Return how much better or worse trainings with an image are than those without it, on images that neither saw.

    How good a training is, and how hard its test images are, is told apart by least squares. Trainings are compared
    within the same N, by a regression of their results on whether they have the image.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cross_validation.score`, of a whole sweep.
    change : str
        One of both changes.

    Returns
    -------
    pandas.DataFrame
        A row per data set and image: ``value``, the mean with the image minus the mean without it; the ends of its
        95 % interval, ``low`` and ``high``; and ``p``. Images that all or no trainings of each N have are left out.
    """
    rows = []
    for dataset, part in table.groupby("dataset", sort=False):
        results = _results(part, change)
        trained_on = part[part.seen].groupby(TRAINING).image.agg(set)[results.index]
        freedom = len(results) - len(set(results.index.get_level_values("n_pairs"))) - 1
        centred = results - results.groupby(level="n_pairs").transform("mean")
        for image in sorted(set().union(*trained_on)):
            has = trained_on.map(lambda names, image=image: float(image in names))
            has -= has.groupby(level="n_pairs").transform("mean")
            squares = float((has**2).sum())
            if squares > 1e-9 and freedom > 0:
                value = float((has * centred).sum()) / squares
                error = np.sqrt(float(((centred - value * has) ** 2).sum()) / freedom / squares)
                half = float(stats.t.ppf(0.975, freedom) * error)
                p = float(2 * stats.t.sf(abs(value) / error, freedom)) if error else float(value == 0)
                found = {"value": value, "low": value - half, "high": value + half, "p": p}
                rows.append({"dataset": dataset, "image": image} | found)
    return pd.DataFrame(rows, columns=["dataset", "image", "value", "low", "high", "p"])


def outside_chance(found: pd.DataFrame) -> pd.DataFrame:
    """Return how many images have an influence, beside how many would seem to have one if none had.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `influence`.

    Returns
    -------
    pandas.DataFrame
        A row per data set: number of ``images``; of intervals that exclude 0, ``outside``, and how many are
        ``expected by chance``; and those that stand after Holm's correction for looking at all of them, ``certain``.

    References
    ----------
    Holm (1979), https://www.jstor.org/stable/4615733
    """
    rows = {}
    for dataset, part in found.groupby("dataset", sort=False):
        ranked = np.sort(part.p)
        passes = ranked * np.arange(len(ranked), 0, -1) <= 0.05
        certain = int(np.cumprod(passes).sum())
        outside = int((part.p < 0.05).sum())
        rows[dataset] = {"images": len(part), "outside": outside, "expected by chance": round(0.05 * len(part), 1)}
        rows[dataset]["certain"] = certain
    return pd.DataFrame.from_dict(rows, orient="index")


def _results(table: pd.DataFrame, change: str) -> pd.Series:
    """Return by training how good it is, in units of the change, with the difficulty of its test images taken out."""
    unseen = table[~table.seen]
    images = pd.get_dummies(unseen.image, dtype=float)
    number = unseen.groupby(TRAINING).ngroup()
    design = np.hstack([np.eye(number.max() + 1)[number], images])
    effects, *_ = np.linalg.lstsq(design, unseen[change], rcond=None)
    names = unseen.groupby(TRAINING).size().index
    return pd.Series(effects[: len(names)], index=names)
