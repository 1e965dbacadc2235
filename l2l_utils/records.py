"""Results of sweeps that a reader's machine need not repeat: small tables that say where they come from."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import pandas as pd

from l2l_utils import __version__, files

PACKAGES: Final = ("tensorflow", "keras", "csbdeep", "numpy", "scikit-image", "scipy")


def read(name: str) -> pd.DataFrame:
    """Return a recorded table by its name, such as ``losses``; where it comes from is in its ``attrs``.

    Raises
    ------
    FileNotFoundError
        If there is no such record.
    """
    packed = Path(__file__).with_name(f"{name}.csv")
    path = packed if packed.is_file() else Path(__file__).parents[1] / "results" / packed.name
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the record of a sweep, found no such file. Run `make sweep` for it.")
    lines = path.read_text(encoding="utf-8").splitlines()
    provenance = dict(line.removeprefix("# ").split(": ", 1) for line in lines if line.startswith("# "))
    table = pd.read_csv(path, comment="#", keep_default_na=False, na_values={"sd": [""]})
    table.attrs.update(provenance)
    return table


def write(table: pd.DataFrame, path: Path, *, command: str, seeds: Sequence[int]) -> None:
    """Write a table with a head that says how, when and with what it was made; whole or not at all.

    Parameters
    ----------
    table : pandas.DataFrame
        The result.
    path : Path
        CSV file to make or replace.
    command : str
        What makes it again.
    seeds : sequence of int
        Seeds of the trainings.
    """
    head = {"command": command, "commit": _commit(), "date": datetime.now(UTC).strftime("%Y-%m-%d")}
    head |= {"seeds": " ".join(map(str, seeds)), "versions": _versions()}
    with files.whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {name}: {value}\n" for name, value in head.items())
        table.to_csv(file, index=False, float_format="%.5g")


def _commit() -> str:
    """Return the commit of the code that runs, with a plus sign where files differ from it."""
    try:
        command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _versions() -> str:
    found = [f"l2l_utils {__version__}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
