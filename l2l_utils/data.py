"""Data sets as folders of image files: pairs by file name, and the sets of `data_manifest.yaml`.

A data set, the project's own or a user's, is a folder with the sub-folders `source` and `target`, where there is a
second noise realisation of the source `source_repeat`, and on the virtual microscope `truth`.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pooch
import yaml

from l2l_utils import cells, drawing, progress, simulation, structures
from l2l_utils.tiff import (
    PathLike,
    PixelSize,
    pixel_size_um,
    problem,
    read_image,
    read_plane_header,
    read_provenance,
    write_image,
)

__all__ = [
    "Folders",
    "Pair",
    "checksums",
    "fetch",
    "images_by_name",
    "naming",
    "pair_images",
    "pixel_size_um",
    "read_image",
    "read_manifest",
    "read_provenance",
    "write_image",
]

TIFF_NAME: Final = re.compile(r"([^.].*?)(\.ome)?\.tiff?", re.IGNORECASE)
RECORD: Final = "dataset.json"


class Pair(NamedTuple):
    """The two images of one field of view: `source` is the input label, `target` the benchmark label."""

    name: str
    source: Path
    target: Path


class Folders(NamedTuple):
    """Where the images of a data set lie, and the resolution of their microscope in px; None for what there is not."""

    name: str
    source: Path
    target: Path
    source_repeat: Path | None
    truth: Path | None
    resolution_px: float | None


def images_by_name(folder: PathLike) -> dict[str, Path]:
    """Return the TIFF files of a folder, sorted, by image name: the file name without .tif, .tiff or .ome.tif.

    Hidden files, other files and sub-folders are passed over.

    Raises
    ------
    FileNotFoundError
        The folder is missing or has no TIFF.
    ValueError
        Two files have one image name.
    """
    folder = Path(folder)
    remedy = "Put one TIFF per field of view into it, each with one plane of one channel."
    if not folder.is_dir():
        raise FileNotFoundError(str(problem(folder, "a folder of TIFF images", "no such folder", remedy)))
    files = sorted(file.name for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    images: dict[str, Path] = {}
    for file in files:
        if match := TIFF_NAME.fullmatch(file):
            # Macs and others store letters like u-umlaut differently.
            name = unicodedata.normalize("NFC", match[1])
            if name in images:
                found = f"{images[name].name} and {file}"
                raise problem(folder, "one file per image", found, "Rename or remove one of them.")
            images[name] = folder / file
    if not images:
        found = f"{len(files)} other files ({_some(files)})" if files else "an empty folder"
        raise FileNotFoundError(str(problem(folder, "a folder of TIFF images", found, remedy)))
    return images


def pair_images(source_dir: PathLike, target_dir: PathLike) -> list[Pair]:
    """Return the images of two folders in pairs of equal file name, sorted by name; reads no pixels.

    The suffixes .tif, .tiff, .ome.tif and their capitals count as equal.

    Raises
    ------
    FileNotFoundError
        A folder is missing or has no TIFF.
    ValueError
        The same folder twice, a name without partner, a file that is no single greyscale plane, a pair of two shapes.
    """
    source_dir, target_dir = Path(source_dir), Path(target_dir)
    sources, targets = images_by_name(source_dir), images_by_name(target_dir)
    if source_dir.samefile(target_dir):
        remedy = "Put the input label into one folder and the benchmark label into the other."
        raise problem(source_dir, "two folders", "the same folder as source and target", remedy)
    if sources.keys() != targets.keys():
        missing = {target_dir: sources.keys() - targets.keys(), source_dir: targets.keys() - sources.keys()}
        found = "; ".join(f"nothing in {folder} for {_some(names)}" for folder, names in missing.items() if names)
        remedy = "Give both images of a field of view the same name, or remove the single ones."
        raise problem(f"{source_dir} and {target_dir}", "the same file names in both", found, remedy)
    pairs = [Pair(name, source, targets[name]) for name, source in sources.items()]
    for pair in pairs:
        shapes = read_plane_header(pair.source).shape, read_plane_header(pair.target).shape
        if shapes[0] != shapes[1]:
            remedy = "Pair two images of the same field of view, or crop both to it."
            raise problem(f"{pair.source} and {pair.target}", "the same shape", f"{shapes[0]} and {shapes[1]}", remedy)
    return pairs


@contextmanager
def naming(path: PathLike) -> Iterator[None]:
    """Put the file's name before the message of a ValueError that does not have it."""
    try:
        yield
    except ValueError as error:
        raise error if str(path) in str(error) else ValueError(f"{path}: {error}") from error


