"""The folder of a data set: its record of what it holds, and a hidden workshop beside it where it is made whole."""

from __future__ import annotations

import errno
import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pooch
from filelock import FileLock, Timeout

from l2l_utils import files, progress
from l2l_utils.tiff import problem

RECORD: Final = "dataset.json"
PART: Final = ".part"
FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# With less than this left, NumPy fails to write without saying why.
HARDLY_ANY_BYTES: Final = 2**20


@contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder beside a data set's to make it in; other processes that want to make the set wait.

    What a killed or failed process leaves in it is cleared away, except folders whose name ends in .part: the next one
    may go on with these. After success all is gone.

    Raises
    ------
    OSError
        With a remedy, where the disk is full.
    """
    files.make_folder(folder.parent)
    place = folder.with_name(f"{files.UNFINISHED}{folder.name}")
    lock_file = folder.with_name(f"{place.name}.lock")
    with _acquired(FileLock(lock_file), folder):
        _clear(place)
        place.mkdir(exist_ok=True)
        try:
            yield place
            shutil.rmtree(place)
        except OSError as error:
            if error.errno in FULL or (type(error) is OSError and shutil.disk_usage(place).free < HARDLY_ANY_BYTES):
                raise _full(folder) from error
            raise
        finally:
            _clear(place)
            lock_file.unlink(missing_ok=True)


def install(made: Path, folder: Path, record: dict[str, Any]) -> None:
    """Move a finished data set to its place, with its record and checksums; an older one of the name goes."""
    names = sorted(file.relative_to(made).as_posix() for file in made.rglob("*") if file.is_file())
    sums = {name: pooch.file_hash(made / name) for name in _watched(names, folder) if name != RECORD}
    (made / RECORD).write_text(json.dumps({**record, "sha256": sums}, indent=1, ensure_ascii=False), encoding="utf-8")
    if folder.exists():
        folder.rename(made.with_name("outdated"))
    made.rename(folder)


def check_ours(folder: Path) -> None:
    """Raise FileExistsError where a folder holds files that are no part of its data set; hidden ones do not count."""
    ours = {RECORD, *read_record(folder).get("sha256", {})}
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("[!.]*") if file.is_file()}
    if there - ours:
        remedy = f"Move them elsewhere, or delete {folder}; then run this again."
        found = f"other files: {files.some(there - ours)}"
        raise FileExistsError(str(problem(folder, "a data set that this book made", found, remedy)))


def read_record(folder: Path) -> dict[str, Any]:
    """Return the record in a data set's folder; empty where there is none."""
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def damaged(folder: Path) -> list[str]:
    """Return which files of a data set are missing or not as its record says."""
    sums = read_record(folder).get("sha256", {})
    names = _watched(sums, folder)
    return [name for name in names if not (folder / name).is_file() or pooch.file_hash(folder / name) != sums[name]]


def is_complete(folder: Path, recipe: dict[str, Any]) -> bool:
    """Return whether a folder holds the data set of a recipe, all of it and unchanged."""
    return read_record(folder).get("recipe") == recipe and not damaged(folder)


def _watched(names: Iterable[str], folder: Path) -> Iterable[str]:
    return progress.bar(names, desc=f"Checking {folder.name}", unit="file", mininterval=1, delay=3)


def _acquired(lock: FileLock, folder: Path) -> Any:
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        sys.stderr.write(f"Waiting for another process that prepares {folder} ...\n")
        return lock.acquire()


def _full(folder: Path) -> OSError:
    remedy = "Make room on it, or name a folder on another disk by the environment variable L2L_DATA."
    error = OSError(str(problem(folder, "room on the disk", "a full disk", remedy)))
    error.errno = errno.ENOSPC
    return error


def _clear(place: Path) -> None:
    """Remove what is in a folder, except what ends in .part; and the folder itself when it is empty."""
    for path in list(place.iterdir()) if place.exists() else []:
        if path.is_dir() and path.suffix != PART:
            shutil.rmtree(path)
    with suppress(OSError):
        place.rmdir()
