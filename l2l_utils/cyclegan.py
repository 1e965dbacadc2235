"""CycleGAN and c2GAN: networks that learn from images of two kinds which belong to no pairs."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from csbdeep.utils import normalize_mi_ma
from numpy.typing import ArrayLike, NDArray

from l2l_utils import checkpoint, data, files, gan_inference, gan_steps, gan_training, normalization, record, unpaired
from l2l_utils.gan_settings import Settings, Structure

__all__ = ["CycleGAN", "Settings", "Structure", "create", "load", "restore", "train"]


class CycleGAN(NamedTuple):
    """A CycleGAN on disk, and of its networks the one that restores, from the source's kind of image to the target's.

    `keras_model` is the generator of the epoch in use, its normalisation fixed, see `gan_inference`.
    """

    name: str
    logdir: Path
    settings: Settings
    keras_model: Any


def create(*, name: str, basedir: data.PathLike, settings: Settings, pmin: float = 1.0, pmax: float = 99.9) -> CycleGAN:
    """Create a CycleGAN with its folder, or open the one that is there with the same settings.

    Parameters
    ----------
    name, basedir : str, path
        The model's folder is ``basedir / name``.
    settings : Settings
        Networks and training.
    pmin, pmax : float
        Percentiles that are scaled to 0 and 1 before training and restoring.

    Returns
    -------
    CycleGAN
        New, half trained or finished.

    Raises
    ------
    ValueError
        If a percentile is out of range.
    FileExistsError
        If the folder holds a model with other settings, or other files.
    OSError
        If nothing can be written there.

    References
    ----------
    Zhu et al. (2017), https://doi.org/10.1109/ICCV.2017.244; Li et al. (2021),
    https://doi.org/10.1038/s41377-021-00484-y
    """
    normalization.check_percentiles(pmin, pmax)
    folder = Path(basedir) / name
    known = {"pmin": pmin, "pmax": pmax, "config": settings.to_dict()}
    record.check_settings(folder, known)
    content = record.read(folder)
    if content.get("finished"):
        return load(folder)
    if not content:
        files.make_folder(folder)
        record.write(folder, {**known, "kind": "CycleGAN", "finished": False})
    return CycleGAN(name, folder.resolve(), settings, gan_inference.fixed_generator(settings))


def train(
    model: CycleGAN,
    training: unpaired.Domains,
    validation: unpaired.Domains,
    *,
    seed: int = 0,
    about: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Train a CycleGAN, keep both generators of every epoch, and leave the best one in the model.

    A training that was killed or interrupted goes on after its last finished epoch. A finished model is left as it is.

    Parameters
    ----------
    model : CycleGAN
        As `create` returns it.
    training, validation : Domains
        Patches of both kinds, 0 to 1; from different images. The validation patches choose the best epoch.
    seed : int
        Decides which patches come when; the initial weights follow Keras' global seed.
    about : mapping, optional
        What else to keep in ``training.json``, beside the description of the training patches.

    Returns
    -------
    pandas.DataFrame
        The log, a row per epoch, which is also in the model's folder: ``epoch``; the losses ``gan``, ``cycle`` and
        ``identity`` of the generators, ``structure`` with the constraint, and ``discriminators``; what
        `gan_training.criteria` returns; ``learning_rate`` and ``seconds``.

    Raises
    ------
    ValueError
        If patches are too small, or the state of the training is damaged.
    FileExistsError
        If the model was trained with other images or another seed.
    FloatingPointError
        If a loss is no longer a number.
    """
    content = record.read(model.logdir)
    about = json.loads(json.dumps({**training.description(), **(about or {})}))
    setup = {"seed": seed, "about": about}
    record.check_setup(model.logdir, setup)
    if not content["finished"]:
        gan_training.check_patches(training, validation, chosen_by=model.settings.chosen_by)
        settings = gan_training.with_thresholds(model.settings, training, seed=seed)
        content |= setup | {"thresholds": settings.structure and settings.structure.thresholds}
        record.write(model.logdir, content)
        networks = gan_steps.Networks.create(settings)
        run = gan_training.Training(model.logdir, settings, networks, training, validation, seed)
        log = gan_training.fit(run)
        if len(log) < model.settings.epochs:
            raise FloatingPointError(
                f"{model.logdir}: a loss stopped being a number in epoch {len(log) + 1} of {model.settings.epochs}; "
                "what was learnt before is kept. Use a lower learning rate under another model name."
            )
        best = int(log.criterion.idxmin()) + 1
        open_epoch(model, best)
        packages = ("l2l_utils", "csbdeep", "tensorflow", "numpy")
        outcome = {"best_epoch": best, "best_criterion": float(log.criterion.min())}
        outcome |= {"seconds": round(float(log.seconds.sum()), 1), "weights_sha256": checkpoint.weights_sha256(model)}
        outcome |= {"versions": {name: version(name) for name in packages}, "finished": True}
        record.write(model.logdir, content | outcome)
    (model.logdir / checkpoint.STATE).unlink(missing_ok=True)
    return pd.read_csv(model.logdir / checkpoint.LOG, float_precision="round_trip")


