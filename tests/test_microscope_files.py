"""Whatever a microscope saved, each plane of it is the one that was written, under the name that it had there."""

import sys

import numpy as np
import pytest
import tifffile
from explanations import assert_explains
from hypothesis import given, settings
from hypothesis import strategies as st
from vendor_samples import write_czi, write_lif, write_nd2

from l2l_utils import microscope_files
from l2l_utils.microscope_files import image_files, image_name, list_images, open_images

STACK = np.random.default_rng(1).integers(0, 60000, (2, 3, 2, 20, 24)).astype(np.uint16)
LENGTHS = dict(zip("TZCYX", STACK.shape, strict=True))
DYES = ("Alexa 488", "STAR 635P")


def draw(axes):
    """Return a part of the stack, its axes in that order."""
    part = STACK[tuple(slice(None) if axis in axes else 0 for axis in "TZCYX")]
    left = [axis for axis in "TZCYX" if axis in axes]
    return part.transpose([left.index(axis) for axis in axes])


def assert_holds(image, axes, array):
    """Check axes, shape and type of an image, and every plane of it."""
    assert (image.axes, image.shape, image.dtype) == (axes, array.shape, array.dtype)
    for places in np.ndindex(array.shape[:-2]):
        plane = image.read_plane(**dict(zip(axes, places, strict=False)))
        assert plane.dtype == array.dtype
        np.testing.assert_array_equal(plane, array[places])


def only_image(path):
    """Return the one image of a file that is opened for the rest of a test."""
    with open_images(path) as (image,):
        return image


