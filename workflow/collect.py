"""Collect the scores of all runs of a table, and write what the book keeps of them.

`python workflow/collect.py TABLE OUTPUT RESULTS` writes OUTPUT/scores.csv, with a column `run`, and the records of the
chapters in the table to the folder RESULTS.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from table import read_rows

from l2l_utils import (
    cross_validation_claims,
    intervals,
    luminescence_claims,
    nanoscopy_claims,
    nanoscopy_measures,
    orderings,
    overlap,
    phenotype,
    records,
    scorecard,
    separation_claims,
    untrained_claims,
)
from l2l_utils.claims import FILTER_CLAIMS
from l2l_utils.files import whole_file
from l2l_utils.unpaired_claims import UNPAIRED_CLAIMS

FILTER_METRICS = ["psnr", "nrmse", "ssim", "ms_ssim_3", "ms_ssim_5", "false_structure", "missed_structure", "fwhm_nm"]
FILTER_METRICS += ["dice", "distance_error_px", "dice_equal_area", "distance_error_px_equal_area"]
UNPAIRED_METRICS = ["psnr", "ssim", "ms_ssim_3", "false_structure", "missed_structure", "false_objects"]
UNPAIRED_METRICS += ["change", "histogram_distance", "saturated", "structure_error", "failed"]


def compare_plainly(scores: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the orderings of the paper's table, of images as they are."""
    return orderings.compare(scores[(scores.reference == "benchmark") & scores.condition.isna()], table)


def labels(scores: pd.DataFrame, _: list[Path]) -> dict[str, pd.DataFrame]:
    """Return the record of chapter 01."""
    contrast = scorecard.judge(scores, untrained_claims.UNTRAINED_CLAIMS)
    judged = pd.concat([contrast, untrained_claims.compare_indices(scores)], ignore_index=True)
    return {"label_claims": judged}


def drift(scores: pd.DataFrame, _: list[Path]) -> dict[str, pd.DataFrame]:
    """Return the record of chapter 02."""
    return {"drift_claims": untrained_claims.compare_drift(scores)}


def losses(scores: pd.DataFrame, _: list[Path]) -> dict[str, pd.DataFrame]:
    """Return the records of chapter 04."""
    return {
        "losses": intervals.summarise(scores),
        "orderings": compare_plainly(scores, "Table 1"),
        "claims": scorecard.judge(scores),
    }


def filters(scores: pd.DataFrame, _: list[Path]) -> dict[str, pd.DataFrame]:
    """Return the records of chapter 05."""
    return {
        "filters": intervals.summarise(scores[scores.metric.isin(FILTER_METRICS)]),
        "filter_orderings": compare_plainly(scores, "Table S1"),
        "filter_claims": scorecard.judge(scores, FILTER_CLAIMS),
    }


def unpaired(scores: pd.DataFrame, folders: list[Path]) -> dict[str, pd.DataFrame]:
    """Return the records of chapter 07."""
    return {
        "unpaired": intervals.summarise(scores[scores.metric.isin(UNPAIRED_METRICS)]),
        "unpaired_claims": scorecard.judge(scores, UNPAIRED_CLAIMS),
        "unpaired_epochs": pd.concat([pd.read_csv(folder / "epochs.csv") for folder in folders], ignore_index=True),
    }


def separation(scores: pd.DataFrame, folders: list[Path]) -> dict[str, pd.DataFrame]:
    """Return the records of chapter 08."""
    judged = [scorecard.judge(scores, separation_claims.SEPARATION_CLAIMS), separation_claims.compare_losses(scores)]
    curves = [pd.read_csv(folder / "overlap.csv") for folder in folders]
    return {
        "separation": intervals.summarise(scores),
        "separation_claims": pd.concat(judged, ignore_index=True),
        "separation_overlap": overlap.summarise(pd.concat(curves, ignore_index=True)),
    }


def cross_validation(_: pd.DataFrame, folders: list[Path]) -> dict[str, pd.DataFrame]:
    """Return the records of chapter 09."""
    table = pd.concat([pd.read_csv(folder / "cross_validation.csv") for folder in folders], ignore_index=True)
    table = table.sort_values(["dataset", "n_pairs", "repetition"], kind="stable", ignore_index=True)
    return {"cross_validation": table, "cross_validation_claims": cross_validation_claims.judge(table)}


def luminescence(scores: pd.DataFrame, _: list[Path]) -> dict[str, pd.DataFrame]:
    """Return the records of chapter 10."""
    claims = scorecard.judge(scores, luminescence_claims.LUMINESCENCE_CLAIMS)
    effects = phenotype.compare_effects(scores, rng=np.random.default_rng(0))
    return {
        "luminescence": intervals.summarise(scores),
        "luminescence_effects": phenotype.effects(scores, rng=np.random.default_rng(0)),
        "luminescence_claims": pd.concat([claims, effects], ignore_index=True),
    }


def nanoscopy(scores: pd.DataFrame, _: list[Path]) -> dict[str, pd.DataFrame]:
    """Return the records of chapter 11."""
    # Every run has scored the same noisy images.
    scores = scores.drop_duplicates(["dataset", "method", "loss", "seed", "image", "condition", "reference", "metric"])
    scores = pd.concat([scores, nanoscopy_measures.disagreements(scores)], ignore_index=True)
    return {
        "nanoscopy": intervals.summarise(scores),
        "nanoscopy_claims": scorecard.judge(scores, nanoscopy_claims.NANOSCOPY_CLAIMS),
    }


# For each chapter that the book keeps something of: from the scores and folders of its runs, tables by their names.
KEPT = {
    "01_data": labels,
    "02_drift_correction": drift,
    "04_loss_functions": losses,
    "05_classical_filters": filters,
    "07_cyclegan": unpaired,
    "08_channel_separation": separation,
    "09_cross_validation": cross_validation,
    "10_luminescence": luminescence,
    "11_nanoscopy": nanoscopy,
}


def main(table: Path, output: Path, results: Path, command: str) -> None:
    """Write the scores of all runs as one table, and the records of each chapter; `command` makes them again."""
    chapter_of = {row.run: row.chapter for row in read_rows(table)}
    everything = {run: pd.read_csv(output / run / "scores.csv") for run in chapter_of}
    with whole_file(output / "scores.csv") as unfinished:
        pd.concat(everything, names=["run"]).reset_index("run").to_csv(unfinished, index=False)
    for chapter in KEPT.keys() & chapter_of.values():
        runs = [run for run in chapter_of if chapter_of[run] == chapter]
        scores = pd.concat([everything[run] for run in runs], ignore_index=True)
        seeds = sorted(scores.seed.dropna().astype(int).unique())
        for name, kept in KEPT[chapter](scores, [output / run for run in runs]).items():
            records.write(kept, results / f"{name}.csv", command=command, seeds=seeds)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), sys.argv[4])
