"""The CARE network of CSBDeep, trained with any loss of this package: create, train, load, restore."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from csbdeep.models import CARE

from l2l_utils import checkpoint, data, device, fitting, losses, normalization, precisions, record, shipped
from l2l_utils.checkpoint import weights_sha256
from l2l_utils.inference import Prediction, restore, restore_with_scale

__all__ = ["Prediction", "create", "load", "restore", "restore_with_scale", "train", "weights_sha256"]


def create(
    *, name: str, basedir: data.PathLike, loss: str = "3S-SSIM", pmin: float = 1.0, pmax: float = 99.9, **config: Any
) -> CARE:
    """Create a CARE network with its folder, or open the one that is there with the same settings.

    Parameters
    ----------
    name, basedir : str, path
        The model's folder is ``basedir / name``.
    loss : str
        Name of the training loss, see `losses.get`. With "Laplace" the network predicts a scale beside each pixel's
        value: how far off it may be.
    pmin, pmax : float
        Percentiles that are scaled to 0 and 1 before training and restoring.
    **config
        Options of CSBDeep's ``Config``, such as ``unet_n_first`` or ``train_epochs``; ``axes="ZYX"`` for stacks.

    Returns
    -------
    csbdeep.models.CARE
        With a plain ``config.json`` in its folder; the true loss is in ``training.json``.

    Raises
    ------
    ValueError
        If the loss or an option is unknown, or a percentile or an option is out of range.
    FileExistsError
        If the folder holds a model with other settings, or other files.
    OSError
        If nothing can be written there.

    References
    ----------
    Weigert et al. (2018), https://doi.org/10.1038/s41592-018-0216-7
    """
    losses.get(loss)
    normalization.check_percentiles(pmin, pmax)
    folder = Path(basedir) / name
    settings = {"loss": loss, "pmin": pmin, "pmax": pmax, "config": config}
    record.check_settings(folder, settings)
    content = record.read(folder)
    if content.get("finished"):
        return load(folder)
    network = fitting.make_config(config, loss=loss)
    if not content:
        record.write(folder, {**settings, "finished": False})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="output path for model already exists")
        return CARE(network, name=name, basedir=str(basedir))


def train(
    model: CARE,
    training: fitting.AnyPatches,
    validation: fitting.AnyPatches,
    *,
    seed: int = 0,
    precision: str = "auto",
    about: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Train a network, keep the best weights, and write down what was done.

    A training that was killed or interrupted goes on after its last finished epoch. A finished model is left as it is.

    Parameters
    ----------
    model : csbdeep.models.CARE
        As `create` returns it. It has the best weights so far whenever the training ends.
    training, validation : Patches or LazyPatches
        float32 patches of shape (patch, Y, X, channel), or (patch, Z, Y, X, channel) for a network of stacks, 0 to 1;
        from different images. The best weights are those of the epoch with the lowest loss on the validation patches.
    seed : int
        Decides the order of the patches.
    precision : {"auto", "float32", "bfloat16", "float16"}
        What the network computes in while it trains; weights, loss and metrics are float32 always. "auto" measures
        which is fastest here, and leaves float32 only for a clear gain.
    about : mapping, optional
        What else to keep in ``training.json``, beside the description of the training patches.

    Returns
    -------
    pandas.DataFrame
        The log, a row per epoch: ``epoch``, ``loss``, ``val_loss``, ``mae``, ``val_mae``, ``learning_rate`` and
        ``seconds``. It is also in the model's folder, written after every epoch.

    Raises
    ------
    ValueError
        If the patches do not fit the loss, the network or each other, the precision is unknown, the model was not made
        by `create`, or the state of its training is damaged.
    FileExistsError
        If the model is finished or half trained, and images, patches, seed or precision differ from what it was
        trained with.
    FloatingPointError
        If the loss is no longer a number.
    """
    content = record.read(model.logdir)
    if not content:
        remedy = "Create one under another model name."
        raise data.problem(model.logdir, "a model that care.create made", f"one without {record.FILE}", remedy)
    about = json.loads(json.dumps({**training.description(), **(about or {})}))
    setup = {"seed": seed, "about": about or content.get("about", {}), "precision": precision}
    record.check_setup(model.logdir, setup)
    if not content["finished"]:
        fitting.check_patches(model.config, training, validation, loss=content["loss"])
        if "used_precision" not in content:
            content |= setup | precisions.choose(model, training, loss=content["loss"], precision=precision)
            record.write(model.logdir, content)
        used = content["used_precision"]
        log = fitting.fit(model, training, validation, loss=content["loss"], precision=used, seed=seed)
        record.write(model.logdir, content | _outcome(model, training, validation, log))
    (model.logdir / checkpoint.STATE).unlink(missing_ok=True)
    return pd.read_csv(model.logdir / checkpoint.LOG, float_precision="round_trip")


def load(folder: data.PathLike) -> CARE:
    """Open a trained network, of this package or of plain CSBDeep, with its best weights.

    Parameters
    ----------
    folder : path
        The model's folder, or the name of a model that comes with the book, such as ``shipped/tubulin``.

    Returns
    -------
    csbdeep.models.CARE
        Ready to restore.

    Raises
    ------
    FileNotFoundError
        If the folder is not a trained model.
    ValueError
        If one of its files is damaged or of another model, or the book has no model of that name.
    """
    folder = shipped.model_folder(folder).resolve()
    for pattern, what in (("config.json", "a CARE model's config.json"), ("*.h5", "trained weights (*.h5)")):
        if not any(folder.glob(pattern)):
            raise FileNotFoundError(
                f"{folder}: expected {what} there, found none. Give the folder of a trained model, or train one first."
            )
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # CSBDeep prints the name of the weights it loads
            return CARE(None, name=folder.name, basedir=str(folder.parent))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        remedy = "Copy the model's folder again, or train anew."
        raise data.problem(folder, "a trained CARE model", f"one that cannot be opened ({error})", remedy) from error


def _outcome(
    model: CARE, training: fitting.AnyPatches, validation: fitting.AnyPatches, log: pd.DataFrame
) -> dict[str, Any]:
    if len(log) < model.config.train_epochs:
        raise FloatingPointError(
            f"{model.logdir}: the training loss stopped being a number in epoch {len(log) + 1} of "
            f"{model.config.train_epochs}; what was learnt before is kept. Use a lower learning rate under another "
            "model name, and look for empty or saturated images in the training data."
        )
    return {
        "patches": {"training": len(training.source), "validation": len(validation.source)},
        "patch_px": training.source.shape[-2],
        "best_epoch": int(log.val_loss.idxmin()) + 1,
        "best_val_loss": float(log.val_loss.min()),
        "seconds": round(float(log.seconds.sum()), 1),
        "device": device.name(),
        "versions": {name: version(name) for name in ("l2l_utils", "csbdeep", "tensorflow", "numpy")},
        "weights_sha256": weights_sha256(model),
        "finished": True,
    }
