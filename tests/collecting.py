"""Collect the scores in a folder as `make sweep` does."""

from pathlib import Path

import collect


def collect_as(chapter: str, folder: Path) -> Path:
    """Collect the scores of the runs in a folder as those of a chapter, and return the folder of the records."""
    runs = sorted(path.parent.name for path in folder.glob("*/scores.csv"))
    table = folder / "table.csv"
    table.write_text("\n".join(["run,chapter,profile", *(f"{run},{chapter},book" for run in runs)]))
    collect.main(table, folder, folder / "results", "make sweep")
    return folder / "results"
