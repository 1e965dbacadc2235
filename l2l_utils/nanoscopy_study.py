"""What chapter 11 trains, and what its networks make of samples, noises and algorithms that they have not seen."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from numpy.typing import NDArray

from l2l_utils import checkpoint, data, judging, musical, nanoscopy_pairs, nanoscopy_training, patches, registration
from l2l_utils.nanoscopy_claims import CHOSEN, STRUCTURES
from l2l_utils.nanoscopy_measures import SUBPIXELS, Field, judge
from l2l_utils.nanoscopy_pairs import Simulation
from l2l_utils.nanoscopy_training import Autoencoder, Recipe
from l2l_utils.optics import Optics
from l2l_utils.tiff import PixelSize

Images = dict[judging.Key, list[NDArray[np.float32]]]
Networks = Mapping[judging.Key, Autoencoder]
WITHOUT_NOISE = ("without noise", None, None)
INPUT = ("input", None, None)


@dataclass(frozen=True)
class Study:
    """Simulated samples of the paper's structures, and where their images and the models lie.

    `numbers` says how many samples of each structure there are for ``training``, ``validation`` and ``held_out``;
    `field_um` and `n_frames` are those of `Simulation`.
    """

    numbers: Mapping[str, int]
    field_um: float
    n_frames: int
    data_dir: data.PathLike
    folder: Path

    def simulation(self, structure: str) -> Simulation:
        """Return the samples of a structure, which may be one that no network is trained on."""
        return Simulation(structure, self.field_um, self.n_frames)

    def write(self) -> dict[str, patches.Split]:
        """Make the pairs of nanoscopy images that are missing, and return those of each structure."""
        everything = list(itertools.chain(*nanoscopy_pairs.names(self.numbers).values()))
        splits = {}
        for structure in STRUCTURES:
            simulation = self.simulation(structure)
            folder = simulation.folder(self.data_dir)
            simulation.make(folder, everything)
            splits[structure] = nanoscopy_pairs.open_pairs(folder, self.numbers)
        return splits

    def train(
        self, splits: Mapping[str, patches.Split], recipes: Sequence[Recipe], seeds: Sequence[int]
    ) -> dict[judging.Key, Autoencoder]:
        """Train each network with each seed, on all structures together.

        Parameters
        ----------
        splits : mapping of str to Split
            Of `write`.
        recipes : sequence of Recipe
            The networks.
        seeds : sequence of int
            A training with each.

        Returns
        -------
        dict of (str, str, int) to Autoencoder
            By network, loss and seed.
        """
        training, validation = (
            [read_pair(pair) for split in splits.values() for pair in getattr(split, part)]
            for part in ("training", "validation")
        )
        networks = {}
        for recipe, seed in itertools.product(recipes, seeds):
            name = f"{recipe.model}_{recipe.loss}_seed{seed}".replace("/", "-").replace(" ", "_")
            folder = self.folder / "models" / name
            found = nanoscopy_training.train(training, validation, recipe=recipe, seed=seed, folder=folder)
            networks[recipe.model, recipe.loss, seed] = found
        return networks

    def score(
        self, splits: Mapping[str, patches.Split], networks: Networks
    ) -> tuple[pd.DataFrame, dict[str, tuple[list[Field], Images]]]:
        """Score the noisy and the restored images of the held-out samples.

        Returns
        -------
        scores : pandas.DataFrame
            Long form, columns `scores.COLUMNS`.
        shown : dict of str to (list of Field, dict of key to list of ndarray)
            By structure the held-out fields, and the images of each method.
        """
        tables, shown = [], {}
        for structure, split in splits.items():
            both = [read_pair(pair) for pair in split.held_out]
            simulation = self.simulation(structure)
            fields = [
                Field(pair.name, structure, simulation.record(pair.name)[0], clean)
                for pair, (_, clean) in zip(split.held_out, both, strict=True)
            ]
            images = restore(networks, [noisy for noisy, _ in both])
            images |= {WITHOUT_NOISE: [clean for _, clean in both]}
            tables.append(judging.score(fields, images, judges=[judge], dataset=structure))
            shown[structure] = fields, images
        return pd.concat(tables, ignore_index=True), shown

    def score_otherwise(
        self, structure: str, networks: Networks, *, noise: str = "", algorithm: str = ""
    ) -> tuple[pd.DataFrame, tuple[list[Field], Images]]:
        """Score images of held-out samples with another structure, noise or algorithm than the networks know.

        Parameters
        ----------
        structure : str
            Of the samples; any of `emitters.STRUCTURES`.
        networks : mapping of (str, str, int) to Autoencoder
            Of `train`.
        noise : str
            One of `nanoscopy_pairs.NOISES`; without it the photons' own.
        algorithm : str
            One of `nanoscopy_pairs.ALGORITHMS`; without it MUSICAL.

        Returns
        -------
        scores : pandas.DataFrame
            Long form; ``condition`` is ``noise=...`` or ``algorithm=...`` if these are given. The reference is what
            the same algorithm makes of the recording without noise.
        shown : (list of Field, dict of key to list of ndarray)
            The fields, and the images of each method.
        """
        simulation = self.simulation(structure)
        fields, noisy = [], []
        for name in nanoscopy_pairs.names(self.numbers)["held_out"]:
            sample, expected = simulation.record(name)
            disturbed = simulation.disturb(name, expected, noise=noise) if noise else simulation.count(name, expected)
            noisy_image, reference = (
                nanoscopy_pairs.reconstruct(stack, sample, algorithm=algorithm) for stack in (disturbed, expected)
            )
            fields.append(Field(name, structure, sample, reference))
            noisy.append(noisy_image)
        images = restore(networks, noisy) | {WITHOUT_NOISE: [field.reference for field in fields]}
        condition = {"noise": noise, "algorithm": algorithm}
        given = ";".join(f"{name}={value}" for name, value in condition.items() if value) or None
        judges = [judge]
        return judging.score(fields, images, judges=judges, dataset=structure, condition=given), (fields, images)


def read_pair(pair: data.Pair) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the noisy and the clean image (Y, X) of a pair, 0 to 1."""
    return data.read_image(pair.source), data.read_image(pair.target)


