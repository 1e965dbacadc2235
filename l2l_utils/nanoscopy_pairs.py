"""Pairs of nanoscopy images that only simulation can give: of one and the same recording, with noise and without."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from skimage.transform import resize

from l2l_utils import data, emitters, musical, nanoscope, nanoscopy_measures, patches, progress, sofi, srrf, tiff
from l2l_utils.virtual_sets import module_checksums

PARTS: Final = ("training", "validation", "held_out")
SBR: Final = 3.0
NOISES: Final = {
    "speckle 0.1": partial(nanoscope.add_speckle, variance=0.1),
    "speckle 0.2": partial(nanoscope.add_speckle, variance=0.2),
    "gaussian 0.01": partial(nanoscope.add_gaussian, variance=0.01),
    "gaussian 0.1": partial(nanoscope.add_gaussian, variance=0.1),
}
ALGORITHMS: Final = {
    "": musical.reconstruct,
    "SOFI": lambda stack, _: sofi.sofi2(stack),
    "bSOFI": partial(sofi.bsofi, lag=1),
    "SRRF": lambda stack, _: srrf.reconstruct(stack),
}


@dataclass(frozen=True)
class Simulation:
    """Samples of one structure; each follows from the structure, the part it belongs to and its number alone.

    `field_um` is the side of the field of view, 5 in the paper; `n_frames` the length of a recording, 200 there.
    """

    structure: str
    field_um: float
    n_frames: int

    def folder(self, data_dir: data.PathLike) -> Path:
        """Return the folder of these samples, named by all that they depend on, their code included."""
        sums = module_checksums("nanoscope", "musical")
        code = hashlib.sha256("".join(sums.values()).encode()).hexdigest()[:8]
        return Path(data_dir) / f"{self.structure}_{self.field_um:g}um_{self.n_frames}frames_{code}"

    def record(self, name: str) -> tuple[nanoscope.Sample, NDArray[np.float32]]:
        """Return the sample of a name such as ``held_out_003``, and the counts (T, Y, X) to expect of it."""
        rng = np.random.default_rng(self._seed(name))
        sample = nanoscope.draw_sample(self.structure, field_um=self.field_um, rng=rng)
        return sample, nanoscope.expect_counts(nanoscope.record(sample, n_frames=self.n_frames, rng=rng), sbr=SBR)

    def count(self, name: str, expected: NDArray) -> NDArray[np.float32]:
        """Return the photons that the camera counts, (T, Y, X), where `expected` are to be expected."""
        return nanoscope.add_shot_noise(expected, np.random.default_rng([*self._seed(name), 1]))

    def disturb(self, name: str, expected: NDArray, *, noise: str) -> NDArray[np.float32]:
        """Return the recording (T, Y, X) with one of `NOISES` in place of the photons', clipped at 0."""
        rng = np.random.default_rng([*self._seed(name), 2])
        return np.maximum(NOISES[noise](expected / expected.max(), rng=rng), 0)

    def make(self, folder: Path, names: Sequence[str]) -> None:
        """Make the pairs of these names that are not in a folder yet; several processes share the work.

        Parameters
        ----------
        folder : Path
            Gets ``source``, the reconstructions with noise, and ``target``, those without; each with a maximum of 1.
        names : sequence of str
            Of `names`.
        """
        missing = [name for name in names if not (folder / "target" / f"{name}.tif").exists()]
        # Each process goes its own way through what is missing, so that few pairs are made twice.
        order = np.random.default_rng().permutation(missing).tolist()
        for name in progress.bar(order, desc=f"simulating {self.structure}", unit="sample"):
            if (folder / "target" / f"{name}.tif").exists():
                continue
            sample, expected = self.record(name)
            pixel_um = sample.optics.pixel_nm / nanoscopy_measures.SUBPIXELS / 1000
            # The target comes last, because it tells that the pair is whole.
            for role, stack in {"source": self.count(name, expected), "target": expected}.items():
                image = reconstruct(stack, sample, algorithm="")
                like = tiff.PixelSize(pixel_um, pixel_um, "um")
                data.write_image(folder / role / f"{name}.tif", image, like=like)

    def _seed(self, name: str) -> list[int]:
        part, _, number = name.rpartition("_")
        return [list(emitters.STRUCTURES).index(self.structure), PARTS.index(part), int(number)]


def names(numbers: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the names of a structure's samples by part, of which `numbers` says how many samples each has."""
    return {part: [f"{part}_{i:04d}" for i in range(numbers[part])] for part in PARTS}


def other_algorithms() -> list[str]:
    """Return the algorithms beside MUSICAL that run here: SRRF only where NanoPyx is installed."""
    return [name for name in ALGORITHMS if name and (name != "SRRF" or find_spec("nanopyx"))]


def open_pairs(folder: Path, numbers: Mapping[str, int]) -> patches.Split:
    """Return the pairs in a folder that `Simulation.make` filled, by part."""
    parts = {
        part: [data.Pair(name, *(folder / role / f"{name}.tif" for role in ("source", "target"))) for name in found]
        for part, found in names(numbers).items()
    }
    return patches.Split(**parts)


def reconstruct(stack: NDArray, sample: nanoscope.Sample, *, algorithm: str) -> NDArray[np.float32]:
    """Return an algorithm's image of a recording, with the size of MUSICAL's and a maximum of 1.

    Parameters
    ----------
    stack : ndarray of shape (T, Y, X)
        The recording.
    sample : Sample
        What was recorded.
    algorithm : {"", "SOFI", "bSOFI", "SRRF"}
        MUSICAL, if it is not named; SOFI of second order; SRRF needs NanoPyx.
    """
    image = ALGORITHMS[algorithm](stack, sample.optics)
    shape = [nanoscopy_measures.SUBPIXELS * side for side in stack.shape[1:]]
    image = image.astype(np.float64)
    if list(image.shape) != shape:
        image = np.maximum(resize(image, shape, order=3, mode="edge"), 0)
    return (image / image.max()).astype(np.float32)
