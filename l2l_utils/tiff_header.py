"""What a TIFF file says about its images, before any pixel is read, and plain words for what is wrong with it."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
import tifffile

PathLike = str | os.PathLike[str]
ImageAxes = Literal["YX", "CYX", "ZYX"]

# Coarser is the 600 dpi or less of a printer, not the pixel of a microscope.
COARSEST_PIXEL_UM: Final = 40.0
UNIT_UM: Final = {"nm": 1e-3, "um": 1.0, "micron": 1.0, "microns": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6, "inch": 25400.0}
RESOLUTION_UNITS: Final = {2: "inch", 3: "cm", 4: "mm", 5: "um"}
AXIS_NAMES: Final = {"C": "channels", "Z": "z-planes", "T": "time points"}
# What tifffile calls the planes of a file that does not say what they are; they count as a stack.
UNNAMED_AXES: Final = ("Q", "I")
# What tifffile, its codecs and its XML reader raise on a damaged file.
DAMAGE: Final = (ValueError, IndexError, KeyError, TypeError, RuntimeError, SyntaxError, struct.error)


class PixelSize(NamedTuple):
    """Height and width of a pixel, in the unit that the file uses, and the distance of planes, None if not known."""

    y: float
    x: float
    unit: str
    z: float | None = None


class Header(NamedTuple):
    """What a TIFF file says about the first of its images; `n_images` counts those of unlike shape or type."""

    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype
    n_images: int
    pixel_size: PixelSize | None


def problem(what: object, expected: str, found: object, remedy: str) -> ValueError:
    """Return the error to raise for bad input; `what` names the file or folder."""
    return ValueError(f"{what}: expected {expected}, found {found}. {remedy}")


def pixel_size_um(path: PathLike) -> tuple[float, float] | None:
    """Return height and width of a pixel in um; None where the file has none, or only a print resolution."""
    size = read_header(path).pixel_size
    if size is None or size.unit not in UNIT_UM:
        return None
    y, x = size.y * UNIT_UM[size.unit], size.x * UNIT_UM[size.unit]
    return (y, x) if max(y, x) < COARSEST_PIXEL_UM else None


def z_spacing_um(path: PathLike) -> float | None:
    """Return the distance of a stack's planes in um; None where the file does not say, or has no micrometres."""
    size = read_header(path).pixel_size
    return size.z * UNIT_UM[size.unit] if size and size.z and size.unit in UNIT_UM else None


def read_header(path: PathLike) -> Header:
    """Return what a TIFF file says about its first image; reads no pixels.

    Raises FileNotFoundError for a missing file, ValueError for one that is no TIFF or truncated.
    """
    if not Path(path).is_file():
        remedy = "Check the name, and that the drive is connected."
        raise FileNotFoundError(str(problem(path, "a TIFF file", "no such file", remedy)))
    try:
        with tifffile.TiffFile(path) as tif:
            _check_whole(tif)
            series = tif.series[0]
            return Header(series.axes, series.shape, series.dtype, len(tif.series), _pixel_size(tif))
    except DAMAGE as error:
        raise damaged(path, error) from error


def read_image_header(path: PathLike, *, axes: ImageAxes = "YX") -> Header:
    """Return the header of a TIFF file that holds one image of these axes; ValueError where it holds anything else."""
    return {"YX": read_plane_header, "CYX": read_channels_header, "ZYX": read_stack_header}[axes](path)


def read_plane_header(path: PathLike) -> Header:
    """Return the header of a TIFF file that holds one greyscale plane; ValueError where it holds anything else."""
    header = read_header(path)
    axes, shape = header.axes, header.shape
    _check_grey(path, header)
    if len(shape) != 2 or header.n_images > 1:
        planes = zip(axes[:-2], shape[:-2], strict=True)
        found = " x ".join(f"{length} {AXIS_NAMES.get(axis, 'planes')}" for axis, length in planes)
        found = f"{found or f'{header.n_images} unlike images'}, axes {axes}, shape {shape}"
        remedy = "Save one plane of one channel per file; in Fiji: Image > Duplicate, Image > Color > Split Channels."
        raise problem(path, "one plane of one channel, axes YX", found, remedy)
    _check_numbers(path, header)
    return header


