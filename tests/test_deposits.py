"""Data that a person downloaded: taken from anywhere, recognised, and held to what they were at first sight."""

import shutil
import zipfile

import numpy as np
import pytest
import tifffile
from explanations import assert_explains

from l2l_utils import data

NAME = "paper/actin"
DOI = "https://doi.org/10.15129/ee2ff5ad-5bdd-459d-953b-7d45b057fc05"


def image(number):
    """Return an image that tells its number."""
    return np.random.default_rng(number).integers(0, 4000, (40, 50), dtype=np.uint16)


def fill(folder, template):
    """Write three fields of view with both labels; the template has a place for the label and for the field."""
    for number in range(6):
        path = folder / template.format(("AC-15", "phalloidin")[number % 2], number // 2)
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, image(number), imagej=True, resolution=(20, 20), metadata={"unit": "um"})
    return folder


def packed(folder):
    """Return a zip archive of a folder."""
    return shutil.make_archive(folder.with_name("download"), "zip", folder)


def check(folder):
    """Check that a data set has the three pairs, pixel for pixel and with their pixel size."""
    pairs = data.pair_images(folder / "source", folder / "target")
    assert len(pairs) == 3
    for number, pair in enumerate(pairs):
        np.testing.assert_array_equal(data.read_image(pair.source), image(2 * number))
        np.testing.assert_array_equal(data.read_image(pair.target), image(2 * number + 1))
        assert data.pixel_size_um(pair.target) == pytest.approx((0.05, 0.05))
    assert sorted(path.name for path in folder.iterdir()) == ["dataset.json", "source", "target"]
    assert [path.name for path in folder.parent.iterdir()] == ["actin"]


def contents(folder):
    """Return the bytes of every file below a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """Return the folder L2L_DATA, empty."""
    monkeypatch.setenv("L2L_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize("template", ["{}/cell {}.tif", "Actin/{}_{}.tif", "a/b/{1}/{0}.tif"])
@pytest.mark.parametrize("pack", [lambda folder: folder, str, packed])
def test_archive_or_folder_becomes_a_data_set(tmp_path, template, pack):
    """A folder or an archive, wherever it is, becomes a data set, and stays as it was."""
    folder = fill(tmp_path / "Downloads", template)
    before = contents(folder)
    check(data.fetch(NAME, downloaded=pack(folder)))
    assert contents(folder) == before


def test_folders_for_each_role(tmp_path):
    """Where names do not tell, the user does."""
    folder = fill(tmp_path, "{}/{}.tif")
    (folder / "AC-15").rename(folder / "A")
    (folder / "phalloidin").rename(folder / "B")
    with pytest.raises(ValueError, match=r"A/0\.tif, A/1\.tif.*downloaded="):
        data.fetch(NAME, downloaded=folder)
    with pytest.raises(ValueError, match="expected") as error:
        data.fetch(NAME, downloaded={"source": folder / "A", "benchmark": folder / "B"})
    assert_explains(error.value, "downloaded", "a folder for each of source, target", "source, benchmark")
    check(data.fetch(NAME, downloaded={"source": folder / "A", "target": folder / "B"}))


def test_files_of_two_channels(tmp_path):
    """Files with both channels are divided."""
    for number in range(3):
        both = np.stack([image(2 * number), image(2 * number + 1)])
        path = tmp_path / "deposit" / f"cell{number}.tif"
        path.parent.mkdir(exist_ok=True)
        metadata = {"axes": "CYX", "unit": "um"}
        tifffile.imwrite(path, both, imagej=True, resolution=(20, 20), metadata=metadata)
    with pytest.warns(UserWarning, match="number of the channel alone"):
        folder = data.fetch(NAME, downloaded=tmp_path / "deposit")
    check(folder)


def test_how_to_get_it(root):
    """Without the files the message says where they are and what to call then; nothing is left on the disk."""
    with pytest.raises(FileNotFoundError) as error:
        data.fetch(NAME)
    assert_explains(error.value, root / NAME, "only a person can download", "no such data set")
    assert DOI in str(error.value)
    assert f"data.fetch('{NAME}', downloaded=...)" in str(error.value)
    assert not list(root.rglob("*actin*"))


def test_once_there_it_is_there(tmp_path):
    """Once laid out, the set needs the download no longer."""
    folder = data.fetch(NAME, downloaded=fill(tmp_path / "Downloads", "{}/{}.tif"))
    shutil.rmtree(tmp_path / "Downloads")
    assert data.fetch(NAME) == folder
    check(folder)


def test_changed_set_is_noticed_and_restored(tmp_path):
    """A changed image is named; the same download restores it."""
    download = fill(tmp_path / "Downloads", "{}/{}.tif")
    folder = data.fetch(NAME, downloaded=download)
    changed = sorted((folder / "source").iterdir())[1]
    tifffile.imwrite(changed, image(99))
    with pytest.raises(FileNotFoundError) as error:
        data.fetch(NAME)
    assert_explains(error.value, folder, "only a person", f"changed or missing files: source/{changed.name}")
    assert data.fetch(NAME, downloaded=packed(download)) == folder
    check(folder)


def test_changed_download_is_refused(tmp_path):
    """Another download than the first is refused with the names of the files, and the set stays as it is."""
    download = fill(tmp_path / "Downloads", "{}/{}.tif")
    folder = data.fetch(NAME, downloaded=download)
    before = contents(folder)
    tifffile.imwrite(download / "AC-15" / "1.tif", image(99))
    for number in (0, 2):
        for label in ("AC-15", "phalloidin"):
            (download / label / f"{number}.tif").unlink()
    with pytest.raises(ValueError, match="expected") as error:
        data.fetch(NAME, downloaded=download)
    found = r"changed: AC-15/1\.tif; missing: .*phalloidin/2\.tif"
    assert_explains(error.value, "downloaded", "seen at first", found)
    assert contents(folder) == before
    check(folder)


def test_what_is_no_download_is_explained(tmp_path):
    """A path with nothing, another file, a damaged archive and one without images are told apart."""
    (tmp_path / "cells.rar").write_bytes(b"Rar!" * 100)
    (tmp_path / "cells.zip").write_bytes(b"PK\3\4" * 100)
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.writestr("readme.txt", "no images")
    cases = {"none": "nothing", "cells.rar": "another file", "cells.zip": "another file"}
    for name, found in cases.items():
        with pytest.raises((ValueError, FileNotFoundError), match="expected") as error:
            data.fetch(NAME, downloaded=tmp_path / name)
        assert_explains(error.value, tmp_path / name, ".*", found)
    with pytest.raises(ValueError, match=r"found other files: readme\.txt"):
        data.fetch(NAME, downloaded=tmp_path / "text.zip")


def test_users_files_are_never_replaced(tmp_path, root):
    """A folder with a user's file in the place of the set is left alone."""
    (root / NAME).mkdir(parents=True)
    (root / NAME / "mine.tif").touch()
    with pytest.raises(FileExistsError) as error:
        data.fetch(NAME, downloaded=fill(tmp_path / "Downloads", "{}/{}.tif"))
    assert_explains(error.value, root / NAME, "a data set that this book made", "other files: mine.tif")


def test_only_downloads_take_a_download(tmp_path):
    """A virtual set is not made from files."""
    with pytest.raises(ValueError, match="expected") as error:
        data.fetch("virtual/tubulin-small", downloaded=tmp_path)
    assert_explains(error.value, "virtual/tubulin-small", "no downloaded files", tmp_path)
