"""Reading a TIFF file: what was written is read, and a bad file is explained, never read in part."""

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from explanations import assert_explains
from PIL import Image

from l2l_utils.tiff import read_header, read_image, write_image

REAL = Path(__file__).parents[2] / "shared" / "data" / "neubias"
RAMP = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tiff")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "float16", "float32", "float64"])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "zstd"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_reads_every_compression(tmp_path, dtype, compression, byteorder):
    """Compressed or not, of either byte order, in strips or tiles: the pixels are those that were written."""
    image = (RAMP % 200).astype(dtype)
    for layout in ({}, {"tile": (16, 32)}):
        tifffile.imwrite(tmp_path / "a.tif", image, compression=compression, byteorder=byteorder, **layout)
        again = read_image(tmp_path / "a.tif")
        assert again.dtype == image.dtype
        np.testing.assert_array_equal(again, image)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_reads_libtiff(tmp_path, compression):
    """Files of another library, libtiff through Pillow, are read alike."""
    Image.fromarray(RAMP).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), RAMP)


def with_value(value):
    image = RAMP.astype(np.float32)
    image[3, 4] = value
    return image


@pytest.mark.parametrize(
    ("image", "options", "expected", "found"),
    [
        (np.zeros((64, 48, 3), np.uint8), {"photometric": "rgb"}, "greyscale", r"colour \(RGB\).*\(64, 48, 3\)"),
        (np.zeros((3, 64, 48), np.uint8), {"photometric": "rgb"}, "greyscale", "colour.*SYX"),
        (np.zeros((64, 48, 4), np.uint8), {"photometric": "minisblack"}, "greyscale", r"colour.*\(64, 48, 4\)"),
        (np.stack([RAMP] * 2), {"imagej": True, "metadata": {"axes": "CYX"}}, "one plane", "2 channels, axes CYX"),
        (
            np.stack([[RAMP] * 2] * 5),
            {"imagej": True, "metadata": {"axes": "TZYX"}},
            "one plane",
            r"5 time points x 2 z-planes.*\(5, 2, 64, 48\)",
        ),
        (np.stack([RAMP] * 5), {"photometric": "minisblack"}, "one plane", "5 planes"),
        (RAMP.astype(np.complex64), {}, "grey values", "complex64"),
        (RAMP > 100, {}, "grey values", "bool"),
        (with_value(np.nan), {}, "a number in every pixel", "1 pixels that are NaN"),
        (with_value(-np.inf), {}, "a number in every pixel", "1 pixels that are NaN or infinite"),
        (np.full((64, 48), 7, np.uint16), {}, "contrast", "the value 7 in every pixel"),
    ],
)
def test_bad_image_is_explained(tmp_path, image, options, expected, found):
    """An image that cannot be used is refused, with the file, what was expected, what was found and a remedy."""
    tifffile.imwrite(tmp_path / "bad.tif", image, **options)
    with pytest.raises(ValueError, match="expected") as error:
        read_image(tmp_path / "bad.tif")
    assert_explains(error.value, tmp_path / "bad.tif", expected, found)


def test_several_images_in_one_file_are_explained(tmp_path):
    """A file with two images of different size is refused, not read in part."""
    with tifffile.TiffWriter(tmp_path / "two.tif") as tif:
        tif.write(RAMP)
        tif.write(RAMP[:20])
    with pytest.raises(ValueError, match="expected") as error:
        read_image(tmp_path / "two.tif")
    assert_explains(error.value, tmp_path / "two.tif", "one plane", "2 unlike images")


def test_missing_and_foreign_files_are_explained(tmp_path):
    """A missing file, a PNG in disguise and an empty file are told apart from a TIFF."""
    with pytest.raises(FileNotFoundError) as error:
        read_image(tmp_path / "no.tif")
    assert_explains(error.value, tmp_path / "no.tif", "a TIFF file", "no such file")
    Image.fromarray(RAMP).save(tmp_path / "picture.png")
    (tmp_path / "picture.png").rename(tmp_path / "picture.tif")
    (tmp_path / "empty.tif").touch()
    for name in ("picture.tif", "empty.tif"):
        with pytest.raises(ValueError, match="expected") as error:
            read_image(tmp_path / name)
        assert_explains(error.value, tmp_path / name, "a whole TIFF", "not a TIFF file")


