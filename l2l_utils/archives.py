"""A zip or tar archive to a folder, safely: nothing outside the folder, no links, no bombs, all or nothing."""

from __future__ import annotations

import errno
import lzma
import stat
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Final, NamedTuple

from l2l_utils import files, progress
from l2l_utils.tiff import problem

MAX_FILES: Final = 100_000
MAX_BYTES: Final = 10**12
# Images of few grey values compress by some 50 times, bombs by a thousand.
MAX_RATIO: Final = 250
BYTES_BEFORE_RATIO: Final = 10**8
MAX_PADDING: Final = 2**20
# What the standard library raises on a damaged archive; an OSError of any other number is the system's.
DAMAGE: Final = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, OSError),
    *(zlib.error, lzma.LZMAError, struct.error, NotImplementedError),
)
DAMAGE_ERRNO: Final = {None, errno.EINVAL, errno.ENAMETOOLONG}


class _Member(NamedTuple):
    """A file in an archive, its content to be read before the next one."""

    name: str
    content: IO[bytes]


def is_archive(path: Path) -> bool:
    """Return whether a file is a zip or tar archive, packed or not, whatever its name."""
    return path.is_file() and (zipfile.is_zipfile(path) or tarfile.is_tarfile(path))


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip or tar archive into a new folder, whole or not at all.

    Parameters
    ----------
    archive : Path
        A .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz file; it may come from anywhere.
    folder : Path
        Where to unpack; there must be nothing of that name.

    Returns
    -------
    Path
        The folder, or the one in it that holds everything.

    Raises
    ------
    ValueError
        The file is no archive, is damaged or encrypted, or has what an archive of images has no need of: a path that
        leads out of the folder, a link or device, two files of one name, or far more content than its size lets expect.
    """
    files.make_folder(folder.parent)
    with tempfile.TemporaryDirectory(prefix=files.UNFINISHED, dir=folder.parent) as scratch:
        unfinished = Path(scratch, "unpacked")
        unfinished.mkdir()
        try:
            _copy_members(archive, unfinished)
        except DAMAGE as error:
            if getattr(error, "errno", None) not in DAMAGE_ERRNO:
                raise
            found = f"one that cannot be read ({error})"
            raise problem(archive, "a whole zip or tar archive", found, "Download or copy it again.") from error
        unfinished.rename(folder)
    return innermost(folder)


def innermost(folder: Path) -> Path:
    """Return a folder without those around it that hold nothing else."""
    while len(inside := list(folder.iterdir())) == 1 and inside[0].is_dir():
        folder = inside[0]
    return folder


def _copy_members(archive: Path, folder: Path) -> None:
    allowed = min(MAX_BYTES, max(BYTES_BEFORE_RATIO, MAX_RATIO * archive.stat().st_size))
    taken: set[str] = set()
    members = _zip_members if zipfile.is_zipfile(archive) else _tar_members
    with progress.bar(desc=f"Unpacking {archive.name}", unit="B", unit_scale=True, mininterval=1, delay=3) as bar:
        for member in members(archive):
            target = _new_file(archive, folder, member.name, taken)
            with target.open("xb") as file:
                while chunk := member.content.read(2**20):
                    bar.update(len(chunk))
                    allowed -= len(chunk)
                    if allowed < 0:
                        raise _unsafe(archive, f"at most {MAX_RATIO} times the archive's size", "more")
                    file.write(chunk)


def _new_file(archive: Path, folder: Path, name: str, taken: set[str]) -> Path:
    """Return where a member belongs, and add its name to those that are taken."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or "\0" in name or not path.parts:
        raise _unsafe(archive, "files within the folder", repr(name))
    # Windows and Macs take names that differ in capitals only for one.
    key = unicodedata.normalize("NFC", str(path)).casefold()
    if key in taken or len(taken) == MAX_FILES:
        found = f"{name!r} twice" if key in taken else "more"
        raise _unsafe(archive, f"at most {MAX_FILES} files, each of its own name", found)
    taken.add(key)
    target = folder / path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise _unsafe(archive, "files and folders of different names", f"{name!r} in a file") from error
    return target


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _unsafe(archive, "files and folders only", f"a link or device, {info.filename!r}")
            if info.flag_bits & 1:
                raise problem(archive, "an archive without password", "an encrypted one", "Unpack it by hand first.")
            if not info.is_dir():
                with opened.open(info) as content:
                    yield _Member(info.filename, content)


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive) as opened:
        for info in opened:
            if not (info.isreg() or info.isdir()):
                raise _unsafe(archive, "files and folders only", f"a link or device, {info.name!r}")
            if info.isreg():
                yield _Member(info.name, opened.extractfile(info))
        # tarfile takes any end for the end of the archive, which is a block of zeros; the checksum comes after that.
        opened.fileobj.seek(opened.offset)
        end = opened.fileobj.read(MAX_PADDING)
        if not end.startswith(bytes(tarfile.BLOCKSIZE)) or len(end) == MAX_PADDING:
            raise tarfile.ReadError("it has no proper end")


def _unsafe(archive: Path, expected: str, found: str) -> ValueError:
    remedy = "Do not trust this archive; ask for another where it came from."
    return problem(archive, expected, found, remedy)
