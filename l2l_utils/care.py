"""The CARE network of CSBDeep, trained with any loss of this package: create, train, load, restore."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import time
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from csbdeep.internals.train import DataWrapper
from csbdeep.models import CARE, Config
from csbdeep.utils.tf import keras_import
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm
from tqdm.keras import TqdmCallback

from l2l_utils import data, losses, patches, record

LOG: Final = "training_log.csv"
# With CSBDeep's default network, a tile of this side needs about 1 GB.
MAX_TILE_PX: Final = 1024


def create(
    *, name: str, basedir: data.PathLike, loss: str = "3S-SSIM", pmin: float = 1.0, pmax: float = 99.9, **config: Any
) -> CARE:
    """Create a CARE network with its folder, or open the one that is there with the same settings.

    Parameters
    ----------
    name, basedir : str, path
        The model's folder is ``basedir / name``.
    loss : str
        Name of the training loss, see `losses.get`.
    pmin, pmax : float
        Percentiles that are scaled to 0 and 1 before training and restoring.
    **config
        Options of CSBDeep's ``Config``, such as ``unet_n_first`` or ``train_epochs``.

    Returns
    -------
    csbdeep.models.CARE
        With a plain ``config.json`` in its folder; the true loss is in ``training.json``.

    Raises
    ------
    ValueError
        If the loss is unknown.
    FileExistsError
        If the folder holds a model with other settings, or other files.

    References
    ----------
    Weigert et al. (2018), https://doi.org/10.1038/s41592-018-0216-7
    """
    losses.get(loss)
    folder = Path(basedir) / name
    settings = {"loss": loss, "pmin": pmin, "pmax": pmax, "config": config}
    record.check_settings(folder, settings)
    if record.read(folder).get("finished"):
        return load(folder)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="output path for model already exists")
        model = CARE(Config("YX", 1, 1, **{"train_tensorboard": False, **config}), name=name, basedir=str(basedir))
    record.write(folder, {**settings, "finished": False})
    return model


def train(
    model: CARE, training: patches.Patches, validation: patches.Patches, *, about: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Train a network, keep the best weights, and write down what was done.

    A finished model is left as it is.

    Parameters
    ----------
    model : csbdeep.models.CARE
        As `create` returns it.
    training, validation : Patches
        float32 patches of shape (patch, Y, X, 1), 0 to 1; from different images. The best weights are those of the
        epoch with the lowest loss on the validation patches.
    about : mapping, optional
        What else to keep in ``training.json``: the data, the seed, the question.

    Returns
    -------
    pandas.DataFrame
        The log, a row per epoch: ``epoch``, ``loss``, ``val_loss``, ``mae``, ``val_mae``. It is also in the model's
        folder, written after every epoch.

    Raises
    ------
    ValueError
        If the patches are too small for the loss.
    FileExistsError
        If the model is finished, and `about` differs from what it was trained with.
    FloatingPointError
        If the loss is no longer a number.
    """
    content = record.read(model.logdir)
    about = json.loads(json.dumps(dict(about or {})))
    if content["finished"] and about and about != content["about"]:
        raise FileExistsError(
            f"{model.logdir} holds a model that was trained on other images or patches: expected the same as in its "
            f"{record.FILE}, found others. Choose another output folder or model name, or move that model away."
        )
    if not content["finished"]:
        _check_patches(training, content["loss"])
        start = time.perf_counter()
        _prepare(model, content["loss"])
        log = _fit(model, training, validation)
        record.write(
            model.logdir,
            {
                **content,
                "about": about,
                "patches": {"training": len(training.source), "validation": len(validation.source)},
                "patch_px": training.source.shape[1],
                "best_epoch": int(log.val_loss.idxmin()) + 1,
                "best_val_loss": float(log.val_loss.min()),
                "seconds": round(time.perf_counter() - start, 1),
                "versions": {name: version(name) for name in ("l2l_utils", "csbdeep", "tensorflow", "numpy")},
                "weights_sha256": weights_sha256(model),
                "finished": True,
            },
        )
    return pd.read_csv(model.logdir / LOG)