def read_channels_header(path: PathLike) -> Header:
    """Return the header of a TIFF file that holds one plane of several channels; ValueError where it does not."""
    header = read_header(path)
    if header.axes != "CYX" or header.n_images > 1:
        found = f"{header.n_images} image(s), axes {header.axes}, shape {header.shape}"
        remedy = (
            "Save one plane with its channels per file; in Fiji: Image > Duplicate, Image > Color > Make Composite."
        )
        raise problem(path, "one plane of several channels, axes CYX", found, remedy)
    _check_numbers(path, header)
    return header


def read_stack_header(path: PathLike) -> Header:
    """Return the header of a TIFF file that holds one greyscale stack of planes; ValueError where it does not.

    Planes that the file does not name count as those of a stack; time points and channels do not.
    """
    header = read_header(path)
    _check_grey(path, header)
    if header.axes not in {f"{axis}YX" for axis in ("Z", *UNNAMED_AXES)} or header.n_images > 1:
        found = f"{header.n_images} image(s), axes {header.axes}, shape {header.shape}"
        remedy = (
            "Save one channel's planes of one time point per file; if Fiji takes planes for time points or channels: "
            "Image > Properties, slices."
        )
        raise problem(path, "a stack of planes of one channel, axes ZYX", found, remedy)
    _check_numbers(path, header)
    return header


def _check_grey(path: PathLike, header: Header) -> None:
    axes, shape = header.axes, header.shape
    if "S" in axes or (len(shape) == 3 and shape[-1] in {3, 4}):
        remedy = "Colour is for display: export the raw channel, or in Fiji use Image > Color > Split Channels."
        raise problem(path, "one greyscale image", f"a colour (RGB) image, axes {axes}, shape {shape}", remedy)


def _check_numbers(path: PathLike, header: Header) -> None:
    if header.dtype.kind not in "uif":
        remedy = "Save it as 8 bit, 16 bit or 32 bit (in Fiji: Image > Type)."
        raise problem(path, "whole or floating-point grey values", header.dtype, remedy)


def _check_whole(tif: tifffile.TiffFile) -> None:
    size, first = tif.filehandle.size, tif.pages.first
    segments = [part for page in tif.pages for part in zip(page.dataoffsets, page.databytecounts, strict=True)]
    if size < (end := max(offset + n_bytes for offset, n_bytes in segments)):
        raise ValueError(f"the file ends after {size} of {end} bytes")
    if any(n_bytes == 0 for _, n_bytes in segments):
        raise ValueError("parts of the image were never written")
    # A link to a page that is not there, or fewer planes than ImageJ announces: cut between two planes.
    n_planes = tif.series[0].size // (first.imagelength * first.imagewidth)
    tif.filehandle.seek(tif.pages.next_page_offset)
    if any(tif.filehandle.read(tif.tiff.offsetsize)) or n_planes < (tif.imagej_metadata or {}).get("images", 1):
        raise ValueError("the file ends before its last plane")


def damaged(path: PathLike, error: Exception) -> ValueError:
    """Return the error to raise for a file whose reader failed."""
    return problem(path, "a whole TIFF file", f"one that cannot be read ({error})", "Copy or export it again.")


def _pixel_size(tif: tifffile.TiffFile) -> PixelSize | None:
    if tif.ome_metadata:
        image = tifffile.xml2dict(tif.ome_metadata)["OME"].get("Image", {})
        pixels = (image[0] if isinstance(image, list) else image).get("Pixels", {})
        z, y, x = (float(pixels.get(f"PhysicalSize{axis}", 0)) for axis in "ZYX")
        unit = pixels.get("PhysicalSizeXUnit", "um")
        # OME allows another unit along z; then the distance of planes counts as not known.
        z *= pixels.get("PhysicalSizeZUnit", unit) == unit
    else:
        page = tif.pages.first
        resolutions = (page.tags.valueof(tag, default=(0, 1)) for tag in ("XResolution", "YResolution"))
        x, y = (divisor / pixels if pixels else 0.0 for pixels, divisor in resolutions)
        z = float((tif.imagej_metadata or {}).get("spacing", 0))
        unit = (tif.imagej_metadata or {}).get("unit") or RESOLUTION_UNITS.get(page.resolutionunit, "pixel")
    # ImageJ escapes the micro sign, Unicode has two of them; tifffile writes ASCII only.
    unit = re.sub(r"\\u00b5|\u00b5|\u03bc", "u", unit, flags=re.IGNORECASE).encode("ascii", "ignore").decode()
    is_calibrated = min(y, x) > 0 and unit not in {"", "pixel", "pixels"}
    return PixelSize(y, x, unit, z if z > 0 else None) if is_calibrated else None
