"""Memory of patches of stacks, and what that makes of the luminescence paper's set of mitochondria."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import measuring
import numpy as np
from scipy import ndimage

# Boothe et al.: 90 stacks of mitochondria, 150 patches from each of eight ways to turn and mirror it
N_STACKS: Final = 90
N_PER_STACK: Final = 8 * 150
SHAPE: Final = (16, 512, 512)
PATCH_PX: Final = (16, 64, 64)
BATCH: Final = 128
N_STEPS: Final = 200 * 600


def write_pairs(folder: Path, n_pairs: int, shape: tuple[int, ...]) -> None:
    """Write uint16 pairs of stacks with bright spots: one drawn, the others copies of its files."""
    from l2l_utils import data

    rng = np.random.default_rng(0)
    spots = ndimage.gaussian_filter((rng.random(shape) > 0.999).astype(np.float32), (1, 2, 2))
    for role, photons in {"source": 1e3, "target": 1e5}.items():
        first = folder / role / "0.tif"
        data.write_image(first, rng.poisson(photons * spots + 5).astype(np.uint16), axes="ZYX", dtype="uint16")
        for i in range(1, n_pairs):
            shutil.copy(first, first.with_name(f"{i}.tif"))


def measure(*, folder: str, n_pairs: int, n_steps: int) -> measuring.Measured:
    """Open the patches of the first pairs of stacks of a folder and read some batches; without pairs import only.

    Parameters
    ----------
    folder : str
        Data set.
    n_pairs : int
        Pairs.
    n_steps : int
        Batches.

    Returns
    -------
    dict
        ``open_s`` that all pairs took, and ``read_s`` that a batch took.
    """
    from l2l_utils import data, patches

    if not n_pairs:
        return {"open_s": 0.0, "read_s": 0.0}
    pairs = data.pair_images(Path(folder, "source"), Path(folder, "target"), axes="ZYX")[:n_pairs]
    rng, eight_fold = np.random.default_rng(0), patches.Augmentation(zooms=(), flips=True, every=1)
    start = time.perf_counter()
    part = patches.LazyPatches(pairs, patch_px=PATCH_PX, n_per_image=N_PER_STACK, augmentation=eight_fold, rng=rng)
    opened = time.perf_counter()
    for _ in range(n_steps):
        chosen = rng.integers(len(part), size=BATCH)
        part.source[chosen], part.target[chosen]
    return {"open_s": opened - start, "read_s": (time.perf_counter() - opened) / n_steps}


def report(smoke: bool) -> None:
    """Read patches of few and of many pairs, and compare with all of them as arrays."""
    from l2l_utils import patch_memory

    few, many, n_steps = (1, 2, 1) if smoke else (3, 30, 20)
    with tempfile.TemporaryDirectory() as folder:
        write_pairs(Path(folder), many, (16, 128, 128) if smoke else SHAPE)
        task = {"folder": folder, "n_steps": n_steps}
        none, small, large = (measuring.run_alone(__file__, n_pairs=n_pairs, **task) for n_pairs in (0, few, many))
    rows = [
        [
            n_pairs,
            n_pairs * N_PER_STACK,
            f"{patch_memory.as_arrays(n_pairs * N_PER_STACK, PATCH_PX) / 2**30:.2f}",
            f"{one['peak_gib'] - none['peak_gib']:.2f}",
            f"{one['open_s']:.1f}",
            f"{one['read_s']:.2f}",
        ]
        for n_pairs, one in ((few, small), (many, large))
    ]
    columns = (
        "pairs",
        "patches",
        "as arrays, GiB",
        "read on access, peak GiB besides imports",
        "s to open",
        "s per batch",
    )
    size = " x ".join(map(str, PATCH_PX))
    measuring.table(f"Patches of {size} px from pairs of stacks, batches of {BATCH}", columns, rows)
    n_patches = N_STACKS * N_PER_STACK
    arrays = patch_memory.as_arrays(n_patches, PATCH_PX) / 2**30
    ours = patch_memory.on_access(n_patches, PATCH_PX, batch_size=BATCH, n_steps=N_STEPS) / 2**30
    print(
        f"\nThe paper's set of mitochondria, {n_patches} patches and {N_STEPS} steps, projected: {arrays:.1f} GiB as "
        f"arrays, {ours:.2f} GiB for places, order and a batch when patches are read on access."
    )


if __name__ == "__main__":
    measuring.run(report, measure)
