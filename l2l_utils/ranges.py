"""Does a reader's run give what the book's runs gave? ``python -m l2l_utils.ranges FOLDER/scores.csv`` tells.

A network trained with other random numbers, or on a computer that rounds otherwise, gives other scores. The record
``results/ranges.csv`` holds how far they lay apart in the book's own runs, in both lanes of software.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from l2l_utils import records

KEYS: Final = ["dataset", "method", "loss", "condition", "reference", "metric"]
CONFIDENCE: Final = 0.99  # of each row; a table of some twenty rows is then all inside in most runs
ROUNDING: Final = 0.001  # of a score, or of 1 where that is more: what processors may differ by


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Return mean over trainings and images, and spread over trainings, of every method and measure.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form; what a chapter writes as ``scores.csv``.

    Returns
    -------
    pandas.DataFrame
        Columns `KEYS`; ``mean``; ``sd``, the standard deviation over trainings of the mean over images, 0 where there
        is only one; ``n_trainings`` and ``n_images``. Values that are not finite are left out.
    """
    finite = scores[np.isfinite(scores.value)]
    named = finite.assign(**{key: finite[key].fillna("") for key in ("seed", *KEYS)})
    per_seed = named.groupby([*KEYS, "seed"], sort=False).value.mean()
    grouped = per_seed.groupby(KEYS, sort=False)
    n_images = named.groupby(KEYS, sort=False).image.nunique()
    table = pd.DataFrame(
        {"mean": grouped.mean(), "sd": grouped.std().fillna(0), "n_trainings": grouped.size(), "n_images": n_images}
    )
    return table.reset_index()


def record(lanes: Mapping[str, pd.DataFrame], *, chapter: str) -> pd.DataFrame:
    """Return what the record keeps of one chapter: the summary of each lane's scores, one below the other.

    Parameters
    ----------
    lanes : mapping of str to pandas.DataFrame
        Scores in long form by the name of the lane.
    chapter : str
        The notebook's name.
    """
    parts = [summarise(scores).assign(chapter=chapter, lane=lane) for lane, scores in lanes.items()]
    return pd.concat(parts)[["chapter", *KEYS, "lane", "mean", "sd", "n_trainings", "n_images"]]


def intervals(recorded: pd.DataFrame, *, n_trainings: int) -> pd.DataFrame:
    """Return where the mean of so many new trainings should lie, whichever of the lanes it comes from.

    The range of a row runs from the lowest to the highest end of the lanes' prediction intervals of 99 %, with the
    spread pooled over the lanes, and a margin for rounding.

    Parameters
    ----------
    recorded : pandas.DataFrame
        Rows of one chapter, as `record` returns them.
    n_trainings : int
        Trainings of each method; means of more vary less.

    Returns
    -------
    pandas.DataFrame
        Columns `KEYS`, ``low``, ``high`` and ``n_images``, in the order of the record.
    """
    rows = []
    for key, lanes in recorded.fillna(dict.fromkeys(KEYS, "")).groupby(KEYS, sort=False):
        freedom = lanes.n_trainings - 1
        half = np.zeros(len(lanes))
        if freedom.sum():
            spread = np.sqrt(np.average(lanes.sd**2, weights=freedom))
            quantile = stats.t.ppf((1 + CONFIDENCE) / 2, freedom.sum())
            half = quantile * spread * np.sqrt(1 / n_trainings + 1 / lanes.n_trainings)
        margin = ROUNDING * max(1, lanes["mean"].abs().max())
        ends = {"low": (lanes["mean"] - half).min() - margin, "high": (lanes["mean"] + half).max() + margin}
        rows.append(dict(zip(KEYS, key, strict=True)) | ends | {"n_images": lanes.n_images.iloc[0]})
    return pd.DataFrame(rows)


def check(scores: pd.DataFrame, *, chapter: str) -> pd.DataFrame:
    """Compare the scores of a run of a chapter, at its book size, with the range in which they should lie.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form; the chapter's ``scores.csv``.
    chapter : str
        The notebook's name.

    Returns
    -------
    pandas.DataFrame
        Columns `KEYS`, ``yours``, the mean over trainings and images; ``low``, ``high``; ``inside``, True or False.

    Raises
    ------
    ValueError
        If there are no ranges for the chapter, or if the scores are of other images, methods or losses.
    """
    recorded = records.read("ranges")
    known = sorted(set(recorded.chapter))
    if chapter not in known:
        raise ValueError(f"Expected a chapter with recorded ranges ({', '.join(known)}), found {chapter!r}. Name it.")
    recorded, yours = recorded[recorded.chapter == chapter], summarise(scores)
    parts = [
        part.merge(intervals(recorded, n_trainings=n), on=[*KEYS, "n_images"])
        for n, part in yours.groupby("n_trainings", sort=False)
    ]
    table = pd.concat(parts).rename(columns={"mean": "yours"})
    if table.empty:
        raise ValueError(
            f"Expected scores of {chapter} with the settings of the book's pages, found others: no row has data set, "
            "method, loss and number of images in common. Run the chapter with `--profile book` and no other setting."
        )
    table["inside"] = table.yours.between(table.low, table.high)
    return table[[*KEYS, "yours", "low", "high", "inside"]]


def main() -> None:
    """Read the command line, print the table, and end with status 1 if a score lies outside of its range."""
    parser = argparse.ArgumentParser(prog="python -m l2l_utils.ranges", description="Are a run's scores as expected?")
    parser.add_argument("scores", type=Path, help="scores.csv of a run of a chapter with --profile book")
    parser.add_argument("--chapter", help="name of the notebook; by default that of the folder of the scores")
    arguments = parser.parse_args()
    try:
        chapter = arguments.chapter or arguments.scores.resolve().parent.name
        table = check(pd.read_csv(arguments.scores), chapter=chapter)
    except (OSError, ValueError) as error:
        sys.exit(f"Error: {error}")
    sys.stdout.write(f"{table.to_string(index=False, float_format='{:.3f}'.format)}\n")
    sys.stdout.write(f"{table.inside.sum()} of {len(table)} scores are inside of their ranges.\n")
    sys.exit(0 if table.inside.all() else 1)


if __name__ == "__main__":
    main()
