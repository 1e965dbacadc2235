"""What the paper says of its cross-validations, and the criteria, written down before the sweep was looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pandas as pd

from l2l_utils import learning_curves
from l2l_utils.intervals import Interval

WORDS: Final = {
    "L32": "Already few pairs improve 5S-SSIM; the spread is wide for few pairs",
    "L33": "5S-SSIM levels off near 30 pairs, NRMSE goes on improving",
    "L34": "Caveolae show no clear trend of NRMSE",
    "L35": "Judging on patches of images that also train flatters",
}
BETTER: Final = {"nrmse_change": "lower", "ms_ssim_5_change": "higher"}


def judge(table: pd.DataFrame) -> pd.DataFrame:
    """Measure what the claims L32 to L35 stand on.

    - L32: the mean change of 5S-SSIM at the smallest N is above 0, where the criterion only asks that of the median
      and of no interval; and one image's change of 5S-SSIM differs more
      between trainings at the smallest N than at the largest. (Means of cross-validations also spread less at a large N
      because they average more images, and because few images are left to choose from.)
    - L33, of the three largest N: the second step adds less 5S-SSIM than the first; and, except for caveolae, the
      second step still lowers NRMSE.
    - L34: the interval of the slope of NRMSE over log2 N includes 0.
    - L35: both changes are better on images that the network has seen than on others, as a mean over all N.

    "Higher" and "lower" hold if the 95 % interval excludes 0 on that side.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cross_validation.score`, of a whole sweep.

    Returns
    -------
    pandas.DataFrame
        A row per comparison, columns as those of `scorecard.judge`.
    """
    rows = []
    for dataset, part in table.groupby("dataset", sort=False):
        for claim, metric, first, second, says, found in _measure(dataset, part):
            above, below = found.low > 0, found.high < 0
            holds = {"higher": above, "lower": below, "not clearly other": not (above or below)}[says]
            compared = {"metric": metric, "first": first, "second": second, "says": says, "reference": "benchmark"}
            measured = {"value": found.mean, "low": found.low, "high": found.high, "holds": holds}
            rows.append({"claim": claim, "dataset": dataset} | compared | {"condition": ""} | measured)
    return pd.DataFrame(rows).sort_values("claim", kind="stable", ignore_index=True)


def _measure(dataset: str, table: pd.DataFrame) -> Iterator[tuple[str, str, str, str, str, Interval]]:
    """Yield claim, measure, what is compared with what, what is said of it, and what was found."""
    means = learning_curves.points(table).pivot_table(list(BETTER), ["n_pairs", "repetition"], "seen")
    unseen = {name: _by_n(means[name, False]) for name in BETTER}
    flattery = {name: _by_n(means[name, True] - means[name, False]) for name in BETTER}
    sizes = sorted(unseen["nrmse_change"])
    few, many, change = sizes[0], sizes[-1], "ms_ssim_5_change"
    yield "L32", change, f"restored N={few}", "input", "higher", learning_curves.contrast(unseen[change], {few: 1})
    spreads = [learning_curves.spread_of_one_image(table[table.n_pairs == n], change) for n in (few, many)]
    ratio = learning_curves.spread_ratio(*spreads)
    yield "L32", f"log2 spread of {change}", f"N={few}", f"N={many}", "higher", ratio
    if len(sizes) > 2:
        small, medium, large = sizes[-3:]
        first, second = f"{small} to {medium} pairs", f"{medium} to {large} pairs"
        bend = learning_curves.contrast(unseen[change], {small: -1, medium: 2, large: -1})
        yield "L33", change, first, second, "higher", bend
        if dataset != "caveolae":
            step = learning_curves.contrast(unseen["nrmse_change"], {large: 1, medium: -1})
            yield "L33", "nrmse_change", f"N={large}", f"N={medium}", "lower", step
    if dataset == "caveolae" and len(sizes) > 1:
        values = means["nrmse_change", False]
        slope = learning_curves.trend(values.index.get_level_values("n_pairs"), values).per_doubling
        yield "L34", "nrmse_change", f"N={many}", f"N={few}", "not clearly other", slope
    for name, says in BETTER.items():
        mean = learning_curves.contrast(flattery[name], dict.fromkeys(sizes, 1 / len(sizes)))
        yield "L35", name, "seen images", "unseen images", says, mean


def _by_n(values: pd.Series) -> dict[int, list[float]]:
    """Return the values of the cross-validations by N."""
    return {int(n): found.tolist() for n, found in values.groupby(level="n_pairs")}
