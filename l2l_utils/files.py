"""Files that appear whole or not at all, and how a few of many are named."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

UNFINISHED: Final = ".making-"


def make_folder(folder: Path) -> None:
    """Make a folder with its parents if need be; OSError with a remedy where no file can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        remedy = "Choose another folder, or ask for the right to write there."
        raise type(error)(f"{folder}: expected a folder to write into, found: {error.strerror}. {remedy}") from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield where to write a file that shall be at `path`: it moves there at the end, or is gone after an error.

    Parameters
    ----------
    path : Path
        The file to make or to replace; its folder is made if need be.

    Yields
    ------
    Path
        A file of the same name in a hidden folder beside it, which a killed process leaves behind.
    """
    make_folder(path.parent)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=path.parent) as folder:
        unfinished = Path(folder) / path.name
        yield unfinished
        unfinished.replace(path)


def some(names: Iterable[str], limit: int = 5) -> str:
    """Return the first names, sorted, and how many more there are."""
    names = sorted(names)
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
