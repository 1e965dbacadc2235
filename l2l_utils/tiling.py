"""An image through a network in overlapping tiles that fit a memory budget, without a seam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any, Final, NamedTuple, Self

import numpy as np
from csbdeep.data import PadAndCropResizer
from csbdeep.internals.predict import tile_iterator, tile_overlap, total_n_tiles
from csbdeep.models import Config
from numpy.typing import NDArray

from l2l_utils import progress

# Measured at depth 2, kernels 3 and 5, 16 to 64 first filters, in both lanes: 25 to 28 bytes per pixel and filter;
# for stacks 22 to 25.
BYTES_PER_PX_AND_FILTER: Final = 28


class Demands(NamedTuple):
    """What a network demands of its tiles: a side that is a multiple of `block_px`, and to see `overlap_px` around."""

    block_px: int
    overlap_px: int
    bytes_per_px: float

    @classmethod
    def of_care(cls, config: Config) -> Self:
        """Return the demands of a CARE network."""
        overlap_px = tile_overlap(config.unet_n_depth, config.unet_kern_size)
        return cls(2**config.unet_n_depth, overlap_px, BYTES_PER_PX_AND_FILTER * config.unet_n_first)

    @property
    def overlap_blocks(self) -> int:
        """The overlap in whole blocks."""
        return math.ceil(self.overlap_px / self.block_px)


def restore_tiles(
    predict: Callable[[NDArray], NDArray[np.float32]],
    image: NDArray,
    demands: Demands,
    *,
    n_channel_out: int,
    memory_gb: float,
    name: str,
) -> NDArray[np.float32]:
    """Return what a network makes of an image.

    Parameters
    ----------
    predict : callable
        Turns a tile of the image, (Y, X, channel) or (Z, Y, X, channel), into the restored tile.
    image : ndarray of shape (Y, X, channel) or (Z, Y, X, channel)
        Image, any size and number type.
    demands : Demands
        Of the network.
    n_channel_out : int
        Channels of the result.
    memory_gb : float
        What the padded image, the result and the network at work on one tile may use together, in GiB.
    name : str
        What the progress bar says.

    Returns
    -------
    ndarray of shape (Y, X, channel) or (Z, Y, X, channel)
        float32.

    Raises
    ------
    ValueError
        If not even the smallest tile fits into the memory.
    """
    resizer, axes = PadAndCropResizer(), "ZYXC"[-image.ndim :]
    padded = resizer.before(image, axes, (*[demands.block_px] * (image.ndim - 1), 1))
    restored = np.empty((*padded.shape[:-1], n_channel_out), np.float32)
    available = memory_gb * 2**30 - padded.nbytes - restored.nbytes
    for tile, inner, place in cut_tiles(padded, demands, available, name=name):
        restored[place[:-1]] = predict(tile)[inner[:-1]]
    return resizer.after(restored, axes)


def cut_tiles(image: NDArray, demands: Demands, available_bytes: float, *, name: str) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the tiles of an image, the part of each that counts, and that part's place in the image.

    The image has the axes (Y, X, channel) or (Z, Y, X, channel); it is never cut along the last.
    """
    n_tiles, n_axes = choose_n_tiles(image.shape[:-1], demands, available_bytes), image.ndim - 1
    layout = (*n_tiles, 1), (*[demands.block_px] * n_axes, 1), (*[demands.overlap_blocks] * n_axes, 0)
    total = total_n_tiles(image, *layout)
    tiles = tile_iterator(image, *layout)
    yield from progress.bar(tiles, total=total, desc=name, unit="tile", leave=False, disable=total == 1)


def choose_n_tiles(shape: Sequence[int], demands: Demands, available_bytes: float) -> tuple[int, ...]:
    """Return the numbers of tiles along each axis with which the network has least to do, one tile fitting the memory.

    Raises
    ------
    ValueError
        If not even the smallest tile fits.
    """
    sides = (_tile_lengths(math.ceil(side / demands.block_px), demands.overlap_blocks) for side in shape)
    lengths, totals = zip(*sides, strict=True)
    tile_bytes = reduce(np.multiply.outer, lengths) * demands.block_px ** len(shape) * demands.bytes_per_px
    fits = tile_bytes <= available_bytes
    if not fits.any():
        sides_px = " x ".join(map(str, shape))
        lacking_gb = (tile_bytes.min() - available_bytes) / 2**30
        raise ValueError(
            f"The image of {sides_px} px does not fit into the memory: expected at least "
            f"{lacking_gb:.2f} GiB more, even for the smallest tiles. Give a larger memory_gb."
        )
    least = np.argmin(np.where(fits, reduce(np.multiply.outer, totals), np.inf))
    return tuple(int(i) + 1 for i in np.unravel_index(least, fits.shape))


def _tile_lengths(n_blocks: int, overlap: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the length of a tile and of all together, in blocks, for 1, 2, ... tiles."""
    n_tiles = np.arange(1, max(1, (n_blocks - 2 * overlap) // overlap) + 1)
    length = np.where(n_tiles == 1, n_blocks, np.ceil((n_blocks - 2 * overlap) / n_tiles) + 2 * overlap)
    return length, n_tiles * length
