"""Measurements in processes of their own, one after the other, and their results as tables."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Measured = dict[str, Any]


def run_alone(script: str, python: str = sys.executable, **task: Any) -> Measured:
    """Carry out one task of a script in a process of its own, whose memory is nobody else's.

    Parameters
    ----------
    script : str
        File of a script whose `run` serves tasks.
    python : str
        Interpreter.
    **task
        What the script's task takes; values that JSON can hold.

    Returns
    -------
    dict
        What the task measured, and ``peak_gib``, the largest resident memory of its process.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [python, script, "--task", json.dumps(task), "--answer", str(answer)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        measured = json.loads(answer.read_text(encoding="utf-8"))
    print(f"{Path(script).stem} {json.dumps(task)} {json.dumps(measured)}", file=sys.stderr, flush=True)
    return measured


def run(report: Callable[[bool], None], measure: Callable[..., Measured]) -> None:
    """Serve the command line of a script: without options its report, with ``--task`` one measurement.

    Parameters
    ----------
    report : callable
        Prints the tables; its argument says whether to try the script out at its smallest size.
    measure : callable
        Carries out one task, given by keyword.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true", help="smallest sizes: shows that the script runs, nothing else")
    parser.add_argument("--task", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task is None:
        start = time.perf_counter()
        report(options.smoke)
        print(f"\nTook {(time.perf_counter() - start) / 60:.1f} minutes.")
    else:
        measured = measure(**options.task)
        options.answer.write_text(json.dumps(measured | {"peak_gib": peak_gib()}), encoding="utf-8")


def peak_gib() -> float:
    """Return the largest resident memory of this process so far, in GiB, as Linux counts it."""
    # Unlike getrusage's, this peak does not include that of the process which started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak_kib) / 2**20


def spread(values: Iterable[float], digits: int = 2) -> str:
    """Return the median, lowest and highest value as text."""
    values = list(values)
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ratios(numerators: Sequence[Measured], denominators: Sequence[Measured], name: str) -> str:
    """Return the spread of the ratios of one quantity over the rounds, as text."""
    return spread(a[name] / b[name] for a, b in zip(numerators, denominators, strict=True))


def values(rounds: Sequence[Measured], name: str, digits: int = 2) -> str:
    """Return the spread of one quantity over the rounds, as text."""
    return spread((one[name] for one in rounds), digits)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print(f"\n### {title}\n")
    for row in (columns, ["---"] * len(columns), *rows):
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)
