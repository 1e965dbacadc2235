"""Archives from anywhere: unpacked whole and within their folder, or not at all."""

import io
import stat
import tarfile
import zipfile

import numpy as np
import pytest
from explanations import assert_explains
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import archives

FILES = {"cells/source/a.tif": b"a" * 3000, "cells/source/b c.tif": bytes(range(256)) * 20, "readme.txt": b"read me"}
TAR_MODES = {".tar": "w", ".tar.gz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}
BAD_NAMES = ("../out.tif", "a/../../out.tif", "/out.tif", "..\\out.tif", "C:\\out.tif", "C:out.tif", "\\\\server\\out")


def write_zip(path, files):
    """Write a zip archive of files, given as (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


def write_tar(path, files, mode="w:gz"):
    """Write a tar archive of files, given as (name or TarInfo, content)."""
    with tarfile.open(path, mode) as archive:
        for name, content in files:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write(path, files):
    """Write an archive of the kind that the file's name says."""
    if path.suffix == ".zip":
        return write_zip(path, files)
    return write_tar(path, files, TAR_MODES["".join(path.suffixes)])


def contents(folder):
    """Return the bytes of every file below a folder, by name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive, expected, found):
    """Check that an archive is refused, and that nothing of it is left anywhere."""
    before = contents(archive.parent)
    with pytest.raises(ValueError, match="expected") as error:
        archives.unpack(archive, archive.parent / "folder" / "new")
    assert_explains(error.value, archive, expected, found)
    assert contents(archive.parent) == before


@pytest.mark.parametrize("suffix", [".zip", *TAR_MODES])
def test_archives_are_unpacked(tmp_path, suffix):
    """What comes out is what went in, whatever the archive's kind and name."""
    archive = write(tmp_path / f"cells{suffix}", FILES.items()).rename(tmp_path / "download")
    assert archives.is_archive(archive)
    archives.unpack(archive, tmp_path / "folder" / "new")
    assert contents(tmp_path / "folder") == {f"new/{name}": content for name, content in FILES.items()}


@pytest.mark.parametrize("suffix", [".zip", *TAR_MODES])
def test_truncated_archives_leave_nothing(tmp_path, suffix):
    """An archive that ends anywhere before its end is refused, or else all files were before that."""
    content = write(tmp_path / f"whole{suffix}", FILES.items()).read_bytes()
    rng = np.random.default_rng(1)
    for n_bytes in {0, 1, 512, 1024, len(content) - 1, *rng.integers(len(content), size=25)}:
        archive = tmp_path / f"cut{suffix}"
        archive.write_bytes(content[:n_bytes])
        try:
            archives.unpack(archive, tmp_path / "new")
        except ValueError as error:
            assert_explains(error, archive, "a whole zip or tar archive", "one that cannot be read")
            assert not (tmp_path / "new").exists()
        else:
            assert contents(tmp_path / "new") == FILES
            (tmp_path / "new").rename(tmp_path / f"whole {n_bytes}")


@settings(max_examples=150, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(1, 255), suffix=st.sampled_from([".zip", ".tar.gz"]))
def test_damaged_archives_give_no_damaged_file(tmp_path_factory, place, value, suffix):
    """One changed byte anywhere never gives a file of changed content."""
    folder = tmp_path_factory.mktemp("damaged")
    archive = write(folder / f"cells{suffix}", FILES.items())
    content = bytearray(archive.read_bytes())
    content[int(place * len(content))] ^= value
    archive.write_bytes(content)
    try:
        archives.unpack(archive, folder / "new")
    except ValueError as error:
        assert_explains(error, archive, ".*", ".*")
        assert not (folder / "new").exists()
    else:
        assert set(contents(folder / "new").values()) <= set(FILES.values())


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_no_path_leaves_the_folder(tmp_path, name, suffix):
    """Paths that lead out of the folder, on this or another system, are refused, whatever comes before them."""
    archive = write(tmp_path / f"cells{suffix}", [*FILES.items(), (name, b"out")])
    refused(archive, "files within the folder", "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("target", ["readme.txt", "/etc/passwd", "../.."])
def test_tar_with_link_or_device_is_refused(tmp_path, kind, target):
    """Links, also within the folder, devices and pipes are refused."""
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, target
    refused(write_tar(tmp_path / "cells.tar.gz", [*FILES.items(), (info, b"")]), "files and folders only", "'link'")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_zip_with_link_or_device_is_refused(tmp_path, kind):
    """The same in a zip archive, where the file's mode says what it is."""
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    refused(write_zip(tmp_path / "cells.zip", [*FILES.items(), (info, b"/etc/passwd")]), "files and folders", "'link'")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a.tif", "a.tif"), ("a.tif", "A.TIF"), ("a/b.tif", "a//b.tif")])
@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_two_files_of_one_name_are_refused(tmp_path, names, suffix):
    """Of two files that are one on some computer, neither may win."""
    archive = write(tmp_path / f"cells{suffix}", [(name, name.encode()) for name in names])
    refused(archive, "each of its own name", "twice")


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_a_file_in_a_file_is_refused(tmp_path, suffix):
    """A name cannot be a file and a folder."""
    archive = write(tmp_path / f"cells{suffix}", [("a", b"file"), ("a/b", b"file in it")])
    refused(archive, "files and folders of different names", "'a/b'")


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".tar.bz2", ".tar.xz"])
def test_bombs_are_refused(tmp_path, suffix, monkeypatch):
    """An archive that holds far more than its size lets expect is given up before it fills the disk."""
    monkeypatch.setattr(archives, "BYTES_BEFORE_RATIO", 10**6)
    archive = write(tmp_path / f"bomb{suffix}", [("zeros.tif", bytes(30_000_000))])
    assert archive.stat().st_size < 40_000
    refused(archive, "at most 250 times", "more")


def test_archives_of_very_many_files_are_refused(tmp_path, monkeypatch):
    """The number of files has a limit."""
    monkeypatch.setattr(archives, "MAX_FILES", 100)
    archive = write_zip(tmp_path / "cells.zip", [(f"{number}.tif", b"") for number in range(101)])
    refused(archive, "at most 100 files", "more")


def test_images_of_few_grey_values_are_no_bomb(tmp_path):
    """A nearly black image, as a detector that counts photons makes, passes although it compresses well."""
    image = (np.random.default_rng(1).random(4_000_000) < 0.001).astype(np.uint16).tobytes()
    archive = write_zip(tmp_path / "cells.zip", [("dark.tif", image)])
    assert archive.stat().st_size * 100 < len(image)
    archives.unpack(archive, tmp_path / "new")
    assert contents(tmp_path / "new") == {"dark.tif": image}


def test_encrypted_archive_is_explained(tmp_path):
    """An archive with a password is refused with the way out."""
    archive = write_zip(tmp_path / "cells.zip", [("a.tif", b"secret")])
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    refused(archive, "an archive without password", "an encrypted one")


def test_other_files_are_no_archives(tmp_path):
    """Other files, folders and what is not there are told from archives."""
    (tmp_path / "image.tif").write_bytes(b"II*\0" + bytes(2000))
    assert not any(map(archives.is_archive, (tmp_path / "image.tif", tmp_path, tmp_path / "none.zip")))
    refused(tmp_path / "image.tif", "a whole zip or tar archive", "cannot be read")
