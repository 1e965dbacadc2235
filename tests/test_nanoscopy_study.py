"""Scores of held-out samples, of other noises and algorithms, without a network and with one that does nothing."""

import numpy as np
import pytest
import tifffile
from csbdeep.utils.tf import keras_import

from l2l_utils import data, nanoscopy_study, nanoscopy_training
from l2l_utils.nanoscopy_study import INPUT, WITHOUT_NOISE, Study
from l2l_utils.optics import Optics

layers, Model = keras_import("layers"), keras_import("models", "Model")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return a study with one sample of each structure for each purpose."""
    folder = tmp_path_factory.mktemp("study")
    return Study({"training": 1, "validation": 1, "held_out": 1}, 1.6, 20, folder / "data", folder)


@pytest.fixture
def unchanged(tmp_path):
    """Return a network that gives each image back."""
    image = layers.Input((None, None, 1))
    recipe = nanoscopy_training.Recipe("UNet-R34", "L1")
    return nanoscopy_training.Autoencoder("unchanged", tmp_path, recipe, Model(image, layers.Activation("relu")(image)))


def test_held_out_samples_are_scored(study, unchanged):
    """The image without noise is perfect; a network that does nothing is as good as the noisy image."""
    table, shown = study.score(study.write(), {("UNet-R34", "L1", 0): unchanged})
    values = table.set_index(["dataset", "method", "metric"]).value
    assert values["actin", "without noise", "psnr"] == np.inf
    assert ("mitochondria", "input", "boundary_contrast") in values.index
    for dataset, metric in (("actin", "psnr"), ("mitochondria", "debris")):
        assert values[dataset, "UNet-R34", metric] == pytest.approx(values[dataset, "input", metric], rel=1e-5)
    fields, images = shown["mitochondria"]
    assert [field.name for field in fields] == ["held_out_0000"]
    np.testing.assert_allclose(images["UNet-R34", "L1", 0][0], images[INPUT][0], atol=1e-6)


def test_samples_are_shown_otherwise(study):
    """The same samples, with the condition by name, judged by the same algorithm's image without noise."""
    table, (fields, images) = study.score_otherwise("mitochondria", {}, noise="gaussian 0.1")
    assert [field.name for field in fields] == ["held_out_0000"]
    assert set(table.condition) == {"noise=gaussian 0.1"}
    pair = study.write()["mitochondria"].held_out[0]
    np.testing.assert_allclose(images[WITHOUT_NOISE][0], data.read_image(pair.target), atol=1e-6)
    table, (_, images) = study.score_otherwise("mitochondria", {}, algorithm="SOFI")
    assert set(table.condition) == {"algorithm=SOFI"}
    assert images[INPUT][0].max() == 1


def test_other_structures_need_no_pairs(study):
    """Microtubules are simulated as they are needed, without a condition."""
    table, _ = study.score_otherwise("microtubules", {})
    assert table.condition.isna().all()
    assert set(table.metric) == {"psnr", "ssim", "debris", "continuity"}


def test_images_of_the_first_training_by_method():
    """Seeds above 0 are left out."""
    images = {INPUT: ["a"], ("UNet-R34", "L1", 0): ["b"], ("UNet-R34", "L1", 1): ["c"]}
    assert nanoscopy_study.by_method(images) == {"input": ["a"], "UNet-R34 L1": ["b"]}


def test_a_real_recording(tmp_path, rng, unchanged):
    """All images have MUSICAL's size and range, and are written with their pixel size."""
    frames, optics = rng.poisson(100, (20, 12, 14)), Optics(1.4, 80, 525)
    shown = nanoscopy_study.restore_recording(frames, optics, {("UNet-R34", "L1", 0): unchanged})
    assert list(shown) == ["mean of the frames", "MUSICAL", "UNet-R34 L1"]
    assert {(image.shape, float(image.max())) for image in shown.values()} == {((120, 140), 1.0)}
    origin = {"networks": {}, "seen_with": optics, "made_from": "cells.tif"}
    nanoscopy_study.write_recording(shown, tmp_path, **origin)
    path = tmp_path / "UNet-R34_L1.tif"
    assert data.pixel_size_um(path)[0] == pytest.approx(0.008, rel=1e-6)
    about = data.read_provenance(path)
    assert (about["made_from"], about["method"]) == ("cells.tif", "UNet-R34 L1")
    np.testing.assert_allclose(data.read_image(tmp_path / "MUSICAL.tif"), shown["MUSICAL"])


def test_recordings_are_read_from_a_file_or_a_folder(tmp_path, rng):
    """Frames of one file, or a file for each; anything else is refused by name."""
    frames = rng.integers(0, 99, (5, 12, 14)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "all.tif", frames)
    for i, frame in enumerate(frames):
        data.write_image(tmp_path / "each" / f"{i}.tif", frame, dtype="uint16")
    np.testing.assert_array_equal(nanoscopy_study.read_recording(tmp_path / "all.tif", None), frames)
    np.testing.assert_array_equal(nanoscopy_study.read_recording("", tmp_path / "each"), frames)
    assert nanoscopy_study.read_recording("", None) is None
    with pytest.raises(ValueError, match=r"0\.tif.*two or more greyscale images"):
        nanoscopy_study.read_recording(tmp_path / "each" / "0.tif", None)
