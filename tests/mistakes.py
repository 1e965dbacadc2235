"""What goes wrong with a user's files, and what the user asks for then: steps that take the folder of the data set."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from csbdeep.models import CARE, Config

from l2l_utils import care, data, patches, restoration

Step = Callable[[Path], object]
CELL = np.pad(np.random.default_rng(0).integers(500, 900, (20, 24)), 22).astype(np.uint16) + 100
STACK = np.stack([CELL] * 3)
TINY = {"unet_n_first": 4, "unet_kern_size": 3, "train_epochs": 1, "train_steps_per_epoch": 1, "train_batch_size": 2}


def nothing(folder: Path) -> None:
    """Leave all as it is."""


def both(*steps: Step) -> Step:
    return lambda folder: [step(folder) for step in steps]


def write(name: str, image: np.ndarray, **options: object) -> Step:
    return lambda folder: tifffile.imwrite(folder / name, image, **options)


def text(name: str, content: str) -> Step:
    return lambda folder: (folder / name).write_text(content)


def shorten(name: str) -> Step:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-1000])


def remove(*names: str) -> Step:
    return lambda folder: [(folder / name).unlink() for name in names]


def rename(old: str, new: str) -> Step:
    return lambda folder: (folder / old).rename(folder / new)


def make(name: str) -> Step:
    return lambda folder: (folder / name).mkdir()


def copy_model(name: str) -> Step:
    return lambda folder: shutil.copytree(folder / "model", folder / name)


def plain_model(folder: Path) -> None:
    """Save a model as plain CSBDeep does."""
    model = CARE(Config("YX", unet_n_first=4), name="new", basedir=str(folder))
    model.keras_model.save_weights(str(folder / "new" / "weights_best.h5"))


def mix_models(folder: Path) -> None:
    """Put the configuration of another network beside the weights."""
    create(folder, "new", unet_n_first=8)
    shutil.copy(folder / "new" / "config.json", folder / "model")


def other_state(folder: Path) -> None:
    """Put an array file where the state of a training belongs."""
    create(folder, "new")
    np.savez(folder / "new" / "training_state.npz", np.zeros(1000))


def read(folder: Path):
    return data.read_image(folder / "source" / "b.tif")


def pair(folder: Path, source="source", target="target"):
    return data.pair_images(folder / source, folder / target)


def split(folder: Path, **options: object):
    return patches.split_images(pair(folder), **{"n_validation": 1, "rng": np.random.default_rng(0)} | options)


def cut(folder: Path, names="abc", zooms=(), **options: object):
    pairs = [data.Pair(name, folder / "source" / f"{name}.tif", folder / "target" / f"{name}.tif") for name in names]
    settings = {"patch_px": 32, "n_per_image": 2, "rng": np.random.default_rng(0)}
    return patches.LazyPatches(pairs, augmentation=patches.Augmentation(zooms), **settings | options)


def create(folder: Path, name="new", **options: object):
    return care.create(name=name, basedir=folder, **{"loss": "L1"} | TINY | options)


def train(folder: Path, shapes=None, value=0.5, loss="L1", **options: object):
    """Train with patches of the data set, or with others of these shapes and this value."""
    whole = patches.Patches(*(np.full(shape, value, np.float32) for shape in shapes)) if shapes else cut(folder)
    return care.train(create(folder, loss=loss), whole, whole, **{"precision": "float32"} | options)


def train_loaded(folder: Path):
    return care.train(care.load(folder / "new"), cut(folder), cut(folder))


def load(folder: Path, name="model"):
    return care.load(folder / name)


def restore(folder: Path, image=CELL, **options: object):
    return care.restore(load(folder), image, **options)


def restore_files(folder: Path, output="restored", names=("source/b.tif",), **options: object):
    return restoration.restore_files(load(folder), [folder / name for name in names], folder / output, **options)


def contents(folder: Path) -> dict[str, str]:
    """Return the names of all folders and files below a folder, the files with their sha256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }
