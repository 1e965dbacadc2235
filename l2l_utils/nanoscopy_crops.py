"""Crops of pairs of nanoscopy images to train with, each divided by its own maximum."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2l_utils import augmentation

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]

# A pixel shows structure where the clean image is brighter than this share of its maximum.
STRUCTURE: Final = 0.1


class Crops:
    """Batches of random crops, turned and mirrored; batch ``i`` depends on the seed and ``i`` alone.

    An image is drawn, then a pixel with structure in its clean image, then a square that contains it: so no crop is
    empty, and the maximum that a clean crop is divided by is at least a tenth of its image's. Then one of the eight
    ways to lay a square.

    Parameters
    ----------
    pairs : sequence of (array_like, array_like)
        Noisy and clean image, of one shape (Y, X), any number type and intensity unit.
    patch_px : int
        Side of the crops.

    Raises
    ------
    ValueError
        If there is no pair, or one that nothing can be learnt from: of different shapes, smaller than a crop, not
        finite, or without any intensity above 0.
    """

    def __init__(self, pairs: Sequence[tuple[ArrayLike, ArrayLike]], patch_px: int) -> None:
        if not len(pairs):
            raise ValueError("Expected pairs of a noisy and a clean image, found none. Give at least one.")
        self.pairs = [_checked(pair, i, patch_px) for i, pair in enumerate(pairs)]
        self.patch_px = patch_px
        self._structure = [np.flatnonzero(clean > STRUCTURE * clean.max()) for _, clean in self.pairs]

    def description(self) -> dict[str, Any]:
        """Return what identifies the images: how many pairs, and a hash of all intensities."""
        digest = hashlib.sha256()
        for image in (image for pair in self.pairs for image in pair):
            digest.update(str(image.shape).encode() + np.ascontiguousarray(image).tobytes())
        return {"pairs": len(self.pairs), "sha256": digest.hexdigest()}

    def batches(self, batch_size: int, *, seed: int, start: int = 0) -> Iterator[Batch]:
        """Yield batches without end, from batch `start`: noisy and clean crops, each (batch, Y, X, 1), maximum 1."""
        for i in itertools.count(start):
            rng = np.random.default_rng((seed, i))
            yield _stack([self._turned(rng) for _ in range(batch_size)])

    def fixed(self, n_per_image: int, *, seed: int) -> Batch:
        """Return crops of each image in turn, neither turned nor mirrored: noisy and clean, each (crop, Y, X, 1)."""
        rng = np.random.default_rng(seed)
        return _stack([self._crop(i, rng) for i in range(len(self.pairs)) for _ in range(n_per_image)])

    def _turned(self, rng: np.random.Generator) -> Batch:
        crops = self._crop(int(rng.integers(len(self.pairs))), rng)
        n_turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        noisy, clean = (augmentation.turn(crop, n_turns, mirrored=mirrored) for crop in crops)
        return noisy, clean

    def _crop(self, i: int, rng: np.random.Generator) -> Batch:
        noisy, clean = self.pairs[i]
        pixel = np.unravel_index(rng.choice(self._structure[i]), clean.shape)
        corner = [
            int(rng.integers(max(0, at - self.patch_px + 1), min(at, side - self.patch_px) + 1))
            for at, side in zip(pixel, clean.shape, strict=True)
        ]
        square = tuple(slice(start, start + self.patch_px) for start in corner)
        return divide_by_maximum(noisy[square])[..., None], divide_by_maximum(clean[square])[..., None]


def divide_by_maximum(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image (Y, X) of maximum 1; one without any intensity above 0 becomes all 0."""
    highest = image.max()
    return image / highest if highest > 0 else np.zeros_like(image)


def checked_image(image: ArrayLike, what: str) -> NDArray[np.float32]:
    """Return an image (Y, X) divided by its maximum; ValueError if it has other axes, NaN, or shows nothing."""
    image = np.asarray(image)
    if image.ndim != 2 or image.dtype.kind not in "uif" or not image.size:
        raise ValueError(
            f"Expected {what} to be a real image with the axes YX, found the shape {image.shape}, {image.dtype}. "
            "Give planes and channels one by one."
        )
    if not np.isfinite(image).all():
        raise ValueError(
            f"Expected finite intensities in {what}, found {np.count_nonzero(~np.isfinite(image))} that are NaN or "
            "infinite. Replace them, or leave the image out."
        )
    if image.max() <= 0 or image.min() == image.max():
        raise ValueError(
            f"Expected {what} to show something brighter than its surroundings and than 0, found intensities from "
            f"{image.min()} to {image.max()}. Leave it out, or look at how it was made."
        )
    return (image / image.max()).astype(np.float32)  # in float64: powers of an indicator can be beyond float32


def _checked(pair: tuple[ArrayLike, ArrayLike], i: int, patch_px: int) -> Batch:
    noisy, clean = checked_image(pair[0], f"the noisy image {i}"), checked_image(pair[1], f"the clean image {i}")
    if noisy.shape != clean.shape or min(clean.shape) < patch_px:
        raise ValueError(
            f"Expected a noisy and a clean image {i} of one shape, {patch_px} px or more per side, found {noisy.shape} "
            f"and {clean.shape}. Pair the images anew, or choose smaller patches."
        )
    return noisy, clean


def _stack(crops: list[Batch]) -> Batch:
    noisy, clean = zip(*crops, strict=True)
    return np.stack(noisy), np.stack(clean)
