"""From image pairs to training patches: normalise, split by image, cut and augment on access."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
from csbdeep.data import no_background_patches
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from l2l_utils import data, progress
from l2l_utils.normalization import NormalizedFile, normalize, open_normalized, percentile_range, read_normalized
from l2l_utils.splits import Split, both_orders, repeat_source, split_images, swap_labels

__all__ = [
    "Augmentation",
    "LazyPatches",
    "Patches",
    "Split",
    "both_orders",
    "normalize",
    "percentile_range",
    "read_normalized",
    "repeat_source",
    "split_images",
    "swap_labels",
]


class Patches(NamedTuple):
    """Training patches: two float32 arrays of shape (patch, Y, X, channel), intensities 0 to 1."""

    source: NDArray[np.float32]
    target: NDArray[np.float32]

    def at_epoch(self, _epoch: int) -> Self:
        """Return these patches, which are the same in every epoch."""
        return self

    def description(self) -> dict[str, Any]:
        """Return what is known of the images behind the patches: nothing."""
        return {}


class Augmentation(NamedTuple):
    """What is done to every second patch: zoom by one of `zooms`, turn by 0 to 3 right angles, mirror if `flips`.

    The defaults are those of Kölln et al. (2022); for caveolae the zooms are 0.8, 0.9, 1.1 and 1.2.
    """

    zooms: tuple[float, ...] = (0.5, 0.75, 1.25, 1.5)
    flips: bool = False

    @classmethod
    def parse(cls, zooms: str) -> Self | None:
        """Return the augmentation with the zooms of a text such as ``0.5, 1.5``; None for an empty one."""
        return cls(tuple(map(float, zooms.split(",")))) if zooms else None


class LazyPatches:
    """Training patches that are read, normalised and augmented when asked for: memory does not grow with the images.

    In place of X and Y of CSBDeep's own ``train``, `source` and `target` are arrays of shape (patch, Y, X, channel),
    float32, 0 to 1. Each channel is normalised by its own percentiles and clipped. Patches are centred by CSBDeep's
    rule, near a pixel that in any channel of the target is brighter than 40 % of the 99.9th percentile. Patch ``i`` is
    of pair ``i // n_per_image``.

    Parameters
    ----------
    pairs : sequence of Pair
        Image files, axes YX; a file for each channel, equally many in all pairs.
    patch_px : int
        Side of the square patches.
    n_per_image : int
        Patches per pair.
    pmin, pmax : float
        Percentiles that are scaled to 0 and 1.
    augmentation : Augmentation, optional
        What every second patch goes through, source and target alike; without it all patches are as in the images.
        A zoomed patch is resampled linearly from a window of the nearest whole number of pixels.
    rng : numpy.random.Generator
        Source of randomness; the same state gives the same patches.

    Raises
    ------
    ValueError
        If the images of a pair differ in shape, one is smaller than a patch or cannot be normalised, or the target
        shows nothing; the message names the file. If there are no pairs, or a size, number or zoom is not above 0.
    """

    ndim: Final = 4
    dtype: Final = np.dtype(np.float32)

    def __init__(
        self,
        pairs: Sequence[data.Pair],
        *,
        patch_px: int,
        n_per_image: int,
        pmin: float = 1.0,
        pmax: float = 99.9,
        augmentation: Augmentation | None = None,
        rng: np.random.Generator,
    ) -> None:
        _check_numbers(pairs, patch_px, n_per_image, augmentation)
        self.patch_px, self.n_per_image, self.augmentation = patch_px, n_per_image, augmentation
        self._pairs, self._percentiles = list(pairs), {"pmin": pmin, "pmax": pmax}
        self._role, self._epoch, self._seed = "source", 0, int(rng.integers(2**63))
        zooms = np.ones(n_per_image)
        if augmentation and augmentation.zooms:
            zooms[1::2] = np.resize(augmentation.zooms, n_per_image // 2)
        self._sides_px = np.rint(patch_px / zooms).astype(int)
        self._corners = np.empty((len(pairs), n_per_image, 2), int)
        self._files: dict[str, list[list[NormalizedFile]]] = {"source": [], "target": []}
        for corners, pair in zip(self._corners, progress.bar(pairs, desc="reading", unit="pair"), strict=True):
            sources, _ = _open_channels(pair.source, **self._percentiles)
            targets, images = _open_channels(pair.target, **self._percentiles)
            for file in (*sources, *targets):
                if file.image.shape != targets[0].image.shape:
                    expected = f"the shape of {targets[0].image.path}, {targets[0].image.shape}"
                    raise data.problem(file.image.path, expected, file.image.shape, "Crop all images alike.")
            brightest = np.maximum.reduce(images)
            for side_px in np.unique(self._sides_px):
                here = self._sides_px == side_px
                with data.naming(targets[0].image.path):
                    corners[here] = _draw_corners(brightest, side_px, np.count_nonzero(here), rng)
            self._files["source"].append(sources)
            self._files["target"].append(targets)

    def __len__(self) -> int:
        return self._corners.shape[0] * self.n_per_image

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Number of patches, rows, columns and channels."""
        return len(self), self.patch_px, self.patch_px, len(self._files[self._role][0])

    @property
    def source(self) -> Self:
        """The patches of the input label."""
        return self._with(_role="source")

    @property
    def target(self) -> Self:
        """The patches of the benchmark label."""
        return self._with(_role="target")

    def at_epoch(self, epoch: int) -> Self:
        """Return the same patches as they are turned and mirrored in another epoch of the training."""
        return self._with(_epoch=epoch)

    def description(self) -> dict[str, Any]:
        """Return what the patches were made from and how: settings, and the images' checksums."""
        settings = {"patch_px": self.patch_px, "n_per_image": self.n_per_image, **self._percentiles}
        augmentation = self.augmentation._asdict() if self.augmentation else None
        return settings | {"augmentation": augmentation, "sha256": data.checksums(self._pairs)}

    def __getitem__(self, index: int | slice | ArrayLike) -> NDArray[np.float32]:
        """Return one patch, or the patches of a slice or an array of indices or booleans."""
        chosen = np.arange(len(self))[index]
        if chosen.ndim == 0:
            return self._cut(int(chosen))
        return np.stack([self._cut(i) for i in chosen]) if len(chosen) else np.empty((0, *self.shape[1:]), self.dtype)

    def _with(self, **changes: object) -> Self:
        other = copy.copy(self)
        vars(other).update(changes)
        return other

    def _cut(self, index: int) -> NDArray[np.float32]:
        pair, place = divmod(index, self.n_per_image)
        (row, column), side_px = self._corners[pair, place], self._sides_px[place]
        window = slice(row, row + side_px), slice(column, column + side_px)
        patch = np.stack([file.read(*window) for file in self._files[self._role][pair]], axis=-1)
        if self.augmentation and place % 2:
            if side_px != self.patch_px:
                zoom = self.patch_px / side_px
                patch = ndimage.zoom(patch, (zoom, zoom, 1), order=1, mode="nearest", grid_mode=True)
            n_turns, mirrored = np.random.default_rng((self._seed, self._epoch, index)).integers((4, 2))
            patch = np.rot90(patch, n_turns)
            patch = patch[::-1] if mirrored and self.augmentation.flips else patch
        return np.ascontiguousarray(patch)


