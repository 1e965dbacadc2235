"""One TIFF file to an array and back, with pixel size and provenance, and plain words for what is wrong with a file."""

from __future__ import annotations

import json
import os
import re
import struct
import warnings
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import tifffile
from numpy.typing import ArrayLike, NDArray

from l2l_utils import files

PathLike = str | os.PathLike[str]

# Normalisation clips 0.1 % of the pixels anyway; more than that at the camera's limit is lost signal.
SATURATED_SHARE: Final = 0.001
# The TIFFs that ImageJ opens address 4 GiB; the header needs some of it.
LARGEST_IMAGE_BYTES: Final = 2**32 - 2**20
# Coarser is the 600 dpi or less of a printer, not the pixel of a microscope.
COARSEST_PIXEL_UM: Final = 40.0
UNIT_UM: Final = {"nm": 1e-3, "um": 1.0, "micron": 1.0, "microns": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6, "inch": 25400.0}
RESOLUTION_UNITS: Final = {2: "inch", 3: "cm", 4: "mm", 5: "um"}
AXIS_NAMES: Final = {"C": "channels", "Z": "z-planes", "T": "time points"}
INFO_KEY: Final = "label2label"
# What tifffile, its codecs and its XML reader raise on a damaged file.
DAMAGE: Final = (ValueError, IndexError, KeyError, TypeError, RuntimeError, SyntaxError, struct.error)


class PixelSize(NamedTuple):
    """Height and width of a pixel, in the unit that the file uses."""

    y: float
    x: float
    unit: str


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


def read_image(path: PathLike) -> NDArray:
    """Read one greyscale image, axes (Y, X), with the file's own grey values and number format, compressed or not.

    Raises FileNotFoundError for a missing file; ValueError for one that is no TIFF, truncated, in colour, of several
    planes, complex, or whose pixels are all equal, NaN or infinite. Warns where over 0.1 % of the pixels are saturated.
    """
    read_plane_header(path)
    try:
        image = tifffile.imread(path)
    except DAMAGE as error:
        raise _damaged(path, error) from error
    if n_bad := np.count_nonzero(~np.isfinite(image)):
        remedy = "Export the image again, or leave it out."
        raise problem(path, "a number in every pixel", f"{n_bad} pixels that are NaN or infinite", remedy)
    low, high = image.min(), image.max()
    if low == high:
        remedy = "Export the right channel, or leave this image out."
        raise problem(path, "an image with contrast", f"the value {low} in every pixel", remedy)
    # 255, 1023, 4095 ...: cameras often use fewer bits than their files have.
    at_limit = image.dtype.kind in "ui" and high >= 255 and (int(high) + 1).bit_count() == 1
    if at_limit and (share := np.mean(image == high)) > SATURATED_SHARE:
        advice = "What was brighter is lost: record with less light or a shorter exposure."
        warnings.warn(f"{path}: saturated, {share:.1%} of the pixels are {high}. {advice}", stacklevel=2)
    return image


def write_image(
    path: PathLike,
    image: ArrayLike,
    *,
    like: PathLike | PixelSize | None = None,
    dtype: str = "float32",
    grey_range: tuple[float, float] | None = None,
    provenance: dict[str, Any] | None = None,
) -> None:
    """Write one image as a TIFF that Fiji opens, whole or not at all.

    Parameters
    ----------
    path : path ending in .tif or .tiff. A file of that name is replaced, a missing folder is made.
    image : array, axes (Y, X). With `grey_range`: normalised, 0 to 1. Without: grey values, written as they are.
    like : TIFF file whose pixel size and unit the new file gets, usually the source image; or the pixel size itself.
    dtype : float32, uint16 or uint8. Integers are rounded and clipped to their range.
    grey_range : grey values (low, high) that normalisation made 0 and 1; the new file has grey values again.
    provenance : what the image is and where it came from, anything JSON can hold. Fiji: Image > Show Info.

    Raises
    ------
    ValueError
        The image or the name is none that can be written and read again, or `path` is `like`.
    """
    path = Path(path)
    if path.suffix.lower() not in {".tif", ".tiff"}:
        raise problem(path, "a file name that ends in .tif", repr(path.name), "Choose another name.")
    if like is None or isinstance(like, PixelSize):
        pixel_size = like
    elif path.exists() and path.samefile(like):
        raise problem(path, "a new file", "the image it is made from", "Choose another folder or name.")
    else:
        pixel_size = read_header(like).pixel_size
    metadata: dict[str, Any] = {"axes": "YX"}
    if provenance is not None:
        metadata["Info"] = json.dumps({INFO_KEY: provenance}, indent=1)
    options: dict[str, Any] = {"imagej": True, "metadata": metadata}
    if pixel_size is not None:
        metadata["unit"] = pixel_size.unit
        options["resolution"] = (1 / pixel_size.x, 1 / pixel_size.y)
    grey_values = _grey_values(path, np.asarray(image), dtype, grey_range)
    with files.whole_file(path) as unfinished:
        tifffile.imwrite(unfinished, grey_values, **options)


