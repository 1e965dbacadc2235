"""Windows of image files: what is read is what the whole image has there, and nothing else is decoded."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from l2l_utils import windows

SHAPE = (67, 85)
IMAGE = np.random.default_rng(5).integers(0, 60000, SHAPE).astype(np.uint16)
LAYOUTS = {
    "plain": {},
    "strips": {"rowsperstrip": 10},
    "tiles": {"tile": (16, 32)},
    "ImageJ": {"imagej": True},
    "OME": {"ome": True},
    "OME zlib": {"ome": True, "compression": "zlib", "tile": (32, 16)},
    "BigTIFF": {"bigtiff": True},
    "big-endian": {"byteorder": ">"},
    "big-endian zlib": {"byteorder": ">", "compression": "zlib", "rowsperstrip": 9},
    "zlib": {"compression": "zlib"},
    "LZW strips": {"compression": "lzw", "rowsperstrip": 7},
    "zstd": {"compression": "zstd", "tile": (16, 16)},
    "predictor": {"compression": "zlib", "predictor": True, "tile": (64, 48)},
    "packbits": {"compression": "packbits", "rowsperstrip": 5},
    "JPEG": {"compression": "jpeg", "photometric": "minisblack", "tile": (32, 32)},
}


@pytest.fixture(scope="module", params=[*LAYOUTS, "libtiff", "float", "signed"])
def stored(request, tmp_path_factory):
    """Return where an image of the layout is, and the whole of it as tifffile reads it."""
    path = tmp_path_factory.mktemp("windows") / "a.tif"
    if request.param == "libtiff":
        Image.fromarray(IMAGE).save(path, compression="tiff_lzw")
    elif request.param in ("float", "signed"):
        dtype = {"float": np.float32, "signed": np.int16}[request.param]
        tifffile.imwrite(path, (IMAGE - 30000.0).astype(dtype), compression="zlib", predictor=True, rowsperstrip=8)
    else:
        image = (IMAGE >> 8).astype(np.uint8) if request.param == "JPEG" else IMAGE
        tifffile.imwrite(path, image, **LAYOUTS[request.param])
    return windows.locate(path), tifffile.imread(path)


def sides(length):
    """Draw the begin and the end of a window that has at least one pixel."""
    return st.tuples(st.integers(0, length - 1), st.integers(1, length)).map(lambda ends: slice(min(ends), max(ends)))


@settings(deadline=None, max_examples=40)
@given(
    rows=sides(SHAPE[0]).filter(lambda rows: rows.start < rows.stop),
    columns=sides(SHAPE[1]).filter(lambda columns: columns.start < columns.stop),
)
def test_window_equals_the_whole_image_there(stored, rows, columns):
    """Whatever the layout of the file, a window has the pixels and the number format of the image."""
    place, image = stored
    window = place.read(rows, columns)
    assert window.dtype == image.dtype.newbyteorder("=")
    assert window.dtype.isnative
    np.testing.assert_array_equal(window, image[rows, columns])


def test_whole_image_and_single_pixels(stored):
    """The largest and the smallest windows, to the last corner; what is returned can be written to."""
    place, image = stored
    whole = place.read(*(slice(0, side) for side in SHAPE))
    np.testing.assert_array_equal(whole, image)
    whole[:] = 0
    for row in (0, SHAPE[0] - 1):
        for column in (0, SHAPE[1] - 1):
            assert place.read(slice(row, row + 1), slice(column, column + 1)).item() == image[row, column]


def test_locating_needs_no_pixels(stored):
    """Shape and number format are known, and only pixels that lie in the file as they are have an offset."""
    place, image = stored
    assert (place.shape, place.dtype) == (image.shape, image.dtype.newbyteorder(place.dtype.byteorder))
    with tifffile.TiffFile(place.path) as tif:
        page = tif.pages.first
        assert (place.offset is None) == (page.compression != 1 or page.is_tiled)
        assert place.offset in (None, page.dataoffsets[0])


@pytest.mark.parametrize("options", [{"rowsperstrip": 8}, {"tile": (16, 16)}])
def test_other_chunks_are_left_alone(tmp_path, options):
    """With every chunk destroyed that does not overlap it, a window of a compressed file is still read."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, IMAGE, compression="zlib", **options)
    place = windows.locate(path)
    rows, columns = slice(16, 32), slice(32, 48)
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tif:
        page = tif.pages.first
        (height, width), n_across = page.chunks, page.chunked[1]
        for chunk, (offset, n_bytes) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
            top, left = chunk // n_across * height, chunk % n_across * width
            if not (rows.start - height < top < rows.stop and columns.start - width < left < columns.stop):
                content[offset : offset + n_bytes] = bytes(n_bytes)
    path.write_bytes(content)
    np.testing.assert_array_equal(place.read(rows, columns), IMAGE[rows, columns])


def test_what_is_no_plane_is_not_located(tmp_path):
    """A stack and a missing file are refused before a window is asked for."""
    tifffile.imwrite(tmp_path / "stack.tif", np.stack([IMAGE] * 3), photometric="minisblack")
    with pytest.raises(ValueError, match=r"stack.tif: expected one plane.*3 planes"):
        windows.locate(tmp_path / "stack.tif")
    with pytest.raises(FileNotFoundError, match=r"no.tif: expected a TIFF file"):
        windows.locate(tmp_path / "no.tif")
