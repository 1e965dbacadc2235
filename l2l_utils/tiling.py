"""An image through a network in overlapping tiles that fit a memory budget, without a seam."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from csbdeep.data import PadAndCropResizer
from csbdeep.internals.predict import tile_iterator, tile_overlap, total_n_tiles
from csbdeep.models import CARE, Config
from numpy.typing import NDArray

from l2l_utils import progress

# Measured at depth 2, kernels 3 and 5, 16 to 64 first filters, in both lanes: 25 to 28 bytes per pixel and filter.
BYTES_PER_PX_AND_FILTER: Final = 28


def restore_tiles(
    model: CARE,
    image: NDArray,
    normalize: Callable[[NDArray], NDArray[np.float32]],
    *,
    memory_gb: float,
) -> NDArray[np.float32]:
    """Return what a network makes of an image.

    Parameters
    ----------
    model : csbdeep.models.CARE
        Trained network.
    image : ndarray of shape (Y, X, channel)
        Raw image, any size and number type.
    normalize : callable
        Turns a tile of the raw image into float32, 0 to 1.
    memory_gb : float
        What the padded image, the result and the network at work on one tile may use together, in GiB.

    Returns
    -------
    ndarray of shape (Y, X, channel)
        float32, on the scale of the normalised target.

    Raises
    ------
    ValueError
        If not even the smallest tile fits into the memory.
    """
    block_px = 2**model.config.unet_n_depth
    blocks, resizer = (block_px, block_px, 1), PadAndCropResizer()
    padded = resizer.before(image, "YXC", blocks)
    overlap = math.ceil(tile_overlap(model.config.unet_n_depth, model.config.unet_kern_size) / block_px)
    overlaps = (overlap, overlap, 0)
    restored = np.empty((*padded.shape[:2], model.config.n_channel_out), np.float32)
    tile_bytes = memory_gb * 2**30 - padded.nbytes - restored.nbytes
    n_tiles = (*choose_n_tiles(padded.shape[:2], model.config, tile_bytes), 1)
    total = total_n_tiles(padded, n_tiles, blocks, overlaps)
    tiles = tile_iterator(padded, n_tiles, blocks, overlaps)
    bar = progress.bar(tiles, total=total, desc=model.name, unit="tile", leave=False, disable=total == 1)
    for tile, inner, place in bar:
        result = model.keras_model.predict_on_batch(normalize(tile)[None])[0]
        restored[place[:2]] = result[inner[:2]]
    return resizer.after(restored, "YXC")


def choose_n_tiles(shape: Sequence[int], config: Config, available_bytes: float) -> tuple[int, int]:
    """Return the numbers of tiles along Y and X with which the network has least to do, one tile fitting the memory.

    Raises
    ------
    ValueError
        If not even the smallest tile fits.
    """
    block_px = 2**config.unet_n_depth
    overlap = math.ceil(tile_overlap(config.unet_n_depth, config.unet_kern_size) / block_px)
    lengths, totals = zip(*(_tile_lengths(math.ceil(side / block_px), overlap) for side in shape), strict=True)
    tile_bytes = np.multiply.outer(*lengths) * block_px**2 * BYTES_PER_PX_AND_FILTER * config.unet_n_first
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