def _open_channels(
    files: data.ImageFiles, **percentiles: float
) -> tuple[list[NormalizedFile], list[NDArray[np.float32]]]:
    """Return the files of an image's channels to read windows from, and all of each channel, axes (Y, X)."""
    opened = [open_normalized(path, **percentiles) for path in data.channel_files(files)]
    return [file for file, _ in opened], [image for _, image in opened]


def _check_numbers(
    pairs: Sequence[data.Pair], patch_px: int, n_per_image: int, augmentation: Augmentation | None
) -> None:
    if not pairs:
        raise ValueError("Expected at least one image pair to cut patches from, found none. Give more pairs.")
    if min(patch_px, n_per_image) < 1:
        raise ValueError(
            f"Expected patch_px and n_per_image of 1 or more, found {patch_px} and {n_per_image}. "
            "Give positive whole numbers."
        )
    if augmentation and not all(0 < zoom <= patch_px for zoom in augmentation.zooms):
        zooms = ", ".join(f"{zoom:g}" for zoom in augmentation.zooms)
        raise ValueError(f"Expected zooms above 0, up to patch_px, found {zooms}. Give, for instance, 0.5 and 1.5.")


def _draw_corners(
    target: NDArray[np.float32], side_px: int, n_patches: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the upper left corners of patches, (patch, 2); one comes twice only if there are too few."""
    if min(target.shape) < side_px:
        raise ValueError(
            f"Expected an image of at least {side_px} x {side_px} px, the size of a patch before zooming, found "
            f"{target.shape[0]} x {target.shape[1]} px. Use smaller patches, no zoom below 1, or leave this pair out."
        )
    eligible = no_background_patches()((target,), (side_px, side_px))
    half = side_px // 2
    inside = np.s_[half : target.shape[0] - side_px + half + 1, half : target.shape[1] - side_px + half + 1]
    corners = np.flatnonzero(eligible[inside])
    if not len(corners):
        raise ValueError(
            f"Expected bright structure at least {half} px from the border, to centre a patch on, found none. "
            "Use smaller patches or leave this pair out."
        )
    drawn = rng.choice(corners, n_patches, replace=len(corners) < n_patches)
    return np.stack(np.unravel_index(drawn, eligible[inside].shape), axis=1)
