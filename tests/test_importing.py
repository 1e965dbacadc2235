"""A user's own files to a data set: every pixel where it belongs, and nothing where something is wrong."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from vendor_samples import write_lif

from l2l_utils import data, set_folders
from l2l_utils.importing import Choice, list_images, write_data_set

REAL = Path(__file__).parents[2] / "shared" / "data"
ROLES = {"source": 1, "target": 0}
STACK = np.random.default_rng(3).integers(0, 4000, (4, 5, 2, 20, 24)).astype(np.uint16)


def write_stack(path, axes, array, **metadata):
    """Write an ImageJ hyperstack with a pixel size."""
    options = {"resolution": (10, 5), "metadata": {"axes": axes, "unit": "um", **metadata}}
    tifffile.imwrite(path, array, imagej=True, **options)


def read_set(folder):
    """Return the images of a data set by role and name."""
    return {
        (path.parent.name, path.name.removesuffix(".tif")): tifffile.imread(path)
        for path in sorted(folder.rglob("*.tif"))
    }


def assert_equal_sets(found, expected):
    """Check that a data set has these images and no others, in the same number formats."""
    assert found.keys() == expected.keys()
    for key, image in expected.items():
        assert found[key].dtype == image.dtype, key
        np.testing.assert_array_equal(found[key], image, err_msg=str(key))


@pytest.fixture
def cells(tmp_path):
    """Return a folder of two fields of view with two channels each."""
    (tmp_path / "cells").mkdir()
    for number, name in enumerate(("a.tif", "b.tiff")):
        write_stack(tmp_path / "cells" / name, "CYX", STACK[number, 0])
    return tmp_path / "cells"


def test_folder_of_two_channel_files(cells, tmp_path):
    """Each channel goes to the folder of its role, with grey values, pixel size and where it came from."""
    folder = write_data_set(cells, tmp_path / "set", channels=ROLES)
    assert folder == tmp_path / "set"
    expected = {(role, "ab"[n]): STACK[n, 0, channel] for n in range(2) for role, channel in ROLES.items()}
    assert_equal_sets(read_set(folder), expected)
    pairs = data.pair_images(folder / "source", folder / "target")
    assert [pair.name for pair in pairs] == ["a", "b"]
    assert data.pixel_size_um(pairs[0].target) == pytest.approx((0.2, 0.1))
    found = data.read_provenance(pairs[1].source)
    assert (found["origin"], found["channel"], found["role"]) == ("b.tiff", "channel 1", "source")


def test_roles_can_be_swapped(cells, tmp_path):
    """With the channels exchanged, source and target are exchanged, and the new set replaces the old one whole."""
    write_data_set(cells, tmp_path / "set", channels=ROLES | {"nucleus": 0})
    before = read_set(tmp_path / "set")
    write_data_set(cells, tmp_path / "set", channels={"source": 0, "target": 1})
    swapped = {"source": "target", "target": "source"}
    expected = {(swapped[role], name): image for (role, name), image in before.items() if role in swapped}
    assert_equal_sets(read_set(tmp_path / "set"), expected)
    assert not (tmp_path / "set" / "nucleus").exists()


def test_same_again_changes_nothing(cells, tmp_path):
    """Written twice, every file of the set is the same, byte for byte."""
    contents = []
    for _ in range(2):
        folder = write_data_set(cells, tmp_path / "set", channels=ROLES)
        contents.append({path: path.read_bytes() for path in folder.rglob("*.*")})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 5
    assert not set_folders.damaged(folder)


TZ = STACK[:, :, 1]
PLANES = {
    "max": ("max", {"": TZ.max((0, 1))}),
    "mean": ("mean", {"": TZ.mean((0, 1)).astype(np.float32)}),
    "each": ("each", {f"_t{t:03d}_z{z:03d}": TZ[t, z] for t in range(4) for z in range(5)}),
    "max of each": ({"Z": "max", "T": "each"}, {f"_t{t:03d}": TZ[t].max(0) for t in range(4)}),
    "mean over time": ({"Z": 3, "T": "mean"}, {"": TZ[:, 3].mean(0).astype(np.float32)}),
    "one": ({"Z": 4, "T": 0}, {"": TZ[0, 4]}),
    "each of one": ({"Z": "each", "T": 2}, {f"_z{z:03d}": TZ[2, z] for z in range(5)}),
    "unsaid": ({"T": 1}, {"": TZ[1].max(0)}),
}


@pytest.mark.parametrize(("plane", "expected"), PLANES.values(), ids=PLANES)
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_planes_of_a_stack(tmp_path, plane, expected, compression):
    """A projection, one plane, or each as a field of view of its own, as NumPy takes them from the whole stack."""
    metadata = {"axes": "TZCYX"}
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, ome=True, metadata=metadata, compression=compression)
    folder = write_data_set(tmp_path / "a.ome.tif", tmp_path / "set", channels={"source": 1}, plane=plane)
    assert_equal_sets(read_set(folder), {("source", f"a{name}"): image for name, image in expected.items()})


@pytest.mark.parametrize("axes", ["ZYX", "TYX"])
def test_number_of_a_plane(tmp_path, axes):
    """Where there are only z-planes or only time points, a number is enough; an image of one plane has plane 0."""
    write_stack(tmp_path / "a.tif", axes, STACK[0, :, 0])
    folder = write_data_set(tmp_path / "a.tif", tmp_path / "set", channels={"source": 0}, plane=3)
    assert_equal_sets(read_set(folder), {("source", "a"): STACK[0, 3, 0]})
    write_stack(tmp_path / "b.tif", "YX", STACK[0, 0, 0])
    folder = write_data_set(tmp_path / "b.tif", tmp_path / "set", channels={"source": 0}, plane=0)
    assert_equal_sets(read_set(folder), {("source", "b"): STACK[0, 0, 0]})


def test_noise2noise_from_a_time_stack(tmp_path):
    """Two frames of one channel are source and source_repeat, the mean of all frames is the target."""
    write_stack(tmp_path / "a.tif", "TCYX", STACK[:, 0])
    channels = {"source": Choice(0, 0), "source_repeat": Choice(0, 1), "target": Choice("channel 0", "mean")}
    expected = {"source": STACK[0, 0, 0], "source_repeat": STACK[1, 0, 0]}
    expected["target"] = STACK[:, 0, 0].mean(0).astype(np.float32)
    folder = write_data_set(tmp_path / "a.tif", tmp_path / "set", channels=channels)
    assert_equal_sets(read_set(folder), {(role, "a"): image for role, image in expected.items()})


def test_series_of_a_leica_file(tmp_path):
    """All series of a .lif become fields of view; patterns choose among them, and leave out what has no channels."""
    pytest.importorskip("liffile")
    colour = np.zeros((20, 24, 3), np.uint8)
    series = {"cell 1": ("ZCYX", STACK[0]), "cell 2": ("ZCYX", STACK[1]), "snap": ("YXS", colour)}
    write_lif(tmp_path / "a.lif", series, dyes=("Leica/Alexa 488", "Leica/STAR 635P"))
    assert list(list_images(tmp_path / "a.lif")["image"]) == ["a_cell_1", "a_cell_2", "a_snap"]
    channels = {"source": "STAR 635P", "target": "Alexa 488"}
    with pytest.raises(ValueError, match=r"a\.lif, image 'snap': expected greyscale.*leave this image out"):
        write_data_set(tmp_path / "a.lif", tmp_path / "set", channels=channels)
    folder = write_data_set(tmp_path / "a.lif", tmp_path / "set", channels=channels, names="*cell*")
    expected = {("source", f"a_cell_{n + 1}"): STACK[n, :, 1].max(0) for n in range(2)}
    expected |= {("target", f"a_cell_{n + 1}"): STACK[n, :, 0].max(0) for n in range(2)}
    assert_equal_sets(read_set(folder), expected)


def test_two_folders(tmp_path):
    """Images of equal name in one folder for each role make a field of view, be they stacks, TIFF or not."""
    for role, extension in {"inputs": ".tif", "benchmarks": ".ome.tif"}.items():
        (tmp_path / role).mkdir()
        for number in range(2):
            path = tmp_path / role / f"cell {number}{extension}"
            write_stack(path, "ZYX", STACK[number, :, len(role) % 2])
    origin = {"source": tmp_path / "inputs", "target": tmp_path / "benchmarks"}
    folder = write_data_set(origin, tmp_path / "set", channels={"source": 0, "target": 0}, plane="each")
    expected = {
        (role, f"cell {n}_z{z:03d}"): STACK[n, z, channel]
        for role, channel in {"source": 0, "target": 0}.items()
        for n in range(2)
        for z in range(5)
    }
    assert_equal_sets(read_set(folder), expected)


@settings(deadline=None, max_examples=25)
@given(row=st.integers(-19, 19), column=st.integers(-23, 23), by_field=st.booleans())
def test_drift_is_cut_away(tmp_path_factory, row, column, by_field):
    """What lies at p in the source lies at p + drift in the target: cut to what they share, both show the same."""
    path = tmp_path_factory.mktemp("drift")
    scene = np.arange(100 * 100, dtype=np.uint16).reshape(100, 100)
    source, target = scene[30:50, 30:54], scene[30 - row : 50 - row, 30 - column : 54 - column]
    stack = np.stack([source, target, source + 7])
    write_stack(path / "a.tif", "ZCYX", np.stack([stack, stack]))
    channels = {"source": 0, "target": 1, "source_repeat": 2}
    drift = {"a_z001" if by_field else "a": np.array([row, column])}
    found = read_set(write_data_set(path / "a.tif", path / "set", channels=channels, plane="each", drift_px=drift))
    assert found["source", "a_z001"].shape == (20 - abs(row), 24 - abs(column))
    np.testing.assert_array_equal(found["source", "a_z001"], found["target", "a_z001"])
    np.testing.assert_array_equal(found["source", "a_z001"] + 7, found["source_repeat", "a_z001"])
    assert np.isin(found["source", "a_z001"], source).all()
    assert (found["source", "a_z000"].shape == source.shape) == (by_field or (row, column) == (0, 0))


@pytest.mark.parametrize(
    ("dtype", "written"),
    [
        ("uint8", "uint8"),
        ("uint16", "uint16"),
        ("float32", "float32"),
        ("int8", "float32"),
        ("int16", "float32"),
        ("uint32", "float32"),
        ("int64", "float32"),
        ("float16", "float32"),
        ("float64", "float32"),
    ],
)
def test_grey_values_stay_as_they_are(tmp_path, dtype, written):
    """Number formats that Fiji's TIFFs have are kept; of the others, every value is, as 32-bit floating point."""
    image = (STACK[0, 0, 0] % 100).astype(dtype)
    image[0, 0] = 0.5 if image.dtype.kind == "f" else -7 if image.dtype.kind == "i" else 3
    tifffile.imwrite(tmp_path / "a.tif", image)
    folder = write_data_set(tmp_path / "a.tif", tmp_path / "set", channels={"source": 0})
    assert_equal_sets(read_set(folder), {("source", "a"): image.astype(written)})


