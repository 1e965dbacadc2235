"""A network against artefacts is trained, interrupted, resumed, opened, and restores images of any size."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from l2l_utils import autoencoders, checkpoint, files, nanoscopy_training, record
from l2l_utils.nanoscopy_crops import Crops
from l2l_utils.nanoscopy_training import Recipe

RECIPE = Recipe(
    "UNet-R34", "L1", patch_px=32, batch_size=2, epochs=3, steps_per_epoch=4, learning_rate=0.01, n_filters=4
)


def draw(n, seed):
    """Return pairs: smooth structure with noise, and without."""
    rng = np.random.default_rng(seed)
    clean = ndimage.gaussian_filter(rng.random((n, 40, 48)), (0, 2, 2))
    clean = ((clean - clean.min()) / np.ptp(clean)) ** 3
    return [(image + 0.2 * rng.random(image.shape), image) for image in clean]


def train(folder, recipe=RECIPE, seed=0, validation_seed=2):
    """Train, or go on."""
    return nanoscopy_training.train(draw(3, 1), draw(2, validation_seed), recipe=recipe, seed=seed, folder=folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return a finished model, shared by the tests that only read it."""
    return train(tmp_path_factory.mktemp("models") / "model")


def test_what_a_training_leaves_behind(model):
    """Log, record and weights; nothing that was needed on the way only."""
    assert {path.name for path in model.logdir.iterdir()} == {
        *(record.FILE, checkpoint.LOG),
        *(nanoscopy_training.WEIGHTS, nanoscopy_training.LAST_WEIGHTS),
    }
    log, content = pd.read_csv(model.logdir / checkpoint.LOG), record.read(model.logdir)
    assert log.epoch.tolist() == [0, 1, 2]
    assert content["best_epoch"] == log.val_loss.idxmin() + 1
    assert content["config"] == {"kind": "nanoscopy autoencoder", **vars(RECIPE)}
    assert content["finished"]
    assert content["about"]["training_pairs"] == 3


def test_best_weights_have_the_loss_of_the_log(model):
    """The network that comes back, and that from disk, is the one of the lowest loss on the fixed crops."""
    log = pd.read_csv(model.logdir / checkpoint.LOG)
    noisy, clean = Crops(draw(2, 2), 32).fixed(nanoscopy_training.VALIDATION_CROPS, seed=0)
    for network in (model, nanoscopy_training.load(model.logdir)):
        predicted = network.keras_model.predict_on_batch(noisy)
        assert np.abs(predicted - clean).mean() == pytest.approx(log.val_loss.min(), rel=1e-4)


def test_finished_is_opened(model):
    """A second call with the same settings changes no file and returns the same weights."""
    before = {path: path.stat().st_mtime_ns for path in model.logdir.iterdir()}
    again = train(model.logdir)
    assert {path: path.stat().st_mtime_ns for path in model.logdir.iterdir()} == before
    assert again.recipe == RECIPE
    for found, expected in zip(again.keras_model.get_weights(), model.keras_model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": replace(RECIPE, loss="L2")}, "loss: 'L2', found 'L1'"),
        ({"recipe": replace(RECIPE, n_filters=8)}, "n_filters: 8, found 4"),
        ({"seed": 1}, "another seed"),
        ({"validation_seed": 3}, "another validation_sha256"),
    ],
)
def test_finished_is_never_overwritten(model, options, message):
    """Other settings, another seed or other images are refused, and say which."""
    with pytest.raises(FileExistsError, match=message):
        train(model.logdir, **options)