WRITERS = {
    "plain": lambda path: tifffile.imwrite(path, RAMP),
    "imagej": lambda path: tifffile.imwrite(path, RAMP, imagej=True),
    "ome": lambda path: tifffile.imwrite(path, RAMP, ome=True),
    "zlib tiles": lambda path: tifffile.imwrite(path, RAMP, compression="zlib", tile=(16, 16)),
    "lzw strips": lambda path: tifffile.imwrite(path, RAMP, compression="lzw", rowsperstrip=8),
    "zstd": lambda path: tifffile.imwrite(path, RAMP, compression="zstd"),
    "libtiff": lambda path: Image.fromarray(RAMP).save(path, compression="tiff_lzw"),
    "this book": lambda path: write_image(path, RAMP, dtype="uint16", provenance={"model": "4f2a"}),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_truncated_file_is_refused(folder, writer):
    """Cut anywhere, a file is refused by its header alone, unless every pixel is still there."""
    whole, cut = folder / "whole.tif", folder / "cut.tif"
    WRITERS[writer](whole)
    content = whole.read_bytes()
    n_refused = 0
    for length in range(0, len(content), len(content) // 60):
        cut.write_bytes(content[:length])
        try:
            read_header(cut)
        except ValueError as error:
            assert_explains(error, cut, "a whole TIFF", "one that cannot be read")
            n_refused += 1
        else:
            np.testing.assert_array_equal(read_image(cut), RAMP)
    assert n_refused >= 50


@pytest.mark.parametrize("writer", ["imagej", "imagej of one page", "libtiff"])
def test_stack_cut_between_planes_is_refused(tmp_path, writer):
    """A stack of which only the first plane is left does not pass for a single image."""
    whole, cut = tmp_path / "whole.tif", tmp_path / "cut.tif"
    if writer == "libtiff":
        first, *others = [Image.fromarray(RAMP + 100 * plane) for plane in range(5)]
        first.save(whole, save_all=True, append_images=others)
    else:
        tifffile.imwrite(whole, np.stack([RAMP] * 5), imagej=True, truncate=writer == "imagej of one page")
    with tifffile.TiffFile(whole) as tif:
        end = tif.pages.first.dataoffsets[-1] + tif.pages.first.databytecounts[-1]
    cut.write_bytes(whole.read_bytes()[: end + 10])
    with pytest.raises(ValueError, match="expected") as error:
        read_image(cut)
    assert_explains(error.value, cut, "a whole TIFF", "ends before its last plane")


def test_damaged_pixels_are_explained(tmp_path):
    """A compressed file of full length with wrong bytes inside is refused."""
    tifffile.imwrite(tmp_path / "a.tif", RAMP, compression="zlib")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        start = tif.pages.first.dataoffsets[0]
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[start : start + 40] = bytes(40)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(ValueError, match="expected") as error:
        read_image(tmp_path / "a.tif")
    assert_explains(error.value, tmp_path / "a.tif", "a whole TIFF", "cannot be read")


@pytest.mark.parametrize(("limit", "dtype"), [(255, "uint8"), (4095, "uint16"), (65535, "uint16")])
def test_saturated_image_warns(tmp_path, limit, dtype):
    """Above 0.1 % of the pixels at a camera's limit there is a warning with file and share; below there is none."""
    image = np.random.default_rng(1).integers(0, limit, (100, 100)).astype(dtype)
    image.flat[:5] = limit
    tifffile.imwrite(tmp_path / "a.tif", image)
    read_image(tmp_path / "a.tif")
    image.flat[:200] = limit
    tifffile.imwrite(tmp_path / "a.tif", image)
    with pytest.warns(UserWarning, match=re.escape(f"{tmp_path / 'a.tif'}: saturated, 2.0% of the pixels are {limit}")):
        read_image(tmp_path / "a.tif")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real example images are not on this machine")
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("xyc_16bit__cell_dna_mts_actin.tif", "3 channels, axes CYX"),
        ("xyc_8bit__membranes_nuclei.tif", "2 channels, axes CYX"),
        ("xyzc_16bit__dna_conf_wf.tif", "45 z-planes x 2 channels, axes ZCYX"),
    ],
)
def test_multi_channel_file_is_explained(name, found):
    """Channels and planes are counted and named, with the way to split them."""
    with pytest.raises(ValueError, match="Split Channels") as error:
        read_image(REAL / name)
    assert_explains(error.value, REAL / name, "one plane of one channel", found)
