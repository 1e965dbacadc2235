"""Open what a microscope or Fiji saved, TIFF of any kind, .lif, .nd2 or .czi, and list what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import zip_longest
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import tifffile
from numpy.typing import NDArray

from l2l_utils import tiff
from l2l_utils.file_image import FileImage, channel_names, damage_explained
from l2l_utils.files import some
from l2l_utils.vendor_files import open_czi, open_lif, open_nd2

# Planes that a file gives no axis: as few as this are channels, more are a stack.
MOST_CHANNELS: Final = 4
# One position of the stage, or one tile of a mosaic, is one field of view.
POSITION_AXES: Final = {"P": "position", "M": "tile"}


@contextmanager
def open_images(path: tiff.PathLike) -> Iterator[list[FileImage]]:
    """Open a file for as long as the context lasts and yield its images; reads no pixels.

    Parameters
    ----------
    path : .tif or .tiff (ImageJ, OME, plain), .lif, .nd2 or .czi. A plain TIFF does not say what its planes are: up to
        four count as channels, more as z-planes.

    Yields
    ------
    list of FileImage
        All images of the file. Each stage position and each mosaic tile that the file keeps apart is one.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ImportError
        The package that reads files of this kind is not installed; the message names it.
    ValueError
        The file is damaged, empty, or of another kind.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in READERS:
        remedy = "In Fiji: File > Open, then File > Save As > Tiff."
        raise tiff.problem(path, f"a file of the kind {', '.join(READERS)}", suffix or "no suffix", remedy)
    if not path.is_file():
        remedy = "Check the name, and that the drive is connected."
        raise FileNotFoundError(str(tiff.problem(path, "an image file", "no such file", remedy)))
    with ExitStack() as stack:
        with damage_explained(path):
            images = stack.enter_context(READERS[suffix](path))
        found = [field for image in images for field in _fields(image)]
        if not found:
            raise tiff.problem(path, "at least one image", "none", "Export it again.")
        yield found


def list_images(origin: tiff.PathLike) -> pd.DataFrame:
    """Return a table of the images in a file or a folder of files: what channels, planes and sizes there are.

    Raises the errors of `open_images` and `image_files`.
    """
    rows = []
    for path in image_files(origin):
        with open_images(path) as images:
            rows += [
                {
                    "file": path.name,
                    "image": image_name(image),
                    "axes": image.axes,
                    "shape": " x ".join(map(str, image.shape)),
                    "dtype": image.dtype.name,
                    "channels": ", ".join(f"{index}: {name}" for index, name in enumerate(image.channels)),
                    "pixel_size_um": image.pixel_size_um and tuple(round(side, 4) for side in image.pixel_size_um),
                }
                for image in images
            ]
    return pd.DataFrame(rows)


def image_files(origin: tiff.PathLike) -> list[Path]:
    """Return the image files of a folder, sorted by name, or the file itself; FileNotFoundError where there is none."""
    origin = Path(origin)
    if not origin.exists():
        remedy = "Check the name, and that the drive is connected."
        raise FileNotFoundError(str(tiff.problem(origin, "a file or a folder", "none", remedy)))
    if not origin.is_dir():
        return [origin]
    files = sorted(file for file in origin.iterdir() if file.is_file() and not file.name.startswith("."))
    images = [file for file in files if file.suffix.lower() in READERS]
    if not images:
        found = f"other files: {some(file.name for file in files)}" if files else "an empty folder"
        expected = f"a folder of {', '.join(READERS)} files"
        raise FileNotFoundError(str(tiff.problem(origin, expected, found, "Give the folder that holds the images.")))
    return images


def image_name(image: FileImage) -> str:
    """Return a name for an image that can be a file's: the name of its file, and its own where the file has several."""
    stem = re.sub(r"(\.ome)?\.[^.]+$", "", image.path.name, flags=re.IGNORECASE)
    own = re.sub(r"[^\w.+-]+", "_", image.name).strip("_")
    return f"{stem}_{own}" if own else stem


def _fields(image: FileImage) -> list[FileImage]:
    """Return an image of its own for each stage position and mosaic tile; drop axes of length 1."""
    sizes = {axis: length for axis, length in image.sizes.items() if length > 1 or axis in "YX"}
    for axis, what in POSITION_AXES.items():
        if axis in sizes:
            n_places = sizes.pop(axis)
            return [
                field
                for place in range(n_places)
                for field in _fields(
                    replace(
                        image,
                        name=f"{image.name} {what} {place:03d}".strip(),
                        sizes=sizes,
                        read=lambda index, place={axis: place}: image.read({**index, **place}),
                    )
                )
            ]
    return [replace(image, sizes=sizes)]


