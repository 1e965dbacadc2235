"""What the chapters rely on: data, scores, tables and the flip view."""

import base64
import io
import re
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from l2l_utils import data, notebook, simulation


def test_own_folders(tmp_path):
    """A user's folders are taken as they are; what is missing is None."""
    own = notebook.open_data("virtual/tubulin", source_dir=str(tmp_path / "s"), target_dir=str(tmp_path / "t"))
    assert own == ("own images", tmp_path / "s", tmp_path / "t", None, None, None)


def test_one_folder_without_the_other():
    """Half a pair of folders is refused, with what was found and the way to restore only."""
    with pytest.raises(ValueError, match=r"source_dir='' and target_dir='x'.*restore_dir"):
        notebook.open_data("virtual/tubulin", target_dir="x")


def test_virtual_data_know_their_truth(tmp_path, monkeypatch):
    """Without folders the virtual microscope provides all roles, and its resolution in px."""
    monkeypatch.setenv("L2L_DATA", str(tmp_path))
    virtual = notebook.open_data("virtual/tubulin-small")
    assert virtual.name == "tubulin"
    assert all(
        any(folder.glob("*.tif")) for folder in (virtual.source, virtual.target, virtual.source_repeat, virtual.truth)
    )
    row = simulation.STRUCTURES["tubulin"]
    assert virtual.resolution_px == row.resolution_nm / row.pixel_size_nm


def test_other_data_have_what_they_have(tmp_path, monkeypatch):
    """Data that are no simulation have neither truth nor a known resolution; without two labels they are refused."""
    monkeypatch.setenv("L2L_DATA", str(tmp_path))
    image = np.random.default_rng(1).integers(0, 99, (20, 20), dtype=np.uint16)
    for label in ("AC-15", "phalloidin"):
        data.write_image(tmp_path / "deposit" / label / "1.tif", image, dtype="uint16")
    folder = data.fetch("paper/actin", downloaded=tmp_path / "deposit")
    expected = ("paper/actin", folder / "source", folder / "target", None, None, None)
    assert notebook.open_data("paper/actin") == expected
    with pytest.raises(ValueError, match="expected a data set with source and target, found membrane, nucleus"):
        notebook.open_data("skimage/cells3d")


def test_methods_share_their_fields(images):
    """L2L and N2N pair the same sources, with another target; without a second recording there is no N2N."""
    pairs = notebook.pair_by_method(images)
    assert [pair.source for pair in pairs["L2L"]] == [pair.source for pair in pairs["N2N"]]
    assert pairs["N2N"][0].target.parent.name == "source_repeat"
    assert list(notebook.pair_by_method(images._replace(source_repeat=None))) == ["L2L"]


def test_flip_view_holds_each_image(rng):
    """Every image is in the page as PNG with its own alt text, the first one is shown, and titles are escaped."""
    shown = {"raw": rng.random((40, 50)), "N2N <1>": rng.random((40, 50))}
    page = notebook.flip_view(shown, alt="a cell").data
    encoded = re.findall(r'src="data:image/png;base64,([^"]+)" alt="([^"]+)"', page)
    for (png, alt), (title, image) in zip(encoded, shown.items(), strict=True):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png)))) / 255
        np.testing.assert_allclose(pixels, image, atol=0.5 / 255 + 1e-9)
        assert alt == f"a cell: {title.replace('<', '&lt;').replace('>', '&gt;')}"
    assert page.count("checked>") == 1
    assert "<1>" not in page


def test_flip_views_on_one_page_are_independent(rng):
    """Two views share no identifier, so the buttons of one do not move the other."""
    pages = [notebook.flip_view({"raw": rng.random((20, 20))}, alt="a").data for _ in range(2)]
    first, second = (set(re.findall(r'id="([^"]+)"', page)) for page in pages)
    assert not first & second


def test_setup_report_tells_device_and_versions():
    """The report names the TensorFlow that runs and whether there is a GPU."""
    report = notebook.setup_report().iloc[:, 0]
    assert report["tensorflow"] == tf.__version__
    assert ("no GPU" in report["device"]) == (not tf.config.list_physical_devices("GPU"))


@pytest.mark.parametrize(
    ("is_colab", "gpus", "advice"),
    [
        (True, [], "Runtime > Change runtime type > T4 GPU"),
        (False, [], "the paper profile needs one"),
        (True, tf.config.list_logical_devices("CPU"), None),
    ],
)
def test_without_a_gpu_it_says_what_helps(monkeypatch, is_colab, gpus, advice):
    """Colab's users learn how to get a GPU, others what runs without one, and whoever has one nothing."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: gpus)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: {"device_name": "T4"})
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    if is_colab:
        monkeypatch.setitem(sys.modules, "google.colab", None)
    report = notebook.setup_report().iloc[:, 0]
    assert ("without a GPU" in report) == (advice is not None)
    assert advice is None or advice in report["without a GPU"]
    assert "..." not in notebook.setup_report().to_html()


def test_what_cannot_be_had_is_explained(tmp_path, monkeypatch, capsys):
    """A set that needs a person to download it is not shown, and the page says why; one that is there is returned."""
    monkeypatch.setenv("L2L_DATA", str(tmp_path))
    assert notebook.fetch_if_possible("paper/tubulin") is None
    assert "HTML" in capsys.readouterr().out
    assert (notebook.fetch_if_possible("virtual/tubulin-small") / "source").is_dir()


def test_methods_are_timed_per_megapixel():
    """A method that waits 10 ms on 5000 pixels takes at least 2 s per megapixel, and each is called three times."""
    calls = []

    def wait(image):
        calls.append(image.shape)
        time.sleep(0.01)

    table = notebook.seconds_per_megapixel({"wait": wait, "nothing": np.size}, np.zeros((50, 100)))
    assert calls == [(50, 100)] * 3
    assert table.loc["wait", "seconds per megapixel"] >= 2 > table.loc["nothing", "seconds per megapixel"] >= 0
