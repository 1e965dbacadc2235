"""The sweep runs chapter 03 and what builds on it, skips what is done, and its papers' sizes can be planned."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["profile=smoke", "dataset=virtual/{structure}-small", "structures=[tubulin]", "losses=[L1,3S-SSIM]"]

pytestmark = pytest.mark.slow


def sweep(*options: str, config: list[str]) -> str:
    """Run Snakemake in the environment that `make sweep` makes, and return what it says."""
    subprocess.run(["make", ".venv-workflow/.ready"], cwd=ROOT, check=True)
    snakemake = [".venv-workflow/bin/snakemake", "--snakefile", "workflow/Snakefile", "--cores", "2"]
    run = subprocess.run(
        [*snakemake, *options, "--config", *config], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return run.stdout + run.stderr


def test_a_small_sweep_ends_in_one_table_and_is_not_repeated(tmp_path):
    """Two losses of one structure: scores of both chapters, records with provenance, and nothing to do afterwards."""
    config = [*SMALL, "n_seeds=1", f"output={tmp_path / 'sweep'}", f"results={tmp_path / 'results'}"]
    sweep(config=config)
    scores = pd.read_csv(tmp_path / "sweep" / "scores.csv")
    assert set(scores.loss.dropna()) == {"L1", "3S-SSIM"}
    assert {"input", "N2N", "L2L", "reversed", "both", "restored benchmark", "wiener"} <= set(scores.method)
    assert set(scores.claim.dropna()) == {"L09", "L36"}
    names = {path.name for path in (tmp_path / "results").iterdir()}
    assert {"losses.csv", "orderings.csv", "claims.csv", "filters.csv"} <= names
    assert (tmp_path / "results" / "losses.csv").read_text("utf-8").startswith("# command: make sweep\n# commit: ")
    trained = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("weights_best.h5")}
    assert len(trained) == 6
    assert "Nothing to be done" in sweep(config=config)
    (tmp_path / "sweep" / "tubulin" / "scores.csv").unlink()
    sweep(config=config)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("weights_best.h5")} == trained


def test_the_papers_size_can_be_planned(tmp_path):
    """A dry run of the paper's settings asks for every structure and loss, with the paper's patches and steps."""
    planned = sweep("--dry-run", "--printshellcmds", config=["profile=paper", f"output={tmp_path}"])
    trainings = [line for line in planned.splitlines() if "03_label2label --profile paper" in line]
    assert len(trainings) == 16
    assert all("-p patch_px '128'" in line and "-p steps_per_epoch '100'" in line for line in trainings)


def test_the_chapter_without_pairs_can_be_planned(tmp_path):
    """Asked for by name at the paper's size: chapter 07 once per structure, and one record."""
    config = ["profile=paper", f"output={tmp_path}", f"results={tmp_path}"]
    planned = sweep("--dry-run", "--printshellcmds", "unpaired", config=config)
    runs = [line for line in planned.splitlines() if "07_cyclegan --profile paper" in line]
    assert len(runs) == 4
    assert all("-p n_seeds 3 -p n_exposure_seeds 3 -p n_failure_seeds 5 -p failure_epochs 3" in line for line in runs)
