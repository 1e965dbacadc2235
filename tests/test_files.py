"""A file appears whole or not at all, whatever happens while it is written."""

import subprocess
import sys

import pytest

from l2l_utils import files


def test_appears_whole(tmp_path):
    """Until the end nothing is at the path; then the file is, in a new folder, and nothing else."""
    path = tmp_path / "new" / "deep" / "a.txt"
    with files.whole_file(path) as unfinished:
        assert unfinished.name == path.name
        unfinished.write_text("half")
        assert not path.exists()
        unfinished.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_replaces(tmp_path):
    """The old file is there until the new one is, whole for whoever is reading it, and only the named one changes."""
    path, other = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("old")
    other.write_text("other")
    with path.open() as reader:
        with files.whole_file(path) as unfinished:
            unfinished.write_text("new")
            assert path.read_text() == "old"
        assert reader.read() == "old"
    assert (path.read_text(), other.read_text()) == ("new", "other")
    assert sorted(tmp_path.iterdir()) == [path, other]


@pytest.mark.parametrize("old", [None, "old"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_nothing(tmp_path, old, error):
    """An error or an interruption leaves the folder as it was."""
    path = tmp_path / "a.txt"
    if old:
        path.write_text(old)

    def write_half():
        with files.whole_file(path) as unfinished:
            unfinished.write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert [file.read_text() for file in tmp_path.iterdir()] == [old] * bool(old)


def test_nothing_written_is_an_error(tmp_path):
    """A writer that made no file is not passed over, and what was there stays."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), files.whole_file(path):
        pass
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_process_leaves_the_old_file(tmp_path):
    """A process that ends in the middle leaves a hidden folder, and the next one writes all the same."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    killed = f"""
import os, pathlib
from l2l_utils import files
with files.whole_file(pathlib.Path({str(path)!r})) as unfinished:
    unfinished.write_text("half")
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == 9
    assert path.read_text() == "old"
    (leftover,) = set(tmp_path.iterdir()) - {path}
    assert leftover.name.startswith(files.UNFINISHED)
    assert [file.read_text() for file in leftover.iterdir()] == ["half"]
    with files.whole_file(path) as unfinished:
        unfinished.write_text("new")
    assert path.read_text() == "new"
