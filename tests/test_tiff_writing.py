"""Writing a TIFF file: grey values, pixel size and provenance are read again, and a failure leaves nothing behind."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from explanations import assert_explains
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from l2l_utils.tiff import PixelSize, pixel_size_um, read_header, read_image, read_provenance, write_image

REAL = Path(__file__).parents[2] / "shared" / "data" / "neubias"
RAMP = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)
quick = settings(max_examples=30, deadline=None)
sides = st.integers(1, 40)


def grey_values(dtype):
    elements = {
        "float32": st.floats(width=32, allow_nan=False, allow_infinity=False),
        "uint16": st.integers(0, 65535),
        "uint8": st.integers(0, 255),
    }
    return hnp.arrays(dtype, st.tuples(sides, sides), elements=elements[dtype])


images = st.sampled_from(["float32", "uint16", "uint8"]).flatmap(grey_values)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tiff")


def names(folder):
    """Return the names of all files in a folder, hidden ones too."""
    return [path.name for path in folder.iterdir()]


def tag(path, number):
    """Return a TIFF tag as Pillow reads it."""
    with Image.open(path) as picture:
        return picture.tag_v2.get(number)


@pytest.mark.filterwarnings("ignore:.*saturated")
@quick
@given(image=images, y=st.floats(1e-3, 1e3), x=st.floats(1e-3, 1e3), unit=st.sampled_from(["nm", "um", "micron", "mm"]))
def test_round_trip(folder, image, y, x, unit):
    """Grey values, number format, pixel size and unit survive writing and reading."""
    assume(image.min() != image.max())
    write_image(folder / "a.tif", image, like=PixelSize(y, x, unit), dtype=image.dtype.name)
    write_image(folder / "b.tif", image, like=folder / "a.tif", dtype=image.dtype.name)
    for path in (folder / "a.tif", folder / "b.tif"):
        again = read_image(path)
        assert again.dtype == image.dtype
        np.testing.assert_array_equal(again, image)
        size = read_header(path).pixel_size
        assert size.unit == unit
        assert size[:2] == pytest.approx((y, x), rel=1e-6)


@quick
@given(
    low=st.floats(0, 30000),
    span=st.floats(1, 30000),
    image=hnp.arrays("float32", (6, 5), elements=st.floats(0, 1, width=32)),
)
def test_grey_range_inverts_normalisation(folder, low, span, image):
    """Normalising a file written with the recorded grey values gives the image back to half a grey value."""
    write_image(folder / "a.tif", image, dtype="uint16", grey_range=(low, low + span))
    again = (tifffile.imread(folder / "a.tif") - low) / span
    np.testing.assert_allclose(again, image, rtol=0, atol=0.505 / span)  # in float32, a grey value has 1/256 to spare


def test_integers_are_rounded_and_clipped(tmp_path):
    """Values below and above the range of the number format become its limits, the others the nearest integer."""
    write_image(tmp_path / "a.tif", [[-1.0, 0.0, 0.502, 1.0]], dtype="uint8", grey_range=(100, 300))
    with Image.open(tmp_path / "a.tif") as picture:
        assert np.asarray(picture).tolist() == [[0, 100, 200, 255]]


@quick
@given(provenance=st.dictionaries(st.text(), json_values, max_size=5))
def test_provenance_round_trip(folder, provenance):
    """Whatever JSON holds comes back from the file."""
    write_image(folder / "a.tif", RAMP, dtype="uint16", provenance=provenance)
    assert read_provenance(folder / "a.tif") == provenance


def test_imagej_finds_pixel_size_and_provenance(tmp_path):
    """The tags that ImageJ reads are there: pixels per unit, the unit, and the Info text in ImageJ's own metadata."""
    path = tmp_path / "a.tif"
    write_image(path, RAMP / 7, like=PixelSize(0.25, 0.065, "um"), provenance={"model": "4f2a"})
    assert float(tag(path, 282)) == pytest.approx(1 / 0.065)
    assert float(tag(path, 283)) == pytest.approx(4)
    assert tag(path, 270).startswith("ImageJ=")
    assert "\nunit=um\n" in tag(path, 270)
    raw = tag(path, 50839)
    assert raw[:8] == b"JIJIofni"
    assert json.loads(raw[12:].decode("utf-16-le")) == {"label2label": {"model": "4f2a"}}


