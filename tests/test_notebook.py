"""What the chapters rely on: data, scores, tables and the flip view."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image
from scipy import ndimage

from l2l_utils import data, metrics, notebook, patches, simulation

SHAPE = (128, 128)


@pytest.fixture
def images(tmp_path, rng):
    """Return two fields with source, second source, target and truth on disk."""
    for name in ("a", "b"):
        truth = np.zeros(SHAPE, np.float32)
        truth[rng.choice(128, 8, replace=False)] = 1
        blurred = ndimage.gaussian_filter(truth, 1.5)
        for role, signal in {"source": blurred + 0.3, "source_repeat": blurred + 0.3, "target": blurred}.items():
            data.write_image(
                tmp_path / role / f"{name}.tif", rng.poisson(200 * signal).astype(np.uint16), dtype="uint16"
            )
        data.write_image(tmp_path / "truth" / f"{name}.tif", truth)
    folders = {role: tmp_path / role for role in ("source", "target", "source_repeat", "truth")}
    return notebook.ChapterData("test", **folders, resolution_px=3)


def values(scores, **choice):
    """Return the values of the rows that match, by reference and metric."""
    for column, value in choice.items():
        scores = scores[scores[column] == value]
    return scores.set_index(["reference", "metric"]).value


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


def test_methods_share_their_fields(images):
    """L2L and N2N pair the same sources, with another target; without a second recording there is no N2N."""
    pairs = notebook.pair_by_method(images)
    assert [pair.source for pair in pairs["L2L"]] == [pair.source for pair in pairs["N2N"]]
    assert pairs["N2N"][0].target.parent.name == "source_repeat"
    assert list(notebook.pair_by_method(images._replace(source_repeat=None))) == ["L2L"]


def test_scores_of_raw_images(images):
    """Raw files are normalised, then compared as metrics.evaluate does; labels fill their columns."""
    pairs = notebook.pair_by_method(images)["L2L"]
    scores = notebook.score_files(
        {p.name: p.source for p in pairs}, pairs, images, scale="raw", method="input", loss=""
    )
    assert list(scores.columns) == notebook.SCORE_COLUMNS
    expected = metrics.evaluate(*(patches.read_normalized(path) for path in (pairs[0].target, pairs[0].source)))
    assert values(scores, image="a")["benchmark"].to_dict() == pytest.approx(expected, rel=1e-5)
    assert set(values(scores, image="b")["truth"].index) == {*expected, "false_structure", "missed_structure"}
    assert set(scores.method) == {"input"}


def test_the_benchmark_equals_itself(images):
    """The benchmark against the benchmark is perfect, against the truth it is not."""
    pairs = notebook.pair_by_method(images)["L2L"]
    scores = notebook.score_files({p.name: p.target for p in pairs}, pairs, images, scale="raw", method="benchmark")
    assert values(scores, image="a")["benchmark", "ssim"] == pytest.approx(1)
    assert values(scores, image="a")["truth", "ssim"] < 1


def test_scale_of_another_tool_does_not_matter(images, tmp_path):
    """Grey values of another tool are brought to the reference's scale first; a normalised file is left alone."""
    pairs = notebook.pair_by_method(images)["L2L"][:1]
    normalised = patches.read_normalized(pairs[0].target) * 0.8
    for name, image in {"ours": normalised, "theirs": normalised * 12000 + 300}.items():
        data.write_image(tmp_path / name / "a.tif", image)
    files = {name: {"a": tmp_path / name / "a.tif"} for name in ("ours", "theirs")}
    theirs = notebook.score_files(files["theirs"], pairs, images, scale="unknown", method="other tool")
    ours = notebook.score_files(files["ours"], pairs, images, scale="normalised", method="L2L")
    assert values(theirs)["benchmark", "ssim"] == pytest.approx(1, abs=1e-4)
    assert values(ours)["benchmark", "ssim"] < 0.99
    assert values(theirs)["truth"].to_dict() == pytest.approx(values(ours)["truth"].to_dict(), rel=1e-2)


def test_missing_image_is_named(images):
    """A held-out field without an image of the method is named, with the remedy."""
    pairs = notebook.pair_by_method(images)["L2L"]
    with pytest.raises(FileNotFoundError, match=r"none of 'b' for other tool.*under the file name"):
        notebook.score_files({"a": pairs[0].source}, pairs, images, scale="unknown", method="other tool")


def test_score_table_known_answer():
    """Two seeds with means 1.5 and 2.5 are 2.000 with a spread of 0.707; one image set without seeds has no spread."""
    rows = [("L2L", 0, 1), ("L2L", 0, 2), ("L2L", 1, 2), ("L2L", 1, 3), ("input", None, 4)]
    scores = pd.DataFrame(rows, columns=["method", "seed", "value"]).assign(reference="truth", metric="psnr")
    table = notebook.score_table(scores.reindex(columns=notebook.SCORE_COLUMNS), "truth", names=["psnr"])
    assert table.psnr.to_dict() == {"L2L": "2.000 ± 0.707", "input": "4.000"}


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
