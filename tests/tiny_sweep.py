"""A sweep of a chapter that takes no time, and Snakemake as `make sweep` calls it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
PARAMETERS = 'output_dir = "build"  # @param {type:"string"}\nvalue = 0  # @param {type:"integer"}\n'
# Each execution leaves its process number. It waits for the file `go` if the file `hold` is there when it starts.
CHAPTER = """\
import os, time
from pathlib import Path
from ipykernel.kernelapp import IPKernelApp
folder = Path(output_dir)
with (folder / "executions").open("a") as file:
    file.write(f"{os.getpid()}\\n")
is_held = (folder.parent / "hold").exists()
while is_held and not (folder.parent / "go").exists():
    time.sleep(0.1)
assert IPKernelApp.instance().transport == "ipc"
assert value >= 0, "the value is negative"
(folder / "scores.csv").write_text(f"dataset,seed,value\\ntiny,0,{value}\\n")
"""


class TinySweep:
    """A folder with the tiny chapter, a table of runs, and what the sweep makes of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.table, self.output = folder, folder / "tiny.csv", folder / "sweep"
        (folder / "notebooks").mkdir()
        cells = [nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
        notebook = nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell(CHAPTER)])
        nbformat.write(notebook, folder / "notebooks" / "tiny.ipynb")
        (folder / "notebooks" / "profiles.yaml").write_text("tiny:\n  smoke: {}\n")
        self.output.mkdir()

    def write(self, *values: object) -> None:
        """Write a table with a run for each value."""
        rows = [f"run-{number},tiny,smoke,{value}\n" for number, value in enumerate(values, 1)]
        self.table.write_text("".join(["run,chapter,profile,value\n", *rows]))

    def snakemake(self, *options: str) -> list[str]:
        """Return the command that runs the sweep."""
        config = [f"table={self.table}", f"output={self.output}", f"notebooks={self.folder / 'notebooks'}"]
        return [*snakemake(), *options, "--config", *config]

    def executions(self) -> dict[str, list[int]]:
        """Return the process numbers of the executions of each run that was ever started."""
        files = self.output.glob("*/executions")
        return {file.parent.name: [int(line) for line in file.read_text().splitlines()] for file in files}

    def finished(self) -> set[str]:
        """Return the runs that have come to their end."""
        return {path.parent.name for path in self.output.glob("*/tiny.ipynb")}

    def running(self) -> dict[str, int]:
        """Return the process numbers of the runs that are being executed."""
        last = {run: numbers[-1] for run, numbers in self.executions().items() if run not in self.finished()}
        return {run: number for run, number in last.items() if is_running(number)}

    def hold(self, n_runs: int) -> dict[str, int]:
        """Let the next runs wait in the midst of their work, and return the process numbers once so many do."""
        (self.output / "hold").touch()
        wait_until(lambda: len(self.running()) == n_runs)
        (self.output / "hold").unlink()
        return self.running()

    def scores(self) -> dict[str, int]:
        """Return the value of each run in the table of all scores."""
        lines = (self.output / "scores.csv").read_text().splitlines()
        assert lines[0] == "run,dataset,seed,value"
        return {run: int(value) for run, _, _, value in (line.split(",") for line in lines[1:])}


def snakemake() -> list[str]:
    """Return the command of the Snakemake that `make sweep` installs."""
    subprocess.run(["make", ".venv-workflow/.ready"], cwd=ROOT, check=True)
    return [".venv-workflow/bin/snakemake"]


def wait_until(condition: Callable[[], bool], minutes: float = 2) -> None:
    """Wait for something that must happen, however busy the machine."""
    end = time.monotonic() + 60 * minutes
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {minutes} minutes"
        time.sleep(0.1)


def is_running(process: int) -> bool:
    """Tell whether there is a process with that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
