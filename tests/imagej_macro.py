"""ImageJ itself, which a macro drives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

JAR = Path("/usr/share/java/ij.jar")
needs_imagej = pytest.mark.skipif(
    not (shutil.which("imagej") and shutil.which("xvfb-run") and JAR.exists()),
    reason="ImageJ or a display for it is not installed (Debian: imagej, xvfb, xauth)",
)


def run_macro(macro: str, folder: Path) -> str:
    """Run a macro, whose argument is the folder, and return what it printed.

    ImageJ makes its menus before a macro runs, and these need a display, so xvfb lends one.
    """
    (folder / "macro.ijm").write_text(macro)
    java = ["java", f"-Duser.home={folder}", "-cp", JAR, "ij.ImageJ", "-batch", folder / "macro.ijm", folder]
    command = ["xvfb-run", "--auto-servernum", "timeout", "120", *java]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=180).stdout
