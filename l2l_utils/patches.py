"""From pairs of images or stacks to training patches: normalise, split by image, cut and augment on access."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
from csbdeep.data import no_background_patches
from numpy.typing import ArrayLike, NDArray

from l2l_utils import augmentation as augmenting
from l2l_utils import data, progress
from l2l_utils.augmentation import Augmentation
from l2l_utils.normalization import NormalizedFile, normalize, open_normalized, percentile_range, read_normalized
from l2l_utils.splits import Split, both_orders, repeat_source, split_by_method, split_images, swap_labels

__all__ = [
    "Augmentation",
    "LazyPatches",
    "Patches",
    "Split",
    "both_orders",
    "normalize",
    "patch_shape",
    "percentile_range",
    "read_normalized",
    "repeat_source",
    "split_by_method",
    "split_images",
    "swap_labels",
]


class Patches(NamedTuple):
    """Training patches: two float32 arrays, (patch, Y, X, channel) or (patch, Z, Y, X, channel), 0 to 1."""

    source: NDArray[np.float32]
    target: NDArray[np.float32]

    def at_epoch(self, _epoch: int) -> Self:
        """Return these patches, which are the same in every epoch."""
        return self

    def description(self) -> dict[str, Any]:
        """Return what is known of the images behind the patches: nothing."""
        return {}


class LazyPatches:
    """Training patches that are read, normalised and augmented when asked for: memory does not grow with the images.

    In place of X and Y of CSBDeep's own ``train``, `source` and `target` are arrays of shape (patch, Y, X, channel) or
    (patch, Z, Y, X, channel), float32, 0 to 1. Each channel is normalised by its own percentiles and clipped. Patches
    are centred by CSBDeep's rule, near a pixel that in any channel of the target is brighter than 40 % of the 99.9th
    percentile. Patch ``i`` is of pair ``i // n_per_image``.

    Parameters
    ----------
    pairs : sequence of Pair
        Image files, planes or stacks; a file for each channel, equally many in all pairs.
    patch_px : int or (int, int, int)
        Side of square patches, which are cut from planes; or numbers of planes, rows and columns of patches that are
        cut from stacks, as many rows as columns.
    n_per_image : int
        Patches per pair.
    pmin, pmax : float
        Percentiles that are scaled to 0 and 1.
    augmentation : Augmentation, optional
        What every second patch goes through, source and target alike; without it all patches are as in the images.
        A zoomed patch is resampled linearly from a window of the nearest whole number of pixels. Stacks are zoomed and
        turned in the plane.
    rng : numpy.random.Generator
        Source of randomness; the same state gives the same patches.

    Raises
    ------
    ValueError
        If the images of a pair differ in shape, one is smaller than a patch or cannot be normalised, or the target
        shows nothing; the message names the file. If there are no pairs, or a size, number or zoom is not above 0.
    """

    dtype: Final = np.dtype(np.float32)

    def __init__(
        self,
        pairs: Sequence[data.Pair],
        *,
        patch_px: int | tuple[int, int, int],
        n_per_image: int,
        pmin: float = 1.0,
        pmax: float = 99.9,
        augmentation: Augmentation | None = None,
        rng: np.random.Generator,
    ) -> None:
        _check_numbers(pairs, patch_px, n_per_image, augmentation)
        self.patch_px, self.n_per_image, self.augmentation = patch_px, n_per_image, augmentation
        self.patch_shape = patch_shape(patch_px)
        self._pairs, self._percentiles = list(pairs), {"pmin": pmin, "pmax": pmax}
        self._role, self._epoch, self._seed = "source", 0, int(rng.integers(2**63))
        zooms = augmentation.zooms_of(n_per_image) if augmentation else np.ones(n_per_image)
        self._sides_px = np.rint(self.patch_shape[-1] / zooms).astype(int)
        self._corners = np.empty((len(pairs), n_per_image, len(self.patch_shape)), int)
        self._files: dict[str, list[list[NormalizedFile]]] = {"source": [], "target": []}
        for corners, pair in zip(self._corners, progress.bar(pairs, desc="reading", unit="pair"), strict=True):
            sources, _ = _open_channels(pair.source, axes=self.axes, **self._percentiles)
            targets, images = _open_channels(pair.target, axes=self.axes, **self._percentiles)
            for file in (*sources, *targets):
                if file.image.shape != targets[0].image.shape:
                    expected = f"the shape of {targets[0].image.path}, {targets[0].image.shape}"
                    raise data.problem(file.image.path, expected, file.image.shape, "Crop all images alike.")
            brightest = np.maximum.reduce(images)
            for side_px in np.unique(self._sides_px):
                here = self._sides_px == side_px
                with data.naming(targets[0].image.path):
                    corners[here] = _draw_corners(brightest, self._window(side_px), np.count_nonzero(here), rng)
            self._files["source"].append(sources)
            self._files["target"].append(targets)

    def __len__(self) -> int:
        return self._corners.shape[0] * self.n_per_image

    @property
    def axes(self) -> str:
        """Axes of the images that the patches are cut from, YX or ZYX."""
        return "ZYX"[-len(self.patch_shape) :]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of patches, of planes if they are stacks, of rows, columns and channels."""
        return len(self), *self.patch_shape, len(self._files[self._role][0])

    @property
    def ndim(self) -> int:
        """Number of axes, that of patches and that of channels among them."""
        return len(self.shape)

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
        augmentation = self.augmentation.description() if self.augmentation else None
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

    def _window(self, side_px: int) -> tuple[int, ...]:
        """Return the shape of the window that a patch is made from: where it is zoomed, of another side."""
        return *self.patch_shape[:-2], side_px, side_px

    def _cut(self, index: int) -> NDArray[np.float32]:
        pair, place = divmod(index, self.n_per_image)
        corner, shape = self._corners[pair, place], self._window(self._sides_px[place])
        window = [slice(begin, begin + length) for begin, length in zip(corner, shape, strict=True)]
        patch = np.stack([file.read(*window) for file in self._files[self._role][pair]], axis=-1)
        if self.augmentation and self.augmentation.augments(place):
            n_turns, mirrored = np.random.default_rng((self._seed, self._epoch, index)).integers((4, 2))
            patch = augmenting.zoom(patch, self.patch_shape[-1])
            patch = augmenting.turn(patch, n_turns, mirrored=bool(mirrored) and self.augmentation.flips)
        return np.ascontiguousarray(patch)


