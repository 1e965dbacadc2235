"""The support bundle tells what went wrong, and cannot carry a pixel, a home folder or a user's name."""

from __future__ import annotations

import base64
import getpass
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from l2l_utils import data, support, tiff

SECRET = np.frombuffer(b"a planted secret", np.uint8)
MAGIC = (
    b"\x89PNG",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"\xff\xd8\xff",
    b"iVBORw0",
    b"SUkqA",
    b"TU0AK",
    b"/9j/",
    b"R0lGOD",
)


def png() -> bytes:
    """Return a picture with the secret in it."""
    picture = np.random.default_rng(1).integers(0, 256, (40, 40), dtype=np.uint8)
    picture[0, : len(SECRET)] = SECRET
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="png")
    return buffer.getvalue()


def failed_notebook(folder: Path) -> nbformat.NotebookNode:
    """Return a notebook that showed a picture in every way a notebook can, and failed."""
    encoded = base64.b64encode(png()).decode()
    wrapped = base64.encodebytes(png()).decode()
    page = f'<img src="data:image/png;base64,{encoded}">'
    new = nbformat.v4
    outputs = [
        new.new_output("display_data", {"image/png": wrapped, "text/plain": "<Figure size 640x480>"}),
        new.new_output("display_data", {"text/html": page, "image/svg+xml": "<svg/>"}),
        new.new_output(
            "execute_result", {"text/plain": repr(SECRET.reshape(4, 4)), "application/vnd.view+json": {"a": page}}
        ),
        new.new_output("stream", text=f"epoch 1\n{wrapped}\n{page}\n"),
        new.new_output("error", ename="ValueError", evalue=f"{folder}/a.tif {encoded}", traceback=["line 1", page]),
    ]
    markdown = new.new_markdown_cell("text", attachments={"a.png": {"image/png": encoded}})
    cells = [markdown, new.new_code_cell(f"x = '{encoded}'\nprint(1)", outputs=outputs, metadata={"widget": page})]
    return new.new_notebook(cells=cells, metadata={"widgets": {"state": page}})


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Return the results of a chapter that failed."""
    folder = tmp_path_factory.mktemp(f"{getpass.getuser()}") / "03_label2label"
    raw, size = folder.parent / "raw", tiff.PixelSize(0.1, 0.12, "um", 0.5)
    image = np.random.default_rng(0).integers(0, 256, (4, 32, 48), dtype=np.uint8)
    image[0, 0, : len(SECRET)] = SECRET
    data.write_image(raw / "cell.tif", image, axes="ZYX", dtype="uint8", like=size)
    data.write_image(folder / "restored" / "b.tif", image[0], dtype="uint8")
    (folder / "broken.tif").write_bytes(tifffile.TIFF.CLASSIC_LE.byteorder.encode() + SECRET.tobytes())
    (folder / "overview.png").write_bytes(png())
    (folder / "weights_best.h5").write_bytes(SECRET.tobytes())
    (folder / "settings.yaml").write_text(f"source_dir: {raw}\nepochs: 3\noutput_dir: {Path.home()}/results\n")
    (folder / "scores.csv").write_text("metric,value\nssim,0.25\n")
    (folder / "models").mkdir()
    (folder / "models" / "training.json").write_text(json.dumps({"loss": "L1", "sha256": "0" * 64}))
    (folder / "run.log").write_text(f"started by {getpass.getuser()} in /home/somebody/data, C:\\Users\\Some One\\x\n")
    (folder / "picture.log").write_bytes(png())
    nbformat.write(failed_notebook(folder), folder / "03_label2label.failed.ipynb")
    (folder / "half.ipynb").write_text('{"cells": [')
    return folder


@pytest.fixture(scope="module")
def bundle(results) -> dict[str, bytes]:
    """Return the content of the bundle's files by name."""
    path = results.parent / "support.zip"
    support.collect(results, path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_no_picture_is_inside(bundle):
    """No file begins or goes on like a picture, raw or in base64, and the secret is in none in any form."""
    secret, numbers = SECRET.tobytes(), ", ".join(map(str, SECRET[:4])).encode()
    encoded = base64.b64encode(png())
    pieces = [encoded[i : i + 60] for i in range(0, len(encoded), 60)]
    for name, content in bundle.items():
        assert not [magic for magic in MAGIC if magic in content], name
        assert secret not in content
        assert numbers not in content
        assert not [piece for piece in pieces if piece in content], name
        assert b"data:image" not in content
        assert len(content) < 100_000


def test_nobody_is_named(bundle):
    """Neither home folders nor the user's name are inside; what was in them is."""
    everything = b"\n".join([*bundle.values(), *(name.encode() for name in bundle)]).decode()
    assert str(Path.home()) not in everything
    assert "somebody" not in everything
    assert "Some" not in everything
    assert " One" not in everything
    assert f"started by {getpass.getuser()}" not in everything
    assert "~/results" in everything
    assert "~/data" in bundle["results/run.log"].decode()


def test_it_says_what_a_helper_needs(bundle):
    """Versions, machine, settings, record, scores, the failed notebook's text, and headers of images on both sides."""
    assert b"\ntensorflow==" in bundle["packages.txt"]
    machine = json.loads(bundle["machine.json"])
    assert {"platform", "Python", "cores", "memory", "disk GB", "GPU of TensorFlow", "nvidia-smi"} <= set(machine)
    assert b"epochs: 3" in bundle["results/settings.yaml"]
    assert json.loads(bundle["results/models/training.json"]) == {"loss": "L1", "sha256": "0" * 64}
    assert b"ssim,0.25" in bundle["results/scores.csv"]
    notebook = nbformat.reads(bundle["results/03_label2label.failed.ipynb"].decode(), as_version=4)
    outputs = notebook.cells[1].outputs
    assert [output.output_type for output in outputs] == [
        "display_data",
        "display_data",
        "execute_result",
        "stream",
        "error",
    ]
    assert outputs[0].data == {"text/plain": "<Figure size 640x480>"}
    assert outputs[3].text.startswith("epoch 1\n")
    assert outputs[4].ename == "ValueError"
    assert outputs[4].evalue.endswith("03_label2label/a.tif (removed)")
    table = bundle["images.csv"].decode()
    assert 'cell.tif,ZYX,"(4, 32, 48)",uint8,1,"0.1 x 0.12 um, planes 0.5"' in table
    assert "b.tif,YX" in table
    assert "broken.tif: expected a whole TIFF file" in table
    assert b"cannot be read" in bundle["results/half.ipynb"]
    assert b"cannot be read" in bundle["results/picture.log"]
    assert b"weights_best.h5 16" in bundle["files.txt"]


def test_its_content_is_listed(bundle):
    """The list names every other file."""
    listed = {line.split(":")[0] for line in bundle["CONTENT.txt"].decode().splitlines()}
    assert listed == bundle.keys() - {"CONTENT.txt"}


@settings(deadline=None, max_examples=50)
@given(picture=st.binary(min_size=150, max_size=600), width=st.sampled_from([0, 76, 100]), before=st.text(max_size=20))
def test_encoded_bytes_never_pass(picture, width, before):
    """Whatever the bytes, their base64 is gone from what a cell printed, in one line or wrapped."""
    encoded = base64.b64encode(picture).decode()
    lines = [encoded[i : i + width] for i in range(0, len(encoded), width)] if width else [encoded]
    printed = nbformat.v4.new_output("stream", text=f"{before} {chr(10).join(lines)}")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[printed])])
    assert encoded[:60] not in support.strip_notebook(nbformat.writes(notebook))


@pytest.mark.slow
def test_the_command_prints_what_is_inside(results, tmp_path):
    """The command ends with the list; nothing is overwritten; a folder that is not there is named."""
    command = [sys.executable, "-m", "l2l_utils.support", str(results)]
    printed = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert "results/scores.csv: " in printed
    assert printed.endswith("No image is in support.zip. Look into it before you send it.\n")
    again = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert again.stderr.splitlines()[-1].startswith("Error: support.zip: expected no such file")
    with pytest.raises(FileNotFoundError, match="missing: expected a folder of results"):
        support.collect(results / "missing", tmp_path / "b.zip")
