"""The verdict on each claim of the paper: its comparisons measured on scores, and how many of them hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import stats

from l2l_utils import cross_validation_claims, intervals
from l2l_utils.claims import CLAIMS, FILTER_CLAIMS, LOSSES, Claim
from l2l_utils.luminescence_claims import LUMINESCENCE_CLAIMS
from l2l_utils.nanoscopy_claims import NANOSCOPY_CLAIMS
from l2l_utils.separation_claims import SEPARATION_CLAIMS
from l2l_utils.unpaired_claims import UNPAIRED_CLAIMS
from l2l_utils.untrained_claims import UNTRAINED_CLAIMS

NEAR: Final = 0.2  # as a share of the second value
LISTED: Final = 8  # comparisons that do not hold
COMPARED: Final = {
    **UNTRAINED_CLAIMS,
    **CLAIMS,
    **FILTER_CLAIMS,
    **UNPAIRED_CLAIMS,
    **SEPARATION_CLAIMS,
    **LUMINESCENCE_CLAIMS,
    **NANOSCOPY_CLAIMS,
}
WORDS: Final = {name: claim.words for name, claim in COMPARED.items()} | cross_validation_claims.WORDS


def judge(scores: pd.DataFrame, claims: Mapping[str, Claim] = CLAIMS) -> pd.DataFrame:
    """Measure every comparison for which there are scores.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, a row per training, image and measure.
    claims : mapping of str to Claim
        The claims to judge: ``claims.CLAIMS``, or those of another chapter.

    Returns
    -------
    pandas.DataFrame
        A row per comparison: its fields, ``claim``, the paired difference ``value`` with its interval ``low`` and
        ``high``, and ``holds``. "Higher" and "lower" hold if the interval excludes 0 on that side, "not higher" and
        "not lower" unless it excludes 0 on the other, "near" if the mean difference is within a fifth of the second,
        "not clearly other" if the interval includes 0, "at most 0.02 other" if it lies in between -0.02 and 0.02.
    """
    names = (scores.method + " " + scores.loss.fillna("")).str.strip()
    keyed = scores.assign(name=names, condition=scores.condition.fillna(""))
    derived = [_best_loss(keyed), _rank_correlations(keyed), _distances_to_sted(keyed)]
    keyed = pd.concat([keyed, *(part for part in derived if len(part))])
    parts = dict(list(keyed.groupby(["dataset", "reference", "metric", "condition", "name"])))
    rows = []
    for name, comparison in ((name, each) for name, claim in claims.items() for each in claim.comparisons):
        key = (comparison.dataset, comparison.reference, comparison.metric, comparison.condition)
        both = [parts.get((*key, method)) for method in (comparison.first, comparison.second)]
        if comparison.second == "none" and both[0] is not None:
            both[1] = both[0].assign(value=0.0)
        if any(part is None for part in both):
            continue
        finite = [part[np.isfinite(part.value)] for part in both]
        found = intervals.difference(*finite)
        holds = _holds(found, comparison.says, near=NEAR * abs(finite[1].value.mean()))
        measured = {"value": found.mean, "low": found.low, "high": found.high, "holds": holds}
        rows.append({"claim": name} | comparison._asdict() | measured)
    return pd.DataFrame(rows)


def verdicts(judged: pd.DataFrame) -> pd.DataFrame:
    """Return a row per claim: its words, how many of its comparisons hold, the verdict, and what does not hold.

    Parameters
    ----------
    judged : pandas.DataFrame
        Result of `judge`, or its record.

    Returns
    -------
    pandas.DataFrame
        Index ``claim``; columns ``what the paper says``, ``hold``, ``verdict in simulation`` (reproduced, partly or not
        reproduced) and ``does not hold``.
    """
    rows = {}
    for name, part in judged.groupby("claim"):
        n_hold = int(part.holds.sum())
        verdict = "reproduced" if n_hold == len(part) else "partly" if n_hold else "not reproduced"
        failed = [_sentence(row) for row in part[~part.holds.astype(bool)].itertuples()]
        against = "; ".join([*failed[:LISTED], *([f"and {len(failed) - LISTED} more"] if len(failed) > LISTED else [])])
        rows[name] = [
            WORDS[name],
            f"{n_hold} of {len(part)}",
            verdict,
            against,
        ]
    columns = ["what the paper says", "hold", "verdict in simulation", "does not hold"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("claim")


def in_words(first: str, says: str, second: str) -> str:
    """Return what a comparison says, such as "L2L higher than N2N"."""
    return f"{first} {says} {'to' if says == 'near' else 'than'} {second}"


def _sentence(row: Any) -> str:
    condition = f" ({row.condition})" if isinstance(row.condition, str) and row.condition else ""
    return f"{row.dataset}, {row.metric}{condition}: {in_words(row.first, row.says, row.second)}"


def _holds(found: intervals.Interval, says: str, *, near: float) -> bool:
    return {
        "higher": found.low > 0,
        "lower": found.high < 0,
        "not higher": found.low <= 0,
        "not lower": found.high >= 0,
        "near": abs(found.mean) <= near,
        "not clearly other": found.low <= 0 <= found.high,
        "at most 0.02 other": found.low > -0.02 and found.high < 0.02,
    }[says]


def _best_loss(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of each data set's L2L networks with the highest mean 5S-SSIM to the benchmark."""
    ours = scores[(scores.method == "L2L") & (scores.metric == "ms_ssim_5") & (scores.reference == "benchmark")]
    ours = ours[ours.condition == ""]
    means = ours.groupby(["dataset", "name"]).value.mean()
    best = means.groupby(level="dataset").idxmax()
    return ours[ours.set_index(["dataset", "name"]).index.isin(best)].assign(name="L2L best")


def _rank_correlations(scores: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's correlation of the losses' PSNR and their lack of structure errors, for each training."""
    ours = scores[(scores.method == "L2L") & (scores.condition == "")]
    psnr = ours[(ours.reference == "benchmark") & (ours.metric == "psnr")]
    errors = ours[(ours.reference == "truth") & ours.metric.isin(["false_structure", "missed_structure"])]
    keys = ["dataset", "seed", "image", "loss"]
    both = pd.DataFrame({"psnr": psnr.groupby(keys).value.mean(), "errors": errors.groupby(keys).value.sum()}).dropna()
    rows = []
    for (dataset, seed, image), part in both.groupby(level=keys[:3]):
        if len(part) == len(LOSSES):
            value = stats.spearmanr(part.psnr, -part.errors).statistic
            rows.append({"dataset": dataset, "seed": seed, "image": image, "name": "L2L", "value": value})
    return pd.DataFrame(rows, columns=scores.columns).assign(reference="truth", metric="rank_correlation", condition="")


def _distances_to_sted(scores: pd.DataFrame) -> pd.DataFrame:
    """Return by how much the widths in each field differ from those in its STED image."""
    widths = scores[scores.metric == "fwhm_nm"]
    sted = widths[widths.method == "STED"].set_index(["dataset", "image"]).value
    of_field = pd.MultiIndex.from_frame(widths[["dataset", "image"]]).map(sted.get).astype(float)
    return widths.assign(metric="off_sted_nm", value=(widths.value - of_field).abs()).dropna(subset="value")
