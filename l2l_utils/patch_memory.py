"""What the patches of a training take in memory: all of them as arrays, or cut when they are asked for."""

from __future__ import annotations

import math
from typing import Final

from l2l_utils import patches

FLOAT32_BYTES: Final = 4
INDEX_BYTES: Final = 8  # of positions and of places in the order


def as_arrays(n_patches: int, patch_px: int | tuple[int, int, int], *, n_channels: int = 2) -> int:
    """Return the bytes of all patches as float32 arrays, as CSBDeep's ``create_patches`` makes them.

    Parameters
    ----------
    n_patches : int
        Pairs of patches, copies of turned and mirrored images included.
    patch_px : int or (int, int, int)
        Size of a patch, as for `patches.LazyPatches`.
    n_channels : int
        Channels of source and target together.

    Returns
    -------
    int
        Bytes; 2**30 of them are 1 GiB.
    """
    return n_patches * math.prod(patches.patch_shape(patch_px)) * n_channels * FLOAT32_BYTES


def on_access(
    n_patches: int, patch_px: int | tuple[int, int, int], *, batch_size: int, n_steps: int, n_channels: int = 2
) -> int:
    """Return the bytes that the same training needs of `patches.LazyPatches`: no patch but those of one batch.

    They are the place of each patch, the order in which patches were shown so far, of which `fitting` keeps every
    round, and a batch. Images are not counted: one pair is in memory while places are drawn, none while it trains.

    Parameters
    ----------
    n_patches, patch_px, n_channels
        As for `as_arrays`.
    batch_size : int
        Patches per step.
    n_steps : int
        Steps of the whole training.

    Returns
    -------
    int
        Bytes at the end of the training.
    """
    places = n_patches * len(patches.patch_shape(patch_px)) * INDEX_BYTES
    rounds = math.ceil(n_steps * batch_size / n_patches)
    return places + rounds * n_patches * INDEX_BYTES + as_arrays(batch_size, patch_px, n_channels=n_channels)
