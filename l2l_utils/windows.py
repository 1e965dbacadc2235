"""Part of an image file to an array, without reading the rest: memory-mapped, or by the compressed chunks it needs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray

from l2l_utils import tiff


class StoredImage(NamedTuple):
    """One greyscale image on disk; `offset` is where its pixels begin if they lie there as they are, else None."""

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype
    offset: int | None

    def read(self, rows: slice, columns: slice) -> NDArray:
        """Return the pixels of a window inside the image, with the file's own grey values, axes (Y, X)."""
        if self.offset is None:
            return _read_chunks(self, rows, columns)
        # Mapped for this window only: a map that stays keeps every page it touched in memory.
        pixels = np.memmap(self.path, self.dtype, mode="r", offset=self.offset, shape=self.shape)
        return np.array(pixels[rows, columns], dtype=self.dtype.newbyteorder("="))


def locate(path: tiff.PathLike) -> StoredImage:
    """Return where the pixels of an image file are; reads none of them.

    Raises FileNotFoundError for a missing file, ValueError for one that holds anything but one greyscale plane.
    """
    header = tiff.read_plane_header(path)
    with tifffile.TiffFile(path) as tif:
        offset, byte_order = tif.series[0].dataoffset, tif.byteorder
    return StoredImage(Path(path), header.shape, header.dtype.newbyteorder(byte_order), offset)


def _read_chunks(image: StoredImage, rows: slice, columns: slice) -> NDArray:
    """Decode the strips or tiles that overlap the window, and no others."""
    window = np.empty((rows.stop - rows.start, columns.stop - columns.start), image.dtype.newbyteorder("="))
    with tifffile.TiffFile(image.path) as tif:
        page = tif.series[0].keyframe
        height, width = page.chunks
        grid = np.ix_(
            range(rows.start // height, (rows.stop - 1) // height + 1),
            range(columns.start // width, (columns.stop - 1) // width + 1),
        )
        chunks = np.ravel_multi_index(grid, page.chunked).ravel().tolist()
        places = ([values[chunk] for chunk in chunks] for values in (page.dataoffsets, page.databytecounts))
        tables = {"jpegtables": page.jpegtables} if page.jpegtables else {}
        for data, chunk in tif.filehandle.read_segments(*places, indices=chunks):
            pixels, (*_, top, left, _), _ = page.decode(data, chunk, **tables)
            pixels = pixels[0, :, :, 0]
            first_row, first_column = max(top, rows.start), max(left, columns.start)
            part = pixels[first_row - top : rows.stop - top, first_column - left : columns.stop - left]
            row, column = first_row - rows.start, first_column - columns.start
            window[row : row + part.shape[0], column : column + part.shape[1]] = part
    return window
