"""Ranges of scores: what lies in them, what does not, and what cannot be compared."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from l2l_utils import ranges, records
from l2l_utils.scores import COLUMNS

CHAPTER = "03_label2label"
METRICS = {"PSNR": "psnr", "SSIM": "ssim", "3S-SSIM": "ms_ssim_3", "5S-SSIM": "ms_ssim_5"} | {
    "false structure": "false_structure",
    "missed structure": "missed_structure",
}


def long_form(per_seed, *, method="L2L", n_images=4):
    """Return scores whose mean over images is the value given for each seed."""
    rows = [
        {"dataset": "tubulin", "method": method, "loss": "L1", "seed": seed, "image": f"cell_{i}"}
        | {"reference": "truth", "metric": "ssim", "value": value + (i - (n_images - 1) / 2) / 10}
        for seed, value in enumerate(per_seed)
        for i in range(n_images)
    ]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def scores_of(recorded, lane):
    """Return scores in long form that have the means of a lane of the record."""
    rows = []
    for row in recorded[recorded.lane == lane].itertuples():
        key = {name: getattr(row, name) for name in ranges.KEYS}
        rows += [key | {"seed": 0, "image": f"cell_{i}", "value": row.mean} for i in range(row.n_images)]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


@pytest.fixture
def recorded():
    """Return the ranges of chapter 3 as recorded."""
    table = records.read("ranges")
    return table[table.chapter == CHAPTER].fillna(dict.fromkeys(ranges.KEYS, ""))


def test_summary_is_the_mean_over_images_then_over_trainings():
    """Mean and standard deviation are those of the trainings; images only enter their means."""
    (row,) = ranges.summarise(long_form([0.5, 0.7, 0.6])).itertuples()
    assert (row.mean, row.sd) == (pytest.approx(0.6), pytest.approx(0.1))
    assert (row.n_trainings, row.n_images) == (3, 4)


def test_range_is_the_prediction_interval_of_one_lane():
    """With one lane it is Student's prediction interval for a mean of new trainings, and a printed digit."""
    values = np.array([0.5, 0.7, 0.6, 0.62])
    table = ranges.record({"pinned": long_form(values)}, chapter=CHAPTER)
    (row,) = ranges.intervals(table, n_trainings=3).itertuples()
    half = stats.t.ppf(0.995, 3) * values.std(ddof=1) * np.sqrt(1 / 3 + 1 / 4)
    assert row.low == pytest.approx(values.mean() - half - 0.001)
    assert row.high == pytest.approx(values.mean() + half + 0.001)


def test_range_covers_both_lanes():
    """Lanes that differ widen the range by their difference."""
    lanes = {"pinned": long_form([0.4, 0.5]), "colab": long_form([0.6, 0.7])}
    both = ranges.intervals(ranges.record(lanes, chapter=CHAPTER), n_trainings=2)
    one = ranges.intervals(ranges.record({"a": lanes["pinned"], "b": lanes["pinned"]}, chapter=CHAPTER), n_trainings=2)
    assert (both.high - both.low)[0] == pytest.approx((one.high - one.low)[0] + 0.2)


def test_nearly_all_new_runs_lie_inside(rng):
    """Of runs drawn as the recorded ones were, at least 99 % lie inside: two lanes that do not differ are wider."""
    key = dict.fromkeys(ranges.KEYS, "")
    inside, n_runs = 0, 200
    for draws in rng.normal(0.5, 0.02, (n_runs, 11)):
        lanes = [key | {"mean": lane.mean(), "sd": lane.std(ddof=1)} for lane in (draws[:4], draws[4:8])]
        table = pd.DataFrame(lanes).assign(n_trainings=4, n_images=20)
        (row,) = ranges.intervals(table, n_trainings=3).itertuples()
        inside += row.low <= draws[8:].mean() <= row.high
    assert inside / n_runs >= 0.97


def test_means_of_the_book_lie_inside(recorded):
    """Both lanes lie inside of the ranges, every row of them."""
    for lane in set(recorded.lane):
        table = ranges.check(scores_of(recorded, lane), chapter=CHAPTER)
        assert table.inside.all()
        assert len(table) == len(recorded) // 2


def test_the_page_shows_the_recorded_ranges(recorded):
    """The table of the page for teachers is that of the record, for three trainings."""
    table = ranges.intervals(recorded, n_trainings=3).set_index(["reference", "metric", "method"])
    page = (Path(__file__).parents[1] / "book/teaching.md").read_text("utf-8")
    rows = re.findall(r"^\| (benchmark|truth) \| ([\w -]+?)(?: \(dB\))? \| (.+ ± .+) \|$", page, re.MULTILINE)
    assert len(rows) == 10
    for reference, title, cells in rows:
        for method, cell in zip(("input", "N2N", "L2L"), cells.split(" | "), strict=True):
            row = table.loc[reference, METRICS[title], method]
            digits = len(cell.rpartition(".")[2])
            assert cell == f"{(row.low + row.high) / 2:.{digits}f} ± {(row.high - row.low) / 2:.{digits}f}"


def test_what_lies_outside_is_said(recorded):
    """A score that is far off is outside, and no other."""
    scores = scores_of(recorded, "pinned")
    wrong = (scores.method == "L2L") & (scores.reference == "truth") & (scores.metric == "psnr")
    scores.loc[wrong, "value"] -= 5
    table = ranges.check(scores, chapter=CHAPTER)
    (row,) = table[~table.inside].itertuples()
    assert (row.method, row.reference, row.metric) == ("L2L", "truth", "psnr")


def test_other_runs_are_not_compared(recorded):
    """Other images or another chapter end with what to do."""
    scores = scores_of(recorded, "pinned")
    with pytest.raises(ValueError, match="--profile book"):
        ranges.check(scores[scores.image == "cell_0"], chapter=CHAPTER)
    with pytest.raises(ValueError, match=r"recorded ranges \(.*03_label2label.*\), found '13_none'"):
        ranges.check(scores, chapter="13_none")


def test_command_prints_the_table_and_fails_on_what_is_outside(recorded, tmp_path):
    """Status 0 where all is inside, 1 where a score is not, with the table in both cases."""
    folder = tmp_path / CHAPTER
    folder.mkdir()
    for change, status in ((0, 0), (-5, 1)):
        scores = scores_of(recorded, "pinned")
        scores.loc[scores.metric == "psnr", "value"] += change
        scores.to_csv(folder / "scores.csv", index=False)
        command = [sys.executable, "-m", "l2l_utils.ranges", folder / "scores.csv"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == status, run.stderr
        assert "scores are inside of their ranges." in run.stdout
