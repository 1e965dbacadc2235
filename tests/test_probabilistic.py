"""Networks that predict a scale beside each value, and networks of stacks: trained, opened, restored, written."""

import json

import numpy as np
import pytest
from csbdeep.models import CARE, Config
from csbdeep.utils.tf import keras_import
from scipy import ndimage, stats

from l2l_utils import care, checkpoint, data, fitting, losses, patches, precisions, restoration, tiff

SIDES = {"YX": (32, 32), "ZYX": (8, 16, 16)}


def smooth_patches(axes, n_patches=12, n_channels=1):
    """Return patches of a smooth structure, and the same with noise."""
    rng = np.random.default_rng(1)
    shape = n_patches, *SIDES[axes], n_channels
    target = ndimage.gaussian_filter(rng.random(shape), (0, *[2] * len(axes), 0))
    target = ((target - target.min()) / np.ptp(target)).astype(np.float32)
    source = np.clip(target + 0.1 * rng.standard_normal(shape), 0, 1).astype(np.float32)
    return patches.Patches(source[4:], target[4:]), patches.Patches(source[:4], target[:4])


@pytest.fixture(scope="module", params=SIDES)
def axes(request):
    """Return the axes of planes or of stacks."""
    return request.param


@pytest.fixture(scope="module")
def trained(axes, tiny, tmp_path_factory):
    """Return a probabilistic network, trained for a second, and its log."""
    model = care.create(name="model", basedir=tmp_path_factory.mktemp(axes), loss="Laplace", axes=axes, **tiny)
    return model, care.train(model, *smooth_patches(axes), precision="float32")


def draw(axes, rng):
    """Return a raw image with sides that no block divides."""
    shape = {"YX": (61, 75), "ZYX": (10, 37, 45)}[axes]
    return rng.integers(100, 900, shape).astype(np.uint16)


def test_the_loss_is_the_likelihood_of_scipy(rng):
    """The mean over pixels of -log of SciPy's Laplace density, per image, for any number of axes and channels."""
    for shape in ((2, 6, 5, 1), (2, 6, 5, 3), (2, 4, 6, 5, 2)):
        true, mean = (rng.random(shape).astype(np.float32) for _ in range(2))
        scale = rng.uniform(0.01, 2, shape).astype(np.float32)
        expected = -stats.laplace.logpdf(true, mean, scale).mean(axis=tuple(range(1, len(shape))))
        found = losses.get("Laplace")(true, np.concatenate([mean, scale], axis=-1))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_loss_is_least_for_the_mean_distance(rng):
    """Of all scales, the mean absolute error of the pixels is the likeliest."""
    true, mean = rng.laplace(0, 0.3, (1, 40, 40, 1)), np.zeros((1, 40, 40, 1))
    best = np.abs(true).mean()

    def loss(scale):
        return float(losses.get("Laplace")(true, np.concatenate([mean, np.full_like(mean, scale)], axis=-1))[0])

    assert loss(best) < min(loss(0.97 * best), loss(1.03 * best))


@pytest.mark.parametrize("name", ["L1", "L2", "SSIM"])
def test_losses_of_stacks_are_those_of_their_planes(name, rng):
    """A stack's loss is the mean of its planes' losses."""
    true, pred = (rng.random((2, 3, 24, 20, 2)).astype(np.float32) for _ in range(2))
    of_planes = losses.get(name)(true.reshape(6, 24, 20, 2), pred.reshape(6, 24, 20, 2))
    np.testing.assert_allclose(losses.get(name)(true, pred), np.mean(np.reshape(of_planes, (2, 3)), axis=1), rtol=1e-5)


def test_the_error_that_is_logged_is_that_of_the_mean(rng):
    """Of predictions with scales the first channels count, of others all."""
    true, pred = rng.random((3, 8, 8, 2)).astype(np.float32), rng.random((3, 8, 8, 4)).astype(np.float32)
    for seen in (pred, pred[..., :2]):
        metric = precisions.ErrorOfMean(name="mae", dtype="float32")
        metric.update_state(true, seen)
        assert float(metric.result()) == pytest.approx(np.abs(true - pred[..., :2]).mean(), rel=1e-5)


