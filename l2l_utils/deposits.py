"""A data set of files that only a person can download, verified against what they were at first sight."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pooch

from l2l_utils import archives, importing, progress, set_folders
from l2l_utils.files import some
from l2l_utils.microscope_files import image_files
from l2l_utils.recognition import Fields, find_fields
from l2l_utils.tiff import PathLike, problem


def lay_out(
    name: str,
    entry: Mapping[str, Any],
    made: Path,
    *,
    downloaded: PathLike | Mapping[str, PathLike] | None,
    folder: Path,
) -> dict[str, str]:
    """Make a data set of what a user downloaded.

    Parameters
    ----------
    name : str
        Name of the set in the manifest.
    entry : mapping
        What the manifest says of it.
    made : Path
        Folder to be made, with a folder of TIFFs for each role.
    downloaded : path or mapping of str to path
        An archive, a folder, or a folder for each role.
    folder : Path
        Where the set is kept. Its record, if there is one, has the checksums of the files as they were at first sight.

    Returns
    -------
    dict of str to str
        sha256 of the files that the set was made from, by name.

    Raises
    ------
    FileNotFoundError
        Nothing was downloaded, or it is not there; the message says how to get it.
    ValueError
        The files are not recognised, or differ from those seen at first.
    """
    if downloaded is None:
        raise _missing(name, entry, folder)
    if isinstance(downloaded, Mapping):
        if downloaded.keys() != entry["channels"].keys():
            found, expected = ", ".join(downloaded), ", ".join(entry["channels"])
            raise problem("downloaded", f"a folder for each of {expected}", found, "Name each role once.")
        origin: Any = {role: Path(images) for role, images in downloaded.items()}
        channels = dict.fromkeys(origin, 0)
        paths = {f"{role}/{path.name}": path for role, images in origin.items() for path in image_files(images)}
    else:
        root = _unpacked(Path(downloaded), made.with_name("unpacked"))
        fields = find_fields(root, entry)
        origin, channels = _staged(fields, entry["channels"], made.with_name("staged"))
        paths = {path.relative_to(root).as_posix(): path for field in fields.values() for path in field.values()}
    files = progress.bar(sorted(paths), desc="Checking the download", unit="file", mininterval=1, delay=3)
    sums = {file: pooch.file_hash(paths[file]) for file in files}
    _check_known(folder, sums)
    importing.write_data_set(origin, made, channels=channels, plane="each")
    return sums


def _unpacked(downloaded: Path, folder: Path) -> Path:
    """Return the folder that holds what was downloaded."""
    if downloaded.is_dir():
        return archives.innermost(downloaded)
    if archives.is_archive(downloaded):
        return archives.unpack(downloaded, folder)
    if downloaded.exists():
        raise problem(downloaded, "a zip or tar archive, or a folder", "another file", "Unpack it and give the folder.")
    raise FileNotFoundError(str(problem(downloaded, "the downloaded files", "nothing", "Check the path.")))


def _staged(fields: Fields, channels: Mapping[str, int], staged: Path) -> tuple[Any, dict[str, int]]:
    """Give the images of each field one name, in a folder for each role or, with all channels, in one for all."""
    together = all(len(set(field.values())) == 1 for field in fields.values())
    for name, field in fields.items():
        for role, path in field.items():
            target = staged / ("all" if together else role) / f"{name}{path.suffix.lower()}"
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                _link(path, target)
    if together:
        return staged / "all", dict(channels)
    return {role: staged / role for role in channels}, dict.fromkeys(channels, 0)


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


def _check_known(folder: Path, sums: Mapping[str, str]) -> None:
    known = set_folders.read_record(folder).get("downloaded_sha256", {})
    if known and set(known.values()) != set(sums.values()):
        changed = {file for file, sha256 in sums.items() if sha256 not in known.values()}
        gone = {file for file, sha256 in known.items() if sha256 not in sums.values()} - changed
        found = "; ".join(
            f"{what}: {some(names)}" for what, names in {"changed": changed, "missing": gone}.items() if names
        )
        remedy = f"Give the same files, or delete {folder} to begin with these."
        raise problem("downloaded", "the files that were seen at first", found, remedy)


def _missing(name: str, entry: Mapping[str, Any], folder: Path) -> FileNotFoundError:
    damaged = set_folders.damaged(folder)
    found = f"changed or missing files: {some(damaged)}" if damaged else "no such data set"
    remedy = (
        f"Open https://doi.org/{entry['doi']} in a browser, download what belongs to {entry['title']}, and run "
        f"data.fetch({name!r}, downloaded=...) with the path of the archive or folder, wherever it is."
    )
    return FileNotFoundError(str(problem(folder, "data that only a person can download", found, remedy)))
