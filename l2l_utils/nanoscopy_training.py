"""A network that removes artefacts from nanoscopy images: trained on simulated pairs, and applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from csbdeep.utils.tf import keras_import
from numpy.typing import ArrayLike, NDArray

from l2l_utils import autoencoders, checkpoint, data, losses, nanoscopy_losses, progress, record
from l2l_utils.nanoscopy_crops import Batch, Crops, checked_image, divide_by_maximum
from l2l_utils.nanoscopy_recipe import Recipe

__all__ = ["Autoencoder", "Recipe", "load", "restore", "train"]

LambdaCallback, Adam = keras_import("callbacks", "LambdaCallback"), keras_import("optimizers", "Adam")

KIND: Final = "nanoscopy autoencoder"
WEIGHTS: Final = "best.weights.h5"
LAST_WEIGHTS: Final = "last.weights.h5"
VALIDATION_CROPS: Final = 2  # per image


class Autoencoder(NamedTuple):
    """A network with its folder; `keras_model` has its best weights so far."""

    name: str
    logdir: Path
    recipe: Recipe
    keras_model: Any

    @property
    def config(self) -> SimpleNamespace:
        """What `checkpoint.Checkpoint` asks of a network's configuration."""
        files = {"train_checkpoint": WEIGHTS, "train_checkpoint_last": LAST_WEIGHTS}
        return SimpleNamespace(train_epochs=self.recipe.epochs, **files)


Pairs = Sequence[tuple[ArrayLike, ArrayLike]]


def train(pairs: Pairs, validation: Pairs, *, recipe: Recipe, seed: int, folder: data.PathLike) -> Autoencoder:
    """Train a network; open it if it is finished, go on after its last finished epoch if it was interrupted.

    Parameters
    ----------
    pairs, validation : sequence of (array_like, array_like)
        Noisy and clean nanoscopy images of shape (Y, X), of any intensity unit: those that train, see `Crops`, and
        those that choose the best weights, which are the ones with the lowest loss on two fixed crops of each.
    recipe : Recipe
        Network and training.
    seed : int
        Decides initial weights and crops.
    folder : path
        The model's folder: ``training.json``, the log ``training_log.csv``, written after every epoch with ``epoch``,
        ``loss``, ``val_loss``, ``mae``, ``val_mae``, ``learning_rate`` and ``seconds``, best and last weights.

    Returns
    -------
    Autoencoder
        With its best weights.

    Raises
    ------
    ValueError
        If there are images that nothing can be learnt from, or the state of the training is damaged.
    FileExistsError
        If the folder holds a model of another recipe, of other images or another seed, or other files.
    FileNotFoundError
        If the loss is "VGG", and its weights are not there.
    FloatingPointError
        If the loss stopped being a number, or the network's output became 0 everywhere.

    References
    ----------
    Jadhav et al. (2020), https://arxiv.org/abs/2009.02617, section 2.3
    """
    folder, settings = Path(folder).resolve(), {"config": {"kind": KIND, **asdict(recipe)}}
    record.check_settings(folder, settings)
    crops = {what: Crops(part, recipe.patch_px) for what, part in (("training", pairs), ("validation", validation))}
    about = {f"{what}_{name}": value for what, part in crops.items() for name, value in part.description().items()}
    setup = {"seed": seed, "about": about}
    record.check_setup(folder, setup)
    if record.read(folder).get("finished"):
        return load(folder)
    loss = nanoscopy_losses.get(recipe.loss)
    keras_import("utils", "set_random_seed")(seed)
    model = Autoencoder(folder.name, folder, recipe, _network(recipe))
    content = {**settings, **setup, "finished": False}
    record.write(folder, content)
    held_out = crops["validation"].fixed(VALIDATION_CROPS, seed=seed)
    log = _fit(model, crops["training"], held_out, loss=loss, seed=seed)
    record.write(folder, content | _outcome(model, held_out, log))
    (folder / checkpoint.STATE).unlink(missing_ok=True)
    return model


def load(folder: data.PathLike) -> Autoencoder:
    """Open a trained network with its best weights.

    Parameters
    ----------
    folder : path
        The model's folder.

    Returns
    -------
    Autoencoder
        Ready to restore.

    Raises
    ------
    FileNotFoundError
        If the folder holds no such network, or none of which an epoch is trained.
    ValueError
        If a file is damaged.
    """
    folder = Path(folder).resolve()
    config = dict(record.read(folder).get("config", {}))
    path = folder / WEIGHTS
    if config.pop("kind", None) != KIND or not path.is_file():
        raise FileNotFoundError(
            f"{folder}: expected a network against artefacts of nanoscopy, of which at least one epoch is trained, "
            "found none. Give the folder of a trained model, or train one first."
        )
    model = Autoencoder(folder.name, folder, recipe := Recipe(**config), _network(recipe))
    try:
        model.keras_model.load_weights(str(path))
    except (OSError, ValueError, KeyError) as error:
        remedy = "Copy the model's folder again, or train anew."
        raise data.problem(path, "the weights of this network", f"a damaged file ({error})", remedy) from error
    return model


