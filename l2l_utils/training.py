"""One training of a chapter: patches cut, networks created and trained, under a name that tells what it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from csbdeep.models import CARE
from csbdeep.utils.tf import keras_import

from l2l_utils import care, cyclegan, data, patches, unpaired

VALIDATION_PATCHES: Final = 6  # per image, of twice the side of those that train


@dataclass(frozen=True)
class Recipe:
    """How all networks of a comparison are trained, so that they differ only in what is compared.

    With three numbers for `patch_px`, see `patches.LazyPatches`, images and network are stacks.
    """

    epochs: int
    steps_per_epoch: int
    batch_size: int
    learning_rate: float
    patch_px: int | tuple[int, int, int]
    n_patches_per_image: int
    unet_n_first: int
    unet_kern_size: int
    precision: str = "auto"
    pmin: float = 1.0
    pmax: float = 99.9
    augmentation: patches.Augmentation | None = None


@dataclass(frozen=True)
class Cut:
    """How patches are cut from images that are not paired, and the seed that decides all that is drawn."""

    patch_px: int
    n_patches_per_image: int
    seed: int
    pmin: float = 1.0
    pmax: float = 99.9


def train_network(
    split: patches.Split, *, method: str, loss: str, seed: int, folder: str | Path, recipe: Recipe
) -> CARE:
    """Train a network on a split's training pairs; open it if it is finished, go on if it was interrupted.

    Parameters
    ----------
    split : Split
        Image pairs that train and that choose the best weights. Sources and targets may have several channels each;
        equally many let CSBDeep's network learn the difference between source and target.
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
    # Records of networks of planes do not name their axes.
    of_stacks = {"axes": training.axes} if training.axes == "ZYX" else {}
    model = care.create(
        name=f"{method}_{loss}_seed{seed}",
        basedir=Path(folder) / "models",
        loss=loss,
        n_channel_in=training.source.shape[-1],
        n_channel_out=training.target.shape[-1],
        unet_n_first=recipe.unet_n_first,
        unet_kern_size=recipe.unet_kern_size,
        train_epochs=recipe.epochs,
        train_steps_per_epoch=recipe.steps_per_epoch,
        train_batch_size=recipe.batch_size,
        train_learning_rate=recipe.learning_rate,
        **percentiles,
        **of_stacks,
    )
    care.train(model, training, validation, seed=seed, precision=recipe.precision)
    return model


def train_unpaired(
    training: unpaired.Files,
    validation: unpaired.Files,
    *,
    name: str,
    folder: str | Path,
    settings: cyclegan.Settings,
    cut: Cut,
) -> cyclegan.CycleGAN:
    """Train a CycleGAN or c2GAN; open it if it is finished, go on if it was interrupted.

    Parameters
    ----------
    training, validation : Files
        Images that train, and images that choose the best epoch; where that is done by pairs, these are pairs.
    name : str
        The model's folder is ``folder / "models" / name``.
    folder : path
        See `name`.
    settings : Settings
        Networks and training.
    cut : Cut
        How patches are cut.

    Returns
    -------
    CycleGAN
        With the generators of its best epoch.

    Raises
    ------
    ValueError, FileExistsError, FloatingPointError
        As `cyclegan.create` and `cyclegan.train`.
    """
    keras_import("utils", "set_random_seed")(cut.seed)
    percentiles, rng = {"pmin": cut.pmin, "pmax": cut.pmax}, np.random.default_rng(cut.seed)
    flips = patches.Augmentation(zooms=(), flips=True)
    size = {"patch_px": cut.patch_px, "n_per_image": cut.n_patches_per_image}
    pieces = unpaired.cut(*training, **size, **percentiles, augmentation=flips, rng=rng)
    size = {"patch_px": 2 * cut.patch_px, "n_per_image": VALIDATION_PATCHES}
    if settings.chosen_by == "pairs":
        pairs = [data.Pair(Path(s).stem, Path(s), Path(t)) for s, t in zip(*validation, strict=True)]
        lazy = patches.LazyPatches(pairs, **size, **percentiles, rng=rng)
        judges = unpaired.Domains(lazy.source, lazy.target)
    else:
        judges = unpaired.cut(*validation, **size, **percentiles, rng=rng)
    model = cyclegan.create(name=name, basedir=Path(folder) / "models", settings=settings, **percentiles)
    cyclegan.train(model, pieces, judges, seed=cut.seed)
    return model
