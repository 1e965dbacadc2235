"""Chapter 03 is entered by three doors: train, evaluate only, restore only; each leaves what it promises."""

from pathlib import Path

import pandas as pd
import pytest

from l2l_utils import data, execute

pytestmark = pytest.mark.slow
CHAPTER = "03_label2label"


def run(output: Path, **parameters: object) -> Path:
    """Run the chapter at its smallest size and return the folder of its results."""
    return execute.run_chapter(CHAPTER, profile="smoke", parameters={"output_dir": str(output), **parameters}).parent


@pytest.fixture(scope="module")
def images() -> Path:
    """Return the folder of a small data set, laid out like a user's own."""
    return data.fetch("virtual/tubulin-small")


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory) -> Path:
    """Train on a user's two folders."""
    folders = {"source_dir": str(images / "source"), "target_dir": str(images / "target")}
    return run(tmp_path_factory.mktemp("trained"), **folders, export_author="A. Reader")


def test_training_leaves_model_report_and_package(trained):
    """Scores, table of images, maps, report, settings and a package for other programs are all there."""
    names = {path.name for path in trained.iterdir()}
    assert {"scores.csv", "quality.csv", "quality_report.html", "settings.yaml", "bioimageio.zip", "maps"} <= names
    assert set(pd.read_csv(trained / "quality.csv").method) == {"input", "L2L"}


def test_evaluate_and_restore_only(trained, images, tmp_path):
    """A trained model is judged again without training, beside another tool's images; and restores a folder alone."""
    model = next((trained / "models").glob("*L2L*"))
    raw = images / "source"
    both = {"source_dir": str(raw), "target_dir": str(images / "target"), "model_dir": str(model)}
    judged = run(tmp_path / "judged", **both, other_restored_dir=str(images / "target"))
    assert not (judged / "models").exists()
    table = pd.read_csv(judged / "scores.csv")
    assert {"input", "L2L", "other tool"} <= set(table.method)
    perfect = table[(table.method == "other tool") & (table.metric == "ms_ssim_3")]
    assert perfect.value.min() > 0.999
    restored = run(tmp_path / "restored", model_dir=str(model), restore_dir=str(raw)) / "restored_folder"
    assert set(data.images_by_name(restored)) == set(data.images_by_name(raw))
    assert len(pd.read_csv(restored / "key_values.csv")) == len(data.images_by_name(raw))


def test_the_small_model_of_the_book_needs_no_training(tmp_path):
    """A name in place of a folder opens it, and its restored images are nearer to the truth than the raw ones."""
    output = run(tmp_path, model_dir="shipped/tubulin")
    table = pd.read_csv(output / "scores.csv").query("reference == 'truth' and metric == 'ms_ssim_3'")
    means = table.groupby("method").value.mean()
    assert means["L2L"] > means["input"]


def test_settings_of_a_run_are_taken_up(trained, tmp_path):
    """Another run with the first one's settings resolves to the same numbers and names."""
    again = execute.run_chapter(
        CHAPTER, profile="book", parameters={"output_dir": str(tmp_path), "settings_file": str(trained)}
    ).parent
    first, second = (path.joinpath("settings.yaml").read_text("utf-8").splitlines() for path in (trained, again))
    differing = {line.partition(":")[0] for line in set(first) ^ set(second)}
    assert differing <= {"output_dir", "settings_file"}