def test_no_provenance_is_said(tmp_path):
    """An ImageJ file with other text in its Info, a microscope's JSON included, has no provenance of ours."""
    for info in ("Exposure: 50 ms", '{"Exposure": 50}', "[1]"):
        tifffile.imwrite(tmp_path / "a.tif", RAMP, imagej=True, metadata={"Info": info})
        with pytest.raises(ValueError, match="expected") as error:
            read_provenance(tmp_path / "a.tif")
        assert_explains(error.value, tmp_path / "a.tif", "provenance", "none")


OME = {"axes": "YX", "PhysicalSizeY": 66.0, "PhysicalSizeYUnit": "nm", "PhysicalSizeX": 65.0, "PhysicalSizeXUnit": "nm"}


@pytest.mark.parametrize(
    ("options", "size", "size_um"),
    [
        ({"ome": True, "metadata": OME}, (66, 65, "nm"), (0.066, 0.065)),
        ({"ome": True, "metadata": {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.2}}, (0.2, 0.1, "um"), (0.2, 0.1)),
        ({"imagej": True, "resolution": (10, 5), "metadata": {"unit": "\\u00B5m"}}, (0.2, 0.1, "um"), (0.2, 0.1)),
        ({"imagej": True, "resolution": (10, 5), "metadata": {"unit": "furlong"}}, (0.2, 0.1, "furlong"), None),
        ({"imagej": True, "resolution": (10, 5), "metadata": {"unit": "pixel"}}, None, None),
        ({"resolution": (1e5, 2e5), "resolutionunit": "CENTIMETER"}, (5e-6, 1e-5, "cm"), (0.05, 0.1)),
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, (1 / 72, 1 / 72, "inch"), None),
        ({"resolution": (0, 0), "resolutionunit": "CENTIMETER"}, None, None),
        ({}, None, None),
    ],
)
def test_pixel_size_of_other_writers(tmp_path, options, size, size_um):
    """The pixel size of OME, ImageJ and plain TIFFs is read and handed on; print resolutions are no micrometres."""
    source, restored = tmp_path / "source.tif", tmp_path / "restored.tif"
    tifffile.imwrite(source, RAMP, **options)
    write_image(restored, RAMP, like=source)
    for path in (source, restored):
        found, found_um = read_header(path).pixel_size, pixel_size_um(path)
        if size is None:
            assert found is None
        else:
            assert found.unit == size[2]
            assert found[:2] == pytest.approx(size[:2], rel=1e-6)
        assert found_um == (size_um and pytest.approx(size_um, rel=1e-6))


@pytest.mark.parametrize("n_channels", [2, 3, 4])
def test_channels_round_trip(tmp_path, n_channels):
    """Several channels are one file; each has a colour of its own, of which no two are red and green, and its range."""
    path, image = tmp_path / "channels.tif", np.stack([RAMP + 100 * c for c in range(n_channels)])
    write_image(path, image, dtype="uint16", like=PixelSize(0.1, 0.2, "um"), provenance={"made": "here"})
    np.testing.assert_array_equal(read_image(path, axes="CYX"), image)
    assert pixel_size_um(path) == pytest.approx((0.1, 0.2))
    assert read_provenance(path) == {"made": "here"}
    with tifffile.TiffFile(path) as tif:
        shown = tif.imagej_metadata
    assert shown["mode"] == "composite"
    colours = [tuple(int(value) for value in table[:, -1]) for table in shown["LUTs"]]
    assert len(set(colours)) == n_channels
    assert not {(255, 0, 0), (0, 255, 0)} <= set(colours)
    assert shown["Ranges"] == tuple(float(v) for c in range(n_channels) for v in (100 * c, RAMP.max() + 100 * c))


def test_axes_are_held_to(tmp_path):
    """A file of one channel is none of several, nor the other way round; a channel without contrast is refused."""
    one, two = tmp_path / "one.tif", tmp_path / "two.tif"
    write_image(one, RAMP, dtype="uint16")
    write_image(two, np.stack([RAMP, RAMP]), dtype="uint16")
    for path, axes, expected, found in (
        (one, "CYX", "several channels, axes CYX", "axes YX"),
        (two, "YX", "one channel, axes YX", "2 channels, axes CYX"),
    ):
        with pytest.raises(ValueError, match="expected") as error:
            read_image(path, axes=axes)
        assert_explains(error.value, path, expected, found)
    write_image(two, np.stack([RAMP, np.full_like(RAMP, 7)]), dtype="uint16")
    with pytest.raises(ValueError, match="the value 7 in every pixel"):
        read_image(two, axes="CYX")


