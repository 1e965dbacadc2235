"""The images in Leica's .lif, Nikon's .nd2 and Zeiss's .czi files."""

from __future__ import annotations

import importlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple
from xml.etree import ElementTree as ET

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from l2l_utils import tiff
from l2l_utils.file_image import FileImage, channel_names

# Zstandard in .czi files, without and with a header.
CZI_ZSTD: Final = (5, 6)


def _package(name: str, path: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        remedy = f"Run: pip install {name}. Or save the images as TIFF."
        raise ImportError(
            str(tiff.problem(path, f"the package {name}, which reads {path.suffix} files", "none", remedy))
        ) from error


@contextmanager
def open_lif(path: Path) -> Iterator[list[FileImage]]:
    """Open a Leica file and yield all its images (series), in its order, without FLIM histograms."""
    with _package("liffile", path).LifFile(path) as lif:
        _rename_twins(lif.xml_element)
        yield [_lif_image(path, image) for image in lif.images if not image.is_flim]


def _rename_twins(xml: ET.Element) -> None:
    """Tell series of one name apart by a number; liffile for Python 3.11 offers only the last of them."""
    for siblings in xml.iter("Children"):
        seen = Counter()
        for series in siblings.iterfind("Element"):
            name = series.get("Name")
            seen[name] += 1
            if seen[name] > 1:
                series.set("Name", f"{name} ({seen[name]})")


def _lif_image(path: Path, image: Any) -> FileImage:
    block, size = image.memory_block, path.stat().st_size
    if size < (end := block.offset + block.size):
        raise ValueError(f"the file ends after {size} of {end} bytes")
    about = image.xml_element.find("./Data/Image/ImageDescription")
    channels = sorted(about.iterfind("./Channels/ChannelDescription"), key=lambda channel: int(channel.get("BytesInc")))
    names = [
        (channel.findtext("ChannelProperty[Key='DyeName']/Value") or channel.get("LUTName", "")).removeprefix("Leica/")
        for channel in channels
    ]
    return FileImage(
        path=path,
        name=image.path,
        sizes=image.sizes,
        dtype=image.dtype,
        channels=channel_names(names, image.sizes.get("C", 1)),
        pixel_size_um=_pair(_lif_pixel_um(about, 2), _lif_pixel_um(about, 1)),
        read=lambda index: image.frame(**index),
    )


def _lif_pixel_um(about: ET.Element, dimension: int) -> float:
    found = about.find(f"./Dimensions/DimensionDescription[@DimID='{dimension}']")
    if found is None:
        return 0
    # The length reaches from the first pixel's centre to the last one's.
    n_steps = max(int(found.get("NumberOfElements")) - 1, 1)
    return float(found.get("Length")) / n_steps * tiff.UNIT_UM.get(found.get("Unit"), 0)


@contextmanager
def open_nd2(path: Path) -> Iterator[list[FileImage]]:
    """Open a Nikon file and yield its image, with an axis P where it has several stage positions."""
    with _package("nd2", path).ND2File(path) as file:
        numbers = {tuple(loops.values()): number for number, loops in enumerate(file.loop_indices)}
        loop_axes = tuple(file.loop_indices[0]) if file.loop_indices else ()

        def read(index: Mapping[str, int]) -> NDArray:
            number = numbers[tuple(index.get(axis, 0) for axis in loop_axes)] if loop_axes else 0
            # What was never recorded reads as zeros.
            if number >= file.attributes.sequenceCount:
                raise ValueError(f"the recording ended after {file.attributes.sequenceCount} of {len(numbers)} frames")
            frame = file.read_frame(number)
            return frame[index["C"]] if "C" in index and "C" not in loop_axes else frame

        channels = list(file.metadata.channels or [])
        calibrated = channels and channels[0].volume.axesCalibrated[0]
        yield [
            FileImage(
                path=path,
                name="",
                sizes=dict(file.sizes),
                dtype=file.dtype,
                channels=channel_names([channel.channel.name for channel in channels], file.sizes.get("C", 1)),
                pixel_size_um=_pair(file.voxel_size().y, file.voxel_size().x) if calibrated else None,
                read=read,
            )
        ]


@contextmanager
def open_czi(path: Path) -> Iterator[list[FileImage]]:
    """Open a Zeiss file and yield its scenes in full resolution, each put together from its tiles."""
    with _package("czifile", path).CziFile(path) as czi:
        about = ET.fromstring(czi.metadata())  # noqa: S314
        scenes = defaultdict(list)
        for block in czi.filtered_subblock_directory:
            if block.shape == block.stored_shape:
                tile = _czi_tile(czi, block)
                scenes[tile.scene].append(tile)
        yield [
            _czi_scene(path, f"scene {scene}" if len(scenes) > 1 else "", tiles, about)
            for scene, tiles in sorted(scenes.items())
        ]


class _Tile(NamedTuple):
    scene: int
    start: dict[str, int]
    size: dict[str, int]
    dtype: np.dtype
    read: Callable[[], NDArray]


def _czi_tile(czi: Any, block: Any) -> _Tile:
    """Describe a tile, by czifile 2019, the last one for Python 3.11, or by the other interface of its successors."""
    is_old = not hasattr(block, "read_segment_data")
    *axes, _ = block.axes if is_old else block.dims
    *starts, _ = block.start
    *lengths, n_samples = block.shape
    start, size = dict(zip(axes, starts, strict=True)), dict(zip(axes, lengths, strict=True))
    scene = start.pop("S", 0) if is_old else max(block.scene_index, 0)
    size.pop("S", None)
    if n_samples > 1:
        start["S"], size["S"] = 0, n_samples
    read = partial(_old_czi_pixels, block) if is_old else lambda: block.read_segment_data(czi).data()
    return _Tile(scene, start, size, np.dtype(block.dtype).base, read)


def _old_czi_pixels(block: Any) -> NDArray:
    """Return the pixels of a tile by czifile 2019, which does not know Zstandard."""
    if block.compression not in CZI_ZSTD:
        return block.data_segment().data()
    data = block.data_segment().data(raw=True)
    n_header = data[0] if block.compression == CZI_ZSTD[1] else 0
    pixels = np.frombuffer(imagecodecs.zstd_decode(data[n_header:]), np.uint8)
    if n_header == 3 and data[2] & 1:
        # The low bytes of all pixels come before the high ones.
        pixels = pixels.reshape(2, -1).T.ravel()
    return pixels.view(block.dtype)


def _czi_scene(path: Path, name: str, tiles: list[_Tile], about: ET.Element) -> FileImage:
    axes = tiles[0].size
    first = {axis: min(tile.start[axis] for tile in tiles) for axis in axes}
    sizes = {axis: max(tile.start[axis] + tile.size[axis] for tile in tiles) - first[axis] for axis in axes}
    dtype = np.result_type(*(tile.dtype for tile in tiles))

    def read(index: Mapping[str, int]) -> NDArray:
        plane = np.zeros((sizes["Y"], sizes["X"]), dtype)
        for tile in tiles:
            if all(tile.start[axis] - first[axis] == place for axis, place in index.items()):
                row, column = (tile.start[axis] - first[axis] for axis in "YX")
                height, width = tile.size["Y"], tile.size["X"]
                plane[row : row + height, column : column + width] = tile.read().reshape(height, width)
        return plane

    names = [channel.get("Name") for channel in about.iterfind(".//Information/Image/Dimensions/Channels/Channel")]
    pixel_m = {item.get("Id"): float(item.findtext("Value") or 0) for item in about.iterfind(".//Items/Distance")}
    return FileImage(
        path=path,
        name=name,
        sizes=sizes,
        dtype=dtype,
        channels=channel_names(names, sizes.get("C", 1)),
        pixel_size_um=_pair(pixel_m.get("Y", 0) * 1e6, pixel_m.get("X", 0) * 1e6),
        read=read,
    )


def _pair(y: float, x: float) -> tuple[float, float] | None:
    return (y, x) if min(y, x) > 0 else None