def test_foreign_folder(tmp_path):
    """A folder with other files is left alone."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"thesis\.txt"):
        train(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["UNet-R34", "FPN-R34"])
def test_resumed_is_as_never_interrupted(tmp_path, name):
    """A training that ended in its third epoch goes on to the weights of one that nobody disturbed; dropout too."""
    command = [sys.executable, Path(__file__).with_name("resumed_nanoscopy.py"), name, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_the_training(tmp_path):
    """The epochs before it are kept, and the message says what to do."""
    with pytest.raises(FloatingPointError, match="lower learning rate"):
        train(tmp_path / "model", replace(RECIPE, learning_rate=1e30))


@pytest.mark.parametrize("shape", [(32, 32), (40, 71), (1, 5), (97, 33)])
@pytest.mark.parametrize("dtype", [np.uint16, np.float64])
def test_restore_any_size(model, rng, shape, dtype):
    """As large as the image, float32, 0 to 1, and 1 somewhere."""
    restored = nanoscopy_training.restore(model, (1000 * rng.random(shape)).astype(dtype))
    assert restored.shape == shape
    assert restored.dtype == np.float32
    assert restored.min() >= 0
    assert restored.max() == 1


def test_restore_is_the_network_on_the_mirrored_image(model, rng):
    """Scale of intensity plays no role; padding mirrors the last rows and columns, and is cut off again."""
    image = rng.random((50, 64))
    padded = np.concatenate([image, image[:-15:-1]])
    predicted = model.keras_model.predict_on_batch((padded / image.max())[None, ..., None])[0, :50, :, 0]
    np.testing.assert_allclose(nanoscopy_training.restore(model, image), predicted / predicted.max(), atol=1e-5)
    np.testing.assert_allclose(nanoscopy_training.restore(model, 500 * image), predicted / predicted.max(), atol=1e-5)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((40, 40), np.nan), "1600 that are NaN"),
        (np.full((40, 40), 2.0), "from 2.0 to 2.0"),
        (np.zeros((2, 40, 40)), r"axes YX, found the shape \(2, 40, 40\)"),
        (np.zeros((0, 40)), r"the shape \(0, 40\)"),
        (np.array([["a"]]), "the shape"),
    ],
)
def test_images_that_cannot_be_restored(model, image, message):
    """Each has its message."""
    with pytest.raises(ValueError, match=message):
        nanoscopy_training.restore(model, image)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "FPN-R50"}, "found 'FPN-R50' and 'L1'"),
        ({"loss": "5S-SSIM"}, "found 'UNet-R34' and '5S-SSIM'"),
        ({"patch_px": 100}, "multiple of 32 px; found 100 px"),
        ({"patch_px": 0}, "found 0 px"),
        ({"patch_px": 96, "loss": "MS-SSIM"}, "at least 97 px"),
        ({"epochs": 0}, "above 0"),
    ],
)
def test_recipes_that_cannot_be(change, message):
    """Each has its message, before anything is trained."""
    with pytest.raises(ValueError, match=message):
        replace(RECIPE, **change)


def test_no_model(tmp_path):
    """A folder without a trained network says so."""
    with pytest.raises(FileNotFoundError, match="train one first"):
        nanoscopy_training.load(tmp_path)


def test_damaged_weights(model, tmp_path):
    """Half a file of weights is named."""
    folder = shutil.copytree(model.logdir, tmp_path / "copy")
    path = folder / nanoscopy_training.WEIGHTS
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=rf"{nanoscopy_training.WEIGHTS}.*Copy the model"):
        nanoscopy_training.load(folder)


def test_dead_network(model, tmp_path):
    """A network whose output is 0 everywhere is not passed off as trained."""
    network = autoencoders.create(RECIPE.model, n_filters=RECIPE.n_filters)
    weights = network.get_weights()
    weights[-1][:] = -1e6
    log = pd.read_csv(model.logdir / checkpoint.LOG).to_dict("records")
    folder = shutil.copytree(model.logdir, tmp_path / "copy")
    record.write(folder, {**record.read(folder), "finished": False})
    checkpoint.State(log, weights, [], best=weights).write(folder)
    with pytest.raises(FloatingPointError, match="0 everywhere in all 4 validation crops"):
        train(folder)
    assert not list(folder.glob(f"{files.UNFINISHED}*"))
