"""One TIFF file to an array and back, with pixel size, distance of planes and provenance."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import tifffile
from numpy.typing import ArrayLike, NDArray

from l2l_utils import files
from l2l_utils.tiff_header import (
    DAMAGE,
    UNIT_UM,
    Header,
    ImageAxes,
    PathLike,
    PixelSize,
    damaged,
    pixel_size_um,
    problem,
    read_channels_header,
    read_header,
    read_plane_header,
)

__all__ = [
    "UNIT_UM",
    "Header",
    "PathLike",
    "PixelSize",
    "pixel_size_um",
    "problem",
    "read_header",
    "read_image",
    "read_plane_header",
    "read_provenance",
    "write_image",
]

# Normalisation clips 0.1 % of the pixels anyway; more than that at the camera's limit is lost signal.
SATURATED_SHARE: Final = 0.001
# The TIFFs that ImageJ opens address 4 GiB; the header needs some of it.
LARGEST_IMAGE_BYTES: Final = 2**32 - 2**20
INFO_KEY: Final = "label2label"
READ_HEADER: Final = {"YX": read_plane_header, "CYX": read_channels_header}
# Magenta, green, cyan, yellow: what Fiji shows the channels in; red and green are alike to many.
COLOURS: Final = ((1, 0, 1), (0, 1, 0), (0, 1, 1), (1, 1, 0))


def read_image(path: PathLike, *, axes: Literal["YX", "CYX"] = "YX") -> NDArray:
    """Read one greyscale image with the file's own grey values and number format, compressed or not.

    Parameters
    ----------
    path : TIFF file of one plane.
    axes : YX for one channel, CYX for several, which are also the axes of the result.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no TIFF, truncated, in colour, complex, has other axes, or a channel whose pixels are all equal, or pixels
        that are NaN or infinite.

    Warns
    -----
    UserWarning
        Over 0.1 % of a channel's pixels are saturated.
    """
    READ_HEADER[axes](path)
    try:
        image = tifffile.imread(path)
    except DAMAGE as error:
        raise damaged(path, error) from error
    for channel in image.reshape(-1, *image.shape[-2:]):
        _check_channel(path, channel)
    return image


def _check_channel(path: PathLike, image: NDArray) -> None:
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
        warnings.warn(f"{path}: saturated, {share:.1%} of the pixels are {high}. {advice}", stacklevel=3)


def write_image(
    path: PathLike,
    image: ArrayLike,
    *,
    axes: ImageAxes | None = None,
    like: PathLike | PixelSize | None = None,
    dtype: str = "float32",
    grey_range: tuple[float, float] | None = None,
    provenance: dict[str, Any] | None = None,
) -> None:
    """Write one image as a TIFF that Fiji opens, whole or not at all.

    Parameters
    ----------
    path : path ending in .tif or .tiff. A file of that name is replaced, a missing folder is made.
    image : array, axes (Y, X), or (C, Y, X) for up to four channels, which Fiji shows in colours, one over the other,
        or (Z, Y, X). With `grey_range`: normalised, 0 to 1. Without: grey values, written as they are.
    axes : of the image; if not given, YX or CYX by their number.
    like : TIFF file whose pixel size, distance of planes and unit the new file gets, usually the source image; or the
        pixel size itself.
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
    image = np.asarray(image)
    axes = axes or ("YX" if image.ndim == 2 else "CYX")
    _check_axes(path, image, axes)
    grey_values = _grey_values(path, image, dtype, grey_range)
    metadata: dict[str, Any] = _composite(grey_values) if axes == "CYX" else {"axes": axes}
    if provenance is not None:
        metadata["Info"] = json.dumps({INFO_KEY: provenance}, indent=1)
    options: dict[str, Any] = {"imagej": True, "metadata": metadata}
    if pixel_size is not None:
        metadata["unit"] = pixel_size.unit
        options["resolution"] = (1 / pixel_size.x, 1 / pixel_size.y)
        if axes == "ZYX" and pixel_size.z:
            metadata["spacing"] = pixel_size.z
    with files.whole_file(path) as unfinished:
        tifffile.imwrite(unfinished, grey_values, **options)


def _composite(image: NDArray) -> dict[str, Any]:
    """Return what makes Fiji show channels over each other, each in a colour and at its own contrast."""
    ramp = np.arange(256, dtype=np.uint8)
    tables = [np.outer(colour, ramp).astype(np.uint8) for colour in COLOURS[: len(image)]]
    ranges = [float(limit) for channel in image for limit in (channel.min(), channel.max())]
    return {"axes": "CYX", "mode": "composite", "LUTs": tables, "Ranges": ranges}


def _check_axes(path: Path, image: NDArray, axes: str) -> None:
    if image.ndim != len(axes) or image.size == 0 or image.dtype.kind not in "uif":
        found = f"axes {axes}, shape {image.shape}, {image.dtype}"
        raise problem(path, "an array of numbers, axes ZYX, YX or CYX", found, "Write one plane or stack at a time.")
    if axes == "CYX" and not 2 <= len(image) <= len(COLOURS):
        remedy = "Write channels first, one channel at a time with the axes YX, or a stack with the axes ZYX."
        raise problem(path, f"2 to {len(COLOURS)} channels, axes CYX", f"shape {image.shape}", remedy)


def _grey_values(path: Path, image: NDArray, dtype: str, grey_range: tuple[float, float] | None) -> NDArray:
    if dtype not in {"float32", "uint16", "uint8"}:
        raise problem(path, "dtype float32, uint16 or uint8", repr(dtype), "Choose one of those; Fiji opens them.")
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
