"""`fetch`: a data set of the manifest by its name, made, downloaded, or laid out from what a user downloaded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pooch

from l2l_utils import deposits, manifest, remote_sets, set_folders, virtual_sets
from l2l_utils.tiff import PathLike, problem

Downloaded = PathLike | Mapping[str, PathLike]


def fetch(name: str, *, downloaded: Downloaded | None = None) -> Path:
    """Return the folder of a data set of the manifest; on first use it is made, downloaded, or laid out.

    Data sets are kept in the folder that the environment variable L2L_DATA names, else in the user's cache. L2L_DATA
    may name several folders, as PATH does, and folders that are read-only: sets, and files that would be downloaded,
    are looked for in all of them. A set that is incomplete, changed, or of another version is replaced, unless there
    are other people's files among its own.

    Parameters
    ----------
    name : str
        Name in `data_manifest.yaml`.
    downloaded : path or mapping of str to path, optional
        What you downloaded yourself, wherever it is: an archive, a folder or a file; or, where file names do not tell
        which label an image shows, a folder for each role: ``{"source": ..., "target": ...}``.

    Returns
    -------
    Path
        A folder with a sub-folder of TIFFs for each role, their checksums verified.

    Raises
    ------
    ValueError
        The manifest has no such data set, or what was downloaded is another one.
    FileNotFoundError
        The set has to be downloaded by hand; the message says how.
    FileExistsError
        A folder of that name holds other files.
    OSError
        The server does not give the file, or the disk is full.
    """
    entry = manifest.read_entry(name)
    if downloaded is not None and entry["kind"] == "virtual":
        raise problem(name, "no downloaded files for a virtual set", downloaded, "Leave `downloaded` out.")
    recipe = {"name": name, "version": entry["version"], "roles": sorted(entry["roles"]), **_ingredients(entry)}
    roots = _roots()
    for root in roots if downloaded is None else []:
        if set_folders.is_complete(root / name, recipe):
            return root / name
    folder = _home(roots) / name
    with set_folders.workshop(folder) as workshop:
        # Another process may have made it while this one waited.
        if downloaded is None and set_folders.is_complete(folder, recipe):
            return folder
        set_folders.check_ours(folder)
        made = workshop / "made"
        details: dict[str, Any] = {}
        if entry["kind"] == "virtual":
            details["pixels_sha256"] = virtual_sets.make(name, entry, made)
        elif entry["kind"] == "download":
            remote_sets.lay_out(name, entry, made, downloaded=downloaded, roots=roots)
        else:
            details["downloaded_sha256"] = deposits.lay_out(name, entry, made, downloaded=downloaded, folder=folder)
        set_folders.install(made, folder, {"recipe": recipe, "about": entry, **details})
    return folder


def _ingredients(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what else than name, version and roles the images of a set depend on."""
    if entry["kind"] == "virtual":
        drawn = {key: entry[key] for key in ("structure", "conditions", "seed", "n_cells", "shape") if key in entry}
        return {**drawn, "generator_sha256": virtual_sets.generator_checksums(entry["axes"])}
    return {key: entry[key] for key in ("sha256", "channels") if entry["kind"] == "download"}


def _roots() -> list[Path]:
    named = os.environ.get("L2L_DATA", "").split(os.pathsep)
    return [Path(root).expanduser() for root in named if root] + [pooch.os_cache("label2label")]


def _home(roots: list[Path]) -> Path:
    """Return the first folder that may be written to; what is marked read-only is left alone, also by the superuser."""

    def may_write(root: Path) -> bool:
        return not root.exists() or (os.access(root, os.W_OK) and bool(root.stat().st_mode & 0o222))

    return next(filter(may_write, roots), roots[-1])