@pytest.mark.parametrize("axes", ["YX", "CYX", "ZYX", "TYX", "ZCYX", "TCYX", "TZYX", "TZCYX"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_imagej_stacks(tmp_path, axes, byteorder):
    """Each plane of an ImageJ hyperstack, with the pixel size."""
    options = {"resolution": (1 / 0.1, 1 / 0.2), "metadata": {"axes": axes, "unit": "um"}}
    tifffile.imwrite(tmp_path / "a.tif", draw(axes), imagej=True, byteorder=byteorder, **options)
    with open_images(tmp_path / "a.tif") as (image,):
        assert_holds(image, axes, draw(axes))
        assert image.pixel_size_um == pytest.approx((0.2, 0.1))


def test_imagej_stack_of_one_page(tmp_path):
    """Planes of an ImageJ stack that has one page only, as ImageJ writes what is larger than 4 GB."""
    tifffile.imwrite(tmp_path / "a.tif", STACK, imagej=True, truncate=True, metadata={"axes": "TZCYX"})
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert len(tif.pages) == 1
    with open_images(tmp_path / "a.tif") as (image,):
        assert_holds(image, "TZCYX", STACK)


@pytest.mark.parametrize("axes", ["YX", "CYX", "CZYX", "TCYX", "CTZYX", "ZCTYX", "TZCYX"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "tile": (16, 16)}, {"bigtiff": True}])
def test_ome_stacks(tmp_path, axes, options):
    """Each plane of an OME-TIFF of any order of axes, compressed or not, with pixel size and names of channels."""
    n_channels = LENGTHS["C"] if "C" in axes else 1
    about = {"axes": axes, "PhysicalSizeX": 100, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 200}
    about |= {"PhysicalSizeYUnit": "nm", "Channel": {"Name": list(DYES[:n_channels])}}
    tifffile.imwrite(tmp_path / "a.ome.tif", draw(axes), ome=True, metadata=about, **options)
    with open_images(tmp_path / "a.ome.tif") as (image,):
        assert_holds(image, axes, draw(axes))
        assert image.channels == DYES[:n_channels]
        assert image.pixel_size_um == pytest.approx((0.2, 0.1))
        assert image_name(image) == "a"


def test_ome_file_with_several_images(tmp_path):
    """Every image of the file, by its name and with its own channels."""
    arrays = {"cell 1": draw("CYX"), "cell/2": draw("ZCYX")[:, :, :10]}
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tif:
        for name, array in arrays.items():
            axes = "ZCYX"[-array.ndim :]
            tif.write(array, metadata={"axes": axes, "Name": name, "Channel": {"Name": [f"{name} {i}" for i in "ab"]}})
    with open_images(tmp_path / "a.ome.tif") as images:
        for image, (name, array) in zip(images, arrays.items(), strict=True):
            assert_holds(image, "ZCYX"[-array.ndim :], array)
            assert (image.name, image.channels) == (name, (f"{name} a", f"{name} b"))
        assert [image_name(image) for image in images] == ["a_cell_1", "a_cell_2"]


@pytest.mark.parametrize(("n_planes", "axis"), [(2, "C"), (4, "C"), (5, "Z"), (9, "Z")])
@pytest.mark.parametrize("metadata", [None, {}])
def test_pages_without_names(tmp_path, n_planes, axis, metadata):
    """The pages of a plain TIFF are channels, or z-planes if there are more than four."""
    array = np.concatenate([draw("ZYX")] * 3)[:n_planes]
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack", metadata=metadata)
    with open_images(tmp_path / "a.tif") as (image,):
        assert_holds(image, f"{axis}YX", array)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_channels_in_one_page(tmp_path, compression):
    """Channels that are stored as greyscale samples of one page, plane after plane."""
    options = {"photometric": "minisblack", "planarconfig": "separate", "compression": compression}
    tifffile.imwrite(tmp_path / "a.tif", draw("ZYX"), **options)
    with open_images(tmp_path / "a.tif") as (image,):
        assert_holds(image, "CYX", draw("ZYX"))


@pytest.mark.parametrize(
    ("axes", "labels", "channels"),
    [
        ("CYX", ["actin", "tubulin"], ("actin", "tubulin")),
        ("CYX", ["c:1/2 - actin", "c:2/2 - tubulin"], ("actin", "tubulin")),
        ("ZCYX", [f"c:{c}/2 z:{z}/3 - {'ab'[c - 1]}.nd2" for z in (1, 2, 3) for c in (1, 2)], ("a.nd2", "b.nd2")),
        ("ZCYX", [f"c:{c}/2 z:{z}/3 - a.nd2" for z in (1, 2, 3) for c in (1, 2)], ("channel 0", "channel 1")),
        ("CYX", ["actin"], ("channel 0", "channel 1")),
        ("ZYX", ["1", "2", "3"], ("1",)),
        ("YX", [], ("channel 0",)),
    ],
)
def test_imagej_labels(tmp_path, axes, labels, channels):
    """ImageJ's labels of planes name the channels where they differ between them."""
    metadata = {"axes": axes, "Labels": labels} if labels else {"axes": axes}
    tifffile.imwrite(tmp_path / "a.tif", draw(axes), imagej=True, metadata=metadata)
    assert only_image(tmp_path / "a.tif").channels == channels


@settings(deadline=None, max_examples=30)
@given(names=st.lists(st.text(max_size=4) | st.none(), min_size=1, max_size=5), n_channels=st.integers(1, 5))
def test_every_channel_has_a_name_of_its_own(names, n_channels):
    """Whatever a file says, there are as many names as channels, none empty, and each finds its channel."""
    channels = microscope_files.channel_names(names, n_channels)
    assert len(set(channels)) == len(channels) == n_channels
    assert all(channels)


def lif_images():
    """Return images as they are in a .lif file: a stack, two channels, a single plane, a mosaic, colour."""
    colour = np.random.default_rng(2).integers(0, 255, (20, 24, 3)).astype(np.uint8)
    images = {"Series001": ("TZCYX", STACK), "Mark and/or find": ("CYX", draw("CYX"))}
    return images | {"lone": ("YX", draw("YX")), "Tiles": ("MCYX", draw("ZCYX")), "Snap": ("YXS", colour)}


def test_lif_series(tmp_path):
    """All series of a Leica file, each tile of a mosaic for itself, with names, dyes and pixel size."""
    pytest.importorskip("liffile")
    write_lif(tmp_path / "a.lif", lif_images(), dyes=("Leica/Alexa 488", "STAR 635P"), pixel_um=(0.2, 0.1))
    with open_images(tmp_path / "a.lif") as images:
        names = ["Series001", "Mark and/or find", "lone", "Tiles tile 000", "Tiles tile 001", "Tiles tile 002", "Snap"]
        assert [image.name for image in images] == names
        assert_holds(images[0], "TZCYX", STACK)
        assert_holds(images[1], "CYX", draw("CYX"))
        assert_holds(images[2], "YX", draw("YX"))
        for tile in range(3):
            assert_holds(images[3 + tile], "CYX", draw("ZCYX")[tile])
        assert images[0].channels == DYES
        assert all(image.pixel_size_um == pytest.approx((0.2, 0.1)) for image in images)
        assert images[6].axes == "YXS"
    table = list_images(tmp_path / "a.lif")
    assert list(table["image"][:2]) == ["a_Series001", "a_Mark_and_or_find"]
    assert table["channels"][0] == "0: Alexa 488, 1: STAR 635P"


def test_lif_without_dyes(tmp_path):
    """Channels that share the name of a look-up table are told apart by their number."""
    pytest.importorskip("liffile")
    write_lif(tmp_path / "a.lif", {"one": ("CYX", draw("CYX"))})
    assert only_image(tmp_path / "a.lif").channels == ("Gray (0)", "Gray (1)")


def test_lif_series_of_one_name(tmp_path):
    """Series that share a name are all there, told apart by a number."""
    pytest.importorskip("liffile")
    write_lif(tmp_path / "a.lif", {"cell": ("YX", STACK[0, 0, 0]), "twin": ("YX", STACK[1, 0, 0])})
    content = (tmp_path / "a.lif").read_bytes()
    (tmp_path / "a.lif").write_bytes(content.replace("twin".encode("utf-16-le"), "cell".encode("utf-16-le")))
    with open_images(tmp_path / "a.lif") as images:
        assert [image_name(image) for image in images] == ["a_cell", "a_cell_2"]
        for image, array in zip(images, STACK[:, 0, 0], strict=True):
            assert_holds(image, "YX", array)


@pytest.mark.parametrize("axes", ["CYX", "ZCYX", "TCYX", "TZCYX", "ZTCYX"])
def test_nd2_stacks(tmp_path, axes):
    """Each plane of a Nikon file, with names of channels and pixel size."""
    pytest.importorskip("nd2")
    write_nd2(tmp_path / "a.nd2", axes, draw(axes), dyes=DYES, pixel_um=0.2)
    with open_images(tmp_path / "a.nd2") as (image,):
        assert_holds(image, axes, draw(axes))
        assert (image.channels, image.pixel_size_um) == (DYES, (0.2, 0.2))


def test_nd2_loop_of_one(tmp_path):
    """A time series of one time point is a z-stack."""
    pytest.importorskip("nd2")
    write_nd2(tmp_path / "a.nd2", "TZCYX", STACK[:1], dyes=DYES)
    with open_images(tmp_path / "a.nd2") as (image,):
        assert_holds(image, "ZCYX", STACK[0])


def test_nd2_positions(tmp_path):
    """Each position of the stage is an image of its own."""
    pytest.importorskip("nd2")
    write_nd2(tmp_path / "a.nd2", "PZCYX", STACK, dyes=DYES)
    with open_images(tmp_path / "a.nd2") as images:
        assert [image.name for image in images] == ["position 000", "position 001"]
        for image, array in zip(images, STACK, strict=True):
            assert_holds(image, "ZCYX", array)


def test_nd2_recording_that_was_stopped(tmp_path):
    """The frames that there are can be read, and no others."""
    pytest.importorskip("nd2")
    write_nd2(tmp_path / "a.nd2", "TCYX", draw("TCYX"), dyes=DYES, n_frames=1)
    with open_images(tmp_path / "a.nd2") as (image,):
        np.testing.assert_array_equal(image.read_plane(T=0, C=1), draw("TCYX")[0, 1])
        with pytest.raises(ValueError, match=r"a\.nd2: expected a whole file.*ended after 1 of 2 frames"):
            image.read_plane(T=1, C=1)


def test_czi_scenes(tmp_path):
    """Each scene of a Zeiss file is an image, put together from its tiles, wherever they lie on the slide."""
    pytest.importorskip("czifile")
    halves = {0: slice(0, 12), 1: slice(12, 24)}
    tiles = [
        ({"S": s, "Z": z, "C": c, "M": m, "Y": 100 * s - 7, "X": 5 + columns.start}, STACK[s, z, c][:, columns])
        for s, z, c, m in np.ndindex(2, 3, 2, 2)
        for columns in [halves[m]]
    ]
    write_czi(tmp_path / "a.czi", tiles, dyes=DYES, pixel_um=(0.2, 0.1))
    with open_images(tmp_path / "a.czi") as images:
        assert [image.name for image in images] == ["scene 0", "scene 1"]
        for image, array in zip(images, STACK, strict=True):
            assert_holds(image, "ZCYX", array)
            assert image.channels == DYES
            assert image.pixel_size_um == pytest.approx((0.2, 0.1))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_czi_without_scenes(tmp_path, dtype):
    """A Zeiss file of one plane for each channel, of any number format."""
    pytest.importorskip("czifile")
    array = (draw("CYX") // 256).astype(dtype)
    write_czi(tmp_path / "a.czi", [({"C": c, "Y": 0, "X": 0}, plane) for c, plane in enumerate(array)], dyes=DYES)
    with open_images(tmp_path / "a.czi") as (image,):
        assert_holds(image, "CYX", array)


@pytest.mark.parametrize("compression", ["zstd", "zstd1", "zstd1 low-high"])
def test_czi_compression(tmp_path, compression):
    """Zstandard, in which the microscopes of today save, in all its forms."""
    pytest.importorskip("czifile")
    tiles = [({"C": c, "Y": 0, "X": 0}, plane) for c, plane in enumerate(draw("CYX"))]
    write_czi(tmp_path / "a.czi", tiles, compression=compression)
    with open_images(tmp_path / "a.czi") as (image,):
        assert_holds(image, "CYX", draw("CYX"))


def colour_tiff(path):
    tifffile.imwrite(path / "a.tif", np.zeros((20, 24, 3), np.uint8), photometric="rgb")


def colour_lif(path):
    pytest.importorskip("liffile")
    write_lif(path / "a.lif", {"Snap": lif_images()["Snap"]})


def colour_czi(path):
    pytest.importorskip("czifile")
    write_czi(path / "a.czi", [({"Y": 0, "X": 0}, lif_images()["Snap"][1])])


@pytest.mark.parametrize("write", [colour_tiff, colour_lif, colour_czi])
def test_colour_is_refused(tmp_path, write):
    """A colour image is listed, but not taken for a stack of planes."""
    write(tmp_path)
    image = only_image(*image_files(tmp_path))
    with pytest.raises(ValueError, match="colour") as error:
        image.check_greyscale()
    assert_explains(error.value, image, "greyscale", r"colour \(RGB\).*YXS")


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_end(path):
    path.write_bytes(path.read_bytes()[:-100])


def text(path):
    path.write_text("not an image")


def nothing(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [half, without_end, text, nothing])
@pytest.mark.parametrize("kind", ["tif", "lif", "nd2", "czi"])
def test_damage_is_explained(tmp_path, kind, damage):
    """No damaged file is read in part: each is named with what to do about it."""
    path = tmp_path / f"a.{kind}"
    if kind == "tif":
        tifffile.imwrite(path, STACK, imagej=True)
    elif kind == "lif":
        pytest.importorskip("liffile")
        write_lif(path, {"one": ("TZCYX", STACK)})
    elif kind == "nd2":
        pytest.importorskip("nd2")
        write_nd2(path, "TZCYX", STACK, dyes=DYES)
    else:
        pytest.importorskip("czifile")
        write_czi(path, [({"C": c, "Y": 0, "X": 0}, plane) for c, plane in enumerate(draw("CYX"))])
    damage(path)
    with pytest.raises(ValueError, match="expected") as error:
        only_image(path)
    assert_explains(error.value, path, "a whole", "cannot be read")


@pytest.mark.parametrize(("kind", "package"), [("lif", "liffile"), ("nd2", "nd2"), ("czi", "czifile")])
def test_missing_package_is_named(tmp_path, monkeypatch, kind, package):
    """Without its optional package, a file of another maker says which one to install."""
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / f"a.{kind}").touch()
    with pytest.raises(ImportError, match=f"a.{kind}: expected the package {package}.*pip install {package}"):
        only_image(tmp_path / f"a.{kind}")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("a.tif", FileNotFoundError, r"a\.tif: expected an image file, found no such file\. Check the name"),
        ("a.oib", ValueError, r"a\.oib: expected a file of the kind \.tif, .*\.czi, found \.oib\. In Fiji"),
        ("a", ValueError, r"expected a file of the kind .*, found no suffix\. In Fiji"),
    ],
)
def test_what_is_no_image_file(tmp_path, name, error, message):
    """A missing file and one of an unknown kind are explained."""
    with pytest.raises(error, match=message):
        only_image(tmp_path / name)