def _grey_values(path: Path, image: NDArray, dtype: str, grey_range: tuple[float, float] | None) -> NDArray:
    if dtype not in {"float32", "uint16", "uint8"}:
        raise problem(path, "dtype float32, uint16 or uint8", repr(dtype), "Choose one of those; Fiji opens them.")
    if image.ndim != 2 or image.size == 0 or image.dtype.kind not in "uif":
        found = f"shape {image.shape}, {image.dtype}"
        raise problem(path, "a 2-D array of numbers, axes YX", found, "Write one plane of one channel at a time.")
    if image.size * np.dtype(dtype).itemsize > LARGEST_IMAGE_BYTES:
        remedy = "Write it as uint16, or in parts."
        raise problem(path, "less than 4 GiB, all that Fiji's TIFFs can hold", f"shape {image.shape}, {dtype}", remedy)
    low, high = image.min(), image.max()
    if not np.isfinite([low, high]).all():
        raise problem(path, "a number in every pixel", "NaN or infinite values", "Check the model that made the image.")
    if grey_range is not None:
        zero, one = grey_range
        if not zero < one:
            remedy = "Take them from the image that was normalised."
            raise problem(path, "two rising grey values in grey_range", grey_range, remedy)
        image = image.astype(np.float32)
        image *= np.float32(one - zero)
        image += np.float32(zero)
    if dtype == "float32":
        return image.astype(np.float32, copy=False)
    limits = np.iinfo(dtype)
    if grey_range is None and (image.dtype.kind == "f" or low < limits.min or high > limits.max):
        remedy = "Give grey_range, the grey values that normalisation made 0 and 1; (0, 1) keeps the values."
        raise problem(path, f"whole numbers that fit {dtype}", f"{image.dtype} from {low:g} to {high:g}", remedy)
    if grey_range is not None:
        np.clip(np.rint(image, out=image), limits.min, limits.max, out=image)
    return image.astype(dtype)


def read_provenance(path: PathLike) -> dict[str, Any]:
    """Return the provenance that `write_image` stored in the file at `path`; ValueError where there is none."""
    read_header(path)
    with tifffile.TiffFile(path) as tif:
        info = (tif.imagej_metadata or {}).get("Info", "")
    try:
        return json.loads(info)[INFO_KEY]
    except (ValueError, TypeError, KeyError):
        remedy = "Only images that this book wrote have it."
        raise problem(path, "an image with its provenance", "none", remedy) from None


def pixel_size_um(path: PathLike) -> tuple[float, float] | None:
    """Return height and width of a pixel in um; None where the file has none, or only a print resolution."""
    size = read_header(path).pixel_size
    if size is None or size.unit not in UNIT_UM:
        return None
    y, x = size.y * UNIT_UM[size.unit], size.x * UNIT_UM[size.unit]
    return (y, x) if max(y, x) < COARSEST_PIXEL_UM else None


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
        raise _damaged(path, error) from error


def read_plane_header(path: PathLike) -> Header:
    """Return the header of a TIFF file that holds one greyscale plane; ValueError where it holds anything else."""
    header = read_header(path)
    axes, shape = header.axes, header.shape
    if "S" in axes or (len(shape) == 3 and shape[-1] in {3, 4}):
        remedy = "Colour is for display: export the raw channel, or in Fiji use Image > Color > Split Channels."
        raise problem(path, "one greyscale image", f"a colour (RGB) image, axes {axes}, shape {shape}", remedy)
    if len(shape) != 2 or header.n_images > 1:
        planes = zip(axes[:-2], shape[:-2], strict=True)
        found = " x ".join(f"{length} {AXIS_NAMES.get(axis, 'planes')}" for axis, length in planes)
        found = f"{found or f'{header.n_images} unlike images'}, axes {axes}, shape {shape}"
        remedy = "Save one plane of one channel per file; in Fiji: Image > Duplicate, Image > Color > Split Channels."
        raise problem(path, "one plane of one channel, axes YX", found, remedy)
    if header.dtype.kind not in "uif":
        remedy = "Save it as 8 bit, 16 bit or 32 bit (in Fiji: Image > Type)."
        raise problem(path, "whole or floating-point grey values", header.dtype, remedy)
    return header


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


def _damaged(path: PathLike, error: Exception) -> ValueError:
    return problem(path, "a whole TIFF file", f"one that cannot be read ({error})", "Copy or export it again.")


def _pixel_size(tif: tifffile.TiffFile) -> PixelSize | None:
    if tif.ome_metadata:
        image = tifffile.xml2dict(tif.ome_metadata)["OME"].get("Image", {})
        pixels = (image[0] if isinstance(image, list) else image).get("Pixels", {})
        y, x = float(pixels.get("PhysicalSizeY", 0)), float(pixels.get("PhysicalSizeX", 0))
        unit = pixels.get("PhysicalSizeXUnit", "um")
    else:
        page = tif.pages.first
        resolutions = (page.tags.valueof(tag, default=(0, 1)) for tag in ("XResolution", "YResolution"))
        x, y = (divisor / pixels if pixels else 0.0 for pixels, divisor in resolutions)
        unit = (tif.imagej_metadata or {}).get("unit") or RESOLUTION_UNITS.get(page.resolutionunit, "pixel")
    # ImageJ escapes the micro sign, Unicode has two of them; tifffile writes ASCII only.
    unit = re.sub(r"\\u00b5|\u00b5|\u03bc", "u", unit, flags=re.IGNORECASE).encode("ascii", "ignore").decode()
    is_calibrated = min(y, x) > 0 and unit not in {"", "pixel", "pixels"}
    return PixelSize(y, x, unit) if is_calibrated else None
