"""What chapter 08 trains, and the scores of what it separates."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

from l2l_utils import data, judging, metrics, overlap, patches, restoration, separation, training

Files = Mapping[judging.Key, Sequence[Path]]
Channels = Mapping[str, Sequence[separation.Channel]]
Judges = Sequence[Callable[[separation.Channel, NDArray], judging.Measures]]


@dataclass(frozen=True)
class Study:
    """What all trainings of the chapter share: the folder of their models and images, and how they are trained."""

    folder: Path
    recipe: training.Recipe

    def separate(
        self, task: str, splits: Mapping[str, patches.Split], *, losses: Sequence[str], seeds: Sequence[int]
    ) -> dict[judging.Key, list[Path]]:
        """Train a network for each method, loss and seed, and separate the held-out sources.

        Parameters
        ----------
        task : str
            Name of the folder.
        splits : mapping of str to Split
            By method, pairs of a superposed image with an image of several structures.
        losses : sequence of str
            Of the trainings.
        seeds : sequence of int
            A training with each.

        Returns
        -------
        dict of (str, str, int) to list of Path
            By method, loss and seed, a file of axes CYX for each held-out pair.
        """
        separated = {}
        for (method, split), loss, seed in itertools.product(splits.items(), losses, seeds):
            name, folder = method.replace(" ", "_"), self.folder / task
            model = training.train_network(split, method=name, loss=loss, seed=seed, folder=folder, recipe=self.recipe)
            sources = [pair.source for pair in split.held_out]
            separated[method, loss, seed] = restoration.restore_files(model, sources, folder / "separated" / model.name)
        return separated

    def separate_real(
        self, split: patches.Split, *, loss: str, seed: int, patch_px: int
    ) -> dict[str, dict[str, NDArray[np.float32]]]:
        """Train one network on real pairs, separate those held out, and return the first.

        Parameters
        ----------
        split : Split
            Of `superposition.split_places`; the folders of the targets name the structures.
        loss : str
            Of the training.
        seed : int
            Of the training.
        patch_px : int
            Side of its patches; real pieces may be smaller than virtual cells.

        Returns
        -------
        dict of str to dict of str to ndarray of shape (Y, X)
            By structure, the images ``superposed``, ``separated`` and ``alone``, normalised.
        """
        twice, pair = patches.repeat_source(split, 2), split.held_out[0]
        study = replace(self, recipe=replace(self.recipe, patch_px=patch_px))
        (files,) = study.separate("real", {"separation": twice}, losses=[loss], seeds=[seed]).values()
        percentiles = {"pmin": self.recipe.pmin, "pmax": self.recipe.pmax}
        superposed = patches.read_normalized(pair.source, **percentiles)
        shown = {}
        for target, separated in zip(pair.target, data.read_image(files[0], axes="CYX"), strict=True):
            alone = patches.read_normalized(target, **percentiles)
            shown[target.parent.name] = {"superposed": superposed, "separated": separated, "alone": alone}
        return shown


def by_structure(files: Files, channels: Channels) -> Iterator[tuple[str, judging.Key, list[NDArray]]]:
    """Yield for each structure the images that nothing was trained for, then those of each method, loss and seed."""
    for name, fields in channels.items():
        yield name, ("input", None, None), [field.raw for field in fields]
        yield name, ("benchmark", None, None), [field.benchmark for field in fields]
    for key, paths in files.items():
        images = [data.read_image(path, axes="CYX") for path in paths]
        for i, name in enumerate(channels):
            yield name, key, [image[i] for image in images]


def score(files: Files, channels: Channels, *, judges: Judges, **labels: object) -> pd.DataFrame:
    """Score the separated images of all held-out fields, and the superposed ones, by structure.

    Parameters
    ----------
    files : mapping of (str, str, int) to sequence of Path
        Of `Study.separate`.
    channels : mapping of str to sequence of Channel
        The held-out fields by structure, in the order of the files' channels.
    judges : sequence of callable
        What to measure: `separation.judge`, `overlap.judge` and the like.
    **labels
        Values of other columns, such as ``condition``.

    Returns
    -------
    pandas.DataFrame
        Long form, columns `scores.COLUMNS`; the column ``dataset`` is the structure.
    """
    parts = [
        judging.score(channels[name], {key: images}, judges=judges, dataset=name, **labels)
        for name, key, images in by_structure(files, channels)
    ]
    return pd.concat(parts, ignore_index=True)


def overlap_curves(files: Files, channels: Channels) -> pd.DataFrame:
    """Return `overlap.curve` of every structure, method, loss and seed, with the column ``dataset``, the structure."""
    parts = [
        overlap.curve(channels[name], {key: images}).assign(dataset=name)
        for name, key, images in by_structure(files, channels)
    ]
    return pd.concat(parts, ignore_index=True)


def jittered(channels: Channels, split: patches.Split, **percentiles: float) -> dict[str, list[separation.Channel]]:
    """Return the held-out fields with other recordings of the same structures, those of a split."""
    changed = {}
    for i, (name, fields) in enumerate(channels.items()):
        images = [
            {
                "raw": patches.read_normalized(data.channel_files(pair.source)[0], **percentiles),
                "benchmark": patches.read_normalized(pair.target[i], **percentiles),
            }
            for pair in split.held_out
        ]
        changed[name] = [field._replace(**found) for field, found in zip(fields, images, strict=True)]
    return changed


def example(files: Files, channels: Channels, *, index: int = 0) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Return one held-out field by structure: superposed, separated by the first trainings, recorded alone.

    Parameters are as those of `score`, and the number of the field; images have the shape (Y, X).
    """
    shown: dict[str, dict[str, NDArray]] = {name: {} for name in channels}
    for name, (method, loss, seed), images in by_structure(files, channels):
        if method != "benchmark" and not seed:
            shown[name]["superposed" if method == "input" else f"{method} {loss}"] = images[index]
    for name, fields in channels.items():
        shown[name][f"{name} alone"] = fields[index].benchmark
    return shown


def beside(examples: Mapping[str, Mapping[str, NDArray]]) -> dict[str, NDArray]:
    """Return images as `Study.separate_real` returns them in one row: the superposed one, then both structures'."""
    named = {f"{name}, {kind}": image for name, images in examples.items() for kind, image in images.items()}
    superposed = next(iter(named.values()))
    return {"superposed": superposed} | {name: named[name] for name in named if not name.endswith("superposed")}


def compare_real(examples: Mapping[str, Mapping[str, NDArray]]) -> pd.DataFrame:
    """Return PSNR and SSIM against the structure alone, of images as `Study.separate_real` returns them.

    Without 3S- and 5S-SSIM, for which a quarter of an image may be too small.
    """
    rows = {
        (structure, name): {
            "psnr": peak_signal_noise_ratio(images["alone"], images[name], data_range=1),
            "ssim": metrics.ssim(images["alone"], images[name]),
        }
        for structure, images in examples.items()
        for name in ("superposed", "separated")
    }
    return pd.DataFrame.from_dict(rows, orient="index")