@contextmanager
def _open_tiff(path: Path) -> Iterator[list[FileImage]]:
    pixel_size_um = tiff.pixel_size_um(path)
    with tifffile.TiffFile(path) as tif:
        described = _ome_images(tif.ome_metadata) if tif.ome_metadata else []
        yield [
            _tiff_image(path, tif, series, about, pixel_size_um)
            for series, about in zip_longest(tif.series, described[: len(tif.series)], fillvalue={})
        ]


def _ome_images(xml: str) -> list[dict[str, Any]]:
    images = tifffile.xml2dict(xml)["OME"].get("Image", [])
    return images if isinstance(images, list) else [images]


def _tiff_image(
    path: Path,
    tif: tifffile.TiffFile,
    series: tifffile.TiffPageSeries,
    about: Mapping[str, Any],
    pixel_size_um: tuple[float, float] | None,
) -> FileImage:
    sizes = _tiff_sizes(series)
    leading = [axis for axis in sizes if axis not in "YXS"]
    n_planes = prod(sizes[axis] for axis in leading)
    n_per_page = n_planes // len(series.pages)

    def read(index: Mapping[str, int]) -> NDArray:
        places = [index.get(axis, 0) for axis in leading]
        plane = int(np.ravel_multi_index(places, [sizes[axis] for axis in leading])) if leading else 0
        if n_per_page > 1 and series.dataoffset is not None:
            shape = (n_planes, sizes["Y"], sizes["X"])
            dtype = series.dtype.newbyteorder(tif.byteorder)
            return np.array(np.memmap(path, dtype, "r", series.dataoffset, shape)[plane])
        page, part = divmod(plane, n_per_page)
        return series.pages[page].asarray().reshape(n_per_page, sizes["Y"], sizes["X"])[part]

    return FileImage(
        path=path,
        name=str(about.get("Name") or series.name) if len(tif.series) > 1 else "",
        sizes=sizes,
        dtype=series.dtype,
        channels=channel_names(_tiff_channels(tif, sizes, about), sizes.get("C", 1)),
        pixel_size_um=pixel_size_um,
        read=read,
    )


def _tiff_sizes(series: tifffile.TiffPageSeries) -> dict[str, int]:
    axes = series.axes
    if series.keyframe.photometric in {0, 1} and axes.endswith("SYX") and "C" not in axes:
        axes = axes.replace("S", "C")
    unnamed = [axis for axis in axes if axis in "QI"]
    if len(unnamed) == 1:
        length = series.shape[axes.index(unnamed[0])]
        axis = "C" if length <= MOST_CHANNELS else "Z"
        axes = axes.replace(unnamed[0], axis) if axis not in axes else axes
    # Several unnamed axes get a key each; such an image is refused when it is used.
    names = [axis if axes.count(axis) == 1 else f"{axis}{number}" for number, axis in enumerate(axes)]
    return dict(zip(names, series.shape, strict=True))


def _tiff_channels(tif: tifffile.TiffFile, sizes: Mapping[str, int], about: Mapping[str, Any]) -> list[str | None]:
    if about:
        channels = about.get("Pixels", {}).get("Channel", [])
        return [channel.get("Name") for channel in (channels if isinstance(channels, list) else [channels])]
    labels = (tif.imagej_metadata or {}).get("Labels", [])
    labels = [labels] if isinstance(labels, str) else labels
    # ImageJ labels planes, not channels: "c:1/2 z:1/45 - name". The first plane of each channel stands for it.
    before = [axis for axis in sizes if axis not in "YX"]
    step = prod(sizes[axis] for axis in before[before.index("C") + 1 :]) if "C" in before else 1
    firsts = [labels[place * step] for place in range(sizes.get("C", 1)) if place * step < len(labels)]
    names = [re.sub(r"^([czt]:\d+/\d+ ?)+(- )?", "", label) for label in firsts]
    return names if len(set(names)) == len(names) else []


READERS: Final = {".tif": _open_tiff, ".tiff": _open_tiff, ".lif": open_lif, ".nd2": open_nd2, ".czi": open_czi}