def test_other_files_are_never_replaced(cells, tmp_path):
    """A folder with anything but a data set of this book stays as it is, and so does what a data set's owner added."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.tif").write_text("mine")
    message = r"set: expected a data set that this book made, found other files: thesis\.tif\..*then run this again"
    for _ in range(2):
        with pytest.raises(FileExistsError, match=message):
            write_data_set(cells, tmp_path / "set", channels=ROLES)
        assert (tmp_path / "set" / "thesis.tif").read_text() == "mine"
        (tmp_path / "set" / "thesis.tif").unlink()
        write_data_set(cells, tmp_path / "set", channels=ROLES)
        (tmp_path / "set" / "thesis.tif").write_text("mine")


def add(name, array, **options):
    """Return a step that writes a TIFF into the folder of images."""
    return lambda cells: tifffile.imwrite(cells / name, array, **options)


def shorten(cells):
    content = (cells / "b.tiff").read_bytes()
    (cells / "b.tiff").write_bytes(content[: len(content) // 2])


def rename(cells):
    (cells / "b.tiff").rename(cells / "a.tiff")


NAN = np.where(STACK[0, 0] > 3000, np.nan, 1).astype(np.float32)
COLOUR = np.zeros((20, 24, 3), np.uint8)
IJ = {"imagej": True}
TZCYX = {"imagej": True, "metadata": {"axes": "TZCYX"}}
ZCYX = {"imagej": True, "metadata": {"axes": "ZCYX"}}
ODD = {"metadata": {"axes": "QRYX"}}


def both(cells, one, other):
    """Return a folder for each of two roles."""
    return {"source": cells / one, "target": cells / other}


# What is done to two good files, what is asked of them then, and what is said to that.
MISTAKES = {
    "channel number": (None, {"channels": {"source": 2}}, r"a\.tif: .*one of its channels, 0: .*1: .*found 2\. Choose"),
    "channel name": (None, {"channels": {"source": "Cy5"}}, r"a\.tif: .*0: 'channel 0', 1:.*found 'Cy5'\. Choose"),
    "plane of one plane": (None, {"plane": 1}, r"a\.tif: expected a plane for each axis, found plane 1 of 1 time.*one"),
    "no such image": (None, {"names": ["c*"]}, r"names: expected images among a, b, found none\. Correct"),
    "drift of no image": (None, {"drift_px": {"c": (1, 1)}}, r"drift_px: .*among a, b, found c\. Use the names"),
    "large drift": (
        None,
        {"drift_px": {"b": (1, 24)}},
        r"b\.tiff: expected a drift of less than 24 px, found 24 px\.",
    ),
    "roles": (
        None,
        {"origin": lambda c: both(c, "a.tif", "b.tiff"), "channels": {"source": 0}},
        "same roles.*Name",
    ),
    "missing partner": (
        None,
        {"origin": lambda c: both(c, "a.tif", ".")},
        "same fields.*found b for target but not",
    ),
    "no such origin": (None, {"origin": lambda c: c / "d"}, "d: expected a file or a folder, found none.*Check"),
    "no role": (None, {"channels": {}}, r"channels: expected names of roles, found \[\]\. Give"),
    "role elsewhere": (None, {"channels": {"../source": 0}}, r"channels: .*found \['\.\./source'\]\. Give"),
    "truncated": (shorten, {}, r"b\.tiff: expected a whole.*Copy or export it again"),
    "one name twice": (rename, {}, r"expected one image named a, found .*a\.tif.* and .*a\.tiff\. Rename one"),
    "colour": (add("c.tif", COLOUR, photometric="rgb"), {}, r"c\.tif: expected greyscale.*RGB.*leave this image out"),
    "odd axes": (add("c.tif", STACK[0], **ODD), {}, r"c\.tif: expected axes Y and X.*found axes .*Export the planes"),
    "complex": (add("c.tif", STACK[0, 0] * 1j), {}, r"c\.tif: .*grey values, found complex128.*16 bit"),
    "not a number": (add("c.tif", NAN), {}, r"c\.tif: expected a number in every pixel, found NaN.*leave it out"),
    "fine values": (
        add("c.tif", STACK[0, 0] / 3),
        {},
        r"c\.tif: .*32-bit floating point.*found float64.*Save",
    ),
    "large values": (
        add("c.tif", STACK[0, 0].astype(np.uint32) + 2**28 + 1),
        {},
        r"c\.tif: .*32-bit floating point.*found uint32.*Save",
    ),
    "number for two": (add("c.tif", STACK, **TZCYX), {"plane": 0}, r"c\.tif: .*each axis, found plane 0 of 4.*Give"),
    "no such plane": (
        add("c.tif", STACK[0], **ZCYX),
        {"plane": {"Z": 5}},
        r"c\.tif: expected 'max', .* 0 to 4 for axis Z, found 5\. Choose",
    ),
    "no such projection": (
        add("c.tif", STACK[0], **ZCYX),
        {"plane": "sum"},
        r"c\.tif: expected 'max', 'mean', 'each' or .*found 'sum'\. Choose",
    ),
    "two projections": (
        add("c.tif", STACK, **TZCYX),
        {"plane": {"Z": "max", "T": "mean"}},
        r"c\.tif: expected one kind of projection, found .*Use one",
    ),
    "each for one role": (
        add("c.tif", STACK[0], **ZCYX),
        {"channels": {"source": Choice(0, "each"), "target": 1}},
        r"same fields.*found c_z000, .* for source but not for target.*choose 'each' plane for both",
    ),
    "unlike shapes": (
        add("a/a.tif", STACK[0, 0, :1, :10], **IJ),
        {"origin": lambda c: both(c, "a", "a.tif"), "channels": {"source": 0, "target": 0}},
        r"a: expected one shape for source and target, found \[\(10, 24\), \(20, 24\)\]\. Pair images",
    ),
}


@pytest.mark.parametrize(("spoil", "arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_explained(cells, tmp_path, spoil, arguments, message):
    """Every mistake is named with what to do about it, and the older set that would be replaced stays as it was."""
    write_data_set(cells, tmp_path / "set", channels={"source": 0})
    (cells / "a").mkdir()
    before = read_set(tmp_path / "set")
    if spoil:
        spoil(cells)
    options = {"channels": ROLES} | arguments
    origin = options.pop("origin", lambda cells: cells)(cells)
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        write_data_set(origin, tmp_path / "set", **options)
    assert re.search(message, str(error.value), re.DOTALL), str(error.value)
    assert_equal_sets(read_set(tmp_path / "set"), before)
    assert [path.name for path in tmp_path.rglob("*.tif") if "making" in str(path)] == []


PROJECTING = """
import re, sys
from pathlib import Path
from l2l_utils import importing

