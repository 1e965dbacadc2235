"""One network of a chapter: its patches cut, created and trained, under a name that tells what it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from csbdeep.models import CARE
from csbdeep.utils.tf import keras_import

from l2l_utils import care, patches


@dataclass(frozen=True)
class Recipe:
    """How all networks of a comparison are trained, so that they differ only in what is compared."""

    epochs: int
    steps_per_epoch: int
    batch_size: int
    learning_rate: float
    patch_px: int
    n_patches_per_image: int
    unet_n_first: int
    unet_kern_size: int
    precision: str = "auto"
    pmin: float = 1.0
    pmax: float = 99.9
    augmentation: patches.Augmentation | None = None


def train_network(
    split: patches.Split, *, method: str, loss: str, seed: int, folder: str | Path, recipe: Recipe
) -> CARE:
    """Train a network on a split's training pairs; open it if it is finished, go on if it was interrupted.

    Parameters
    ----------
    split : Split
        Image pairs that train and that choose the best weights.
    method : str
        What the pairs are, such as ``L2L``: the first part of the model's name.
    loss : str
        Name of the training loss, see `losses.get`.
    seed : int
        Decides initial weights, patches and their order.
    folder : path
        The model's folder is ``folder / "models" / f"{method}_{loss}_seed{seed}"``; its log ``training_log.csv`` there.
    recipe : Recipe
        Everything else.

    Returns
    -------
    csbdeep.models.CARE
        With its best weights.

    Raises
    ------
    ValueError, FileExistsError, FloatingPointError
        As `care.create` and `care.train`.
    """
    keras_import("utils", "set_random_seed")(seed)
    rng, percentiles = np.random.default_rng(seed), {"pmin": recipe.pmin, "pmax": recipe.pmax}
    cut = {"patch_px": recipe.patch_px, "n_per_image": recipe.n_patches_per_image, "rng": rng, **percentiles}
    training = patches.LazyPatches(split.training, augmentation=recipe.augmentation, **cut)
    validation = patches.LazyPatches(split.validation, **cut)
    model = care.create(
        name=f"{method}_{loss}_seed{seed}",
        basedir=Path(folder) / "models",
        loss=loss,
        unet_n_first=recipe.unet_n_first,
        unet_kern_size=recipe.unet_kern_size,
        train_epochs=recipe.epochs,
        train_steps_per_epoch=recipe.steps_per_epoch,
        train_batch_size=recipe.batch_size,
        train_learning_rate=recipe.learning_rate,
        **percentiles,
    )
    care.train(model, training, validation, seed=seed, precision=recipe.precision)
    return model
