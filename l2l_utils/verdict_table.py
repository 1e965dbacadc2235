"""The scorecard: every claim of the papers with its criterion, what was measured, and the verdict."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from l2l_utils import records, scorecard, scores, untrained_claims
from l2l_utils.intervals import Interval

RECORDS: Final = (
    *("label_claims", "drift_claims", "claims", "filter_claims", "unpaired_claims", "separation_claims"),
    *("cross_validation_claims", "luminescence_claims", "nanoscopy_claims"),
)
BUILT_IN: Final = ("L01", "L23")
NOT_AGAINST_ZERO: Final = ("L31",)  # a ratio, which is set against 1
VERDICTS: Final = {"reproduced": "✓", "partly": "◐", "not reproduced": "✗", "built in": "▣", "not testable here": "□"}
DIRECTION: Final = {"higher": 1, "not lower": 1, "lower": -1, "not higher": -1}


def read_comparisons() -> pd.DataFrame:
    """Return all comparisons that the recorded sweeps have judged.

    Returns
    -------
    pandas.DataFrame
        Rows of `scorecard.judge`, with ``seeds``, the number of trainings behind each, 0 where none took part;
        ``record``, its name; and ``margin``, the difference in units of its margin of error, positive in the direction
        of the claim. Beyond 1 the 95 % interval excludes 0 in that direction, below -1 in the other; NaN where a claim
        has no direction.
    """
    parts = []
    for name in RECORDS:
        part = records.read(name)
        parts.append(part.assign(record=name, seeds=len(part.attrs["seeds"].split())))
    return _with_margins(pd.concat(parts, ignore_index=True))


def scores_of_runs(folder: Path) -> list[Path]:
    """Return the ``scores.csv`` of each chapter in a folder of output folders, but not this chapter's own.

    Results that the book's build has moved aside, to a name with a suffix such as ``.older``, do not count.
    """
    found = sorted(path for path in folder.glob("*/scores.csv") if not path.parent.suffix)
    return [path for path in found if not path.parent.name.endswith("scorecard")]


def judge_runs(folder: Path) -> pd.DataFrame:
    """Judge what the chapters have just measured, by the ``scores.csv`` that each has left behind.

    Parameters
    ----------
    folder : Path
        Folder of the chapters' output folders, such as ``build/book``.

    Returns
    -------
    pandas.DataFrame
        Rows of `scorecard.judge`, for the claims that these scores can decide; without rows if there are no scores.
    """
    judged = [pd.DataFrame(columns=["claim", "holds"])]
    for found in map(pd.read_csv, scores_of_runs(folder)):
        judged.append(scorecard.judge(found, scorecard.COMPARED))
        judged.append(untrained_claims.compare_drift(found))
        judged.append(untrained_claims.compare_indices(found))
    return pd.concat([part for part in judged if len(part)] or judged, ignore_index=True)


def verdicts(comparisons: pd.DataFrame) -> pd.DataFrame:
    """Return a row per claim of the papers, judged or not.

    Parameters
    ----------
    comparisons : pandas.DataFrame
        Of `read_comparisons`.

    Returns
    -------
    pandas.DataFrame
        Index ``claim``; columns of ``criteria.csv`` (``paper``, ``where``, ``words``, ``criterion``, ``chapter``,
        ``section``, ``not_testable``), and ``verdict``; ``n``, the number of comparisons, how many of them ``hold``,
        and how many are clearly ``against``, which means that the interval excludes 0 on the wrong side; ``seeds``;
        and ``weakest``, the comparison that speaks least for the claim.
    """
    table = pd.read_csv(Path(__file__).with_name("criteria.csv"), keep_default_na=False).set_index("claim")
    table["words"] = [words or scorecard.WORDS[claim] for claim, words in table.words.items()]
    groups = dict(list(comparisons.groupby("claim")))
    found = pd.DataFrame([_judge(claim, groups.get(claim)) for claim in table.index], table.index)
    return table.join(found)


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return how many claims of each paper have which verdict.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `verdicts`.
    """
    counted = pd.crosstab(table.paper, table.verdict).reindex(columns=[*VERDICTS], fill_value=0)
    counted = counted.reindex(table.paper.unique())
    return pd.concat([counted, counted.sum().to_frame("all").T]).rename_axis("paper")


