"""An image through a network in overlapping tiles that fit a memory budget, without a seam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
from csbdeep.data import PadAndCropResizer
from csbdeep.internals.predict import tile_iterator, tile_overlap, total_n_tiles
from csbdeep.models import Config
from numpy.typing import NDArray

from l2l_utils import progress

# Measured at depth 2, kernels 3 and 5, 16 to 64 first filters, in both lanes: 25 to 28 bytes per pixel and filter.
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
        Turns a tile of the image, (Y, X, channel), into the restored tile.
    image : ndarray of shape (Y, X, channel)
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
    ndarray of shape (Y, X, channel)
        float32.

    Raises
    ------
    ValueError
        If not even the smallest tile fits into the memory.
    """
    resizer = PadAndCropResizer()
    padded = resizer.before(image, "YXC", (demands.block_px, demands.block_px, 1))
    restored = np.empty((*padded.shape[:2], n_channel_out), np.float32)
    available = memory_gb * 2**30 - padded.nbytes - restored.nbytes
    for tile, inner, place in cut_tiles(padded, demands, available, name=name):
        restored[place[:2]] = predict(tile)[inner[:2]]
    return resizer.after(restored, "YXC")


def cut_tiles(image: NDArray, demands: Demands, available_bytes: float, *, name: str) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the tiles of an image (Y, X, channel), the part of each that counts, and that part's place in the image."""
    n_tiles = (*choose_n_tiles(image.shape[:2], demands, available_bytes), 1)
    layout = n_tiles, (demands.block_px, demands.block_px, 1), (demands.overlap_blocks, demands.overlap_blocks, 0)
    total = total_n_tiles(image, *layout)
    tiles = tile_iterator(image, *layout)
    yield from progress.bar(tiles, total=total, desc=name, unit="tile", leave=False, disable=total == 1)


def choose_n_tiles(shape: Sequence[int], demands: Demands, available_bytes: float) -> tuple[int, int]:
    """Return the numbers of tiles along Y and X with which the network has least to do, one tile fitting the memory.

    Raises
    ------
    ValueError
        If not even the smallest tile fits.
    """
    sides = (_tile_lengths(math.ceil(side / demands.block_px), demands.overlap_blocks) for side in shape)
    lengths, totals = zip(*sides, strict=True)
    tile_bytes = np.multiply.outer(*lengths) * demands.block_px**2 * demands.bytes_per_px
    fits = tile_bytes <= available_bytes
    if not fits.any():
        lacking_gb = (tile_bytes.min() - available_bytes) / 2**30
        raise ValueError(
            f"The image of {shape[0]} x {shape[1]} px does not fit into the memory: expected at least "
            f"{lacking_gb:.2f} GiB more, even for the smallest tiles. Give a larger memory_gb."
        )
    least = np.argmin(np.where(fits, np.multiply.outer(*totals), np.inf))
    along_y, along_x = np.unravel_index(least, fits.shape)
    return int(along_y) + 1, int(along_x) + 1


def _tile_lengths(n_blocks: int, overlap: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the length of a tile and of all together, in blocks, for 1, 2, ... tiles."""
    n_tiles = np.arange(1, max(1, (n_blocks - 2 * overlap) // overlap) + 1)
    length = np.where(n_tiles == 1, n_blocks, np.ceil((n_blocks - 2 * overlap) / n_tiles) + 2 * overlap)
    return length, n_tiles * length
