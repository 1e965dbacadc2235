"""What chapter 10 trains, and what its networks make of fields that they have not seen."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from l2l_utils import data, judging, luminescence_measures, normalization, patches, restoration, training
from l2l_utils.luminescence_measures import Field
from l2l_utils.luminescence_tasks import REFERENCES, TASKS, UNTRAINED, Task

LOSS: Final = "Laplace"
N_EXAMPLES: Final = 10  # images that the classifier of mitochondria is trained on, as in the paper


@dataclass(frozen=True)
class Study:
    """A data set of the luminescence microscope, and how its networks are trained.

    Numbers of fields are for each condition: of mitochondria, in control and treated cells, twice as many choose the
    weights and are held out. With three numbers for the recipe's ``patch_px`` networks see stacks, else the middle
    plane of each.
    """

    structure: str
    folder: Path
    recipe: training.Recipe
    n_validation: int
    n_held_out: int

    @property
    def axes(self) -> str:
        """Axes of the images that the networks see, YX or ZYX."""
        return "ZYX" if np.ndim(self.recipe.patch_px) else "YX"

    @property
    def percentiles(self) -> dict[str, float]:
        """What becomes 0 and 1."""
        return {"pmin": self.recipe.pmin, "pmax": self.recipe.pmax}

    def open_images(self, stacks: Path) -> Path:
        """Return the folder of the images that the networks see; planes are cut from the stacks where they are missing.

        Parameters
        ----------
        stacks : path
            Folder of the set, with a folder for each role.
        """
        if self.axes == "ZYX":
            return stacks
        planes = self.folder / "planes"
        for file in sorted(stacks.glob("*/*.tif")):
            plane = planes / file.parent.name / file.name
            if not plane.exists():
                image = luminescence_measures.read_plane(file, axes="ZYX")
                data.write_image(plane, image, like=file, dtype=image.dtype.name)
        return planes

    def split(self, images: Path, task: Task) -> patches.Split:
        """Return the pairs of a task; the same fields are held out for all tasks."""
        pairs = data.pair_images(images / task.source, images / task.target, axes=self.axes)
        numbers, rng = {"n_validation": self.n_validation, "n_held_out": self.n_held_out}, np.random.default_rng(0)
        by_condition = itertools.groupby(pairs, key=lambda pair: pair.name.split("_")[0])
        parts = [patches.split_images(list(group), **numbers, rng=rng) for _, group in by_condition]
        return patches.Split(*(list(itertools.chain(*lists)) for lists in zip(*parts, strict=True)))

    def restore(
        self, images: Path, tasks: Mapping[str, Task], seeds: Sequence[int]
    ) -> dict[judging.Key, list[tuple[Path, Path]]]:
        """Train a network for each task and seed, and restore the held-out sources.

        Parameters
        ----------
        images : path
            Of `open_images`.
        tasks : mapping of str to Task
            What is trained, by name.
        seeds : sequence of int
            A training with each.

        Returns
        -------
        dict of (str, str, int) to list of (Path, Path)
            By method (``restored`` and the task's name), loss and seed, the files of the restored images and of the
            scales that the network predicts for them.
        """
        restored = {}
        for name, task in tasks.items():
            split, label = self.split(images, task), name.replace(" ", "_")
            for seed in seeds:
                model = training.train_network(
                    split, method=label, loss=LOSS, seed=seed, folder=self.folder, recipe=self.recipe
                )
                sources = [pair.source for pair in split.held_out]
                folder = self.folder / "restored" / model.name
                written = restoration.restore_files_with_scale(model, sources, folder, axes=self.axes)
                restored[f"restored {name}", LOSS, seed] = written
        return restored

    def held_out(self, images: Path) -> list[Field]:
        """Return the held-out fields with what they are judged by."""
        role = REFERENCES[self.structure]
        return [Field(name, self._read(images / role / f"{name}.tif")) for name in self._held_out_names(images)]

    def untrained(self, images: Path) -> dict[judging.Key, list[NDArray[np.float32]]]:
        """Return the images (Y, X) of the held-out fields that nothing was trained for, normalised, by method.

        Among them, where images are binned, the most binned enlarged by bicubic interpolation.
        """
        names = self._held_out_names(images)
        found = {
            (method, None, None): [self._read(images / role / f"{name}.tif") for name in names]
            for method, role in UNTRAINED[self.structure].items()
        }
        if most := found.get(("input binned 8", None, None)):
            found["bicubic 8", None, None] = [luminescence_measures.bicubic(image, 8) for image in most]
        return found

    def trained(self, restored: Mapping[judging.Key, Sequence[tuple[Path, Path]]]) -> dict[judging.Key, list[NDArray]]:
        """Return the restored images (Y, X) of `restore`, of stacks the middle plane."""
        return {
            key: [luminescence_measures.read_plane(mean, axes=self.axes) for mean, _ in files]
            for key, files in restored.items()
        }

    def predictions(
        self, images: Path, key: judging.Key, files: Sequence[tuple[Path, Path]]
    ) -> dict[str, tuple[NDArray, NDArray, NDArray]]:
        """Return target, predicted mean and predicted scale of the held-out fields of one network, by field.

        Parameters
        ----------
        images : path
            Of `open_images`.
        key, files : (str, str, int), sequence of (Path, Path)
            An item of `restore`.

        Returns
        -------
        dict of str to (ndarray, ndarray, ndarray)
            Of shape (Y, X), normalised, as `uncertainty.calibration` takes them.
        """
        task = TASKS[self.structure][key[0].removeprefix("restored ")]
        found = {}
        for mean, scale in files:
            planes = [luminescence_measures.read_plane(file, axes=self.axes) for file in (mean, scale)]
            found[mean.stem] = (self._read(images / task.target / mean.name), *planes)
        return found

    def examples(self, images: Path, stacks: Path) -> tuple[list[NDArray], list[NDArray]]:
        """Return images of the reference and truths of the same fields, which train, to train a classifier on.

        Parameters
        ----------
        images : path
            Of `open_images`.
        stacks : path
            Folder of the set: truths are the maximum projections of its stacks, because images show what is above and
            below the plane in focus as well.

        Returns
        -------
        images, truths : list of ndarray of shape (Y, X)
            Ten of each, or as many as there are fields.
        """
        (task, *_) = TASKS[self.structure].values()
        names = [pair.name for pair in self.split(images, task).training]
        chosen = [names[i] for i in np.linspace(0, len(names) - 1, min(N_EXAMPLES, len(names)), dtype=int)]
        references = [self._read(images / REFERENCES[self.structure] / f"{name}.tif") for name in chosen]
        truths = [data.read_image(stacks / "truth" / f"{name}.tif", axes="ZYX").max(axis=0) for name in chosen]
        return references, truths

    def _held_out_names(self, images: Path) -> list[str]:
        (task, *_) = TASKS[self.structure].values()
        return [pair.name for pair in self.split(images, task).held_out]

    def _read(self, path: Path) -> NDArray[np.float32]:
        return luminescence_measures.read_normalized_plane(path, axes=self.axes, **self.percentiles)


def restore_own(
    source_dir: data.PathLike, target_dir: data.PathLike, folder: Path, recipe: training.Recipe
) -> dict[str, tuple[NDArray, NDArray, NDArray]]:
    """Train a network on a user's own pairs, and restore the fields that are held out, a fifth of them.

    Parameters
    ----------
    source_dir, target_dir : path
        Folders of planes, or of stacks if the recipe's patches are such, with equal file names; three fields or more.
    folder : path
        Gets the model in ``models``, and the held-out fields with their predicted scale in ``restored``.
    recipe : Recipe
        How the network is trained.

    Returns
    -------
    dict of str to (ndarray, ndarray, ndarray)
        By held-out field: target, predicted mean and predicted scale, normalised, (Y, X) or (Z, Y, X).

    Raises
    ------
    ValueError, FileNotFoundError
        As `data.pair_images`, `patches.split_images` and `training.train_network`.
    """
    axes = "ZYX" if np.ndim(recipe.patch_px) else "YX"
    pairs = data.pair_images(source_dir, target_dir, axes=axes)
    n_held_out = max(1, len(pairs) // 5)
    split = patches.split_images(pairs, n_validation=1, n_held_out=n_held_out, rng=np.random.default_rng(0))
    model = training.train_network(split, method="own", loss=LOSS, seed=0, folder=folder, recipe=recipe)
    sources = [pair.source for pair in split.held_out]
    written = restoration.restore_files_with_scale(model, sources, folder / "restored", axes=axes)
    found = {}
    for pair, files in zip(split.held_out, written, strict=True):
        target = normalization.read_normalized(pair.target, axes=axes, pmin=recipe.pmin, pmax=recipe.pmax)
        found[pair.name] = (target, *(data.read_image(file, axes=axes) for file in files))
    return found
