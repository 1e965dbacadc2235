"""Stacks of planes on disk: axes, distance of planes, windows of them, and what is taken for none."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import data, normalization, tiff, windows

SHAPE = (7, 43, 58)
STACK = np.random.default_rng(5).integers(0, 60000, SHAPE).astype(np.uint16)
LAYOUTS = {
    "plain": {},
    "unnamed": {"metadata": None},
    "ImageJ": {"imagej": True, "metadata": {"axes": "ZYX"}},
    "OME": {"ome": True, "metadata": {"axes": "ZYX"}},
    "OME zlib": {"ome": True, "metadata": {"axes": "ZYX"}, "compression": "zlib", "tile": (32, 16)},
    "big-endian": {"byteorder": ">"},
    "big-endian zlib": {"byteorder": ">", "compression": "zlib", "rowsperstrip": 9},
    "LZW strips": {"compression": "lzw", "rowsperstrip": 7},
    "predictor": {"compression": "zlib", "predictor": True, "tile": (16, 48)},
}


@pytest.fixture(scope="module", params=LAYOUTS)
def stored(request, tmp_path_factory):
    """Return the path of a stack, written in one of the layouts."""
    path = tmp_path_factory.mktemp("stacks") / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", **LAYOUTS[request.param])
    return path


@settings(deadline=None, max_examples=40)
@given(picked=st.data())
def test_a_window_equals_the_whole_stack_there(stored, picked):
    """Whatever the layout of the file, a window has the pixels of the stack, and can be written to."""
    ends = [picked.draw(st.lists(st.integers(0, n), min_size=2, max_size=2, unique=True).map(sorted)) for n in SHAPE]
    window = tuple(slice(*pair) for pair in ends)
    place = windows.locate(stored, axes="ZYX")
    assert place.shape == SHAPE
    found = place.read(*window)
    np.testing.assert_array_equal(found, STACK[window])
    np.testing.assert_array_equal(data.read_image(stored, axes="ZYX"), STACK)
    found[:] = 0


def test_other_planes_are_left_alone(tmp_path):
    """With every plane destroyed that is outside of it, a window of a compressed stack is still read."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", compression="zlib")
    place, content = windows.locate(path, axes="ZYX"), bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tif:
        for z in (0, 1, 2, 5, 6):
            for offset, n_bytes in zip(tif.pages[z].dataoffsets, tif.pages[z].databytecounts, strict=True):
                content[offset : offset + n_bytes] = bytes(n_bytes)
    path.write_bytes(content)
    np.testing.assert_array_equal(place.read(slice(3, 5), slice(9, 40), slice(0, 58)), STACK[3:5, 9:40])


@pytest.mark.parametrize("dtype", ["float32", "uint16", "uint8"])
def test_a_stack_comes_back_with_its_spacing(tmp_path, dtype):
    """Grey values, size of pixels, distance of planes, unit and provenance survive, also from file to file."""
    stack = (STACK >> 8).astype(dtype)
    size = tiff.PixelSize(0.11, 0.12, "um", 0.57)
    data.write_image(tmp_path / "a.tif", stack, axes="ZYX", dtype=dtype, like=size, provenance={"made": "here"})
    data.write_image(tmp_path / "b.tif", stack, axes="ZYX", dtype=dtype, like=tmp_path / "a.tif")
    assert data.read_provenance(tmp_path / "a.tif") == {"made": "here"}
    for path in (tmp_path / "a.tif", tmp_path / "b.tif"):
        again = data.read_image(path, axes="ZYX")
        assert again.dtype == dtype
        np.testing.assert_array_equal(again, stack)
        assert data.pixel_size_um(path) == pytest.approx((0.11, 0.12), rel=1e-6)
        assert data.z_spacing_um(path) == pytest.approx(0.57)
        with tifffile.TiffFile(path) as tif:
            assert tif.series[0].axes == "ZYX"
            assert tif.imagej_metadata["slices"] == len(stack)


