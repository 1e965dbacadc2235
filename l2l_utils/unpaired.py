"""Images of two kinds that belong to no pairs: their patches, and how alike what two sets of them show is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage, stats
from skimage.filters import threshold_otsu

from l2l_utils import data, patches

# Scales at which intensities are compared, in px: noise of single pixels should not count.
SCALES_PX: Final = (1, 2, 4)
GREY_LEVELS: Final = 65535
THRESHOLD_PATCHES: Final = 64


class Files(NamedTuple):
    """Image files of two kinds; no two of them need show the same field."""

    sources: Sequence[data.PathLike]
    targets: Sequence[data.PathLike]


class Domains(NamedTuple):
    """Patches of both kinds, float32 array-likes of shape (patch, Y, X, 1), 0 to 1.

    Patch ``i`` of one has nothing to do with patch ``i`` of the other, unless they were cut from pairs.
    """

    source: patches.LazyPatches
    target: patches.LazyPatches

    def at_epoch(self, epoch: int) -> Self:
        """Return the same patches as they are turned and mirrored in another epoch of the training."""
        return type(self)(self.source.at_epoch(epoch), self.target.at_epoch(epoch))

    def description(self) -> dict[str, Any]:
        """Return what the patches were made from and how."""
        return {name: part.description() for name, part in zip(self._fields, self, strict=True)}


def cut(
    sources: Sequence[data.PathLike], targets: Sequence[data.PathLike], *, rng: np.random.Generator, **options: Any
) -> Domains:
    """Cut patches from images of two kinds, each kind by itself.

    Parameters
    ----------
    sources, targets : sequence of path
        Image files, axes YX; as many of each kind as there are.
    rng : numpy.random.Generator
        Source of randomness.
    **options
        ``patch_px``, ``n_per_image``, ``pmin``, ``pmax`` and ``augmentation`` of `patches.LazyPatches`.

    Raises
    ------
    ValueError
        As `patches.LazyPatches`.
    """
    alone = [[data.Pair(Path(file).stem, Path(file), Path(file)) for file in files] for files in (sources, targets)]
    return Domains(*(patches.LazyPatches(files, rng=rng, **options).source for files in alone))


def apart(pairs: Sequence[data.Pair]) -> tuple[list[Path], list[Path]]:
    """Return the sources of every second pair and the targets of the others: no field is seen by both labels."""
    return [pair.source for pair in pairs[::2]], [pair.target for pair in pairs[1::2]]


def smooth(batch: ArrayLike, sigma_px: float) -> ArrayLike:
    """Return patches (patch, Y, X, 1) or an image (Y, X) after a Gaussian filter; as they are where sigma is 0."""
    if not sigma_px:
        return batch
    batch = np.asarray(batch)
    along = (1, 2) if batch.ndim == 4 else (0, 1)
    return ndimage.gaussian_filter(batch, sigma_px, axes=along)


def threshold(part: patches.LazyPatches, *, sigma_px: float, rng: np.random.Generator) -> float:
    """Return Otsu's threshold, 0 to 1, of a random sample of patches."""
    chosen = rng.choice(len(part), min(THRESHOLD_PATCHES, len(part)), replace=False)
    return float(threshold_otsu(smooth(part[np.sort(chosen)], sigma_px)))


def domain_distance(images: ArrayLike, others: ArrayLike) -> float:
    """Return how far apart the intensities of two sets of patches are, pairs or not.

    Parameters
    ----------
    images, others : array_like of shape (patch, Y, X, 1)
        Patches, 0 to 1.

    Returns
    -------
    float
        Wasserstein's distance of the intensities, the mean over Gaussian filters of 1, 2 and 4 px.
    """
    return float(
        np.mean([stats.wasserstein_distance(*(smooth(x, s).ravel() for x in (images, others))) for s in SCALES_PX])
    )


def judge_intensities(image_true: ArrayLike, image_test: ArrayLike) -> dict[str, float]:
    """Compare how often each intensity occurs in two images, wherever it does.

    Parameters
    ----------
    image_true, image_test : array_like of shape (Y, X)
        Reference and image under test, on the scale of normalised images.

    Returns
    -------
    dict of str to float
        ``histogram_distance``, Wasserstein's, in normalised intensity; ``saturated``, the share of pixels that become
        65535 when 0 to 1 is written as uint16.
    """
    test = np.asarray(image_test, np.float64)
    return {
        "histogram_distance": float(stats.wasserstein_distance(np.ravel(image_true), test.ravel())),
        "saturated": float(np.mean(np.rint(test * GREY_LEVELS) >= GREY_LEVELS)),
    }
