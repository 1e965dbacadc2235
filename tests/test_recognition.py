"""Images of unknown names find their label and their field of view, or the message says what was found."""

import numpy as np
import pytest
import tifffile
from explanations import assert_explains
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import data, recognition

ACTIN = data.read_entry("paper/actin")
TUBULIN = data.read_entry("paper/tubulin")
IMAGE = np.arange(600, dtype=np.uint16).reshape(20, 30)
BY_LABEL = {
    "folders": ("AC-15/{}.tif", "Phalloidin/{}.tif"),
    "folders of the role": ("input/{}.TIF", "benchmark/{}.TIF"),
    "behind": ("{}_AC15.tif", "{}_phalloidin.tif"),
    "before": ("ac 15 {}.tiff", "phalloidin {}.tiff"),
    "wavelength": ("{}-488.ome.tif", "{}-565.ome.tif"),
    "folder of both": ("AC-15 and phalloidin/{} AC_15.tif", "AC-15 and phalloidin/{} phalloidin.tif"),
    "nested": ("HeLa/AC-15/raw/{}.tif", "HeLa/phalloidin/raw/{}.tif"),
}
BY_NUMBER = {
    "Fiji": ("C1-{}.tif", "C2-{}.tif"),
    "Leica": ("{}_ch00.tif", "{}_ch01.tif"),
    "MetaMorph": ("{}_w1TIRF.tif", "{}_w2TIRF.tif"),
    "Channel": ("{} Channel 1.tif", "{} Channel 2.tif"),
}


def fill(folder, *names, image=IMAGE):
    """Write an image under each name, and what computers add to folders."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, image)
        (path.parent / f"._{path.name}").touch()
        (path.parent / ".DS_Store").touch()
    return folder


def found_in(folder, entry=ACTIN):
    """Return the fields by name and role, with paths relative to the folder."""
    fields = recognition.find_fields(folder, entry)
    return {
        name: {role: path.relative_to(folder).as_posix() for role, path in field.items()}
        for name, field in fields.items()
    }


@pytest.mark.parametrize("names", BY_LABEL.values(), ids=BY_LABEL)
def test_labels_in_names(tmp_path, names):
    """The name of the label, in the file's or a folder's name, tells the role, and the rest the field."""
    expected = [{"source": names[0].format(field), "target": names[1].format(field)} for field in ("x1", "x2")]
    fill(tmp_path, *(name for field in expected for name in field.values()))
    found = found_in(tmp_path)
    assert list(found.values()) == expected
    assert all(f"x{number}" in name for number, name in enumerate(found, start=1))


@pytest.mark.parametrize("entry", [ACTIN, TUBULIN])
@pytest.mark.parametrize("names", BY_NUMBER.values(), ids=BY_NUMBER)
def test_numbers_of_channels(tmp_path, names, entry):
    """Without a label's name the number of the channel decides, as the manifest says, and a warning says so."""
    for field in ("x1", "x2"):
        fill(tmp_path, *(name.format(field) for name in names))
    with pytest.warns(UserWarning, match="number of the channel alone"):
        found = found_in(tmp_path, entry)
    assert [
        {role: names[channel].format(field) for role, channel in entry["channels"].items()} for field in ("x1", "x2")
    ] == list(found.values())


def test_files_of_two_channels(tmp_path):
    """Files that have all channels are taken as they are."""
    fill(tmp_path, "a/1.tif", "a/2.tif", image=np.stack([IMAGE, IMAGE]))
    with pytest.warns(UserWarning, match="0: source, 1: target"):
        found = found_in(tmp_path)
    assert found == {f"a_{n}": dict.fromkeys(("source", "target"), f"a/{n}.tif") for n in (1, 2)}


@pytest.mark.parametrize("name", [name for name in data.read_manifest() if name.startswith("paper/")])
def test_labels_of_each_set(tmp_path, name):
    """Each marker of the manifest tells its own role from the others of its set."""
    entry = data.read_entry(name)
    for number, role in enumerate(entry["markers"]):
        for marker in entry["markers"][role]:
            others = [entry["markers"][other][0] for other in entry["markers"] if other != role]
            folder = tmp_path / f"{number} {marker}"
            fill(folder, f"{marker}/1.tif", *(f"{other}/1.tif" for other in others))
            assert found_in(folder, entry)["1"][role] == f"{marker}/1.tif"


def test_three_roles(tmp_path):
    """Nucleus, membrane and both find one another."""
    fill(tmp_path, *(f"{label}/{n}.tif" for label in ("SYTOX", "CD44", "superposed") for n in range(3)))
    found = found_in(tmp_path, data.read_entry("paper/nucleus_membrane"))
    assert found["2"] == {"source": "superposed/2.tif", "nucleus": "SYTOX/2.tif", "membrane": "CD44/2.tif"}
    assert len(found) == 3


def test_other_sets_in_one_archive(tmp_path):
    """Of an archive of all data sets only the images of the one that is asked for count."""
    fill(tmp_path, "Actin/input/1.tif", "Actin/benchmark/1.tif", "Tubulin/input/7.tif", "Tubulin/benchmark/7.tif")
    assert found_in(tmp_path)["Actin_1"]["source"] == "Actin/input/1.tif"
    assert list(found_in(tmp_path, TUBULIN)) == ["Tubulin_7"]


@settings(max_examples=40, deadline=None)
@given(
    stems=st.sets(st.text("abxyz 0123456789_-.()", min_size=1, max_size=8).map("m{}m".format), min_size=1, max_size=6),
    names=st.sampled_from(list(BY_LABEL.values())),
)
def test_every_image_finds_its_partner(tmp_path_factory, stems, names):
    """Whatever the names of the fields, partners have one name, or nothing is guessed."""
    folder = tmp_path_factory.mktemp("deposit")
    for stem in stems:
        fill(folder, *(name.format(stem) for name in names))
    try:
        found = found_in(folder)
    except ValueError as error:
        assert_explains(error, folder, "told apart", "images")
        # Only names that differ in nothing but signs may be too much to ask.
        assert len({"".join(filter(str.isalnum, stem)) for stem in stems}) < len(stems)
    else:
        assert sorted(found.values(), key=str) == sorted(
            ({"source": names[0].format(stem), "target": names[1].format(stem)} for stem in stems), key=str
        )


@pytest.mark.parametrize(
    "names",
    [
        ["A/1.tif", "B/1.tif"],
        ["1.tif", "2.tif", "3.tif"],
        ["AC-15/1.tif", "phalloidin/1.tif", "AC-15/2.tif"],
        ["AC-15/1.tif", "phalloidin/1.tif", "other/1.tif"],
        ["C1-a.tif", "C2-a.tif", "C3-a.tif"],
        ["C1-a.tif", "C2-b.tif"],
        ["AC15_1.tif", "AC-15_1.tif", "phalloidin_1.tif"],
        [],
    ],
)
def test_what_cannot_be_told_apart_is_refused(tmp_path, names):
    """Without a label, a partner or an image nothing is guessed; the message lists the files and offers a way."""
    fill(tmp_path, *names)
    (tmp_path / "readme.txt").touch()
    with pytest.raises(ValueError, match="expected") as error:
        recognition.find_fields(tmp_path, ACTIN)
    found = f"{len(names)} images: {sorted(names)[0]}" if names else "other files: readme"
    assert_explains(error.value, tmp_path, "told apart", found)
    assert "downloaded={'source': ..., 'target': ...}" in str(error.value)
