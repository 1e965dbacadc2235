"""Data sets as folders of image files, and their images in pairs by file name.

A data set, the project's own or a user's, is a folder with the sub-folders `source` and `target`, where there is a
second noise realisation of the source `source_repeat`, and on the virtual microscope `truth`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, NamedTuple

import pooch

from l2l_utils.datasets import fetch
from l2l_utils.files import some
from l2l_utils.manifest import read_entry, read_manifest
from l2l_utils.tiff import (
    PathLike,
    pixel_size_um,
    problem,
    read_image,
    read_image_header,
    read_provenance,
    write_image,
    z_spacing_um,
)

__all__ = [
    "Folders",
    "ImageFiles",
    "Pair",
    "channel_files",
    "checksum",
    "checksums",
    "fetch",
    "images_by_name",
    "naming",
    "pair_channels",
    "pair_images",
    "pixel_size_um",
    "read_entry",
    "read_image",
    "read_image_header",
    "read_manifest",
    "read_provenance",
    "write_image",
    "z_spacing_um",
]

ImageFiles = Path | tuple[Path, ...]

TIFF_NAME: Final = re.compile(r"([^.].*?)(\.ome)?\.tiff?", re.IGNORECASE)


class Pair(NamedTuple):
    """The two images of one field of view: `source` is the input label, `target` the benchmark label.

    An image of several channels has a file for each, in a tuple.
    """

    name: str
    source: ImageFiles
    target: ImageFiles


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
        found = f"{len(files)} other files ({some(files)})" if files else "an empty folder"
        raise FileNotFoundError(str(problem(folder, "a folder of TIFF images", found, remedy)))
    return images


def pair_images(source_dir: PathLike, target_dir: PathLike, *, axes: Literal["YX", "ZYX"] = "YX") -> list[Pair]:
    """Return the images of two folders in pairs of equal file name, sorted by name; reads no pixels.

    The suffixes .tif, .tiff, .ome.tif and their capitals count as equal. The files are planes or, with the axes ZYX,
    stacks.

    Raises
    ------
    FileNotFoundError
        A folder is missing or has no TIFF.
    ValueError
        The same folder twice, a name without partner, a file that is no single greyscale plane or no
        stack of such, a pair of two shapes.
    """
    source_dir, target_dir = Path(source_dir), Path(target_dir)
    sources, targets = images_by_name(source_dir), images_by_name(target_dir)
    if source_dir.samefile(target_dir):
        remedy = "Put the input label into one folder and the benchmark label into the other."
        raise problem(source_dir, "two folders", "the same folder as source and target", remedy)
    if sources.keys() != targets.keys():
        missing = {target_dir: sources.keys() - targets.keys(), source_dir: targets.keys() - sources.keys()}
        found = "; ".join(f"nothing in {folder} for {some(names)}" for folder, names in missing.items() if names)
        remedy = "Give both images of a field of view the same name, or remove the single ones."
        raise problem(f"{source_dir} and {target_dir}", "the same file names in both", found, remedy)
    pairs = [Pair(name, source, targets[name]) for name, source in sources.items()]
    for pair in pairs:
        shapes = tuple(read_image_header(path, axes=axes).shape for path in pair[1:])
        if shapes[0] != shapes[1]:
            remedy = "Pair two images of the same field of view, or crop both to it."
            raise problem(f"{pair.source} and {pair.target}", "the same shape", f"{shapes[0]} and {shapes[1]}", remedy)
    return pairs


def pair_channels(source_dir: PathLike, target_dirs: Sequence[PathLike]) -> list[Pair]:
    """Return the images of a folder in pairs with one image for each of the target's channels, a folder per channel.

    Raises as `pair_images`.
    """
    by_channel = [pair_images(source_dir, target_dir) for target_dir in target_dirs]
    return [
        Pair(first.name, first.source, tuple(pair.target for pair in (first, *others)))
        for first, *others in zip(*by_channel, strict=True)
    ]


def channel_files(image: ImageFiles) -> tuple[Path, ...]:
    """Return the files of an image's channels; one file is an image of one channel."""
    return image if isinstance(image, tuple) else (image,)


@contextmanager
def naming(path: PathLike) -> Iterator[None]:
    """Put the file's name before the message of a ValueError that does not have it."""
    try:
        yield
    except ValueError as error:
        raise error if str(path) in str(error) else ValueError(f"{path}: {error}") from error


def checksums(pairs: Iterable[Pair]) -> dict[str, dict[str, str]]:
    """Return the sha256 of both images of each pair, by the pair's name: what a training was made from."""
    return {pair.name: {"source": checksum(pair.source), "target": checksum(pair.target)} for pair in pairs}


def checksum(image: ImageFiles) -> str:
    """Return the sha256 of an image's file, or those of its channels' files, with a space between."""
    return " ".join(pooch.file_hash(path) for path in channel_files(image))
