"""A sweep survives kills, does no run twice, leaves no process behind, and says what failed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from tiny_sweep import ROOT, TinySweep, is_running, snakemake, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def sweep(tmp_path):
    sweep = TinySweep(tmp_path)
    yield sweep
    (sweep.output / "go").touch()


def finish(command: list[str]) -> subprocess.CompletedProcess:
    """Run a command to its end and return what it says."""
    return subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextmanager
def started(command: list[str], said: Path) -> Iterator[subprocess.Popen]:
    """Start a command in a process group of its own, and leave none of the group behind."""
    with said.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, start_new_session=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def test_a_sweep_that_is_killed_twice_completes_and_repeats_nothing(sweep, tmp_path):
    """Killed with all its runs, then alone, so that runs go on without it: a run is repeated only if it was killed."""
    sweep.write(*range(16))
    command = sweep.snakemake("--cores", "2")
    with started(command, tmp_path / "first") as process:
        wait_until(lambda: len(sweep.finished()) >= 3)
        killed = sweep.hold(2)
        os.killpg(process.pid, signal.SIGKILL)
        wait_until(lambda: not sweep.running())
    with started(command, tmp_path / "second") as process:
        wait_until(lambda: len(sweep.finished()) >= 6)
        orphans = sweep.hold(2)
        process.kill()
    assert sweep.running() == orphans
    with started(command, tmp_path / "third") as process:
        wait_until(lambda: "Waiting for it" in (tmp_path / "third").read_text())
        (sweep.output / "go").touch()
        assert process.wait(timeout=300) == 0
    n_executions = {run: len(numbers) for run, numbers in sweep.executions().items()}
    assert n_executions == {f"run-{n}": 1 + (f"run-{n}" in killed) for n in range(1, 17)}
    assert sweep.scores() == {f"run-{n + 1}": n for n in range(16)}
    assert "Nothing to be done" in finish(command).stdout


def test_a_failed_run_is_named_and_stops_no_other(sweep):
    """Eight at once, one of which fails: seven are done. Another table repeats only the runs that it changes."""
    sweep.write(*range(7), -1)
    failed = finish(sweep.snakemake("--cores", "8"))
    assert failed.returncode != 0
    assert "1 of 8 runs are not finished:\nrun-8 (" in failed.stdout
    assert "AssertionError: the value is negative" in failed.stdout.split("are not finished")[1]
    assert len(sweep.finished()) == 7
    assert not (sweep.output / "scores.csv").exists()
    sweep.write(*range(6), 7, 9)
    assert finish(sweep.snakemake("--cores", "8")).returncode == 0
    assert {run for run, numbers in sweep.executions().items() if len(numbers) == 2} == {"run-7", "run-8"}
    assert list(sweep.scores().values()) == [*range(6), 7, 9]
    shutil.rmtree(sweep.output / "run-1")
    assert finish(sweep.snakemake("--cores", "8")).returncode == 0
    assert "run-1" in sweep.finished()


def test_an_interrupted_sweep_leaves_no_process(sweep, tmp_path):
    """Ctrl-C in a terminal reaches every process of the sweep, and ends it with its runs."""
    sweep.write(1, 2)
    with started(sweep.snakemake("--cores", "2"), tmp_path / "said") as process:
        running = sweep.hold(2)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=120) != 0
    wait_until(lambda: not any(map(is_running, running.values())))
    assert not sweep.finished()


def test_a_wrong_table_stops_before_anything_runs(sweep):
    """A value of the wrong type in the last row is the one error, without a traceback."""
    sweep.write(1, 2, "much")
    refused = finish(sweep.snakemake("--cores", "2"))
    assert refused.returncode != 0
    assert "run 'run-3': tiny: 'value' is of type int (by default 0), so it cannot be 'much'." in refused.stdout
    assert "Traceback" not in refused.stdout
    assert not sweep.executions()


def test_a_small_sweep_of_chapters_is_recorded(tmp_path):
    """Two chapters of one structure: one table of scores, and records with their provenance beside it."""
    rows = "".join(f"{c},{c},smoke,virtual/tubulin-small\n" for c in ("04_loss_functions", "05_classical_filters"))
    (tmp_path / "small.csv").write_text(f"run,chapter,profile,dataset\n{rows}")
    command = [*snakemake(), "--cores", "2", "--config", f"table={tmp_path / 'small.csv'}", f"output={tmp_path}/sweep"]
    done = finish(command)
    assert done.returncode == 0, done.stdout[-4000:]
    scores = pd.read_csv(tmp_path / "sweep" / "scores.csv")
    assert set(scores.run) == {"04_loss_functions", "05_classical_filters"}
    assert set(scores.loss.dropna()) == {"L1", "3S-SSIM"}
    assert {"input", "N2N", "L2L", "reversed", "both", "restored benchmark", "wiener"} <= set(scores.method)
    assert set(scores.claim.dropna()) == {"L09", "L36"}
    results = tmp_path / "sweep" / "results"
    names = {"losses", "orderings", "claims", "filters", "filter_orderings", "filter_claims"}
    assert {path.stem for path in results.iterdir()} == names
    assert (results / "losses.csv").read_text("utf-8").startswith("# command: make sweep TABLE=")
    assert "Nothing to be done" in finish(command).stdout


@pytest.mark.parametrize(("table", "n_runs"), [("losses", 8), ("unpaired", 4), ("nanoscopy", 7)])
def test_the_papers_size_can_be_planned(table, n_runs):
    """A dry run of the book's tables at the paper's size plans each run, and keeps off what the book has recorded."""
    options = ["--cores", "2", "--dry-run", "--printshellcmds", "--config", f"table={table}", "profile=paper"]
    planned = finish([*snakemake(), *options]).stdout
    assert planned.count("--profile=paper") == n_runs
    assert f" build/sweep/{table}-paper build/sweep/{table}-paper/results " in planned
