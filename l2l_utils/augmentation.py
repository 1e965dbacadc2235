"""What is done to training patches so that a network sees more than the images show: zoom, right angles, mirrors."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


class Augmentation(NamedTuple):
    """What is done to every second patch: zoom by one of `zooms`, turn by 0 to 3 right angles, mirror if `flips`.

    All of it happens in the plane; the planes of a stack stay in their order. The defaults are those of Kölln et al.
    (2022); for caveolae the zooms are 0.8, 0.9, 1.1 and 1.2. With ``every=1`` it is done to all patches; then, without
    zooms, but with flips, all eight ways to lay a square occur equally often, as where Boothe et al. restore
    luminescence.
    """

    zooms: tuple[float, ...] = (0.5, 0.75, 1.25, 1.5)
    flips: bool = False
    every: int = 2

    @classmethod
    def parse(cls, zooms: str) -> Self | None:
        """Return the augmentation with the zooms of a text such as ``0.5, 1.5``; None for an empty one."""
        return cls(tuple(map(float, zooms.split(",")))) if zooms else None

    def description(self) -> dict[str, Any]:
        """Return the settings for the record; those of every second patch are silent about it, as older records are."""
        return {name: value for name, value in self._asdict().items() if (name, value) != ("every", 2)}

    def augments(self, place: int) -> bool:
        """Return whether the patch at a place among those of its image is augmented."""
        return place % self.every == self.every - 1

    def zooms_of(self, n_patches: int) -> NDArray[np.float64]:
        """Return the zoom of each of an image's patches: each of `zooms` in turn, 1 for those that stay as they are."""
        zooms = np.ones(n_patches)
        if self.zooms:
            chosen = zooms[self.every - 1 :: self.every]
            chosen[:] = np.resize(self.zooms, len(chosen))
        return zooms


def zoom(patch: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    """Return a patch (..., Y, X, channel) resampled linearly in the plane to a square of `side_px`."""
    if patch.shape[-2] == side_px:
        return patch
    factor = side_px / patch.shape[-2]
    factors = (*[1] * (patch.ndim - 3), factor, factor, 1)
    return ndimage.zoom(patch, factors, order=1, mode="nearest", grid_mode=True)


def turn(patch: NDArray[np.float32], n_turns: int, *, mirrored: bool) -> NDArray[np.float32]:
    """Return a patch (..., Y, X, channel) turned by right angles in the plane, and then mirrored along Y."""
    patch = np.rot90(patch, n_turns, axes=(-3, -2))
    return np.flip(patch, axis=-3) if mirrored else patch