def load(folder: data.PathLike) -> CARE:
    """Open a trained network, of this package or of plain CSBDeep, with its best weights.

    Parameters
    ----------
    folder : path
        The model's folder.

    Returns
    -------
    csbdeep.models.CARE
        Ready to restore.

    Raises
    ------
    FileNotFoundError
        If the folder is not a trained model.
    """
    folder = Path(folder).resolve()
    for pattern, what in (("config.json", "a CARE model's config.json"), ("*.h5", "trained weights (*.h5)")):
        if not any(folder.glob(pattern)):
            raise FileNotFoundError(
                f"{folder}: expected {what} there, found none. Give the folder of a trained model, or train one first."
            )
    with contextlib.redirect_stdout(io.StringIO()):  # CSBDeep prints the name of the weights it loads
        return CARE(None, name=folder.name, basedir=str(folder.parent))


def restore(model: CARE, image: ArrayLike, *, axes: str = "YX") -> NDArray[np.float32]:
    """Restore one image, in tiles if it is large.

    Parameters
    ----------
    model : csbdeep.models.CARE
        Trained network.
    image : array_like of shape (Y, X)
        Raw image, any intensity unit.
    axes : str
        Axes of the image.

    Returns
    -------
    ndarray of shape (Y, X)
        float32, on the scale of the normalised target: about 0 to 1.

    Raises
    ------
    ValueError
        If the axes do not fit the image or it cannot be normalised.
    """
    image = np.asarray(image)
    if image.ndim != len(axes):
        raise ValueError(f"Axes {axes!r} name {len(axes)} dimensions, but the image has the shape {image.shape}.")
    n_tiles = tuple(math.ceil(size / MAX_TILE_PX) for size in image.shape)
    normalised = patches.normalize(image, **record.percentiles(model.logdir))
    return model.predict(normalised, axes, normalizer=None, n_tiles=n_tiles)


def weights_sha256(model: CARE) -> str:
    """Return a hash of the weights in use, whatever file they came from."""
    digest = hashlib.sha256()
    for weights in model.keras_model.get_weights():
        digest.update(np.ascontiguousarray(weights).tobytes())
    return digest.hexdigest()


def _prepare(model: CARE, loss: str) -> None:
    """Compile with our loss: the one seam to CSBDeep, whose own loader and trainer know only mae, mse and laplace."""
    model.prepare_for_training()
    model.keras_model.compile(
        optimizer=model.keras_model.optimizer,
        loss=losses.get(loss),
        metrics=[keras_import("metrics", "MeanAbsoluteError")(name="mae")],
        jit_compile=False,  # XLA made these small networks slower on the CPU
    )
    model.callbacks += [
        keras_import("callbacks", "CSVLogger")(str(model.logdir / LOG)),
        TqdmCallback(verbose=0, tqdm_class=tqdm, desc=model.name),
    ]


def _fit(model: CARE, training: patches.Patches, validation: patches.Patches) -> pd.DataFrame:
    epochs, steps = model.config.train_epochs, model.config.train_steps_per_epoch
    batches = DataWrapper(*training, model.config.train_batch_size, length=epochs * steps)
    model.keras_model.fit(
        iter(batches),
        validation_data=tuple(validation),
        epochs=epochs,
        steps_per_epoch=steps,
        callbacks=model.callbacks,
        verbose=0,
    )
    log = pd.read_csv(model.logdir / LOG)
    if len(log) < epochs or not np.isfinite(log.loss).all():
        raise FloatingPointError(
            f"{model.logdir}: the training loss stopped being a number in epoch {len(log)} of {epochs}, so this model "
            "is not usable. Use a lower learning rate, and look for empty or saturated images in the training data."
        )
    with contextlib.redirect_stdout(io.StringIO()):  # CSBDeep prints the name of the weights it loads
        model._training_finished()
    return log


def _check_patches(training: patches.Patches, loss: str) -> None:
    patch_px, smallest = min(training.source.shape[1:3]), losses.minimum_patch_px(loss)
    if patch_px < smallest:
        raise ValueError(
            f"The loss {loss} needs patches of at least {smallest} px per side, found {patch_px} px. "
            "Use larger patches or a loss with fewer scales."
        )
