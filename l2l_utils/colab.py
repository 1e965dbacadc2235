"""Google Colab's Drive: mounted when a path lies on it, and images read from a copy on the session's own disk."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from typing import Final

from l2l_utils import data, files, progress

DRIVE: Final = Path("/content/drive")
COPIES: Final = Path("/content/copied_from_drive")


def mount_if_needed(path: Path) -> None:
    """Mount Google Drive if the path lies on it, this is Colab, and it is not mounted yet; else do nothing.

    Without this, a result written below ``/content/drive`` would lie on the session's own disk, and be gone with it.

    Parameters
    ----------
    path : Path
        A file or folder that is going to be read or written.
    """
    if path.is_relative_to(DRIVE) and "google.colab" in sys.modules and not DRIVE.is_mount():
        importlib.import_module("google.colab.drive").mount(str(DRIVE))


def local_copy(folder: Path) -> Path:
    """Copy the images of a folder on Drive to Colab's own disk, where a training reads them fast and to its end.

    Parameters
    ----------
    folder : Path
        Folder of TIFFs. If it is not on Drive, nothing is copied.

    Returns
    -------
    Path
        Where to read the images from: the folder itself, or its copy. Files that were copied before and have not
        changed since are not copied again; those that are gone from Drive are gone from the copy, too.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no image in it.
    OSError
        If there is not enough room.
    """
    mount_if_needed(folder)
    if not folder.is_relative_to(DRIVE):
        return folder
    copy = COPIES / folder.relative_to(DRIVE)
    originals = {path.name: path for path in data.images_by_name(folder).values()}
    for path in copy.glob("*"):
        if path.name not in originals:
            path.unlink()
    changed = [path for name, path in originals.items() if _differ(path, copy / name)]
    for path in progress.bar(changed, desc=f"Copying {folder.name} from Drive", unit="image") if changed else []:
        with files.whole_file(copy / path.name) as unfinished:
            shutil.copy2(path, unfinished)
    return copy


def _differ(original: Path, copy: Path) -> bool:
    """Tell whether the copy is missing, or another size or age than the original; Drive keeps whole seconds."""
    if not copy.is_file():
        return True
    first, second = original.stat(), copy.stat()
    return (first.st_size, int(first.st_mtime)) != (second.st_size, int(second.st_mtime))
