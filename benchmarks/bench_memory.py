"""Memory of a training on few and on many image pairs, and what that makes of the paper's actin set."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import measuring
import numpy as np
from scipy import ndimage

PATCH_PX: Final = 128
N_PER_IMAGE: Final = 256
# Kölln et al. (2022): 68 pairs of 4096 x 4096 px and four zoomed copies of each, 139,264 patches of 128 px
ACTIN_PAIRS: Final = 68
ACTIN_PER_IMAGE: Final = 2048
ACTIN_BATCH: Final = 32
ACTIN_STEPS: Final = 500 * 100


def write_pairs(folder: Path, n_pairs: int, side_px: int) -> None:
    """Write uncompressed uint16 pairs of bright lines: one drawn, the others copies of its files."""
    from l2l_utils import data

    rng = np.random.default_rng(0)
    lines = np.zeros((side_px, side_px), np.float32)
    lines[rng.choice(side_px, side_px // 64, replace=False)] = 1000
    target = ndimage.gaussian_filter1d(lines, 1.5, axis=0)
    for role, background in {"source": 100, "target": 10}.items():
        first = folder / role / "0.tif"
        data.write_image(first, rng.poisson(target + background).astype(np.uint16), dtype="uint16")
        for i in range(1, n_pairs):
            shutil.copy(first, first.with_name(f"{i}.tif"))


def measure(
    *, folder: str, n_pairs: int, n_per_image: int = N_PER_IMAGE, default: bool = False, batch: int = 16
) -> measuring.Measured:
    """Train a few steps on the first pairs of a folder, or import TensorFlow only if there are none.

    Parameters
    ----------
    folder : str
        Data set.
    n_pairs, n_per_image, batch : int
        What to train with.
    default : bool
        Whether to take CSBDeep's default network instead of the small one.

    Returns
    -------
    dict
        ``seconds`` that reading the pairs took, and ``patch_bytes`` that arrays of all patches would take.
    """
    from l2l_utils import care, data, patch_memory, patches

    if not n_pairs:
        return {"seconds": 0.0, "patch_bytes": 0}
    pairs = data.pair_images(Path(folder, "source"), Path(folder, "target"))[:n_pairs]
    options = {"patch_px": PATCH_PX, "rng": np.random.default_rng(0)}
    start = time.perf_counter()
    training = patches.LazyPatches(pairs, n_per_image=n_per_image, augmentation=patches.Augmentation(), **options)
    seconds = time.perf_counter() - start
    validation = patches.LazyPatches(pairs[:1], n_per_image=16, **options)
    network = {} if default else {"unet_n_first": 16, "unet_kern_size": 3}
    with tempfile.TemporaryDirectory() as basedir:
        settings = {"train_epochs": 2, "train_steps_per_epoch": 4, "train_batch_size": batch}
        model = care.create(name="memory", basedir=basedir, **settings, **network)
        care.train(model, training, validation, precision="float32")
    return {"seconds": seconds, "patch_bytes": patch_memory.as_arrays(len(training), PATCH_PX)}


def report(smoke: bool) -> None:
    """Train on 8 and on 80 pairs, and on pairs of the size of the paper's."""
    base = measuring.run_alone(__file__, folder="", n_pairs=0)["peak_gib"]
    few, many, side_px = (2, 4, 512) if smoke else (8, 80, 2048)
    with tempfile.TemporaryDirectory() as folder:
        write_pairs(Path(folder), many, side_px)
        small, large, default = (
            measuring.run_alone(__file__, folder=folder, n_pairs=n_pairs, default=default)
            for n_pairs, default in ((few, False), (many, False), (few, True))
        )
    rows = [
        ["TensorFlow and this package, imported", "", f"{base:.2f}", "", ""],
        [f"{few} pairs, small network", *_cells(small), ""],
        [f"{many} pairs, small network", *_cells(large), f"{large['peak_gib'] / small['peak_gib']:.3f}"],
        [f"{few} pairs, default network", *_cells(default), ""],
    ]
    title = f"Training on pairs of {side_px} px with zooms and turns, {N_PER_IMAGE} patches of {PATCH_PX} px per pair"
    columns = ("training", "all patches as arrays, GiB", "peak GiB", "s to open", f"peak by that of {few} pairs")
    measuring.table(title, columns, rows)
    _report_projection(smoke, base)


def _cells(one: measuring.Measured) -> list[str]:
    return [f"{one['patch_bytes'] / 2**30:.2f}", f"{one['peak_gib']:.2f}", f"{one['seconds']:.0f}"]


def _report_projection(smoke: bool, base: float) -> None:
    """Measure pairs of the actin set's size, and draw a line through them to all of its pairs."""
    few, many, side_px = (1, 3, 512) if smoke else (2, 8, 4096)
    task = {"n_per_image": ACTIN_PER_IMAGE, "default": True, "batch": ACTIN_BATCH}
    with tempfile.TemporaryDirectory() as folder:
        write_pairs(Path(folder), many, side_px)
        one, two = (measuring.run_alone(__file__, folder=folder, n_pairs=n_pairs, **task) for n_pairs in (few, many))
    per_pair_gib = max(two["peak_gib"] - one["peak_gib"], 0) / (many - few)
    n_patches = ACTIN_PAIRS * ACTIN_PER_IMAGE
    passes = ACTIN_STEPS * ACTIN_BATCH / n_patches
    corners_mib, orders_mib = n_patches * 2 * 8 / 2**20, passes * n_patches * 8 / 2**20
    projected = two["peak_gib"] + (ACTIN_PAIRS - many) * per_pair_gib + orders_mib / 1024
    peaks = {f"{few} pairs": one["peak_gib"], f"{many} pairs": two["peak_gib"]}
    peaks[f"{ACTIN_PAIRS} pairs, projected"] = projected
    rows = [[name, f"{peak:.2f}", f"{peak - base:.2f}"] for name, peak in peaks.items()]
    title = (
        f"The paper's actin set: {side_px} px, {ACTIN_PER_IMAGE} patches per pair, batch {ACTIN_BATCH}, default network"
    )
    measuring.table(title, ("pairs", "peak GiB", "GiB besides TensorFlow"), rows)
    print(
        f"\nThe projection is the peak of {many} pairs, plus for each further pair what one pair more took from {few} "
        f"to {many} pairs ({1024 * per_pair_gib:.1f} MiB), plus {orders_mib:.0f} MiB for the order of the patches in "
        f"{ACTIN_STEPS} steps. What must grow with the pairs is the table of corners, {corners_mib:.1f} MiB for all "
        f"{n_patches} patches; as arrays they take {ACTIN_PAIRS * two['patch_bytes'] / many / 2**30:.1f} GiB. "
        f"The zoomed copies are cut from the same {ACTIN_PAIRS} pairs of files."
    )


if __name__ == "__main__":
    measuring.run(report, measure)