def load(folder: data.PathLike, *, epoch: int | None = None) -> CycleGAN:
    """Open a trained CycleGAN.

    Parameters
    ----------
    folder : path
        The model's folder.
    epoch : int, optional
        Which epoch's generator to open, from 1; that of the best one so far if not given.

    Returns
    -------
    CycleGAN
        Ready to restore.

    Raises
    ------
    FileNotFoundError
        If the folder holds no CycleGAN, or not that epoch.
    ValueError
        If a file is damaged.
    """
    folder = Path(folder).resolve()
    content = record.read(folder)
    if content.get("kind") != "CycleGAN" or not (folder / checkpoint.LOG).is_file():
        raise FileNotFoundError(
            f"{folder}: expected a CycleGAN of which at least one epoch is trained, found none. "
            "Give the folder of a trained model, or train one first."
        )
    settings = Settings.from_dict(content["config"])
    model = CycleGAN(folder.name, folder, settings, gan_inference.fixed_generator(settings))
    best = int(pd.read_csv(folder / checkpoint.LOG).criterion.idxmin()) + 1
    open_epoch(model, best if epoch is None else epoch)
    return model


def restore(
    model: CycleGAN,
    image: ArrayLike,
    *,
    memory_gb: float = 1.4,
    intensity_range: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    """Restore one image, in tiles if it is large.

    Parameters
    ----------
    model : CycleGAN
        Trained network.
    image : array_like of shape (Y, X)
        Raw image of any size, number type and intensity unit.
    memory_gb : float
        What restoring may use, in GiB, beside the image itself; decides the number of tiles.
    intensity_range : (float, float), optional
        Intensities that become 0 and 1; the image's own percentiles if not given.

    Returns
    -------
    ndarray of shape (Y, X)
        float32, on the scale of the normalised target, 0 to 1.

    Raises
    ------
    ValueError
        If the image is not of this shape or cannot be normalised, or the memory does not suffice.
    """
    image = np.asarray(image)
    if image.ndim != 2 or image.dtype.kind not in "uif" or not image.size:
        raise ValueError(
            f"Expected a real image with the axes YX, found the shape {image.shape}, {image.dtype}. "
            "Restore planes and channels one by one."
        )
    low_high = normalization.chosen_range(image, intensity_range, **record.percentiles(model.logdir))
    normalised = unpaired.smooth(normalize_mi_ma(image, *low_high, clip=True), model.settings.smoothing_px)
    return gan_inference.restore(model.keras_model, normalised, model.settings, memory_gb=memory_gb, name=model.name)


def open_epoch(model: CycleGAN, epoch: int) -> None:
    """Put the generator of an epoch, from 1, into a model; errors as `load`."""
    path = model.logdir / gan_training.EPOCHS / f"{epoch:04d}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the generators of epoch {epoch}, found none. Give another epoch.")
    try:
        with path.open("rb") as file, np.load(file) as stored:
            model.keras_model.set_weights([stored[f"to_target_{i}"] for i in range(len(model.keras_model.weights))])
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        remedy = "Copy the model's folder again, or open another epoch."
        raise data.problem(path, "the generators of this model", f"a damaged file ({error})", remedy) from error
