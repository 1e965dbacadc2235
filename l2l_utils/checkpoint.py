"""A training that can be killed at any moment: all it needs to go on is in one file, replaced after every epoch."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pandas as pd
from csbdeep.models import CARE
from csbdeep.utils.tf import keras_import
from numpy.typing import NDArray

from l2l_utils import files

STATE: Final = "training_state.npz"
LOG: Final = "training_log.csv"

Callback, ReduceLROnPlateau = keras_import("callbacks", "Callback", "ReduceLROnPlateau")


class State(NamedTuple):
    """Where a training stands after its last finished epoch.

    `best` are the weights of the lowest ``val_loss``, where they are kept here; `pool` holds a GAN's generated images.
    """

    log: list[dict[str, float]]
    weights: list[NDArray]
    optimizer: list[NDArray]
    best: Sequence[NDArray] = ()
    pool: Sequence[NDArray] = ()

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the state that is in a model's folder, or None where no epoch has been finished."""
        path = folder / STATE
        if not path.exists():
            return None
        try:
            with path.open("rb") as file, np.load(file) as stored:
                arrays = {
                    field: [stored[name] for name in stored.files if name.startswith(f"{field}_")]
                    for field in cls._fields[1:]
                }
                return cls(json.loads(str(stored["log"])), **arrays)
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"{path}: expected the state of this training, found a damaged file ({error}). "
                "Delete it: the training then begins again from its first epoch."
            ) from error

    def write(self, folder: Path) -> None:
        """Replace the state in a model's folder."""
        arrays = {f"{field}_{i}": array for field in self._fields[1:] for i, array in enumerate(getattr(self, field))}
        with files.whole_file(folder / STATE) as path:
            np.savez(path, log=json.dumps(self.log), **arrays)


class Checkpoint(Callback):
    """Keeps the state of a training after every epoch, and takes one up again; comes last among the callbacks.

    The log and the best weights are copies of what is in the state, so that all agree whenever the process ends.

    Parameters
    ----------
    care : csbdeep.models.CARE
        The network whose folder and weights serve, or another with `logdir`, `config` and `keras_model`; a copy of it,
        in memory, is being trained.
    state : State, optional
        Where to go on.
    schedule : sequence of keras.callbacks.Callback
        The other callbacks, among them the one that lowers the learning rate.
    """

    def __init__(self, care: CARE, state: State | None, schedule: Sequence[Callback]) -> None:
        super().__init__()
        self.care, self.state = care, state
        self.reducers = [callback for callback in schedule if isinstance(callback, ReduceLROnPlateau)]
        for reducer in self.reducers:
            reducer.verbose = 0  # the log has the learning rate
        for leftover in care.logdir.glob(f"{files.UNFINISHED}*"):
            shutil.rmtree(leftover)
        if state:
            self._publish(state)

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Bring network, optimizer and learning rate to where they were."""
        if self.state is None:
            return
        self.model.set_weights(self.state.weights)
        for reducer in self.reducers:
            for row in self.state.log:
                reducer.on_epoch_end(row["epoch"], dict(row))
        self.model.optimizer.build(self.model.trainable_variables)
        for variable, value in zip(_variables(self.model.optimizer), self.state.optimizer, strict=True):
            variable.assign(value)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Note the time, and the learning rate, which another callback may change at the end of the epoch."""
        self.start = time.perf_counter()
        self.learning_rate = float(self.model.optimizer.learning_rate.numpy())

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Write down the epoch; one whose losses are no numbers ends the training and leaves no trace."""
        losses = {name: float(logs[name]) for name in ("loss", "val_loss", "mae", "val_mae")}
        if not np.isfinite(list(losses.values())).all():
            self.model.stop_training = True
            return
        past = self.state.log if self.state else []
        weights = self.model.get_weights()
        is_best = all(losses["val_loss"] < row["val_loss"] for row in past)
        row = {"epoch": epoch, **losses, "learning_rate": self.learning_rate}
        self.state = State(
            log=[*past, row | {"seconds": round(time.perf_counter() - self.start, 3)}],
            weights=weights,
            optimizer=[variable.numpy() for variable in _variables(self.model.optimizer)],
            best=weights if is_best else self.state.best,
        )
        self.state.write(self.care.logdir)
        self._publish(self.state)

    def _publish(self, state: State) -> None:
        with files.whole_file(self.care.logdir / LOG) as path:
            pd.DataFrame(state.log).to_csv(path, index=False)
        config = self.care.config
        if len(state.log) == config.train_epochs:
            self._save_weights(state.weights, config.train_checkpoint_last)
        self._save_weights(state.best, config.train_checkpoint)

    def _save_weights(self, weights: list[NDArray], name: str) -> None:
        self.care.keras_model.set_weights(weights)
        with files.whole_file(self.care.logdir / name) as path:
            self.care.keras_model.save_weights(str(path))


def weights_sha256(model: Any) -> str:
    """Return a hash of the weights in use, whatever file they came from."""
    digest = hashlib.sha256()
    for weights in model.keras_model.get_weights():
        digest.update(np.ascontiguousarray(weights).tobytes())
    return digest.hexdigest()


def _variables(optimizer: Any) -> list[Any]:
    """Return all that an optimizer changes; Keras 2 does not list the loss scale of float16 and its counter."""
    scale = vars(optimizer).get("_loss_scale")
    return [*optimizer.variables, *getattr(scale, "_weights", {}).values()]
