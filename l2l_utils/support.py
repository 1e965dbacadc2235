"""What a helper needs to see of a run that went wrong, without a pixel: ``python -m l2l_utils.support RESULTS``."""

from __future__ import annotations

import argparse
import contextlib
import csv
import getpass
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

import nbformat
import tensorflow as tf
import yaml

from l2l_utils import data, files, settings, tiff

# Texts that the book writes; anything else in the folder is only listed.
TEXTS: Final = ("training.json", "config.json", settings.FILE, "scores.csv", "training_log.csv", "*.log")
LARGEST_TEXT_BYTES: Final = 2**20
LARGEST_FOLDER: Final = 500
OUTPUTS: Final = ("stream", "error", "execute_result", "display_data")
# What could carry a picture: a data address, base64 in one line or wrapped, a printed array. A SHA-256 is shorter.
PICTURES: Final = re.compile(
    r"data:image/[^\s\"')>]*|[A-Za-z0-9+/=]{120,}|(?:[A-Za-z0-9+/=]{70,}\s*){2,}|\[\s*\[.*?\]\s*\]", re.DOTALL
)
LISTING: Final = "CONTENT.txt"


def collect(results: data.PathLike, path: data.PathLike) -> dict[str, str]:
    """Write a zip of texts about a run, and return them by name.

    Versions, machine, settings, records, logs and scores; notebooks without any picture, table in HTML or widget; of
    images their headers. The user's name and home folder read ``~``.

    Parameters
    ----------
    results : path
        Folder of results of a chapter.
    path : path
        The zip to write.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    FileExistsError
        If there is another file at `path`.
    """
    results, path = Path(results), Path(path)
    if not results.is_dir():
        remedy = "Give the output_dir of a chapter."
        raise FileNotFoundError(str(data.problem(results, "a folder of results", "no such folder", remedy)))
    if path.exists():
        raise FileExistsError(f"{path}: expected no such file, found one. Choose another name, or move it away.")
    texts = {"packages.txt": _packages(), "machine.json": json.dumps(_machine(results), indent=2)}
    texts |= dict(_texts(results)) | {"images.csv": _headers(results)}
    texts["files.txt"] = "\n".join(f"{part.relative_to(results)} {part.stat().st_size}" for part in _files(results))
    texts = {_anonymous(name): _anonymous(text) for name, text in sorted(texts.items())}
    texts[LISTING] = "\n".join(f"{name}: {len(text)} characters" for name, text in texts.items())
    with files.whole_file(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    return texts


def main() -> None:
    """Read the command line, write the zip, and print what is in it."""
    parser = argparse.ArgumentParser(prog="python -m l2l_utils.support", description=collect.__doc__.split("\n")[0])
    parser.add_argument("results", type=Path, help="output_dir of a chapter")
    parser.add_argument("--to", type=Path, default=Path("support.zip"), help="zip to write (default: support.zip)")
    arguments = parser.parse_args()
    try:
        texts = collect(arguments.results, arguments.to)
    except OSError as error:
        sys.exit(f"Error: {error}")
    sys.stdout.write(f"{texts[LISTING]}\n\nNo image is in {arguments.to}. Look into it before you send it.\n")


def strip_notebook(text: str) -> str:
    """Return a notebook whose outputs are plain text only: no picture, HTML, widget, attachment, encoded bytes."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata = {name: notebook.metadata[name] for name in ("kernelspec",) if name in notebook.metadata}
    for cell in notebook.cells:
        cell.pop("attachments", None)
        cell.metadata = {name: cell.metadata[name] for name in ("tags",) if name in cell.metadata}
        cell.source = _without_pictures(cell.source)
        if cell.cell_type == "code":
            cell.outputs = [_as_text(output) for output in cell.outputs if output.output_type in OUTPUTS]
    return nbformat.writes(notebook)


def _as_text(output: Any) -> Any:
    """Return an output with its plain text only."""
    if output.output_type == "stream":
        output.text = _without_pictures(output.text)
    elif output.output_type == "error":
        output.traceback = [_without_pictures(line) for line in output.traceback]
        output.evalue = _without_pictures(output.evalue)
    else:
        plain = output.data.get("text/plain", "(no text)")
        output.data, output.metadata = {"text/plain": _without_pictures(plain)}, {}
    return output


def _without_pictures(text: str) -> str:
    return PICTURES.sub("(removed)", text)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _texts(results: Path) -> Iterator[tuple[str, str]]:
    for path in _files(results):
        name = f"results/{path.relative_to(results).as_posix()}"
        is_notebook = path.suffix == ".ipynb"
        if not is_notebook and not any(path.match(pattern) for pattern in TEXTS):
            continue
        if not is_notebook and path.stat().st_size > LARGEST_TEXT_BYTES:
            yield name, "(left out: too long)"
            continue
        try:
            text = path.read_text("utf-8")
            yield name, strip_notebook(text) if is_notebook else _without_pictures(text)
        except (UnicodeDecodeError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
            yield name, f"(cannot be read: {type(error).__name__})"


def _headers(results: Path) -> str:
    """Return what the TIFFs of the results, and of the folders of images in their settings, say before their pixels."""
    images = _files(results)
    for folder in _image_folders(results):
        images += sorted(path for path in folder.iterdir() if path.is_file())[:LARGEST_FOLDER]
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("file", "axes", "shape", "dtype", "n_images", "pixel_size"))
    writer.writerows(_header(path) for path in dict.fromkeys(images) if path.suffix.lower() in (".tif", ".tiff"))
    return table.getvalue()


def _image_folders(results: Path) -> Iterator[Path]:
    """Yield the folders that the settings of the results name."""
    for path in _files(results):
        if path.name == settings.FILE:
            try:
                values = dict(settings.parse_yaml(path.read_text("utf-8")) or {})
            except (yaml.YAMLError, ValueError, TypeError):
                continue
            folders = (Path(f"{value}") for name, value in values.items() if f"{name}".endswith("_dir") and value)
            yield from (folder for folder in folders if folder.is_dir())


def _header(path: Path) -> tuple[object, ...]:
    try:
        header = tiff.read_header(path)
    except (ValueError, OSError) as error:
        return path, f"{error}"
    size = header.pixel_size
    planes = f", planes {size.z:g}" if size and size.z else ""
    pixel_size = f"{size.y:g} x {size.x:g} {size.unit}{planes}" if size else ""
    return path, header.axes, header.shape, header.dtype, header.n_images, pixel_size


def _packages() -> str:
    found = {str(distribution.metadata["Name"]): distribution.version for distribution in distributions()}
    return "\n".join(f"{name}=={version}" for name, version in sorted(found.items(), key=lambda item: item[0].lower()))


def _machine(results: Path) -> Mapping[str, Any]:
    gpus, disk = tf.config.list_physical_devices("GPU"), shutil.disk_usage(results)
    nvidia, memory = shutil.which("nvidia-smi"), Path("/proc/meminfo")
    said = subprocess.run([nvidia], check=False, capture_output=True, text=True, timeout=60).stdout if nvidia else ""
    return {
        "platform": platform.platform(),
        "Python": platform.python_version(),
        "is Colab": "google.colab" in sys.modules or Path("/content").is_dir(),
        "cores": os.cpu_count(),
        "memory": memory.read_text().splitlines()[:3] if memory.is_file() else [],
        "disk GB": {"total": disk.total // 10**9, "free": disk.free // 10**9},
        "GPU of TensorFlow": [tf.config.experimental.get_device_details(gpu) for gpu in gpus],
        "TensorFlow built with CUDA": tf.test.is_built_with_cuda(),
        "nvidia-smi": said.splitlines(),
    }


def _anonymous(text: str) -> str:
    """Return a text in which home folders and the user's name read ``~``."""
    home, users = Path.home(), {Path.home().name}
    with contextlib.suppress(OSError, KeyError):  # a container may run as a number without a name
        users.add(getpass.getuser())
    if home.name:
        text = text.replace(str(home), "~")
    text = re.sub(r"(/home/|/Users/)[^/\s\"',:]+", "~", text)
    text = re.sub(r"[A-Za-z]:[\\/]+Users[\\/]+[^/\\\"'\n]+", "~", text)
    for user in users - {""}:
        text = re.sub(rf"(?<![A-Za-z0-9_]){re.escape(user)}(?![A-Za-z0-9_])", "~", text)
    return text


if __name__ == "__main__":
    main()
