"""A training that is killed over and over ends as the one that nobody disturbed."""

import signal
import subprocess
import sys
from pathlib import Path

import h5py
import killed_training
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from l2l_utils import care, checkpoint, data, files, losses

# How many times in the course of an epoch, of a validation, and of the writing of files.
KILLS = {": training": 6, ": validation": 6, ": file": 8}


def make_images(folder, rng):
    """Write three pairs, smooth structure and the same with noise."""
    for name in "abc":
        target = ndimage.gaussian_filter(rng.random((80, 72)), 2)
        target = (target - target.min()) / np.ptp(target)
        for role, image in {"target": target, "source": target + 0.2 * rng.random(target.shape)}.items():
            data.write_image(folder / role / f"{name}.tif", (1000 * image).astype(np.uint16), dtype="uint16")


def run(folder, *moment):
    """Train in a new process, to the end or to the moment of its death."""
    done = subprocess.run(
        [sys.executable, killed_training.__file__, str(folder), *moment], capture_output=True, text=True, check=False
    )
    assert done.returncode == (-signal.SIGKILL if moment else 0), f"{moment}\n{done.stderr}"


def read_weights(path):
    """Return all arrays of a weights file, by name."""
    found = {}
    with h5py.File(path) as stored:
        stored.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def draw_moments(folder, rng):
    """Return moments of each kind in the order in which a training comes by them."""
    moments = (folder / "moments.txt").read_text(encoding="utf-8").splitlines()
    chosen = set()
    for kind, n in KILLS.items():
        chosen |= {str(moment) for moment in rng.choice([m for m in moments if kind in m], n, replace=False)}
    return [moment for moment in moments if moment in chosen]


@pytest.mark.slow
def test_killed_twenty_times(tmp_path, rng):
    """All epochs once in the log, the best weights are the best, and all weights are the undisturbed training's."""
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    for folder in (killed, undisturbed):
        make_images(folder, np.random.default_rng(0))
    run(undisturbed)
    moments = draw_moments(undisturbed, rng)
    assert len(moments) == 20
    for moment in moments:
        run(killed, moment)
    run(killed)

    log, expected = (pd.read_csv(folder / "model" / checkpoint.LOG) for folder in (killed, undisturbed))
    n_epochs = killed_training.CONFIG["train_epochs"]
    assert list(log.epoch) == list(range(n_epochs))
    columns = ["loss", "val_loss", "mae", "val_mae", "learning_rate"]
    np.testing.assert_allclose(log[columns], expected[columns], rtol=0, atol=1e-6)
    assert log.learning_rate.iloc[-1] < log.learning_rate.iloc[0]
    assert log.val_loss.idxmin() < n_epochs - 1, "the last epoch being the best, this would show less"
    for name in ("weights_last.h5", "weights_best.h5"):
        weights, others = (read_weights(folder / "model" / name) for folder in (killed, undisturbed))
        assert weights.keys() == others.keys()
        for layer, values in weights.items():
            np.testing.assert_allclose(values, others[layer], rtol=0, atol=1e-6, err_msg=f"{name} {layer}")
    check_best_weights(killed, log)
    names = {path.name for path in (killed / "model").iterdir()}
    assert names == {"config.json", "training.json", checkpoint.LOG, "weights_last.h5", "weights_best.h5"}


def check_best_weights(folder: Path, log):
    """Make sure that the network that is opened has the lowest loss of the log on the validation patches."""
    _, validation = killed_training.cut(folder)
    model = care.load(folder / "model")
    predicted = model.keras_model.predict(validation.source[:], verbose=0)
    found = np.mean(losses.get(killed_training.CONFIG["loss"])(validation.target[:], predicted))
    assert found == pytest.approx(log.val_loss.min(), abs=1e-6)


def test_killed_while_a_model_is_created(tmp_path, tiny, monkeypatch):
    """A process that ended between the files of a new model leaves a folder that the next one goes on with."""

    def die(_path):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "whole_file", die)
    with pytest.raises(KeyboardInterrupt):
        care.create(name="m", basedir=tmp_path, **tiny)
    monkeypatch.undo()
    (tmp_path / "m").mkdir(exist_ok=True)
    (tmp_path / "m" / f"{files.UNFINISHED}0").mkdir()
    model = care.create(name="m", basedir=tmp_path, **tiny)
    assert model.config.train_epochs == tiny["train_epochs"]
