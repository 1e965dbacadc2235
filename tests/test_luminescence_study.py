"""Chapter 10's trainings on small stacks, of planes and of stacks, and what is kept of their scores."""

import numpy as np
import pandas as pd
import pytest
from collecting import collect_as

from l2l_utils import data, intervals, judging, luminescence_charts, luminescence_measures, training, uncertainty
from l2l_utils import luminescence_study as study_module
from l2l_utils.luminescence_study import Study
from l2l_utils.luminescence_tasks import TASKS

COMMON = {"unet_n_first": 4, "unet_kern_size": 3, "precision": "float32", "pmin": 2, "pmax": 99.8}


def recipe(patch_px):
    """Return a tiny training."""
    return training.Recipe(1, 2, 2, 1e-3, patch_px, 4, **COMMON)


@pytest.fixture(scope="module")
def stacks():
    """Return the folder of the small set of nuclei."""
    return data.fetch("virtual/luminescence_h2b-small")


@pytest.fixture(scope="module", params=[32, (8, 32, 32)], ids=["planes", "stacks"])
def study(request, tmp_path_factory):
    """Return a study of nuclei with tiny trainings."""
    return Study("h2b", tmp_path_factory.mktemp("study"), recipe(request.param), n_validation=1, n_held_out=2)


@pytest.fixture(scope="module")
def images(study, stacks):
    """Return the folder of the images that the networks see."""
    return study.open_images(stacks)


@pytest.fixture(scope="module")
def written(study, images):
    """Return the files of the restored images of one task."""
    return study.restore(images, {"to 60 s": TASKS["h2b"]["to 60 s"]}, [0])


def test_networks_see_what_the_recipe_says(study, images, stacks):
    """Stacks as they are, or their middle planes with pixel size; asking twice writes nothing anew."""
    file = next((images / "truth").glob("*.tif"))
    stack = data.read_image(stacks / "truth" / file.name, axes="ZYX")
    if study.axes == "ZYX":
        assert images == stacks
    else:
        np.testing.assert_array_equal(data.read_image(file), stack[4])
        assert data.pixel_size_um(file) == data.pixel_size_um(stacks / "truth" / file.name)
        before = file.stat().st_mtime_ns
        study.open_images(stacks)
        assert file.stat().st_mtime_ns == before


def test_tasks_hold_out_the_same_fields(study, images):
    """Whatever is learnt, the same fields judge it, and none of them trains."""
    splits = [study.split(images, task) for task in TASKS["h2b"].values()]
    names = [[[pair.name for pair in part] for part in split] for split in splits]
    assert names[0] == names[1]
    assert [field.name for field in study.held_out(images)] == names[0][2]
    assert not set(names[0][2]) & set(names[0][0] + names[0][1])


def test_scores_and_predictions_are_of_the_held_out_fields(study, images, written):
    """An image (Y, X) of each field for each method; its mean is the restored one, and its scale is positive."""
    fields = study.held_out(images)
    made = study.untrained(images) | study.trained(written)
    assert list(made) == [
        ("input 0.5 s", None, None), ("fluorescence", None, None), ("restored to 60 s", "Laplace", 0)
    ]  # fmt: skip
    assert {image.shape for found in made.values() for image in found} == {fields[0].reference.shape}
    ((key, files),) = written.items()
    found = study.predictions(images, key, files)
    assert list(found) == [field.name for field in fields]
    for field, restored, (target, mean, scale) in zip(fields, made[key], found.values(), strict=True):
        np.testing.assert_array_equal(mean, restored)
        np.testing.assert_array_equal(target, field.reference)
        assert (scale > 0).all()
    curve = uncertainty.calibration(found)
    (diagonal, line) = luminescence_charts.calibration({"a": curve}).axes[0].lines
    np.testing.assert_allclose(line.get_ydata(), curve.groupby("stated").inside.mean())
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())


def test_binned_images_are_also_interpolated(tmp_path):
    """Of cells, bicubic interpolation of the coarsest image stands beside the networks."""
    cells = Study("cytosol", tmp_path, recipe(32), n_validation=1, n_held_out=2)
    images = cells.open_images(data.fetch("virtual/luminescence_cytosol-small"))
    known = cells.untrained(images)
    coarse = known["input binned 8", None, None][0]
    np.testing.assert_array_equal(known["bicubic 8", None, None][0], luminescence_measures.bicubic(coarse, 8))


def test_both_conditions_are_counted(tmp_path):
    """Of mitochondria twice as many fields are held out, and the classifier learns from fields that train."""
    mitochondria = Study("tomm20", tmp_path, recipe(32), n_validation=1, n_held_out=3)
    stacks = data.fetch("virtual/luminescence_tomm20-small")
    images = mitochondria.open_images(stacks)
    split = mitochondria.split(images, TASKS["tomm20"]["to fluorescence"])
    assert [len(part) for part in split] == [4, 2, 6]
    assert sum(pair.name.startswith("treated") for pair in split.held_out) == 3
    references, truths = mitochondria.examples(images, stacks)
    assert len(references) == len(truths) == 4
    for pair, truth in zip(split.training, truths, strict=True):
        stack = data.read_image(stacks / "truth" / f"{pair.name}.tif", axes="ZYX")
        np.testing.assert_array_equal(truth, stack.max(axis=0))


def test_own_pairs(tmp_path, stacks):
    """A user's own stacks: a fifth is held out, restored with its scale, and nothing of the sources is changed."""
    roles = [stacks / role for role in ("exposure_0.5s", "exposure_60s")]
    before = {path: path.read_bytes() for role in roles for path in role.iterdir()}
    found = study_module.restore_own(*roles, tmp_path, recipe((8, 32, 32)))
    assert {part.shape for parts in found.values() for part in parts} == {(8, 128, 128)}
    assert len(found) == 1
    assert len(list((tmp_path / "restored").glob("**/*.tif"))) == 2
    assert before == {path: path.read_bytes() for role in roles for path in role.iterdir()}


def test_what_the_book_keeps(study, images, written, tmp_path):
    """Means with intervals, effects and verdicts are collected from a run's scores."""
    made = study.untrained(images) | study.trained(written)
    judges = [luminescence_measures.judge_nuclei]
    table = judging.score(study.held_out(images), made, judges=judges, dataset="h2b")
    other = table[table.method.str.startswith("restored")].assign(method="restored to fluorescence")
    table = pd.concat([table, other])
    (tmp_path / "run").mkdir()
    table.to_csv(tmp_path / "run" / "scores.csv", index=False)
    results = collect_as("10_luminescence", tmp_path)
    kept = pd.read_csv(results / "luminescence.csv", comment="#")
    expected = intervals.summarise(table)
    np.testing.assert_allclose(kept.value, expected.value, rtol=1e-4)
    claims = pd.read_csv(results / "luminescence_claims.csv", comment="#")
    assert list(claims.claim) == ["U04"]
    assert claims.holds.all()
