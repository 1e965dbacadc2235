"""Part of an image file to an array, without reading the rest: memory-mapped, or by the compressed chunks it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray

from l2l_utils import tiff


class StoredImage(NamedTuple):
    """One greyscale image on disk; `offset` is where its pixels begin if they lie there as they are, else None."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int | None

    def read(self, *window: slice) -> NDArray:
        """Return the pixels of a window inside the image, with the file's own grey values.

        The window is one slice for each axis of the image, (Y, X) or (Z, Y, X), and so are the axes of the result.
        """
        if self.offset is None:
            return _read_chunks(self, window)
        # Mapped for this window only: a map that stays keeps every page it touched in memory.
        pixels = np.memmap(self.path, self.dtype, mode="r", offset=self.offset, shape=self.shape)
        return np.array(pixels[window], dtype=self.dtype.newbyteorder("="))


def locate(path: tiff.PathLike, *, axes: Literal["YX", "ZYX"] = "YX") -> StoredImage:
    """Return where the pixels of an image file are; reads none of them.

    Raises FileNotFoundError for a missing file, ValueError for one that holds anything but one greyscale plane or, with
    the axes ZYX, one greyscale stack.
    """
    header = tiff.read_image_header(path, axes=axes)
    with tifffile.TiffFile(path) as tif:
        offset, byte_order = tif.series[0].dataoffset, tif.byteorder
    return StoredImage(Path(path), header.shape, header.dtype.newbyteorder(byte_order), offset)


def _read_chunks(image: StoredImage, window: tuple[slice, ...]) -> NDArray:
    """Decode the strips or tiles that overlap the window, and no others."""
    *planes, rows, columns = window
    pixels = np.empty([side.stop - side.start for side in window], image.dtype.newbyteorder("="))
    with tifffile.TiffFile(image.path) as tif:
        series = tif.series[0]
        pages = series.pages[planes[0]] if planes else series.pages[:1]
        for page, plane in zip(pages, pixels.reshape(-1, *pixels.shape[-2:]), strict=True):
            _read_plane(tif, page, rows, columns, plane)
    return pixels


def _read_plane(tif: tifffile.TiffFile, page: Any, rows: slice, columns: slice, plane: NDArray) -> None:
    """Decode a window of one page into an array of the window's shape."""
    layout = page.keyframe
    height, width = layout.chunks
    grid = np.ix_(
        range(rows.start // height, (rows.stop - 1) // height + 1),
        range(columns.start // width, (columns.stop - 1) // width + 1),
    )
    chunks = np.ravel_multi_index(grid, layout.chunked).ravel().tolist()
    places = ([values[chunk] for chunk in chunks] for values in (page.dataoffsets, page.databytecounts))
    tables = {"jpegtables": page.jpegtables} if page.jpegtables else {}
    for data, chunk in tif.filehandle.read_segments(*places, indices=chunks):
        pixels, (*_, top, left, _), _ = layout.decode(data, chunk, **tables)
        pixels = pixels[0, :, :, 0]
        first_row, first_column = max(top, rows.start), max(left, columns.start)
        part = pixels[first_row - top : rows.stop - top, first_column - left : columns.stop - left]
        row, column = first_row - rows.start, first_column - columns.start
        plane[row : row + part.shape[0], column : column + part.shape[1]] = part