def patch_shape(patch_px: int | tuple[int, int, int]) -> tuple[int, ...]:
    """Return a patch's shape, (Y, X) or (Z, Y, X), from the side of a square or numbers of planes, rows and columns."""
    return (patch_px, patch_px) if np.ndim(patch_px) == 0 else tuple(patch_px)


def _open_channels(files: data.ImageFiles, **options: Any) -> tuple[list[NormalizedFile], list[NDArray[np.float32]]]:
    """Return the files of an image's channels to read windows from, and all of each channel."""
    opened = [open_normalized(path, **options) for path in data.channel_files(files)]
    return [file for file, _ in opened], [image for _, image in opened]


def _check_numbers(
    pairs: Sequence[data.Pair],
    patch_px: int | tuple[int, int, int],
    n_per_image: int,
    augmentation: Augmentation | None,
) -> None:
    if not pairs:
        raise ValueError("Expected at least one image pair to cut patches from, found none. Give more pairs.")
    shape = patch_shape(patch_px)
    if min(*shape, n_per_image) < 1:
        raise ValueError(
            f"Expected patch_px and n_per_image of 1 or more, found {patch_px} and {n_per_image}. "
            "Give positive whole numbers."
        )
    if len(shape) not in (2, 3) or shape[-2] != shape[-1]:
        raise ValueError(
            f"Expected patch_px of one number, or of three for planes, rows and columns, the last two equal, found "
            f"{patch_px}. Give, for instance, 64 or (16, 64, 64)."
        )
    if augmentation and not all(0 < zoom <= shape[-1] for zoom in augmentation.zooms):
        zooms = ", ".join(f"{zoom:g}" for zoom in augmentation.zooms)
        raise ValueError(f"Expected zooms above 0, up to patch_px, found {zooms}. Give, for instance, 0.5 and 1.5.")
    if augmentation and augmentation.every < 1:
        raise ValueError(
            f"Expected every first or later patch to be augmented, found every={augmentation.every}. Give 1 or more."
        )


def _draw_corners(
    target: NDArray[np.float32], shape: tuple[int, ...], n_patches: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the first pixels of patches, (patch, axis); one comes twice only if there are too few."""
    wanted, found = (" x ".join(map(str, sides)) for sides in (shape, target.shape))
    if any(side < length for side, length in zip(target.shape, shape, strict=True)):
        raise ValueError(
            f"Expected an image of at least {wanted} px, the size of a patch before zooming, found {found} px. "
            "Use smaller patches, no zoom below 1, or leave this pair out."
        )
    eligible = no_background_patches()((target,), shape)
    inside = tuple(
        slice(length // 2, side - length + length // 2 + 1) for side, length in zip(target.shape, shape, strict=True)
    )
    corners = np.flatnonzero(eligible[inside])
    if not len(corners):
        raise ValueError(
            f"Expected bright structure far enough from the border to centre a patch of {wanted} px on, found none. "
            "Use smaller patches or leave this pair out."
        )
    drawn = rng.choice(corners, n_patches, replace=len(corners) < n_patches)
    return np.stack(np.unravel_index(drawn, eligible[inside].shape), axis=1)
