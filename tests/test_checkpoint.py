"""What is on disk, and in the network, while a training goes on, gets worse, breaks, or is interrupted."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from l2l_utils import care, checkpoint, files, patches

CONFIG = {
    "unet_n_depth": 1,
    "unet_n_first": 4,
    "unet_kern_size": 3,
    "train_epochs": 4,
    "train_steps_per_epoch": 3,
    "train_batch_size": 4,
    "train_learning_rate": 0.001,
}
SOURCE = np.random.default_rng(0).random((8, 16, 16, 1)).astype(np.float32)
UPWARD, DOWNWARD = patches.Patches(SOURCE, SOURCE + 5), patches.Patches(SOURCE, SOURCE - 5)


class Spoiled(patches.Patches):
    """Patches whose targets are multiplied from the third epoch on."""

    factor = -2e8

    def at_epoch(self, epoch):
        """Return the patches of an epoch."""
        return self if epoch < 2 else patches.Patches(self.source, self.target * np.float32(self.factor))


class SpoiledByNaN(Spoiled):
    """Patches that are no numbers from the third epoch on."""

    factor = np.nan


def train(basedir, training=UPWARD, validation=DOWNWARD, *, loss="L1", **options):
    """Train, or go on; with patches that pull up, each epoch is worse on those that pull down."""
    model = care.create(name="m", basedir=basedir, loss=loss, **CONFIG)
    return model, care.train(model, training, validation, **{"seed": 3, "precision": "float32", **options})


def read_log(basedir):
    """Return the log that is on disk."""
    return pd.read_csv(basedir / "m" / checkpoint.LOG)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """Return a folder with a model interrupted within its third epoch, the model, and the logs at each batch."""
    basedir = tmp_path_factory.mktemp("interrupted")
    model, seen = care.create(name="m", basedir=basedir, loss="L1", **CONFIG), []

    def interrupt(_callback, _batch, logs=None):  # noqa: ARG001
        path = basedir / "m" / checkpoint.LOG
        seen.append(list(pd.read_csv(path).epoch) if path.exists() else [])
        if len(seen) == 8:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint.Checkpoint, "on_train_batch_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            care.train(model, UPWARD, DOWNWARD, seed=3, precision="float32", about={"day": 1})
    return basedir, model, seen


@pytest.fixture
def half_trained(interrupted, tmp_path):
    """Return a copy of the folder with the interrupted model."""
    shutil.copytree(interrupted[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_the_log_is_on_disk_after_every_epoch(interrupted):
    """During an epoch the log has all epochs before it."""
    assert interrupted[2] == [[], [], [], [0], [0], [0], [0, 1], [0, 1]]


def test_interrupting_leaves_the_best_weights(interrupted):
    """The network in memory and the one in the folder are that of the first epoch, the best one so far."""
    basedir, model, _ = interrupted
    log, state = read_log(basedir), checkpoint.State.read(model.logdir)
    assert log.val_loss.is_monotonic_increasing
    pd.testing.assert_frame_equal(pd.DataFrame(state.log), log)
    assert care.weights_sha256(care.load(model.logdir)) == care.weights_sha256(model)
    for weights, best, last in zip(model.keras_model.get_weights(), state.best, state.weights, strict=True):
        np.testing.assert_array_equal(weights, best)
        assert not np.array_equal(best, last)
    predicted = model.keras_model.predict(DOWNWARD.source, verbose=0)
    assert np.abs(predicted - DOWNWARD.target).mean() == pytest.approx(log.val_loss[0], rel=1e-5)


def test_the_next_call_finishes(interrupted, half_trained):
    """It adds what is missing, replaces no better weights by worse, and clears what nobody needs any more."""
    leftover = half_trained / "m" / f"{files.UNFINISHED}abc"
    leftover.mkdir()
    (leftover / "weights_best.h5").write_bytes(b"half")
    before = read_log(half_trained)
    model, log = train(half_trained)
    assert list(log.epoch) == [0, 1, 2, 3]
    pd.testing.assert_frame_equal(log[:2], before)
    assert log.val_loss.is_monotonic_increasing
    assert care.weights_sha256(model) == care.weights_sha256(interrupted[1])
    assert care.weights_sha256(care.load(half_trained / "m")) == care.weights_sha256(model)
    names = {path.name for path in (half_trained / "m").iterdir()}
    assert names == {"config.json", "training.json", checkpoint.LOG, "weights_best.h5", "weights_last.h5"}
    record = json.loads((half_trained / "m" / "training.json").read_text())
    assert record["finished"]
    assert record["about"] == {"day": 1}
    assert (record["best_epoch"], record["best_val_loss"]) == (1, pytest.approx(log.val_loss[0]))


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"seed": 4}, "another seed"),
        ({"about": {"day": 2}}, "another day"),
        ({"precision": "auto"}, "another precision"),
    ],
)
def test_a_half_trained_model_does_not_go_on_with_others(half_trained, options, what):
    """What is asked for in another way is named in the message, and no file changes."""
    before = {path.name: path.read_bytes() for path in (half_trained / "m").iterdir()}
    with pytest.raises(FileExistsError, match=f"trained in another way.* found {what}\\."):
        train(half_trained, **options)
    assert {path.name: path.read_bytes() for path in (half_trained / "m").iterdir()} == before


def test_an_epoch_without_numbers_leaves_no_trace(half_trained, interrupted):
    """A loss that turns NaN when the training goes on ends it; best weights, log and state are as before."""
    before = checkpoint.State.read(half_trained / "m")
    with pytest.raises(FloatingPointError, match=r"in epoch 3 of 4.*lower learning rate"):
        train(half_trained, SpoiledByNaN(*UPWARD))
    after = checkpoint.State.read(half_trained / "m")
    assert after.log == before.log
    assert len(read_log(half_trained)) == 2
    for field in ("weights", "optimizer", "best"):
        for found, expected in zip(getattr(after, field), getattr(before, field), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert care.weights_sha256(care.load(half_trained / "m")) == care.weights_sha256(interrupted[1])


def test_a_diverged_epoch_never_replaces_the_best(tmp_path):
    """From targets of minus a billion on, losses are huge numbers; the best weights stay those of before."""
    model, log = train(tmp_path, Spoiled(*UPWARD), UPWARD, loss="L2")
    assert log.val_loss[1] < log.val_loss[0]
    assert (log.loss[2:] > 1e15).all()
    predicted = model.keras_model.predict(UPWARD.source, verbose=0)
    assert np.mean((predicted - UPWARD.target) ** 2) == pytest.approx(log.val_loss.min(), rel=1e-5)
    assert log.val_loss.iloc[-1] > log.val_loss.min()


def test_a_state_is_read_as_it_was_written(tmp_path):
    """Arrays keep their order, type and shape, also more than ten, and numbers of the log every digit."""
    rng = np.random.default_rng(0)
    arrays = [rng.random(np.arange(1, 1 + i % 4)).astype(np.float32) for i in range(12)]
    counters = [np.array(2**40), np.array(0.1, np.float32)]
    log = [{"epoch": i, "loss": float(value), "val_loss": 1 / 3} for i, value in enumerate(rng.random(3))]
    assert checkpoint.State.read(tmp_path) is None
    checkpoint.State(log, arrays, counters, arrays[::-1]).write(tmp_path)
    state = checkpoint.State.read(tmp_path)
    assert state.log == log
    for found, expected in ((state.weights, arrays), (state.optimizer, counters), (state.best, arrays[::-1])):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.STATE]