def restore(model: Autoencoder, image: ArrayLike) -> NDArray[np.float32]:
    """Remove artefacts from one image, which the network sees as a whole.

    The image is divided by its maximum, mirrored at its end to a multiple of 32 px, and cropped afterwards.

    Parameters
    ----------
    model : Autoencoder
        Trained network.
    image : array_like of shape (Y, X)
        Nanoscopy image of any size, number type and intensity unit.

    Returns
    -------
    ndarray of shape (Y, X)
        float32, 0 to 1; the maximum is 1, unless the network finds no structure at all.

    Raises
    ------
    ValueError
        If the image is not of this shape, or has values that are not finite or all the same.
    """
    image = checked_image(image, "the image")
    missing = [(0, -side % autoencoders.DIVISOR) for side in image.shape]
    padded = np.pad(image, missing, mode="symmetric")
    rows, columns = image.shape
    # Called as it is, because `predict` would be compiled anew for every size of image.
    restored = model.keras_model(padded[None, ..., None], training=False).numpy()[0, :rows, :columns, 0]
    return divide_by_maximum(restored)


def _network(recipe: Recipe) -> Any:
    return autoencoders.create(recipe.model, n_filters=recipe.n_filters)


def _fit(model: Autoencoder, crops: Crops, validation: Batch, *, loss: losses.Loss, seed: int) -> pd.DataFrame:
    """Train to the last epoch, from the last one that was finished; return the log, shorter after a loss of NaN."""
    recipe, state = model.recipe, checkpoint.State.read(model.logdir)
    n_done = len(state.log) if state else 0
    trained = _network(recipe)
    trained.set_weights(model.keras_model.get_weights())
    # PyTorch's epsilon: products of five similarities have small gradients. XLA makes steps five times slower on a CPU.
    adam = Adam(learning_rate=recipe.learning_rate, epsilon=1e-8)
    trained.compile(adam, loss=loss, metrics=["mae"], jit_compile=False)
    keeper = checkpoint.Checkpoint(model, state, [])
    with progress.bar(total=recipe.epochs, initial=n_done, desc=model.name, unit="epoch") as bar:

        def show(_epoch: int, logs: Mapping[str, float]) -> None:
            bar.set_postfix({name: f"{logs[name]:.3f}" for name in ("loss", "val_loss")}, refresh=False)
            bar.update()

        if n_done < recipe.epochs:
            trained.fit(
                crops.batches(recipe.batch_size, seed=seed, start=n_done * recipe.steps_per_epoch),
                validation_data=validation,
                validation_batch_size=recipe.batch_size,
                initial_epoch=n_done,
                epochs=recipe.epochs,
                steps_per_epoch=recipe.steps_per_epoch,
                callbacks=[keeper, LambdaCallback(on_epoch_end=show)],
                verbose=0,
            )
    return pd.DataFrame(keeper.state.log if keeper.state else [])


def _outcome(model: Autoencoder, validation: Batch, log: pd.DataFrame) -> dict[str, Any]:
    if len(log) < model.recipe.epochs:
        raise FloatingPointError(
            f"{model.logdir}: the training loss stopped being a number in epoch {len(log) + 1} of "
            f"{model.recipe.epochs}; what was learnt before is kept. Use a lower learning rate in another folder."
        )
    predicted = np.concatenate([model.keras_model.predict_on_batch(crop[None]) for crop in validation[0]])
    empty = int(np.count_nonzero(predicted.max(axis=(1, 2, 3)) == 0))
    if empty == len(predicted):
        raise FloatingPointError(
            f"{model.logdir}: expected images from the trained network, found 0 everywhere in all {empty} validation "
            "crops: its last layer has died. Use another seed or a lower learning rate in another folder."
        )
    return {
        "empty_validation_crops": empty,
        "best_epoch": int(log.val_loss.idxmin()) + 1,
        "best_val_loss": float(log.val_loss.min()),
        "seconds": round(float(log.seconds.sum()), 1),
        "versions": {name: version(name) for name in ("l2l_utils", "csbdeep", "tensorflow", "numpy")},
        "weights_sha256": checkpoint.weights_sha256(model),
        "finished": True,
    }
