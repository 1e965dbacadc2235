"""Sets that are downloaded: from a folder or a server, by several processes, on a full disk, killed at any moment."""

import hashlib
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import faulty_server as faulty
import numpy as np
import pytest
import tifffile
from explanations import assert_explains
from small_disk import on_small_disk

from l2l_utils import data, manifest, set_folders

NAME = "neubias/dna_confocal_widefield"
STACK = np.random.default_rng(1).integers(0, 60_000, (3, 2, 64, 60), dtype=np.uint16)
# What another process needs to ask the server of this test.
FETCH = """
from l2l_utils import data, manifest
entry = {{**manifest.read_entry({name!r}), **{changes!r}}}
manifest.read_entry = lambda name: entry
data.fetch({name!r})
"""


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Return the bytes of an ImageJ stack of three z-planes and two channels."""
    path = tmp_path_factory.mktemp("stack") / "cells.tif"
    tifffile.imwrite(path, STACK, imagej=True, resolution=(2, 2), metadata={"axes": "ZCYX", "unit": "um"})
    return path.read_bytes()


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return the folder L2L_DATA, not there yet; the user's cache is another one."""
    monkeypatch.setenv("L2L_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data"


@pytest.fixture
def serving(content, monkeypatch):
    """Return a function that serves the stack with these faults, from the address that the manifest now gives."""
    entry = manifest.read_entry(NAME)

    @contextmanager
    def serve(*faults, persistent=False):
        with faulty.serving(content, *faults, persistent=persistent) as server:
            server.changes = {"url": server.url, "sha256": hashlib.sha256(content).hexdigest(), "max_mb": 1}
            monkeypatch.setattr(manifest, "read_entry", lambda _: {**entry, **server.changes})
            yield server

    return serve


def start(server, command=()):
    """Start to fetch the set in a process of its own."""
    code = FETCH.format(name=NAME, changes=server.changes)
    return subprocess.Popen(
        [*command, sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    )


def check(folder):
    """Check that the set is the stack, plane by plane, and that nothing else is there."""
    pairs = data.pair_images(folder / "source", folder / "target")
    for plane, pair in zip(STACK, pairs, strict=True):
        np.testing.assert_array_equal(data.read_image(pair.source), plane[1])
        np.testing.assert_array_equal(data.read_image(pair.target), plane[0])
        assert data.pixel_size_um(pair.source) == pytest.approx((0.5, 0.5))
    assert sorted(path.name for path in folder.iterdir()) == ["dataset.json", "source", "target"]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_downloaded_set(root, serving):
    """A set is downloaded once and laid out in the folders of its roles."""
    with serving() as server:
        assert data.fetch(NAME) == root / NAME
        check(data.fetch(NAME))
        assert len(server.ranges) == 1


@pytest.mark.parametrize("place", ["cells.tif", "neubias/cells.tif"])
def test_local_folder_comes_first(root, content, serving, place):
    """A file that lies in L2L_DATA is not downloaded, and stays there."""
    (root / place).parent.mkdir(parents=True)
    (root / place).write_bytes(content)
    with serving() as server:
        folder = data.fetch(NAME)
        assert server.ranges == []
    assert (root / place).read_bytes() == content
    assert len(data.pair_images(folder / "source", folder / "target")) == 3


def test_read_only_and_several_folders(tmp_path, content, serving, monkeypatch):
    """Folders marked read-only are searched and left alone; what is made goes into the first other one."""
    store, second, third = (tmp_path / name for name in ("store", "second", "third"))
    for folder in (store, second):
        folder.mkdir()
        folder.chmod(0o555)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store.chmod(0o755)
    (store / "cells.tif").write_bytes(content)
    store.chmod(0o555)
    for folders, home in (([second, third, store], third), ([second, store], tmp_path / "cache" / "label2label")):
        monkeypatch.setenv("L2L_DATA", ":".join(map(str, folders)))
        with serving() as server:
            assert data.fetch(NAME) == home / NAME
            assert server.ranges == []
        check(home / NAME)
        shutil.rmtree(home)
    assert [path.name for path in store.iterdir()] == ["cells.tif"]
    assert list(second.iterdir()) == []


def test_set_in_a_read_only_folder_is_used(root, tmp_path, serving, monkeypatch):
    """A whole set in a folder that nobody may write to is taken from there."""
    with serving() as server:
        data.fetch(NAME)
        root.chmod(0o555)
        monkeypatch.setenv("L2L_DATA", f"{tmp_path / 'new'}:{root}")
        assert data.fetch(NAME) == root / NAME
        assert len(server.ranges) == 1
    root.chmod(0o755)


@pytest.mark.usefixtures("root")
def test_own_download_is_taken(tmp_path, content, serving):
    """Who has the file already gives its path; another file is refused."""
    good, bad = tmp_path / "any name.tif", tmp_path / "bad.tif"
    good.write_bytes(content)
    bad.write_bytes(content[::-1])
    with serving() as server:
        with pytest.raises(ValueError, match="expected") as error:
            data.fetch(NAME, downloaded=bad)
        assert_explains(error.value, bad, f"a file with sha256 {server.changes['sha256']}", "[0-9a-f]{64}")
        check(data.fetch(NAME, downloaded=good))
        assert server.ranges == []
    assert good.read_bytes() == content


def test_wrong_path_is_not_passed_over(serving, tmp_path, root):
    """Who names a file that is not there is told so, and nothing is downloaded."""
    with serving() as server, pytest.raises(FileNotFoundError, match="expected") as error:
        data.fetch(NAME, downloaded=tmp_path / "Downloads")
    assert_explains(error.value, tmp_path / "Downloads", f"the file of {server.url}", "no such file")
    assert server.ranges == []
    assert not list(root.rglob("*dna*"))


def test_downloaded_archive(root, content, tmp_path, monkeypatch):
    """An archive is downloaded, unpacked and laid out; one that leads out of the folder leaves nothing."""
    entry = manifest.read_entry(NAME)
    for name in ("cells/cells.tif", "../cells.tif"):
        with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
            archive.writestr(name, content)
        packed = (tmp_path / "cells.zip").read_bytes()
        with faulty.serving(packed, faulty.cut(0.5)) as server:
            changes = {"url": server.url, "sha256": hashlib.sha256(packed).hexdigest(), "max_mb": 1}
            monkeypatch.setattr(manifest, "read_entry", lambda _, changes=changes: {**entry, **changes})
            if name.startswith(".."):
                with pytest.raises(ValueError, match="expected files within the folder"):
                    data.fetch(NAME)
                assert not (root / NAME).exists()
                assert not (root.parent / "cells.tif").exists()
            else:
                check(data.fetch(NAME))
                shutil.rmtree(root)


def test_wrong_local_file_is_explained(root, serving):
    """A file of the right name and wrong content in L2L_DATA is not passed over in silence."""
    root.mkdir()
    (root / "cells.tif").write_bytes(b"something else")
    with serving() as server, pytest.raises(ValueError, match="expected") as error:
        data.fetch(NAME)
    assert_explains(error.value, root / "cells.tif", server.changes["sha256"], "[0-9a-f]{64}")


def test_interrupted_fetch_goes_on(root, serving):
    """After a failed fetch there is no set; the next one asks for the rest and leaves nothing else behind."""
    with serving(faulty.cut(0.5), faulty.answers(404)) as server:
        with pytest.raises(ConnectionError, match="it goes on where it stopped"):
            data.fetch(NAME)
        assert not (root / NAME).exists()
        check(data.fetch(NAME))
        assert server.ranges[0] is None
        assert server.ranges[1] == server.ranges[2] != "bytes=0-"


@pytest.mark.slow
def test_two_processes_may_fetch_at_once(root, serving):
    """Processes that fetch one set at the same time all end well, and one download serves them all."""
    with serving(faulty.cut(0.5)) as server:
        processes = [start(server) for _ in range(3)]
        said = [process.communicate(timeout=100)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0], said
        assert len(server.ranges) == 2
    check(root / NAME)


@pytest.mark.slow
def test_waiting_is_announced(root, serving):
    """Who waits for another process is told so, and goes on when that one is done."""
    with serving() as server:
        with set_folders.workshop(root / NAME):
            process = start(server)
            line = process.stderr.readline()
            assert line == f"Waiting for another process that prepares {root / NAME} ...\n"
        process.communicate(timeout=60)
    assert process.returncode == 0
    check(root / NAME)


@pytest.mark.slow
def test_killed_at_any_moment(root, serving):
    """However often a fetch is killed there is no set or the whole one; in the end it is there, and nothing else."""
    rng = np.random.default_rng(1)

    def slowly(handler, content):
        wanted = handler.headers.get("Range") or "bytes=0-"
        first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        handler.start(206, len(content) - first, Content_Range=f"bytes {first}-{len(content) - 1}/{len(content)}")
        for place in range(first, len(content), 2000):
            handler.wfile.write(content[place : place + 2000])
            time.sleep(0.05)

    with serving(slowly, persistent=True) as server:
        outcomes = []
        for _ in range(15):
            process = start(server)
            time.sleep(rng.uniform(0.6, 1.8))
            process.kill()
            process.communicate()
            outcomes.append(process.returncode)
            if (root / NAME).exists():
                check(root / NAME)
                shutil.rmtree(root / NAME)
        assert outcomes.count(-signal.SIGKILL) >= 5
        check(data.fetch(NAME))


@pytest.mark.slow
@pytest.mark.parametrize("size_kb", [20, 60, 80, 100])
def test_full_disk(root, serving, size_kb):
    """On a disk without room for the download or for the set, the message says so and there is no set."""
    command = on_small_disk(root, size_kb, f'"$0" "$@"; test ! -e {root / NAME}')
    with serving() as server:
        process = start(server, command)
        said = process.communicate(timeout=100)[1]
    assert process.returncode == 0, "there is a set"
    assert f"{root / NAME}: expected room on the disk, found a full disk. Make room on it" in said