def test_folder_without_images(tmp_path):
    """A missing folder, an empty one, and one of other files, say so; hidden files do not count."""
    with pytest.raises(FileNotFoundError, match=r"imags: expected a file or a folder, found none\. Check the name"):
        image_files(tmp_path / "imags")
    with pytest.raises(FileNotFoundError, match=r"expected a folder of \.tif.*found an empty folder"):
        image_files(tmp_path)
    for name in ("notes.txt", ".hidden.tif", "b.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(FileNotFoundError, match=r"found other files: b\.jpg, notes\.txt\."):
        list_images(tmp_path)


@pytest.mark.parametrize("channel", [2, -1, "STAR", "star 635p", 1.5])
def test_wrong_channel_is_answered_with_the_right_ones(tmp_path, channel):
    """The message names what there is to choose from."""
    about = {"axes": "CYX", "Channel": {"Name": list(DYES)}}
    tifffile.imwrite(tmp_path / "a.ome.tif", draw("CYX"), ome=True, metadata=about)
    image = only_image(tmp_path / "a.ome.tif")
    assert [image.channel_index(which) for which in (0, 1, *DYES)] == [0, 1, 0, 1]
    with pytest.raises(ValueError, match="channels") as error:
        image.channel_index(channel)
    assert_explains(error.value, tmp_path / "a.ome.tif", "0: 'Alexa 488', 1: 'STAR 635P'", repr(channel))


def test_table_of_a_folder(tmp_path):
    """One line for each image of a folder, with what there is to choose from; other files are left out."""
    tifffile.imwrite(tmp_path / "b.ome.tiff", draw("ZCYX"), ome=True, metadata={"axes": "ZCYX"})
    tifffile.imwrite(tmp_path / "a.TIF", draw("YX"), imagej=True, resolution=(10, 5), metadata={"unit": "um"})
    (tmp_path / "readme.txt").touch()
    assert list_images(tmp_path).to_dict("records") == [
        {
            "file": "a.TIF",
            "image": "a",
            "axes": "YX",
            "shape": "20 x 24",
            "dtype": "uint16",
            "channels": "0: channel 0",
            "pixel_size_um": pytest.approx((0.2, 0.1)),
        },
        {
            "file": "b.ome.tiff",
            "image": "b",
            "axes": "ZCYX",
            "shape": "3 x 2 x 20 x 24",
            "dtype": "uint16",
            "channels": "0: channel 0, 1: channel 1",
            "pixel_size_um": None,
        },
    ]
