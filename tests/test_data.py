"""Folders of images: pairs by name, and what is said where there are none."""

import hashlib
import unicodedata

import numpy as np
import pytest
import tifffile
from explanations import assert_explains
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import data

RAMP = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)


def fill(folder, *names, image=RAMP):
    """Write one image under each name and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        tifffile.imwrite(folder / name, image)
    return folder


def test_pairs_by_name(tmp_path):
    """Images pair by name whatever the suffix's spelling; other, hidden and nested files are passed over."""
    source = fill(tmp_path / "source", "b.tif", "a.TIFF", "c d.ome.tif")
    target = fill(tmp_path / "target", "a.tif", "c d.Tif", "b.tiff", "._a.tif")
    fill(target / "old", "z.tif")
    (target / "notes.txt").touch()
    (target / "folder.tif").mkdir()
    assert data.pair_images(source, target) == [
        ("a", source / "a.TIFF", target / "a.tif"),
        ("b", source / "b.tif", target / "b.tiff"),
        ("c d", source / "c d.ome.tif", target / "c d.Tif"),
    ]
    assert [path.name for path in data.images_by_name(target).values()] == ["a.tif", "b.tiff", "c d.Tif"]


@settings(max_examples=20, deadline=None)
@given(
    stems=st.sets(st.text("abcXYZ 0123456789_-.()", min_size=1, max_size=8), min_size=1, max_size=6), seed=st.randoms()
)
def test_every_name_finds_its_partner(tmp_path_factory, stems, seed):
    """Whatever the names and their order, each source gets the target of its own name and none is lost."""
    folder = tmp_path_factory.mktemp("pairs")
    stems = sorted(f"x{stem}x" for stem in stems)
    for role in ("source", "target"):
        seed.shuffle(stems)
        fill(folder / role, *(f"{stem}.tif" for stem in stems))
    pairs = data.pair_images(folder / "source", folder / "target")
    assert [pair.name for pair in pairs] == sorted(stems)
    assert all(pair.source.name == pair.target.name == f"{pair.name}.tif" for pair in pairs)


def test_accents_pair_across_computers(tmp_path):
    """A letter with an accent is the same letter in the spelling of a Mac and of other computers."""
    spellings = [unicodedata.normalize(form, "Zürich") for form in ("NFC", "NFD")]
    assert spellings[0] != spellings[1]
    source, target = (fill(tmp_path / role, f"{name}.tif") for role, name in zip("st", spellings, strict=True))
    assert [pair.name for pair in data.pair_images(source, target)] == ["Zürich"]


def test_missing_and_empty_folders_are_explained(tmp_path):
    """A folder that is not there, is empty, or holds other files is told from one with images."""
    full = fill(tmp_path / "full", "a.tif")
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    for number in range(7):
        (tmp_path / "other" / f"{number}.lif").touch()
    cases = {"no": "no such folder", "empty": "an empty folder", "other": r"7 other files \(0\.lif, .* and 2 more\)"}
    for name, found in cases.items():
        for folders in ((tmp_path / name, full), (full, tmp_path / name)):
            with pytest.raises(FileNotFoundError) as error:
                data.pair_images(*folders)
            assert_explains(error.value, tmp_path / name, "a folder of TIFF images", found)


def test_unpaired_names_are_listed(tmp_path):
    """Names without partner are listed for both folders, the first five of many."""
    source = fill(tmp_path / "source", "a.tif", *(f"s{number}.tif" for number in range(8)))
    target = fill(tmp_path / "target", "a.tif", "t.tif")
    with pytest.raises(ValueError, match="expected") as error:
        data.pair_images(source, target)
    found = f"nothing in {target} for s0, s1, s2, s3, s4 and 3 more; nothing in {source} for t"
    assert_explains(error.value, f"{source} and {target}", "the same file names in both", found)


def test_unlike_shapes_are_explained(tmp_path):
    """Two images of one name and two shapes are named with their shapes."""
    source = fill(tmp_path / "source", "a.tif", "b.tif")
    target = fill(fill(tmp_path / "target", "a.tif"), "b.tif", image=RAMP[:, :25])
    with pytest.raises(ValueError, match="expected") as error:
        data.pair_images(source, target)
    what = f"{source / 'b.tif'} and {target / 'b.tif'}"
    assert_explains(error.value, what, "the same shape", r"\(20, 30\) and \(20, 25\)")


def test_bad_files_are_found_while_pairing(tmp_path):
    """A file of several planes and a truncated one are refused before any training starts."""
    source = fill(tmp_path / "source", "a.tif")
    target = fill(tmp_path / "target", "a.tif", image=np.stack([RAMP] * 2))
    with pytest.raises(ValueError, match="2 planes") as error:
        data.pair_images(source, target)
    assert_explains(error.value, target / "a.tif", "one plane", r"\(2, 20, 30\)")
    fill(target, "a.tif")
    (target / "a.tif").write_bytes((source / "a.tif").read_bytes()[:-20])
    with pytest.raises(ValueError, match="expected") as error:
        data.pair_images(source, target)
    assert_explains(error.value, target / "a.tif", "a whole TIFF", "the file ends after")


def test_same_folder_twice_is_explained(tmp_path):
    """A folder is not its own target, not even by another name."""
    source = fill(tmp_path / "source", "a.tif")
    (tmp_path / "link").symlink_to(source)
    for target in (source, tmp_path / "link"):
        with pytest.raises(ValueError, match="expected") as error:
            data.pair_images(source, target)
        assert_explains(error.value, source, "two folders", "the same folder")


def test_two_files_of_one_name_are_explained(tmp_path):
    """Two files whose results would have one name are refused."""
    folder = fill(tmp_path / "source", "a.tif", "a.tiff")
    with pytest.raises(ValueError, match="expected") as error:
        data.images_by_name(folder)
    assert_explains(error.value, folder, "one file per image", r"a\.tif and a\.tiff")


def test_checksums_are_those_of_the_files(images):
    """Each pair's checksums are the sha256 of its two files, so that a changed image is noticed."""
    pairs = data.pair_images(images.source, images.target)
    expected = hashlib.sha256(pairs[1].target.read_bytes()).hexdigest()
    assert data.checksums(pairs)[pairs[1].name]["target"] == expected
    assert list(data.checksums(pairs)) == [pair.name for pair in pairs]
