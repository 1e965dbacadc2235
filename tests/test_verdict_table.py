"""The scorecard lists every claim once, says what the records say, and its links lead to sections that exist."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from l2l_utils import records, scorecard, scores, verdict_charts, verdict_table

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ["claim", "dataset", "metric", "first", "second", "says", "reference", "condition", "value", "low", "high"]


@pytest.fixture(scope="module")
def comparisons():
    return verdict_table.read_comparisons()


@pytest.fixture(scope="module")
def table(comparisons):
    return verdict_table.verdicts(comparisons)


def compared(claim, *rows):
    """Return comparisons of a claim: what it says, the difference and its interval, and whether it holds."""
    made = [[claim, "actin", "psnr", "a", "b", says, "truth", "", *found, holds] for says, *found, holds in rows]
    named = pd.DataFrame(made, columns=[*COLUMNS, "holds"])
    return verdict_table._with_margins(named.assign(seeds=3, record="claims"))


def test_every_claim_is_judged_or_says_why_not(table):
    """Each claim of the chapters is in the table, and each that was not measured has a reason, and the others none."""
    assert set(scorecard.WORDS) <= set(table.index)
    assert table.index.is_unique
    assert ((table.verdict == "not testable here") == (table.not_testable != "")).all()
    assert (table.words.str.len() > 10).all()
    assert (table.criterion != "").all()


def test_verdict_counts_what_holds(table, comparisons):
    """Counts and verdicts follow from the records' own column, whatever the order of the rows."""
    for name in verdict_table.RECORDS:
        for claim, holds in records.read(name).groupby("claim").holds:
            row = table.loc[claim]
            assert (row.n, row.hold) == (len(holds), int(holds.sum()))
            expected = {len(holds): "reproduced", 0: "not reproduced"}.get(int(holds.sum()), "partly")
            assert row.verdict == ("built in" if claim in verdict_table.BUILT_IN else expected)
    assert table.n.sum() == len(comparisons)
    assert verdict_table.counts(table).loc["all"].sum() == len(table)


@pytest.mark.parametrize("claim", verdict_table.verdicts(verdict_table.read_comparisons()).query("n > 0").index)
def test_link_leads_to_a_section(claim, table):
    """The section that is named is a heading of that chapter, and the link is its name as Sphinx writes it."""
    row = table.loc[claim]
    notebook = nbformat.read(ROOT / f"notebooks/{row.chapter}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert row.section in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    assert re.fullmatch(r"\[.+\]\(\w+\.ipynb#[\w-]+\)", verdict_table._link(row))


@pytest.mark.parametrize(
    ("row", "margin"),
    [
        (("higher", 2.0, 1.0, 3.0, True), 2),
        (("higher", -2.0, -3.0, -1.0, False), -2),
        (("lower", -0.5, -1.5, 0.5, False), 0.5),
        (("not higher", 0.5, -0.5, 1.5, True), -0.5),
        (("not lower", 3.0, 2.0, 5.0, True), 3),
        (("near", 0.1, 0.0, 0.2, True), np.nan),
    ],
)
def test_margin_is_beyond_one_where_the_interval_excludes_zero(row, margin):
    """It is positive in the direction of the claim; a claim without a direction has none."""
    assert compared("L06", row).margin[0] == pytest.approx(margin, nan_ok=True)


def test_weakest_comparison_speaks_least_for_the_claim():
    """A comparison that fails comes before one that holds, and among those the one most clearly against it."""
    rows = [("higher", 9.0, 8.0, 10.0, True), ("higher", 0.1, -1.0, 1.2, False), ("higher", -5.0, -6.0, -4.0, False)]
    row = verdict_table.verdicts(compared("L06", *rows)).loc["L06"]
    assert row.weakest == "actin, psnr: a minus b, -5 [-6, -4]"
    assert (row.hold, row.against, row.verdict) == (1, 1, "partly")


def test_listing_and_evidence_hold_every_number(table, comparisons):
    """Each claim has a line, and each comparison a line below it, with as many cells as the head of its table."""
    ours = table[table.paper == "label2label"]
    lines = verdict_table.listing(ours).splitlines()
    assert len(lines) == 2 + len(ours)
    assert {line.count("|") - line.count("\\|") for line in lines} == {7}
    text = verdict_table.evidence(ours, comparisons)
    assert text.count("<details>") == text.count("</details>") == len(ours)
    assert len(re.findall(r"^\| .+ \| [✓✗] \|$", text, re.MULTILINE)) == ours.n.sum()


def test_runs_are_judged_like_the_record(tmp_path, comparisons):
    """Scores that favour what a claim says agree with a record in which it holds, and others do not."""
    rng, rows = np.random.default_rng(0), []
    for level, method in enumerate(("N2N", "L2L")):
        key = {"method": method, "loss": "3S-SSIM", "seed": 0, "reference": "truth", "metric": "ms_ssim_3"}
        rows += [
            {"dataset": dataset, "image": str(k), "value": sign * level + rng.normal(0, 0.01)} | key
            for dataset, sign in {"actin": 1, "tubulin": -1}.items()
            for k in range(8)
        ]
    (tmp_path / "04").mkdir()
    pd.DataFrame(rows).reindex(columns=scores.COLUMNS).to_csv(tmp_path / "04/scores.csv", index=False)
    again = verdict_table.agreement(comparisons, verdict_table.judge_runs(tmp_path))
    assert again.loc["L06"].to_dict() == {"judged_twice": 2, "alike": 1}
    assert verdict_table.agreement(comparisons, verdict_table.judge_runs(tmp_path / "04")).empty


def test_old_results_and_its_own_do_not_count(tmp_path):
    """What the build of the book has moved aside, and what this chapter has written, is no measurement of this copy."""
    for name in ("04_loss_functions", "04_loss_functions.older", "12_scorecard"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scores.csv").touch()
    assert verdict_table.scores_of_runs(tmp_path) == [tmp_path / "04_loss_functions/scores.csv"]


def test_scores_keep_every_difference(comparisons):
    """In the long form each comparison is one row with the common columns."""
    made = verdict_table.long_form(comparisons)
    assert list(made.columns) == scores.COLUMNS
    np.testing.assert_array_equal(made.value, comparisons.value)
    assert not made.duplicated(["claim", "dataset", "method", "condition", "reference", "metric"]).any()


def test_figures_show_every_claim(table, comparisons):
    """A tile per claim, and a row per claim that has a direction, with a mark for each of its comparisons."""
    texts = [text.get_text() for text in verdict_charts.tiles(table).axes[0].texts]
    assert set(table.index) <= set(texts)
    ax = verdict_charts.margins(table, comparisons).axes[0]
    marks = [line for line in ax.lines if line.get_marker() in "ox"]
    drawn = comparisons.dropna(subset="margin")
    assert sum(len(line.get_xdata()) for line in marks) == len(drawn)
    assert {label.get_text() for label in ax.get_yticklabels()} == set(drawn.claim)


def test_readme_and_introduction_count_as_the_table_does(table):
    """The numbers of verdicts in the README are those of the records."""
    counted = table.verdict.value_counts()
    sentence = f"Of {len(table)} claims, {counted['reproduced']} are reproduced, {counted['partly']} partly, "
    text = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert f"{sentence}{counted['not reproduced']} not" in text
