"""A data set of one file or archive that a server gives, or that is here already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pooch

from l2l_utils import archives, importing
from l2l_utils.download import download
from l2l_utils.set_folders import PART
from l2l_utils.tiff import PathLike, problem


def lay_out(
    name: str, entry: Mapping[str, Any], made: Path, *, downloaded: PathLike | None, roots: Sequence[Path]
) -> None:
    """Make a data set of the file that the manifest names.

    Parameters
    ----------
    name : str
        Name of the set in the manifest.
    entry : mapping
        What the manifest says of it.
    made : Path
        Folder to be made, with a folder of TIFFs for each role; what is needed on the way lies beside it.
    downloaded : path, optional
        The file, or the folder in which it lies, where the user has it.
    roots : sequence of Path
        Folders in which to look for it before it is downloaded.

    Raises
    ------
    FileNotFoundError
        The file is not where the user says.
    ValueError
        A file of this name has another checksum.
    ConnectionError
        The server does not give the file.
    """
    origin = _find(name, entry, [downloaded] if downloaded else roots)
    if origin is None and downloaded:
        remedy = "Check the path, or leave `downloaded` out."
        raise FileNotFoundError(str(problem(downloaded, f"the file of {entry['url']}", "no such file", remedy)))
    if origin is None:
        path = made.with_name(f"download{PART}") / _file_name(entry)
        origin = download(entry["url"], path, sha256=entry["sha256"], max_bytes=int(entry["max_mb"] * 10**6))
    if archives.is_archive(origin):
        origin = archives.unpack(origin, made.with_name("unpacked"))
    importing.write_data_set(origin, made, channels=entry["channels"], plane="each")


def _file_name(entry: Mapping[str, Any]) -> str:
    return entry["url"].rpartition("/")[2]


def _find(name: str, entry: Mapping[str, Any], places: Sequence[PathLike]) -> Path | None:
    """Return the file that is one of the places or lies in one, verified; None if there is none."""
    for place in map(Path, places):
        for path in (place, place / _file_name(entry), place / name.partition("/")[0] / _file_name(entry)):
            if path.is_file():
                if (sha256 := pooch.file_hash(path)) != entry["sha256"]:
                    remedy = f"Replace it by the file from {entry['url']}, or remove it."
                    raise problem(path, f"a file with sha256 {entry['sha256']}", sha256, remedy)
                return path
    return None
