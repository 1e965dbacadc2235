"""Training, reloading and restoring with the real network, at a size of seconds."""

import json

import numpy as np
import pytest
from csbdeep.models import CARE

from l2l_utils import care, losses, patches


@pytest.mark.parametrize("loss", losses.NAMES)
def test_trains_with_every_loss_and_records_it(loss, tmp_path, cut, tiny):
    """The loss that was trained with is on record, while config.json stays plain CSBDeep."""
    side = 128 if loss == "5S-SSIM" else 64
    enlarged = [patches.Patches(*(np.tile(p, (1, side // 64, side // 64, 1)) for p in part)) for part in cut]
    model = care.create(name="m", basedir=tmp_path, loss=loss, **tiny)
    log = care.train(model, *enlarged, precision="float32")
    assert list(log.epoch) == [0, 1]
    assert np.isfinite(log[["loss", "val_loss"]]).all(axis=None)
    expected = np.mean(losses.get(loss)(enlarged[1].target, model.keras_model.predict(enlarged[1].source, verbose=0)))
    assert log.val_loss.min() == pytest.approx(expected, abs=1e-4)
    assert json.loads((tmp_path / "m" / "training.json").read_text())["loss"] == loss
    assert json.loads((tmp_path / "m" / "config.json").read_text())["train_loss"] == "mae"


@pytest.mark.slow
def test_longer_training_lowers_the_loss(tmp_path, cut, tiny):
    """Sixty steps fit the training patches better than three."""
    config = tiny | {"train_epochs": 3, "train_steps_per_epoch": 20, "train_learning_rate": 2e-3}
    log = care.train(care.create(name="m", basedir=tmp_path, **config), *cut, precision="float32")
    assert log.loss.iloc[-1] < log.loss.iloc[0]


def test_plain_csbdeep_opens_the_model(model, rng):
    """csbdeep.models.CARE loads the folder and restores the same image."""
    image = rng.random((50, 61)).astype(np.float32)
    plain = CARE(None, name="model", basedir=str(model.basedir))
    expected = plain.predict(patches.normalize(image), "YX", normalizer=None)
    np.testing.assert_allclose(care.restore(model, image), expected, atol=1e-6)


def test_a_plain_csbdeep_model_opens(tmp_path, rng):
    """A model that plain CSBDeep saved can be loaded and restores."""
    from csbdeep.models import Config

    plain = CARE(Config("YX", 1, 1, unet_n_first=4), name="plain", basedir=str(tmp_path))
    plain.keras_model.save_weights(str(tmp_path / "plain" / "weights_best.h5"))
    loaded = care.load(tmp_path / "plain")
    assert care.weights_sha256(loaded) == care.weights_sha256(plain)
    assert care.restore(loaded, rng.random((32, 32))).shape == (32, 32)


def test_a_finished_model_is_kept(model, cut, tiny):
    """The same settings open the finished model, and training it again changes nothing."""
    record = model.logdir / "training.json"
    before = record.read_bytes(), care.weights_sha256(model)
    again = care.create(name="model", basedir=model.basedir, **tiny)
    log = care.train(again, *cut, precision="float32")
    assert len(log) == tiny["train_epochs"]
    assert (record.read_bytes(), care.weights_sha256(again)) == before


def test_a_finished_model_does_not_stand_in_for_other_data(model, cut, tiny):
    """Training a finished model with other images on record is refused, and with the same it is left alone."""
    again = care.create(name="model", basedir=model.basedir, **tiny)
    assert len(care.train(again, *cut, precision="float32", about={"data": 1})) == tiny["train_epochs"]
    with pytest.raises(FileExistsError, match=r"found other images\. Choose"):
        care.train(again, *cut, precision="float32", about={"data": 1, "sha256": {"a": "0"}})
    with pytest.raises(FileExistsError, match=r"found another seed, another precision\. Choose"):
        care.train(again, *cut, seed=5, precision="bfloat16", about={"data": 1})


def test_other_settings_never_overwrite_a_model(model, tmp_path, tiny):
    """Another loss under the same name is refused, with both values; so is a folder of other files."""
    with pytest.raises(FileExistsError, match=r"expected loss: 'L1', found '3S-SSIM'\."):
        care.create(name="model", basedir=model.basedir, loss="L1", **tiny)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    with pytest.raises(FileExistsError, match="mine"):
        care.create(name="mine", basedir=tmp_path, **tiny)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep me"


def test_patches_too_small_for_the_loss(tmp_path, cut, tiny):
    """The message names the loss and the size it needs, before any training."""
    model = care.create(name="m", basedir=tmp_path, loss="5S-SSIM", **tiny)
    with pytest.raises(ValueError, match="5S-SSIM needs patches of at least 97 px"):
        care.train(model, *cut)


def test_unknown_loss_leaves_no_folder(tmp_path, tiny):
    """A misspelt loss is refused before anything is written."""
    with pytest.raises(ValueError, match="'3SSIM'"):
        care.create(name="m", basedir=tmp_path, loss="3SSIM", **tiny)
    assert not (tmp_path / "m").exists()


def test_divergence_is_said_loudly(tmp_path, cut, tiny):
    """A loss that turns into NaN ends in an error that says what to do, and the model is not marked finished."""
    model = care.create(name="m", basedir=tmp_path, loss="L2", **tiny)
    broken = patches.Patches(np.full_like(cut[0].source, np.nan), cut[0].target)
    with pytest.raises(FloatingPointError, match="lower learning rate"):
        care.train(model, broken, cut[1], precision="float32")
    assert not json.loads((tmp_path / "m" / "training.json").read_text())["finished"]


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_loading_what_is_not_a_model(name, tmp_path):
    """A missing folder or one without weights is named."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"{name}: expected"):
        care.load(tmp_path / name)


def test_tiles_leave_no_seam(model, rng):
    """Restoring in tiles equals restoring in one piece, for sides that no tile divides."""
    image = rng.random((203, 150))
    whole = care.restore(model, image)
    np.testing.assert_allclose(care.restore(model, image, memory_gb=1e-3), whole, atol=1e-5)


def test_wrong_axes(model, rng):
    """Axes that do not fit are quoted together with the image's shape."""
    with pytest.raises(ValueError, match=r"'YX'.*\(3, 32, 32\)"):
        care.restore(model, rng.random((3, 32, 32)))


def test_a_given_range_treats_images_alike(model, rng):
    """With their range given, two images are restored on one scale; its own percentiles are the usual one."""
    image = rng.random((64, 64)) * 900 + 100
    own = patches.percentile_range(image)
    np.testing.assert_array_equal(care.restore(model, image, intensity_range=own), care.restore(model, image))
    wide = care.restore(model, image, intensity_range=(0, 2000))
    np.testing.assert_allclose(care.restore(model, 3 * image + 5, intensity_range=(5, 6005)), wide, atol=1e-5)
    with pytest.raises(ValueError, match="range of intensities that rises, found 5 to 5"):
        care.restore(model, image, intensity_range=(5, 5))