def checksums(pairs: Iterable[Pair]) -> dict[str, dict[str, str]]:
    """Return the sha256 of both files of each pair, by the pair's name: what a training was made from."""
    return {
        pair.name: {"source": pooch.file_hash(pair.source), "target": pooch.file_hash(pair.target)} for pair in pairs
    }


def read_manifest() -> dict[str, dict[str, Any]]:
    """Return what `data_manifest.yaml` says of each data set, by name."""
    packed = Path(__file__).with_name("data_manifest.yaml")
    path = packed if packed.is_file() else Path(__file__).parents[1] / packed.name
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def fetch(name: str) -> Path:
    """Return the folder of a data set of the manifest; it is made on first use.

    Data sets are kept in the folder that the environment variable L2L_DATA names, else in the user's cache. One that is
    incomplete, changed, or of another version is made anew, unless there are other people's files among its own.

    Raises
    ------
    ValueError
        The manifest has no such data set.
    FileExistsError
        A folder of that name holds other files.
    """
    manifest = read_manifest()
    if name not in manifest:
        raise problem(
            "data_manifest.yaml", f"one of {', '.join(manifest)}", repr(name), "Choose one of these data sets."
        )
    # The generator is part of the recipe: a cell drawn by other code is another cell.
    modules = (cells, drawing, simulation, structures)
    generator = {module.__name__: pooch.file_hash(module.__file__) for module in modules}
    recipe = {"name": name, **manifest[name], "generator_sha256": generator}
    folder = Path(os.environ.get("L2L_DATA") or pooch.os_cache("label2label")) / name
    if not _is_complete(folder, recipe):
        _check_ours(folder)
        _make_virtual(folder, recipe)
    return folder


def _make_virtual(folder: Path, recipe: dict[str, Any]) -> None:
    pixel_um = recipe["pixel_size_nm"] / 1000
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as scratch:
        made = Path(scratch, "made")
        for cell in progress.bar(range(recipe["n_cells"]), desc=f"Making {recipe['name']}", unit="cell", mininterval=1):
            rng = np.random.default_rng([recipe["seed"], cell])
            images = simulation.simulate_cell(recipe["structure"], tuple(recipe["shape"]), rng=rng)
            for role, image in images.items():
                write_image(
                    made / role / f"cell_{cell:03d}.tif",
                    image,
                    like=PixelSize(pixel_um, pixel_um, "um"),
                    dtype=image.dtype.name,
                    provenance={"dataset": recipe["name"], "version": recipe["version"], "cell": cell, "image": role},
                )
        files = {file.relative_to(made).as_posix(): pooch.file_hash(file) for file in sorted(made.rglob("*.tif"))}
        (made / RECORD).write_text(json.dumps({**recipe, "sha256": files}, indent=1), encoding="utf-8")
        try:
            made.rename(folder)
        except OSError:
            # An outdated set is in the way, or that of another process which was faster.
            if not _is_complete(folder, recipe):
                folder.rename(Path(scratch, "outdated"))
                made.rename(folder)


def _is_complete(folder: Path, recipe: dict[str, Any]) -> bool:
    record = _read_record(folder)
    files = record.pop("sha256", {})
    return record == recipe and all(
        (folder / file).is_file() and pooch.file_hash(folder / file) == sha256 for file, sha256 in files.items()
    )


def _check_ours(folder: Path) -> None:
    ours = {RECORD, *_read_record(folder).get("sha256", {})}
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("[!.]*") if file.is_file()}
    if files - ours:
        remedy = f"Move them elsewhere, or delete {folder}; then run this again."
        found = f"other files: {_some(files - ours)}"
        raise FileExistsError(str(problem(folder, "a data set that this book made", found, remedy)))


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _some(names: Iterable[str], limit: int = 5) -> str:
    names = sorted(names)
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
