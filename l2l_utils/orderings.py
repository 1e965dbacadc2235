"""Which orderings of methods in a table of the paper hold here: paired differences, and a sentence per row."""

from __future__ import annotations

import itertools
from typing import Final

import pandas as pd

from l2l_utils import intervals, papers

METRICS: Final = ("psnr", "nrmse", "ms_ssim_5", "ms_ssim_3", "ssim")


def compare(scores: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return for each two methods of a table of the paper how they differ there and here.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, a row per training, image and metric, all with the same reference; methods and losses named as in
        the paper's table, others are left out.
    table : {"Table 1", "Table S1"}
        The paper's table.

    Returns
    -------
    pandas.DataFrame
        A row per data set, metric and two methods, of which the paper gives ``higher`` the higher value: ``paper``, the
        paper's difference, and ``value``, ``low`` and ``high``, the paired difference here with its interval;
        ``verdict``: holds, reversed, or open where the interval includes 0.
    """
    keys = ["dataset", "metric"]
    reported = papers.reported(table).assign(name=_names)
    ours = dict(list(scores.assign(name=_names).groupby([*keys, "name"], sort=False)))
    rows = []
    for (dataset, metric), part in reported[reported.metric.isin(METRICS)].groupby(keys, sort=False):
        values = part.set_index("name").value
        for pair in itertools.combinations(values.index, 2):
            lower, higher = sorted(pair, key=values.get)
            both = [ours.get((dataset, metric, name)) for name in (higher, lower)]
            if values[higher] == values[lower] or any(found is None for found in both):
                continue
            found = intervals.difference(*both)
            row = {"dataset": dataset, "metric": metric, "higher": higher, "lower": lower}
            rows.append(
                row
                | {"paper": values[higher] - values[lower]}
                | {"value": found.mean, "low": found.low, "high": found.high, "verdict": _verdict(found)}
            )
    return pd.DataFrame(rows)


def sentences(compared: pd.DataFrame) -> pd.DataFrame:
    """Return a sentence per data set and metric: how many of the paper's orderings hold, and which do not.

    Parameters
    ----------
    compared : pandas.DataFrame
        Result of `compare`.

    Returns
    -------
    pandas.DataFrame
        Columns ``dataset``, ``metric`` and ``sentence``.
    """
    rows = []
    for (dataset, metric), part in compared.groupby(["dataset", "metric"], sort=False):
        counts = part.verdict.value_counts()
        sentence = f"{counts.get('holds', 0)} of the paper's {len(part)} orderings hold"
        for verdict, words in {"reversed": "the other way round", "open": "within the spread"}.items():
            found = part[part.verdict == verdict]
            if len(found):
                which = "; ".join(f"{row.higher} above {row.lower}" for row in found.itertuples())
                sentence += f"; {words}: {which}"
        rows.append({"dataset": dataset, "metric": metric, "sentence": sentence + "."})
    return pd.DataFrame(rows)


def _names(table: pd.DataFrame) -> pd.Series:
    """Return method and loss as one name, such as ``L2L 3S-SSIM``."""
    return (table.method + " " + table.loss.fillna("")).str.strip()


def _verdict(found: intervals.Interval) -> str:
    return "holds" if found.low > 0 else "reversed" if found.high < 0 else "open"