@pytest.mark.parametrize(
    ("image", "options", "expected", "found"),
    [
        (RAMP, {"dtype": "int32"}, "float32, uint16 or uint8", "'int32'"),
        (np.zeros((2, 2, 8, 8)), {}, "YX or CYX", r"shape \(2, 2, 8, 8\)"),
        (np.zeros((0, 8)), {}, "YX or CYX", r"shape \(0, 8\)"),
        (np.zeros((1, 8, 8)), {}, "2 to 4 channels", r"shape \(1, 8, 8\)"),
        (np.zeros((8, 8, 2)), {}, "2 to 4 channels", r"shape \(8, 8, 2\)"),
        (RAMP.astype(object), {}, "numbers", "object"),
        (np.full((8, 8), np.nan), {}, "a number in every pixel", "NaN"),
        (RAMP / 4000, {"dtype": "uint16"}, "whole numbers that fit uint16", "float64 from 0 to 0.76775"),
        (RAMP, {"dtype": "uint8"}, "whole numbers that fit uint8", "uint16 from 0 to 3071"),
        (RAMP / 4000, {"dtype": "uint8", "grey_range": (9, 9)}, "rising", r"\(9, 9\)"),
        (np.broadcast_to(np.float32(0), (32768, 32768)), {}, "less than 4 GiB", r"\(32768, 32768\)"),
    ],
)
def test_unwritable_image_is_explained(tmp_path, image, options, expected, found):
    """What cannot be written is refused, and the file of that name stays as it was."""
    path = tmp_path / "restored.tif"
    write_image(path, RAMP)
    with pytest.raises(ValueError, match="expected") as error:
        write_image(path, image, **options)
    assert_explains(error.value, path, expected, found)
    np.testing.assert_array_equal(read_image(path), RAMP)
    assert names(tmp_path) == ["restored.tif"]


def test_source_is_never_overwritten(tmp_path):
    """The image that a restoration was made from cannot be its output, under whatever name."""
    source, link = tmp_path / "source.tif", tmp_path / "link.tif"
    tifffile.imwrite(source, RAMP)
    link.symlink_to(source)
    for path in (source, link):
        with pytest.raises(ValueError, match="expected") as error:
            write_image(path, RAMP + 1, like=source)
        assert_explains(error.value, path, "a new file", "the image it is made from")
    np.testing.assert_array_equal(read_image(source), RAMP)


def test_other_suffix_is_refused(tmp_path):
    """A TIFF under another suffix would open nowhere."""
    with pytest.raises(ValueError, match="expected") as error:
        write_image(tmp_path / "a.png", RAMP)
    assert_explains(error.value, tmp_path / "a.png", "ends in .tif", "a.png")


def test_failed_write_leaves_nothing(tmp_path):
    """When the last step fails, here because a folder has the name, no part of the file remains."""
    (tmp_path / "a.tif" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match=r"a\.tif"):
        write_image(tmp_path / "a.tif", RAMP)
    assert names(tmp_path) == ["a.tif"]


def test_full_disk_leaves_nothing(tmp_path):
    """When the file cannot grow, as on a full disk, no part of it remains."""
    resource = pytest.importorskip("resource", reason="file size limits exist on Unix only")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large|requested"):
            write_image(tmp_path / "a.tif", RAMP)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == []


def test_input_is_not_modified(tmp_path):
    """The array that is written stays as it is."""
    image = RAMP / 4000
    write_image(tmp_path / "new" / "a.tif", image, dtype="uint16", grey_range=(0, 4000))
    np.testing.assert_array_equal(image, RAMP / 4000)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real example images are not on this machine")
def test_calibrated_image_keeps_its_pixel_size(tmp_path):
    """A Fiji image's resolution tags and unit are those of the restored image, too."""
    source = REAL / "xy_calibrated_16bit__cells_eres_noisy.tif"
    write_image(tmp_path / "a.tif", read_image(source) / 100, like=source)
    for number in (282, 283):
        assert float(tag(tmp_path / "a.tif", number)) == pytest.approx(4.354004, rel=1e-9)
    assert pixel_size_um(tmp_path / "a.tif") == pytest.approx((1 / 4.354004, 1 / 4.354004), rel=1e-9)
