"""Read a table of runs: a row each, with its name, its chapter and profile, and what differs from the profile.

`python workflow/table.py TABLE` checks a whole table and says what is wrong with it.
"""

import argparse
import csv
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from l2l_utils import execute

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
FIRST_COLUMNS = ["run", "chapter", "profile"]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class TableError(Exception):
    """A table of runs cannot be used; the message says why and what helps."""


@dataclass(frozen=True)
class Row:
    """A row of a table, as it is written; a parameter whose cell is empty keeps the profile's value."""

    run: str
    chapter: str
    profile: str
    parameters: dict[str, str]


def read_rows(table: Path) -> list[Row]:
    """Return the rows of a table; what their cells mean is not looked at yet.

    Raises
    ------
    TableError
        If there is no such table, or if its columns, the length of a row or the name of a run are not as they must be.
    """
    if not table.is_file():
        raise TableError(f"{table}: expected a table of runs, found no such file.")
    with table.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        columns, lines = next(reader, []), [(reader.line_num, line) for line in reader if line]
    if columns[:3] != FIRST_COLUMNS or len(set(columns)) < len(columns):
        expected = f"expected the columns {', '.join(FIRST_COLUMNS)}, then a column for each parameter"
        raise TableError(f"{table}: {expected}, found: {', '.join(columns) or 'nothing'}.")
    if not lines:
        raise TableError(f"{table}: expected a line for each run below the names of the columns, found none.")
    names = [line[0] for _, line in lines]
    for number, line in lines:
        _check_line(line, names, len(columns), where=f"{table}, line {number}")
    return [Row(*line[:3], _filled(columns[3:], line[3:])) for _, line in lines]


def _check_line(line: list[str], names: list[str], n_cells: int, *, where: str) -> None:
    """Raise TableError if a line has another number of cells than the first, or a bad name of its run."""
    if len(line) != n_cells:
        remedy = "Put a value that has commas in quotation marks."
        raise TableError(f"{where}: expected {n_cells} cells, found {len(line)}. {remedy}")
    if not NAME.fullmatch(line[0]) or names.count(line[0]) > 1:
        expected = "expected a name of letters, digits, '-', '_' and '.' that no other run has"
        raise TableError(f"{where}: {expected}, found: '{line[0]}'.")


def _filled(columns: list[str], cells: list[str]) -> dict[str, str]:
    return {column: cell for column, cell in zip(columns, cells, strict=True) if cell}


def resolve(row: Row, output: Path, *, profile: str | None = None, notebooks: Path = NOTEBOOKS) -> dict[str, object]:
    """Return the values that a run passes to its chapter, all checked.

    Parameters
    ----------
    row : Row
        The run.
    output : Path
        Folder of the sweep; the run's own is in it.
    profile : str, optional
        Replaces the row's profile.
    notebooks : Path
        Folder of the notebooks and of ``profiles.yaml``.

    Raises
    ------
    TableError
        If the chapter, the profile or a parameter is unknown, or if a value is of the wrong type.
    """
    if "output_dir" in row.parameters:
        raise TableError(f"run '{row.run}': expected no column output_dir; the folder of a run follows from its name.")
    try:
        defaults = execute.read_parameters(row.chapter, notebooks=notebooks)
        values = {name: execute.parse_value(text, defaults.get(name)) for name, text in row.parameters.items()}
        values["output_dir"] = str(output / row.run)
        chosen = profile or row.profile
        return execute.resolve_parameters(row.chapter, profile=chosen, parameters=values, notebooks=notebooks)
    except execute.ChapterError as error:
        raise TableError(f"run '{row.run}': {error}") from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a table is read."""
    parser.add_argument("--profile", help="size of all runs, instead of the table's column profile")
    parser.add_argument("--notebooks", type=Path, default=NOTEBOOKS, help="folder of the notebooks")


def main() -> None:
    """Check every run of a table, so that nothing starts if one of them cannot."""
    parser = argparse.ArgumentParser(description="Check a table of runs.")
    parser.add_argument("table", type=Path)
    add_arguments(parser)
    given = parser.parse_args()
    try:
        for row in read_rows(given.table):
            resolve(row, Path(), profile=given.profile, notebooks=given.notebooks.resolve())
    except TableError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