def test_steps_are_those_of_csbdeep(axes, tiny, tmp_path, monkeypatch):
    """From equal weights and in equal order, CSBDeep's own probabilistic training comes to the same weights."""
    config = tiny | {"train_epochs": 2, "train_steps_per_epoch": 5, "train_checkpoint": "best.h5"}
    ours = care.create(name="ours", basedir=tmp_path, loss="Laplace", axes=axes, **config)
    stock = CARE(ours.config, name="stock", basedir=None)
    stock.keras_model.set_weights(ours.keras_model.get_weights())
    training, validation = smooth_patches(axes)
    monkeypatch.setattr(np.random, "permutation", np.random.default_rng(7).permutation)
    stock.train(*training, validation_data=tuple(validation))
    monkeypatch.undo()
    care.train(ours, training, validation, seed=7, precision="float32")
    ours.load_weights("weights_last.h5")
    for weights, expected in zip(ours.keras_model.get_weights(), stock.keras_model.get_weights(), strict=True):
        np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-6)


def test_the_log_has_loss_and_error(axes, trained):
    """The validation loss is that of the best weights, and the error the mean's."""
    model, log = trained
    _, validation = smooth_patches(axes)
    predicted = model.keras_model.predict(validation.source, verbose=0)
    best = log.loc[log.val_loss.idxmin()]
    assert best.val_loss == pytest.approx(np.mean(losses.get("Laplace")(validation.target, predicted)), abs=1e-4)
    assert best.val_mae == pytest.approx(np.abs(validation.target - predicted[..., :1]).mean(), abs=1e-5)


def test_plain_csbdeep_opens_it_and_predicts_the_same(axes, trained, rng):
    """config.json is CSBDeep's own, and so are mean and scale."""
    model, _ = trained
    config = json.loads((model.logdir / "config.json").read_text())
    assert config == json.loads(json.dumps(vars(Config(**{**config, "axes": axes}))))
    assert (config["probabilistic"], config["train_loss"]) == (True, "laplace")
    image = draw(axes, rng)
    plain = CARE(None, name="model", basedir=str(model.basedir))
    expected = plain.predict_probabilistic(patches.normalize(image), axes, normalizer=None)
    found = care.restore_with_scale(care.load(model.logdir), image, axes=axes)
    assert found.mean.shape == found.scale.shape == image.shape
    np.testing.assert_allclose(found.mean, expected.mean(), atol=1e-6)
    np.testing.assert_allclose(found.scale, expected.scale(), atol=1e-6)
    assert found.scale.min() > 0
    np.testing.assert_array_equal(care.restore(model, image, axes=axes), found.mean)


def test_an_interrupted_training_goes_on(axes, tiny, tmp_path, monkeypatch):
    """Stopped after its first epoch and called again, a training ends as the one that nobody disturbed."""
    weights, begin = {}, checkpoint.Checkpoint.on_epoch_begin

    def stop(callback, epoch, logs=None):
        begin(callback, epoch, logs)
        if epoch:
            raise KeyboardInterrupt

    for name in ("undisturbed", "stopped"):
        keras_import("utils", "set_random_seed")(0)
        model = care.create(name=name, basedir=tmp_path, loss="Laplace", axes=axes, **tiny)
        if name == "stopped":
            monkeypatch.setattr(checkpoint.Checkpoint, "on_epoch_begin", stop)
            with pytest.raises(KeyboardInterrupt):
                care.train(model, *smooth_patches(axes), precision="float32")
            monkeypatch.undo()
        log = care.train(model, *smooth_patches(axes), precision="float32")
        weights[name] = model.keras_model.get_weights(), log.val_loss
    for stopped, undisturbed in zip(*(found[0] for found in weights.values()), strict=True):
        np.testing.assert_allclose(stopped, undisturbed, atol=1e-6)
    np.testing.assert_allclose(weights["stopped"][1], weights["undisturbed"][1], atol=1e-6)