def listing(table: pd.DataFrame) -> str:
    """Return the verdicts as a Markdown table, each with a link to the section of the chapter that shows it."""
    lines = ["| claim | what the paper says | verdict | hold | weakest comparison | shown in |", "|" + "---|" * 6]
    for claim, row in table.iterrows():
        held = f"{row.hold} of {row.n}" if row.n else ""
        cells = [claim, row.words, f"{VERDICTS[row.verdict]} {row.verdict}", held, row.weakest, _link(row)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def evidence(table: pd.DataFrame, comparisons: pd.DataFrame) -> str:
    """Return criterion and comparisons of each claim as Markdown, to be unfolded claim by claim.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `verdicts`.
    comparisons : pandas.DataFrame
        Of `read_comparisons`.
    """
    parts = []
    for claim, row in table.iterrows():
        summary = f"<details><summary><b>{claim}</b> {row.words}: {VERDICTS[row.verdict]} {row.verdict}</summary>"
        text = f"**Criterion**: {row.criterion}. **In the paper**: {row['where']}. "
        part = comparisons[comparisons.claim == claim]
        if part.empty:
            parts.append(f"{summary}\n\n{text}**Why not here**: {row.not_testable}\n\n</details>\n")
            continue
        trained = f"{row.seeds} trainings of each network" if row.seeds else "nothing is trained"
        lines = ["| data set | measure | comparison | difference, 95 % interval | holds |", "|---|---|---|---|---|"]
        lines += [f"| {' | '.join(_cells(each))} |" for each in part.itertuples()]
        source = f"**From**: `results/{part.record.iloc[0]}.csv`, {trained}; shown in {_link(row)}."
        parts.append("\n".join([summary, "", text + source, "", *lines, "", "</details>", ""]))
    return "\n".join(parts)


def agreement(comparisons: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """Return how many of the comparisons that were judged twice came out alike.

    Parameters
    ----------
    comparisons, judged : pandas.DataFrame
        Of `read_comparisons` and of `judge_runs`.

    Returns
    -------
    pandas.DataFrame
        A row per claim that both hold: the number of comparisons that both have judged, and how many are ``alike``.
    """
    keys = ["claim", "dataset", "metric", "first", "second", "says", "reference", "condition"]
    both = comparisons.merge(judged.reindex(columns=[*keys, "holds"]), on=keys, suffixes=("", "_again"))
    alike = (both.holds.astype(bool) == both.holds_again.astype(bool)).groupby(both.claim, sort=False)
    return alike.agg(judged_twice="size", alike="sum")


def long_form(comparisons: pd.DataFrame) -> pd.DataFrame:
    """Return the comparisons as scores, a row each: the difference between the method and what it is set against."""
    said = "against=" + comparisons.second + ";says=" + comparisons.says
    condition = said + comparisons.condition.where(comparisons.condition == "", ";" + comparisons.condition)
    named = comparisons.assign(method=comparisons["first"], condition=condition)
    return named.reindex(columns=scores.COLUMNS)


def _judge(claim: str, part: pd.DataFrame | None) -> dict[str, Any]:
    if part is None:
        return {"verdict": "not testable here", "n": 0, "hold": 0, "against": 0, "seeds": 0, "weakest": ""}
    n, hold = len(part), int(part.holds.sum())
    verdict = "reproduced" if hold == n else "partly" if hold else "not reproduced"
    weakest = part.sort_values(["holds", "margin"], na_position="last").iloc[0]
    counted = {"n": n, "hold": hold, "against": int((part.margin < -1).sum()), "seeds": int(part.seeds.max())}
    return {"verdict": "built in" if claim in BUILT_IN else verdict, **counted, "weakest": _sentence(weakest)}


def _with_margins(comparisons: pd.DataFrame) -> pd.DataFrame:
    value, low, high = (comparisons[name].astype(float) for name in ("value", "low", "high"))
    reach = np.where(value > 0, value - low, high - value)
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = comparisons.says.map(DIRECTION) * value / reach
    return comparisons.assign(margin=margin.where(~comparisons.claim.isin(NOT_AGAINST_ZERO)))


def _cells(row: Any) -> list[str]:
    condition = f" ({row.condition})" if row.condition else ""
    measure = f"{row.metric}, {row.reference}" if row.reference != "none" else row.metric
    said = scorecard.in_words(row.first, row.says, row.second) + condition
    return [row.dataset, measure, said, str(Interval(row.value, row.low, row.high)), "✓" if row.holds else "✗"]


def _sentence(row: pd.Series) -> str:
    found = Interval(row.value, row.low, row.high)
    return f"{row.dataset}, {row.metric}: {row['first']} minus {row.second}, {found}"


def _link(row: Any) -> str:
    """Return a link to a section, by the name that Sphinx and GitHub give to its heading."""
    if not row.chapter:
        return ""
    anchor = re.sub(r"[^\w\- ]", "", row.section.lower()).replace(" ", "-")
    return f"[{int(row.chapter[:2])}, {row.section}]({row.chapter}.ipynb#{anchor})"
