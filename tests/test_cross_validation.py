"""A cross-validation: who trains on what, what is compared with what, and that nothing is done twice."""

import numpy as np
import pandas as pd
import pytest
from collecting import collect_as
from test_training import RECIPE

from l2l_utils import cross_validation, data, folds, record, records, relative_change, scores

LABELS = {"dataset": "tubulin", "loss": "L1", "repetition": 2}


@pytest.fixture(scope="module")
def drawn():
    """Return two folds of four fields of the small virtual set."""
    folder = data.fetch("virtual/tubulin-small")
    fields = folds.by_field(data.pair_images(folder / "source", folder / "target"))
    return folds.draw_folds(fields, n_fields=4, n_folds=2, rng=np.random.default_rng(0))


def train(drawn, folder):
    """Train and restore both folds."""
    return cross_validation.train_folds(drawn, [0, 1], loss="L1", repetition=2, folder=folder, recipe=RECIPE)


@pytest.fixture(scope="module")
def trained(drawn, tmp_path_factory):
    """Return the folder of both trainings, and the restored files."""
    folder = tmp_path_factory.mktemp("run")
    return folder, train(drawn, folder)


def test_no_network_sees_its_test_images(drawn, trained):
    """By the checksums in its record, each network was trained on the images of the other fold, and on no others."""
    folder, _ = trained
    for number, fold in enumerate(drawn):
        about = record.read(folder / "models" / f"L2L_L1_seed{4 + number}")["about"]
        assert about["sha256"] == data.checksums(fold.training)
        assert not set(about["sha256"]) & {pair.name for pair in fold.test}


def test_nothing_is_done_twice(drawn, trained):
    """A second call returns the same files without writing one."""
    folder, restored = trained
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert train(drawn, folder) == restored
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def test_each_image_is_tested_once(drawn, trained):
    """A row per image and network; each image is unseen by exactly one, and its values are those of the comparison."""
    table = cross_validation.score(drawn, trained[1], **LABELS)
    assert list(table.columns) == cross_validation.COLUMNS
    assert len(table) == 4 * 2
    assert set(table.n_pairs) == {4}
    unseen = table[~table.seen].set_index("image")
    assert unseen.index.is_unique
    for number, fold in enumerate(drawn):
        for pair in fold.test:
            assert unseen.fold[pair.name] == number
            image = data.read_image(trained[1][number][pair.name])
            (expected,) = relative_change.relative_changes(pair, [image])
            assert unseen.loc[pair.name, list(expected)].to_dict() == expected


def test_scores_in_the_long_form(drawn, trained):
    """Two rows per test, in the columns of every chapter, and nothing lost."""
    table = cross_validation.score(drawn, trained[1], **LABELS)
    found = cross_validation.long_form(table)
    assert list(found.columns) == scores.COLUMNS
    assert len(found) == 2 * len(table)
    row = table.iloc[0]
    kind = "seen" if row.seen else "unseen"
    here = found[(found.image == row.image) & (found.condition == f"N=4;fold={row.fold};image={kind}")]
    assert here.set_index("metric").value.to_dict() == row[list(relative_change.CHANGES)].to_dict()


def test_runs_are_read_together(drawn, trained, tmp_path):
    """Runs in folders of their own become one table; the same one twice, or none, is refused."""
    table = cross_validation.score(drawn, trained[1], **LABELS)
    with pytest.raises(FileNotFoundError, match="runs of chapter 09"):
        cross_validation.read_runs(tmp_path)
    for repetition in (0, 1):
        run = tmp_path / str(repetition) / cross_validation.FILE
        run.parent.mkdir()
        table.assign(repetition=repetition).to_csv(run, index=False)
    found = cross_validation.read_runs(tmp_path)
    assert found.groupby("repetition").size().to_dict() == {0: len(table), 1: len(table)}
    table.assign(repetition=1).to_csv(run.parent.with_name("0") / run.name, index=False)
    with pytest.raises(ValueError, match="found N=4, repetition 1 of tubulin twice"):
        cross_validation.read_runs(tmp_path)


def test_the_record_of_a_sweep(tmp_path):
    """The tables of all runs become one, with the claims that were measured on it, readable as a record."""
    paths = []
    for n_pairs, repetition in ((2, 0), (2, 1), (4, 0), (4, 1)):
        rows = [
            {"dataset": "tubulin", "loss": "L1", "n_pairs": n_pairs, "repetition": repetition, "fold": fold}
            | {"image": f"i{image}", "seen": image % 2 != fold}
            | {"nrmse_change": -0.1 * n_pairs - 0.01 * repetition, "ms_ssim_5_change": 0.1 + 0.01 * repetition}
            for fold in range(2)
            for image in range(n_pairs)
        ]
        paths.append(tmp_path / f"{n_pairs}-{repetition}" / "scores.csv")
        paths[-1].parent.mkdir()
        pd.DataFrame(rows).to_csv(paths[-1].with_name("cross_validation.csv"), index=False)
        pd.DataFrame({"seed": [repetition]}).to_csv(paths[-1], index=False)
    results = collect_as("09_cross_validation", tmp_path)
    text = (results / "cross_validation.csv").read_text("utf-8")
    assert "# commit: " in text
    table = pd.read_csv(results / "cross_validation.csv", comment="#")
    assert list(table.columns) == cross_validation.COLUMNS
    assert table.n_pairs.is_monotonic_increasing
    assert table.seen.dtype == bool
    judged = pd.read_csv(results / "cross_validation_claims.csv", comment="#")
    assert set(judged.claim) == {"L32", "L35"}
    assert list(judged.columns) == list(records.read("unpaired_claims").columns)
