"""The number format that a network computes in while it trains: float32, or half of that where it is faster."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import tensorflow as tf
from csbdeep.models import CARE, Config
from csbdeep.utils.tf import keras_import
from numpy.typing import NDArray

from l2l_utils import losses, patches

POLICIES: Final = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
NAMES: Final = (*POLICIES, "auto")
# A smaller gain is within what repeated timings of a busy machine differ by.
MINIMUM_GAIN: Final = 1.2
TIMED_STEPS: Final = 3
# On a CPU, time per patch hardly depends on how many there are in a batch; a GPU is only busy with all of them.
CPU_TRIAL_PATCHES: Final = 8


class ErrorOfMean(keras_import("metrics", "MeanAbsoluteError")):
    """Mean absolute error of what a network restores; where it also predicts scales, they are left out."""

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> Any:
        """Count a batch."""
        return super().update_state(y_true, y_pred[..., : tf.shape(y_true)[-1]], sample_weight)


def trainable_copy(model: CARE, *, loss: str, precision: str) -> CARE:
    """Return a copy of a network in memory, compiled to train: the one seam to CSBDeep, which knows three losses only.

    Weights, output, loss and metrics are float32 at any precision; what lies between is in the chosen one.

    Parameters
    ----------
    model : csbdeep.models.CARE
        Network whose weights are copied; it stays as it is.
    loss : str
        Name of the training loss, see `losses.get`.
    precision : {"float32", "bfloat16", "float16"}
        Number format.

    Returns
    -------
    csbdeep.models.CARE
        With CSBDeep's callbacks for the learning rate and for a loss that is no longer a number.
    """
    with _policy(POLICIES[precision]):
        copy = CARE(model.config, name=model.name, basedir=None)
        network = copy.keras_model
        if precision != "float32":
            output = keras_import("layers", "Activation")("linear", dtype="float32")(network.output)
            copy.keras_model = keras_import("models", "Model")(network.input, output)
        copy.prepare_for_training()
        copy.keras_model.compile(
            optimizer=keras_import("optimizers", "Adam")(learning_rate=model.config.train_learning_rate),
            loss=losses.get(loss),
            metrics=[ErrorOfMean(name="mae", dtype="float32")],
            jit_compile=False,  # XLA made these small networks slower on the CPU
        )
    copy.keras_model.set_weights(model.keras_model.get_weights())
    return copy


def choose(model: CARE, training: patches.Patches, *, loss: str, precision: str) -> dict[str, Any]:
    """Decide what a network computes in; "auto" measures which precision trains it fastest on this device.

    Parameters
    ----------
    model : csbdeep.models.CARE
        Network; it stays as it is.
    training : Patches or LazyPatches
        What it will be trained with.
    loss : str
        Name of the training loss.
    precision : {"auto", "float32", "bfloat16", "float16"}
        What is asked for.

    Returns
    -------
    dict
        ``used_precision`` and, if that was measured, ``patches_per_s`` of each that was tried: float16 on GPUs only,
        where it has units of its own. float32 is used unless another is at least 1.2 times faster.

    Raises
    ------
    ValueError
        If there is no such precision.
    """
    if precision not in NAMES:
        raise ValueError(f"Unknown precision {precision!r}. Known: {', '.join(NAMES)}.")
    if precision != "auto":
        return {"used_precision": precision}
    patches_per_s = _patches_per_s(json.dumps(vars(model.config)), training.source.shape[1:-1], loss)
    best = max(patches_per_s, key=patches_per_s.get)
    used = best if patches_per_s[best] >= MINIMUM_GAIN * patches_per_s["float32"] else "float32"
    return {"used_precision": used, "patches_per_s": patches_per_s}


@functools.cache
def _patches_per_s(config: str, patch_shape: tuple[int, ...], loss: str) -> dict[str, float]:
    """Time steps of a network with this configuration, once per process; the values of the patches do not matter."""
    model = CARE(Config(**json.loads(config)), name="trial", basedir=None)
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    n_patches = model.config.train_batch_size if on_gpu else min(model.config.train_batch_size, CPU_TRIAL_PATCHES)
    channels = model.config.n_channel_in, model.config.n_channel_out
    batch = [np.random.default_rng(0).random((n_patches, *patch_shape, n), np.float32) for n in channels]
    candidates = POLICIES if on_gpu else ("float32", "bfloat16")
    return {name: round(n_patches / _step_seconds(model, batch, loss, name), 1) for name in candidates}


def _step_seconds(model: CARE, batch: list[NDArray], loss: str, precision: str) -> float:
    network = trainable_copy(model, loss=loss, precision=precision).keras_model
    seconds = []
    for _ in range(TIMED_STEPS + 1):
        start = time.perf_counter()
        network.train_on_batch(*batch)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


@contextmanager
def _policy(name: str) -> Iterator[None]:
    """Build layers under a dtype policy, which Keras has for all of them at once only."""
    before, set_policy = keras_import("mixed_precision", "global_policy", "set_global_policy")
    before = before()
    set_policy(name)
    try:
        yield
    finally:
        set_policy(before)