def restore(networks: Networks, noisy: Sequence[NDArray]) -> Images:
    """Return the noisy images (Y, X), 0 to 1, and what each network makes of them."""
    restored = {
        key: [nanoscopy_training.restore(network, image) for image in noisy] for key, network in networks.items()
    }
    return {INPUT: list(noisy)} | restored


def chosen(networks: Networks) -> dict[judging.Key, Autoencoder]:
    """Return those of the three networks that the paper looks at most closely which are among `networks`."""
    return {key: network for key, network in networks.items() if " ".join(key[:2]) in CHOSEN}


def read_recording(source_file: data.PathLike, folder: Path | None) -> NDArray | None:
    """Return the frames (T, Y, X) of a file, or if none is named of a folder with a file for each; None without both.

    Raises
    ------
    ValueError
        If the file is none of frames.
    """
    if source_file:
        with data.naming(source_file):
            return registration.check_stack(tifffile.imread(source_file))
    return np.stack([data.read_image(path) for path in sorted(folder.glob("*.tif"))]) if folder else None


def restore_recording(frames: NDArray, seen_with: Optics, networks: Networks) -> dict[str, NDArray[np.float32]]:
    """Return the images of a real recording: its mean, MUSICAL's, and what each network makes of that.

    Parameters
    ----------
    frames : ndarray of shape (T, Y, X)
        The recording, counts.
    seen_with : Optics
        With what it was recorded.
    networks : mapping of (str, str, int) to Autoencoder
        Of `Study.train`.

    Returns
    -------
    dict of str to ndarray of shape (10 Y, 10 X)
        0 to 1; the mean is enlarged without interpolation.

    Raises
    ------
    ValueError
        As `musical.reconstruct`.
    """
    mean = np.kron(frames.mean(axis=0), np.ones((SUBPIXELS, SUBPIXELS)))
    noisy = musical.reconstruct(frames, seen_with, subpixels=SUBPIXELS)
    named = {name: found for name, (found,) in by_method(restore(networks, [noisy / noisy.max()])).items()}
    scaled = ((mean - mean.min()) / np.ptp(mean)).astype(np.float32)
    return {"mean of the frames": scaled, "MUSICAL": named.pop("input"), **named}


def write_recording(
    images: Mapping[str, NDArray], folder: Path, *, networks: Networks, seen_with: Optics, made_from: str
) -> None:
    """Write the images of `restore_recording` as TIFFs that tell their pixel size and where they come from.

    Parameters
    ----------
    images : mapping of str to ndarray of shape (Y, X)
        By method.
    folder : Path
        Gets a file for each.
    networks, seen_with
        As for `restore_recording`.
    made_from : str
        What the recording is called.
    """
    pixel_um = seen_with.pixel_nm / SUBPIXELS / 1000
    models = {" ".join(key[:2]): network for key, network in networks.items() if not key[2]}
    for name, image in images.items():
        origin = {"made_from": made_from, "method": name, "optics": seen_with._asdict()}
        if name in models:
            origin["model_sha256"] = checkpoint.weights_sha256(models[name])
        path = folder / f"{name.replace('/', '-').replace(' ', '_')}.tif"
        data.write_image(path, image, like=PixelSize(pixel_um, pixel_um, "um"), provenance=origin)


def by_method(images: Mapping[judging.Key, Sequence[NDArray]]) -> dict[str, list[NDArray[np.float32]]]:
    """Return images by the names of network and loss, of each the first training."""
    return {" ".join(filter(None, key[:2])): list(found) for key, found in images.items() if not key[2]}
