"""The training loop: which patches come when, and where it goes on after it was killed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from csbdeep.internals.train import DataWrapper
from csbdeep.models import CARE, Config
from csbdeep.utils.tf import keras_import
from numpy.typing import NDArray

from l2l_utils import checkpoint, losses, patches, precisions, progress

LambdaCallback, Sequence = keras_import("callbacks", "LambdaCallback"), keras_import("utils", "Sequence")

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
AnyPatches = patches.Patches | patches.LazyPatches
AXES: Final = ("YXC", "ZYXC")  # as CSBDeep writes them into config.json


def fit(
    model: CARE, training: AnyPatches, validation: AnyPatches, *, loss: str, precision: str, seed: int
) -> pd.DataFrame:
    """Train a network to its last epoch, from the last one that was finished; leave the best weights in it.

    Parameters
    ----------
    model : csbdeep.models.CARE
        Network with a folder, where state, log and best weights are written after every epoch.
    training, validation : Patches or LazyPatches
        What to train with, and what chooses the best weights.
    loss : str
        Name of the training loss.
    precision : {"float32", "bfloat16", "float16"}
        What the network computes in.
    seed : int
        Decides the order of the patches.

    Returns
    -------
    pandas.DataFrame
        The log, a row per finished epoch; shorter than the training if the loss stopped being a number.
    """
    state = checkpoint.State.read(model.logdir)
    config, n_done = model.config, len(state.log) if state else 0
    trained = precisions.trainable_copy(model, loss=loss, precision=precision)
    keeper = checkpoint.Checkpoint(model, state, trained.callbacks)
    batches = TrainingBatches(training, config=config, seed=seed)
    with progress.bar(total=config.train_epochs, initial=n_done, desc=model.name, unit="epoch") as bar:

        def show(_epoch: int, logs: Mapping[str, float]) -> None:
            bar.set_postfix({name: f"{logs[name]:.3f}" for name in ("loss", "val_loss")}, refresh=False)
            bar.update()

        if n_done < config.train_epochs:
            trained.keras_model.fit(
                batches.from_epoch(n_done),
                validation_data=ValidationBatches(validation, config.train_batch_size),
                initial_epoch=n_done,
                epochs=config.train_epochs,
                steps_per_epoch=config.train_steps_per_epoch,
                callbacks=[*trained.callbacks, keeper, LambdaCallback(on_epoch_end=show)],
                verbose=0,
            )
    return pd.DataFrame(keeper.state.log if keeper.state else [])


def make_config(options: Mapping[str, Any], *, loss: str) -> Config:
    """Return a network's configuration, for images YX if the options do not say ZYX.

    It is probabilistic where the loss is. ValueError for options that CSBDeep does not know or allow, or that do not
    fit the loss.
    """
    known = vars(Config("YX"))
    if unknown := ", ".join(sorted(options.keys() - known)):
        raise ValueError(
            f"Expected options of CSBDeep's Config, found {unknown}. Choose among {', '.join(sorted(known))}."
        )
    probabilistic = losses.is_probabilistic(loss)
    config = Config(**{"axes": "YX", "train_tensorboard": False, "probabilistic": probabilistic, **options})
    if invalid := config.is_valid(return_invalid=True)[1]:
        found = ", ".join(f"{name}={getattr(config, name)!r}" for name in invalid)
        raise ValueError(f"Expected options in the range of CSBDeep's Config, found {found}. Give other values.")
    if config.probabilistic != probabilistic:
        raise ValueError(
            f"Expected a probabilistic network for the loss {losses.LAPLACE} and for no other, found the loss {loss} "
            f"and probabilistic={config.probabilistic}. Leave probabilistic out: the loss decides it."
        )
    if config.axes not in AXES:
        raise ValueError(f"Expected a network for the axes YX or ZYX, found {config.axes}. Give one of those.")
    return config


def check_patches(config: Config, training: AnyPatches, validation: AnyPatches, *, loss: str) -> None:
    """Raise ValueError for patches that the network, the loss or the other patches do not fit."""
    smallest, divisor = losses.minimum_patch_px(loss), 2**config.unet_n_depth
    axes = ", ".join(("patch", *config.axes[:-1], "channel"))
    for what, part in {"training": training, "validation": validation}.items():
        shapes = tuple(part.source.shape), tuple(part.target.shape)
        if any(len(shape) != config.n_dim + 2 or 0 in shape for shape in shapes) or shapes[0][:-1] != shapes[1][:-1]:
            raise ValueError(
                f"Expected {what} patches in two arrays of one shape ({axes}), found {shapes[0]} for the "
                f"source and {shapes[1]} for the target. Cut both from the same image pairs, of the network's axes."
            )
        channels, expected = (shapes[0][-1], shapes[1][-1]), (config.n_channel_in, config.n_channel_out)
        if channels != expected:
            raise ValueError(
                f"Expected {what} patches with {expected[0]} source and {expected[1]} target channels, as the network "
                f"has, found {channels[0]} and {channels[1]}. Create the network with n_channel_in and n_channel_out."
            )
        sides = shapes[0][1:-1]
        if min(sides[-2:]) < smallest or any(side % divisor for side in sides):
            found = " x ".join(map(str, sides))
            raise ValueError(
                f"The loss {loss} needs patches of at least {smallest} px per side, and the network a multiple of "
                f"{divisor} px; found {found} px in the {what} patches. Choose patches of another size, or a loss with "
                "fewer scales."
            )


class TrainingBatches(DataWrapper):
    """CSBDeep's batches of rolling permutations, but batch ``i`` depends on the seed and ``i`` alone.

    Parameters
    ----------
    training : Patches or LazyPatches
        The patches.
    config : csbdeep.models.Config
        Batch size, steps and epochs.
    seed : int
        Decides the order.
    """

    def __init__(self, training: AnyPatches, *, config: Config, seed: int) -> None:
        length = config.train_epochs * config.train_steps_per_epoch
        super().__init__(training.source, training.target, config.train_batch_size, length)
        self.training, self.steps_per_epoch = training, config.train_steps_per_epoch
        self.index_gen = np.random.default_rng(seed).permutation

    def from_epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch and of those after it."""
        for i in range(epoch * self.steps_per_epoch, len(self)):
            yield self[i]

    def __getitem__(self, i: int) -> Batch:
        now, indices = self.training.at_epoch(i // self.steps_per_epoch), self.batch(i)
        return now.source[indices], now.target[indices]

    def _index(self, loop: int) -> NDArray[np.intp]:
        """Draw the permutations in their order, also where a training begins at a later one."""
        for earlier in range(len(self.index_map), loop):
            super()._index(earlier)
        return super()._index(loop)


class ValidationBatches(Sequence):
    """All validation patches in their order, a batch at a time.

    Parameters
    ----------
    validation : Patches or LazyPatches
        The patches.
    batch_size : int
        Patches per batch.
    """

    def __init__(self, validation: AnyPatches, batch_size: int) -> None:
        super().__init__()
        self.validation, self.batch_size = validation, batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.validation.source) / self.batch_size)

    def __getitem__(self, i: int) -> Batch:
        batch = slice(i * self.batch_size, (i + 1) * self.batch_size)
        return self.validation.source[batch], self.validation.target[batch]