def test_files_of_restored_image_and_scale(axes, trained, tmp_path, rng):
    """Both keep sizes and origin, and are kept by a second call; a foreign file is never overwritten."""
    model, _ = trained
    raw, folder, image = tmp_path / "raw" / "a.tif", tmp_path / "restored", draw(axes, rng)
    data.write_image(raw, image, axes=axes, dtype="uint16", like=tiff.PixelSize(0.1, 0.2, "um", 0.5))
    call = {"sources": [raw], "output_dir": folder, "axes": axes}
    ((restored, scale),) = restoration.restore_files_with_scale(model, **call)
    assert (restored, scale) == (folder / "a.tif", folder / "scale" / "a.tif")
    expected = care.restore_with_scale(model, image, axes=axes)
    for path, values, quantity in zip((restored, scale), expected, ("restored", "scale"), strict=True):
        np.testing.assert_allclose(data.read_image(path, axes=axes), values, atol=1e-6)
        assert data.pixel_size_um(path) == pytest.approx((0.1, 0.2))
        assert data.z_spacing_um(path) == (pytest.approx(0.5) if axes == "ZYX" else None)
        origin = data.read_provenance(path)
        assert (origin["source"], origin["quantity"]) == ("a.tif", quantity)
        assert origin["raw_0_and_1"] == pytest.approx(patches.percentile_range(image))
    times = [path.stat().st_mtime_ns for path in (restored, scale)]
    restoration.restore_files_with_scale(model, **call)
    assert restoration.restore_files(model, **call) == [restored]
    assert [path.stat().st_mtime_ns for path in (restored, scale)] == times
    restored.unlink()
    scale.write_bytes(raw.read_bytes())
    with pytest.raises(FileExistsError, match=r"scale/a\.tif: expected no file"):
        restoration.restore_files_with_scale(model, **call)
    assert not restored.exists()


def test_restored_stacks_as_integers_have_grey_values(tmp_path, rng, tiny):
    """As uint16, 0 and 1 are back at the stack's percentiles; a network without scales restores stacks as well."""
    model = care.create(name="m", basedir=tmp_path, loss="L1", axes="ZYX", **tiny)
    care.train(model, *smooth_patches("ZYX"), precision="float32")
    image = draw("ZYX", rng)
    data.write_image(tmp_path / "raw" / "a.tif", image, axes="ZYX", dtype="uint16")
    call = {"sources": [tmp_path / "raw" / "a.tif"], "output_dir": tmp_path / "restored", "dtype": "input"}
    (path,) = restoration.restore_files(model, **call, axes="ZYX")
    low, high = patches.percentile_range(image)
    expected = np.clip(np.rint(care.restore(model, image, axes="ZYX") * (high - low) + low), 0, 65535)
    np.testing.assert_allclose(data.read_image(path, axes="ZYX"), expected, atol=1)
    with pytest.raises(ValueError, match="m: expected a probabilistic network, found one that predicts no scale"):
        care.restore_with_scale(model, image, axes="ZYX")
    with pytest.raises(ValueError, match=r"a\.tif: expected one plane"):
        restoration.restore_files(model, **call)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "L1", "probabilistic": True}, "found the loss L1 and probabilistic=True. Leave probabilistic out"),
        ({"loss": "Laplace", "probabilistic": False}, "found the loss Laplace and probabilistic=False"),
        ({"loss": "Laplace", "train_loss": "mae"}, "found train_loss='mae'"),
        ({"loss": "L1", "axes": "XYZ"}, "axes YX or ZYX, found XYZC"),
        ({"loss": "L1", "axes": "TYX"}, "axes YX or ZYX, found TYXC"),
    ],
)
def test_networks_that_cannot_be_are_refused(options, message, tmp_path, tiny):
    """Losses and outputs that do not fit each other, and other axes, leave no folder."""
    with pytest.raises(ValueError, match=message):
        care.create(name="m", basedir=tmp_path, **options, **tiny)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 16, 16, 1), r"one shape \(patch, Z, Y, X, channel\), found \(3, 16, 16, 1\)"),
        ((3, 6, 16, 16, 1), "a multiple of 4 px; found 6 x 16 x 16 px in the training patches"),
        ((3, 8, 16, 16, 2), "1 source and 1 target channels.*found 2 and 2"),
    ],
)
def test_patches_that_do_not_fit_a_network_of_stacks(shape, message):
    """The message says which axes were expected, and what was found."""
    part, good = (patches.Patches(*[np.zeros(s, np.float32)] * 2) for s in (shape, (3, 8, 16, 16, 1)))
    with pytest.raises(ValueError, match=message):
        fitting.check_patches(Config("ZYX"), part, good, loss="L1")


def test_a_similarity_loss_needs_large_planes_but_few_of_them():
    """The smallest side that a loss needs is one in the plane."""
    few = patches.Patches(*[np.zeros((2, 4, 12, 12, 1), np.float32)] * 2)
    fitting.check_patches(Config("ZYX"), few, few, loss="SSIM")
    with pytest.raises(ValueError, match=r"at least 41 px per side.*found 4 x 12 x 12 px"):
        fitting.check_patches(Config("ZYX"), few, few, loss="3S-SSIM")