def peak_mb():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 2**10

stack, folder = sys.argv[1:]
importing.write_data_set(stack, folder + "1", channels={"source": 0}, plane=0)
before = peak_mb()
importing.write_data_set(stack, folder + "2", channels={"source": 1, "target": 0}, plane="max")
importing.write_data_set(stack, folder + "3", channels={"source": 1}, plane="mean")
print(peak_mb() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("imagej", [False, True])
def test_memory_does_not_grow_with_the_stack(tmp_path, imagej):
    """The projections of a stack of 2 GB take the memory of a few of its planes of 8 MB."""
    shape = (128, 2, 2048, 2048)
    stack = tifffile.memmap(tmp_path / "a.tif", shape=shape, dtype=np.uint16, imagej=imagej, metadata={"axes": "ZCYX"})
    stack[77, 1, 5, 6], stack[99, 0, 3, 2] = 4000, 5000
    del stack
    arguments = [sys.executable, "-c", PROJECTING, str(tmp_path / "a.tif"), str(tmp_path / "set")]
    grown_mb = float(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)
    assert 0 <= grown_mb < 150
    assert read_set(tmp_path / "set2")["source", "a"].max() == 4000
    assert read_set(tmp_path / "set2")["target", "a"][3, 2] == 5000
    assert read_set(tmp_path / "set3")["source", "a"][5, 6] == 4000 / 128


@pytest.mark.skipif(not REAL.is_dir(), reason="the real images are not here")
def test_real_files(tmp_path):
    """Confocal and widefield of one nucleus, a z-stack: each plane a pair, with the pixel size of the microscope."""
    path = REAL / "neubias" / "xyzc_16bit__dna_conf_wf.tif"
    folder = write_data_set(path, tmp_path / "set", channels=ROLES, plane="each")
    whole = tifffile.imread(path)
    expected = {
        (role, f"{path.stem}_z{z:03d}"): whole[z, channel] for z in range(45) for role, channel in ROLES.items()
    }
    assert_equal_sets(read_set(folder), expected)
    pair = data.pair_images(folder / "source", folder / "target")[7]
    assert data.pixel_size_um(pair.source) == pytest.approx(data.pixel_size_um(path), rel=1e-6)
    assert json.loads((folder / "dataset.json").read_text())["recipe"]["origin"]["source"] == str(path)
