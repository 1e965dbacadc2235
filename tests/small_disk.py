"""A disk that is soon full."""

import subprocess

import pytest


def on_small_disk(folder, size_kb, code):
    """Return the command for a shell that mounts a small disk at a folder for itself alone, and runs a line of code."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = f"mount -t tmpfs -o size={size_kb}k tmpfs {folder}"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*command, mount], capture_output=True, check=False).returncode:
        pytest.skip("this system does not let a test mount a small disk")
    return [*command, f"{mount} && {code}"]
