"""The model that comes with the book: small, found by its name, and better than its input on cells it has not seen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from csbdeep.models import CARE
from csbdeep.utils import normalize_minmse

from l2l_utils import care, data, execute, likeness, metrics, records, shipped

ROOT = Path(__file__).resolve().parents[1]
NAME = "shipped/tubulin"


def test_a_name_is_resolved_and_a_path_is_left_alone(tmp_path):
    """The book's model is found by its name; any other text is the path of a folder."""
    assert shipped.model_folder(NAME) == shipped.MODELS / "tubulin"
    assert shipped.model_folder(tmp_path / "shipped/tubulin") == tmp_path / "shipped/tubulin"


def test_an_unknown_name_is_answered_with_the_known_ones():
    """The message names what there is."""
    with pytest.raises(ValueError, match=r"expected one of shipped/tubulin, found 'shipped/actin'"):
        care.load("shipped/actin")


def test_the_runner_leaves_the_name_as_it_is():
    """Other values of ``model_dir`` become absolute paths; the name of the book's model does not."""
    where = {"profile": "smoke", "notebooks": ROOT / "notebooks"}
    values = execute.resolve_parameters("03_label2label", parameters={"model_dir": NAME}, **where)
    assert values["model_dir"] == NAME


def test_the_model_is_small_and_names_no_folder():
    """All files together stay below 200 kB, and none holds a path of the machine that trained."""
    files = list(shipped.model_folder(NAME).iterdir())
    assert sum(file.stat().st_size for file in files) < 200_000
    for file in files:
        assert not re.search(rb"/(home|root|tmp|Users)/", file.read_bytes()), file.name


def test_loading_leaves_the_folder_as_it_was():
    """The package's folder may be read-only, so nothing is written there."""
    before = sorted(shipped.model_folder(NAME).iterdir())
    care.load(NAME)
    assert sorted(shipped.model_folder(NAME).iterdir()) == before


def test_the_weights_are_those_that_were_trained():
    """They hash to what the training wrote down, in this lane, too."""
    written = json.loads((shipped.model_folder(NAME) / "training.json").read_text("utf-8"))
    assert care.weights_sha256(care.load(NAME)) == written["weights_sha256"]


def test_plain_csbdeep_opens_it():
    """Whoever has csbdeep alone can load the folder."""
    folder = shipped.model_folder(NAME)
    assert CARE(None, name=folder.name, basedir=str(folder.parent)).config.unet_n_first == 8


def test_restored_cells_are_closer_to_the_truth():
    """On every small virtual cell 3S-SSIM with the truth is higher after restoring than before."""
    folder, model = data.fetch("virtual/tubulin-small"), care.load(NAME)
    for path in sorted((folder / "source").iterdir()):
        truth, raw = data.read_image(folder / "truth" / path.name), data.read_image(path).astype(np.float32)
        similarity = [
            metrics.evaluate(truth, normalize_minmse(image, truth))["ms_ssim_3"]
            for image in (raw, care.restore(model, raw))
        ]
        assert similarity[1] > similarity[0]


def test_the_record_says_how_much_better():
    """Against the truth, the interval of the restored cells lies above that of the raw ones."""
    table = records.read("teaching_model")
    table = table[(table.reference == "truth") & (table.metric == "ms_ssim_3")].set_index("method")
    assert table.low["L2L"] > table.high["input"]
    assert (table.n_images == data.read_entry("virtual/tubulin")["n_cells"]).all()


def test_virtual_cells_are_like_its_training_images():
    """The fingerprint that comes with it calls cells of the kind it was trained on like, not unlike."""
    sources = list(data.images_by_name(data.fetch("virtual/tubulin-small") / "source").values())
    assert likeness.read(shipped.model_folder(NAME))
    assert len(likeness.check_files(shipped.model_folder(NAME), sources)) == len(sources)
