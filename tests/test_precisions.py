"""Training in half of the bits: what stays float32, what the model is afterwards, and what is put on record."""

import json

import numpy as np
import pytest
from csbdeep.models import CARE
from csbdeep.utils.tf import keras_import

from l2l_utils import care, checkpoint, patches, precisions

HALVES = ["bfloat16", "float16"]
CONFIG = {
    "loss": "L2",
    "unet_n_depth": 1,
    "unet_n_first": 4,
    "unet_kern_size": 3,
    "train_epochs": 3,
    "train_steps_per_epoch": 6,
    "train_batch_size": 4,
    "train_learning_rate": 0.002,
}
# Unlike the 32768 that Keras begins with, so that it can be told from a new one.
LOSS_SCALE = 1024.0


@pytest.fixture(autouse=True)
def _policy_is_unchanged():
    """Layers that others make before and after are float32."""
    yield
    assert keras_import("mixed_precision", "global_policy")().name == "float32"


@pytest.fixture(scope="module")
def part():
    """Return small patches whose target is twice as bright."""
    source = np.random.default_rng(0).random((16, 16, 16, 1)).astype(np.float32) / 2
    return patches.Patches(source, 2 * source)


def loss_scale(optimizer):
    """Return by what an optimizer multiplies a float16 loss."""
    keras_3 = hasattr(optimizer, "dynamic_scale")
    return float((optimizer.dynamic_scale if keras_3 else optimizer.loss_scale).numpy())


def set_loss_scale(optimizer):
    """Make it one that only this training has, after a step without numbers for instance."""
    keras_3 = hasattr(optimizer, "dynamic_scale")
    (optimizer.dynamic_scale if keras_3 else optimizer._loss_scale.current_loss_scale).assign(LOSS_SCALE)


@pytest.fixture(scope="module", params=HALVES)
def trained(request, part, tmp_path_factory):
    """Return a precision, a model that was interrupted and then finished with it, and what the optimizer had."""
    basedir, seen = tmp_path_factory.mktemp(request.param), {}
    model = care.create(name="m", basedir=basedir, **CONFIG)

    def interrupt(callback, batch, logs=None):  # noqa: ARG001
        optimizer, first_epoch = callback.model.optimizer, callback.state is None
        if request.param == "float16" and first_epoch and batch == 0:
            set_loss_scale(optimizer)
        if not first_epoch and batch == 1:
            raise KeyboardInterrupt

    def look(callback, _batch, logs=None):  # noqa: ARG001
        if "steps" not in seen:
            seen["steps"] = int(callback.model.optimizer.iterations.numpy())
            seen["scale"] = loss_scale(callback.model.optimizer) if request.param == "float16" else LOSS_SCALE

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint.Checkpoint, "on_train_batch_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            care.train(model, part, part, precision=request.param)
        patch.setattr(checkpoint.Checkpoint, "on_train_batch_end", look)
        log = care.train(care.create(name="m", basedir=basedir, **CONFIG), part, part, precision=request.param)
    return request.param, model.logdir, log, seen


@pytest.mark.slow
def test_half_precision_trains_and_goes_on(trained):
    """Training lowers the loss, and optimizer and loss scale are taken up where they were."""
    precision, folder, log, seen = trained
    assert list(log.epoch) == [0, 1, 2]
    assert np.isfinite(log.to_numpy()).all()
    assert log.loss[2] < log.loss[0]
    assert seen == {"steps": CONFIG["train_steps_per_epoch"] + 1, "scale": LOSS_SCALE}
    record = json.loads((folder / "training.json").read_text())
    assert (record["precision"], record["used_precision"]) == (precision, precision)
    assert "patches_per_s" not in record


@pytest.mark.slow
def test_a_model_trained_in_half_precision_is_a_plain_one(trained, part, rng):
    """Plain CSBDeep and this package open it in float32, and it is as good there as the log says."""
    _, folder, log, _ = trained
    model = care.load(folder)
    plain = CARE(None, name="m", basedir=str(folder.parent))
    for network in (model.keras_model, plain.keras_model):
        assert {str(np.dtype(layer.compute_dtype)) for layer in network.layers} == {"float32"}
    image = rng.random((40, 52))
    restored = care.restore(model, image)
    assert restored.dtype == np.float32
    np.testing.assert_array_equal(restored, plain.predict(patches.normalize(image), "YX", normalizer=None))
    predicted = model.keras_model.predict(part.source, verbose=0)
    assert np.mean((predicted - part.target) ** 2) == pytest.approx(log.val_loss.min(), rel=0.02)


@pytest.mark.parametrize("precision", precisions.POLICIES)
def test_weights_output_loss_and_metric_are_float32(precision, part, tmp_path):
    """Only what lies between is in the chosen precision; the copy begins with the weights of the model."""
    model = care.create(name="m", basedir=tmp_path, **CONFIG)
    before = [weights.copy() for weights in model.keras_model.get_weights()]
    network = precisions.trainable_copy(model, loss="3S-SSIM", precision=precision).keras_model
    assert {variable.numpy().dtype.name for variable in network.weights} == {"float32"}
    for weights, expected in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, expected)
    convolutions = [layer for layer in network.layers if "conv" in layer.name]
    assert {layer.compute_dtype for layer in convolutions} == {precision}
    predicted = network(part.source[:2])
    assert predicted.dtype.name == "float32"
    for weights, expected in zip(model.keras_model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, expected)
    if precision != "float32":
        difference = np.abs(predicted.numpy() - model.keras_model.predict(part.source[:2], verbose=0)).max()
        assert 0 < difference < 0.05


def test_policy_after_an_error(tmp_path):
    """A network that could not be made leaves the global dtype policy as it was, which the fixture checks."""
    model = care.create(name="m", basedir=tmp_path, **CONFIG)
    with pytest.raises(ValueError, match="nonsense"):
        precisions.trainable_copy(model, loss="nonsense", precision="bfloat16")


@pytest.mark.slow
def test_auto_is_on_record(part, tmp_path):
    """training.json says what was asked for, what was used, and the speeds that decided."""
    model = care.create(name="m", basedir=tmp_path, **CONFIG | {"train_epochs": 1})
    care.train(model, part, part)
    record = json.loads((tmp_path / "m" / "training.json").read_text())
    assert record["precision"] == "auto"
    speeds, used = record["patches_per_s"], record["used_precision"]
    assert {"float32", "bfloat16"} <= speeds.keys() <= set(precisions.POLICIES)
    assert all(speed > 0 for speed in speeds.values())
    assert speeds[used] == max(speeds.values()) or used == "float32"


@pytest.mark.parametrize(
    ("speeds", "used"),
    [
        ({"float32": 10, "bfloat16": 8}, "float32"),
        ({"float32": 10, "bfloat16": 11}, "float32"),
        ({"float32": 10, "bfloat16": 13}, "bfloat16"),
        ({"float32": 10, "bfloat16": 13, "float16": 30}, "float16"),
    ],
)
def test_auto_leaves_float32_for_a_clear_gain_only(speeds, used, part, model, monkeypatch):
    """The fastest is used if it is faster by more than what timings of one thing differ by."""
    monkeypatch.setattr(precisions, "_patches_per_s", lambda *_: speeds)
    chosen = precisions.choose(model, part, loss="L1", precision="auto")
    assert chosen == {"used_precision": used, "patches_per_s": speeds}


def test_unknown_precision(part, model):
    """The message quotes it and lists those that there are."""
    with pytest.raises(ValueError, match=r"'half'\. Known: float32, bfloat16, float16, auto\."):
        precisions.choose(model, part, loss="L1", precision="half")
