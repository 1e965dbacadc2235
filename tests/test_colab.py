"""Drive is mounted when a path lies on it, and images on it are copied once; elsewhere nothing happens."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest

from l2l_utils import colab, data, notebook


@pytest.fixture
def drive(tmp_path, monkeypatch):
    """Stand in for Colab, which is not here: its module, and the folders of Drive and of the session's disk."""
    mounted = []
    module = types.ModuleType("google.colab.drive")
    module.mount = mounted.append
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setitem(sys.modules, "google.colab.drive", module)
    monkeypatch.setattr(colab, "DRIVE", tmp_path / "drive")
    monkeypatch.setattr(colab, "COPIES", tmp_path / "copies")
    return mounted


def write(folder: Path, *names: str) -> Path:
    """Write small images with a gradient."""
    for name in names:
        data.write_image(folder / f"{name}.tif", np.arange(64, dtype=np.float32).reshape(8, 8), dtype="float32")
    return folder


def test_drive_is_mounted_for_its_own_paths_only(drive, tmp_path):
    """A result folder on Drive mounts it and is made there; one elsewhere is made and mounts nothing."""
    assert notebook.output_folder(str(tmp_path / "elsewhere/a")).is_dir()
    assert drive == []
    assert notebook.output_folder(str(tmp_path / "drive/MyDrive/a")) == tmp_path / "drive/MyDrive/a"
    assert drive == [str(tmp_path / "drive")]


def test_without_colab_nothing_is_mounted(tmp_path, monkeypatch):
    """A path that looks like Drive's is an ordinary folder on other machines."""
    monkeypatch.setattr(colab, "DRIVE", tmp_path / "drive")
    assert notebook.output_folder(str(tmp_path / "drive/a")).is_dir()


def test_a_file_in_the_way_is_explained(tmp_path):
    """Where a file has the name of the folder, the message says what was expected."""
    (tmp_path / "a").write_text("")
    with pytest.raises(OSError, match="expected a folder to write into"):
        notebook.output_folder(str(tmp_path / "a"))


@pytest.mark.usefixtures("drive")
def test_own_folders_on_drive_are_copied(tmp_path):
    """The copies have the same pixels; a second call copies only what has changed, and drops what is gone."""
    source, target = (write(tmp_path / "drive/MyDrive" / role, "one", "two") for role in ("source", "target"))
    images = notebook.open_data("", source_dir=str(source), target_dir=str(target))
    assert images.source == tmp_path / "copies/MyDrive/source"
    assert len(data.pair_images(images.source, images.target)) == 2
    data.write_image(source / "two.tif", np.eye(16, dtype=np.float32), dtype="float32")
    write(source, "three")
    (source / "one.tif").unlink()
    assert colab.local_copy(source) == images.source
    assert {path.name for path in images.source.iterdir()} == {"two.tif", "three.tif"}
    for path in images.source.iterdir():
        np.testing.assert_array_equal(data.read_image(path), data.read_image(source / path.name))
    changed = [path.stat().st_ctime_ns for path in images.source.iterdir()]
    colab.local_copy(source)
    assert [path.stat().st_ctime_ns for path in images.source.iterdir()] == changed


@pytest.mark.usefixtures("drive")
def test_folders_elsewhere_stay_where_they_are(tmp_path):
    """A folder on the session's own disk is read in place."""
    folder = write(tmp_path / "local", "one")
    assert colab.local_copy(folder) == folder
    assert not (tmp_path / "copies").exists()


@pytest.mark.usefixtures("drive")
def test_an_empty_folder_on_drive_is_named(tmp_path):
    """The message names the folder on Drive, not the copy."""
    (tmp_path / "drive/empty").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="drive/empty"):
        colab.local_copy(tmp_path / "drive/empty")
