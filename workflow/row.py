"""Execute one run of a table: `python workflow/row.py TABLE RUN OUTPUT`.

The folder OUTPUT/RUN then holds the executed notebook, scores.csv, log.txt and all else that the chapter writes. A run
that is finished is not repeated. A process that works in the folder holds a lock, which ends with the process however
that ends: a second process waits, and finds the run finished.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from os import dup2, getpid
from pathlib import Path

from filelock import FileLock, Timeout
from table import Row, TableError, add_arguments, read_rows, resolve

from l2l_utils import execute


def is_finished(executed: Path, values: Mapping[str, object]) -> bool:
    """Tell whether a chapter has run to its end with these values, and none has been started in its folder since."""
    unfinished = [executed.with_suffix(".running.ipynb"), executed.with_suffix(".failed.ipynb")]
    if not executed.with_name("scores.csv").is_file() or not executed.is_file() or any(map(Path.exists, unfinished)):
        return False
    used = json.loads(executed.read_text("utf-8"))["metadata"]["papermill"]["parameters"]
    return {**used, "output_dir": None} == {**values, "output_dir": None}


def find(table: Path, run: str) -> Row:
    """Return the row of a run; TableError if there is none."""
    rows = {row.run: row for row in read_rows(table)}
    if run not in rows:
        raise TableError(f"{table}: expected a run '{run}', found: {', '.join(rows)}.")
    return rows[run]


def write_to(log: Path) -> None:
    """Append all that this process prints from now on to a file, line by line."""
    with log.open("a", encoding="utf-8") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)
            dup2(file.fileno(), stream.fileno())
    sys.stdout.write(f"=== {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}, process {getpid()}\n")


def lock(folder: Path) -> FileLock:
    """Return the lock of a run's folder, acquired; say so if another process must be waited for."""
    held = FileLock(folder / ".lock")
    try:
        held.acquire(timeout=0)
    except Timeout:
        sys.stderr.write(f"{folder}: another process works on this run. Waiting for it.\n")
        held.acquire()
    return held


def main() -> None:
    """Read the command line and execute the run."""
    parser = argparse.ArgumentParser(description="Execute one run of a table.")
    parser.add_argument("table", type=Path)
    parser.add_argument("run")
    parser.add_argument("output", type=Path, help="folder of the sweep; the run's own is in it")
    add_arguments(parser)
    given = parser.parse_args()
    notebooks, folder = given.notebooks.resolve(), given.output.absolute() / given.run
    try:
        row = find(given.table, given.run)
        profile = given.profile or row.profile
        values = resolve(row, given.output, profile=profile, notebooks=notebooks)
        folder.mkdir(parents=True, exist_ok=True)
        with lock(folder):
            if is_finished(folder / f"{row.chapter}.ipynb", values):
                return
            write_to(folder / "log.txt")
            execute.run_chapter(row.chapter, profile=profile, parameters=values, notebooks=notebooks)
    except (TableError, execute.ChapterError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped. The files written so far are kept.")


if __name__ == "__main__":
    main()