@pytest.mark.parametrize(
    ("options", "spacing_um"),
    [
        (
            {
                "ome": True,
                "metadata": {"axes": "ZYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.5},
            },
            0.5,
        ),
        ({"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}}, None),
        ({"imagej": True, "resolution": (10, 10), "metadata": {"axes": "ZYX", "spacing": 300, "unit": "nm"}}, 0.3),
        ({"imagej": True, "resolution": (10, 10), "metadata": {"axes": "ZYX", "unit": "um"}}, None),
        ({"imagej": True, "metadata": {"axes": "ZYX", "spacing": 2}}, None),
        ({}, None),
    ],
)
def test_spacing_of_other_writers(tmp_path, options, spacing_um):
    """The distance of planes of OME and ImageJ files is read; without a unit there is none."""
    tifffile.imwrite(tmp_path / "a.tif", STACK, photometric="minisblack", **options)
    assert data.z_spacing_um(tmp_path / "a.tif") == (spacing_um and pytest.approx(spacing_um))
    data.write_image(tmp_path / "b.tif", STACK, axes="ZYX", dtype="uint16", like=tmp_path / "a.tif")
    assert data.z_spacing_um(tmp_path / "b.tif") == (spacing_um and pytest.approx(spacing_um))


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (STACK[0], {}, r"a stack of planes.*axes YX, shape \(43, 58\).*one channel's planes"),
        (STACK, {"imagej": True, "metadata": {"axes": "TYX"}}, r"a stack of planes.*axes TYX"),
        (STACK[:3], {"imagej": True, "metadata": {"axes": "CYX"}}, r"a stack of planes.*axes CYX"),
        (STACK[..., None] * np.ones(3, np.uint16), {"photometric": "rgb"}, r"one greyscale image.*colour"),
        (STACK.reshape(7, 1, 43, 58).repeat(2, 1), {"imagej": True, "metadata": {"axes": "ZCYX"}}, "axes ZCYX"),
        (np.full_like(STACK, 7), {}, "the value 7 in every pixel"),
        (np.where(STACK.max() == STACK, np.nan, STACK).astype(np.float32), {}, "NaN"),
    ],
)
def test_what_is_no_stack_is_refused(tmp_path, image, options, message):
    """A plane, time points, channels, colours, and stacks without contrast or numbers are each named as such."""
    tifffile.imwrite(tmp_path / "a.tif", image, **({"photometric": "minisblack"} | options))
    with pytest.raises(ValueError, match=rf"a\.tif: expected .*{message}"):
        data.read_image(tmp_path / "a.tif", axes="ZYX")


def test_a_plane_without_contrast_is_part_of_a_stack(tmp_path):
    """Above and below the specimen there may be nothing; the stack is normalised as one."""
    stack = STACK.copy()
    stack[0] = 0
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    low, high = np.percentile(stack, (1, 99.9))
    expected = np.clip((stack - low) / (high - low), 0, 1)
    found = normalization.read_normalized(tmp_path / "a.tif", axes="ZYX")
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_stacks_are_paired_as_planes_are(tmp_path):
    """Pairs by name; stacks of other depth, and planes, are refused with the file's name."""
    for role in ("source", "target"):
        data.write_image(tmp_path / role / "a.tif", STACK, axes="ZYX", dtype="uint16")
    (pair,) = data.pair_images(tmp_path / "source", tmp_path / "target", axes="ZYX")
    assert pair == data.Pair("a", tmp_path / "source" / "a.tif", tmp_path / "target" / "a.tif")
    with pytest.raises(ValueError, match=r"a\.tif: expected one plane"):
        data.pair_images(tmp_path / "source", tmp_path / "target")
    data.write_image(tmp_path / "target" / "a.tif", STACK[1:], axes="ZYX", dtype="uint16")
    with pytest.raises(ValueError, match=r"the same shape, found \(7, 43, 58\) and \(6, 43, 58\)"):
        data.pair_images(tmp_path / "source", tmp_path / "target", axes="ZYX")


@pytest.mark.parametrize(
    ("image", "axes", "message"),
    [(STACK, "YX", r"axes YX, shape \(7, 43, 58\)"), (STACK[0], "ZYX", "axes ZYX"), (STACK, "CYX", "2 to 4 channels")],
)
def test_other_arrays_are_not_written_as_stacks(tmp_path, image, axes, message):
    """Axes and array must agree; nothing is left in the folder."""
    with pytest.raises(ValueError, match=message):
        data.write_image(tmp_path / "a.tif", image, axes=axes, dtype="uint16")
    assert not list(tmp_path.iterdir())
