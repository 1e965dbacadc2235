"""The claims of the paper that no network takes part in, of labels and of drift; criteria fixed beforehand."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from l2l_utils import papers
from l2l_utils.claims import ALL, Claim, compare, each

UNTRAINED_CLAIMS: Final = {
    "L01": Claim(
        "The input label has a lower Michelson and RMS contrast than the benchmark",
        each(
            ALL,
            *(compare(name, "input", "benchmark", "lower", reference="none") for name in ("michelson", "rms_contrast")),
        ),
    ),
    "L23": Claim("5S-SSIM tells the correlation of two labels about three times as strongly as SSIM", []),
    "L37": Claim("The drift method finds drift by whole pixels, up to 5 px", []),
}
NEAR: Final = 0.2  # as a share of the paper's ratio
FOUND: Final = 0.99  # of all shifts


def compare_indices(scores: pd.DataFrame) -> pd.DataFrame:
    """Set the ratio of 5S-SSIM and SSIM of two labels against the paper's, claim L23.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, as chapter 01 leaves it.

    Returns
    -------
    pandas.DataFrame
        Rows as `scorecard.judge` makes them, one per structure. ``value`` is the ratio of the mean indices minus the
        paper's, with a 95 % interval by drawing images again; the claim holds if it is within a fifth of the paper's.
    """
    labels = scores[(scores.claim == "L23") & scores.dataset.isin(ALL)]
    reported = papers.reported("Table 1").query("method == 'input'").set_index(["dataset", "metric"]).value
    rows = []
    for dataset, part in labels.groupby("dataset", sort=False):
        paper = reported[dataset, "ms_ssim_5"] / reported[dataset, "ssim"]
        indices = part.pivot_table("value", "image", "metric")[["ms_ssim_5", "ssim"]].dropna().to_numpy().T
        options = {"paired": True, "vectorized": False, "n_resamples": 2000, "method": "percentile"}
        drawn = stats.bootstrap(indices, _ratio_of_means, rng=np.random.default_rng(0), **options)
        value, interval = _ratio_of_means(*indices) - paper, drawn.confidence_interval
        said = compare("ms_ssim_5 / ssim", "input", f"the paper's {paper:.1f}", "near", reference="benchmark")
        found = {"value": value, "low": interval.low - paper, "high": interval.high - paper}
        found["holds"] = abs(value) <= NEAR * paper
        rows.append({"claim": "L23"} | said._replace(dataset=dataset)._asdict() | found)
    return pd.DataFrame(rows)


def compare_drift(scores: pd.DataFrame) -> pd.DataFrame:
    """Set the share of shifts that the drift method found exactly against 99 %, claim L37.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, as chapter 02 leaves it; the condition names the number of shifts, ``n=100``.

    Returns
    -------
    pandas.DataFrame
        Rows as `scorecard.judge` makes them, one per structure. ``value`` is the share minus 0.99, with the 95 %
        interval of Clopper and Pearson; the claim holds if it is not negative.
    """
    rows = []
    for row in scores[scores.metric == "found_exactly"].itertuples():
        n = int(row.condition.partition(";")[0].removeprefix("n="))
        interval = stats.binomtest(round(row.value * n), n).proportion_ci()
        said = compare("found_exactly", "patches", f"{FOUND} of {n} shifts", "not lower")._replace(dataset=row.dataset)
        found = {"value": row.value - FOUND, "low": interval.low - FOUND, "high": interval.high - FOUND}
        rows.append({"claim": "L37"} | said._asdict() | found | {"holds": row.value >= FOUND})
    return pd.DataFrame(rows)


def _ratio_of_means(first: np.ndarray, second: np.ndarray) -> float:
    return first.mean() / second.mean()
