"""Train the small model that comes with the book, judge it, and put both where they are kept.

``PYTHONPATH=. .venv/bin/python workflow/teaching_model.py FOLDER`` trains in FOLDER, in some minutes. The training
cells are drawn from a seed of their own, so that no cell of any data set of the book has been seen by the model.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from l2l_utils import (
    care,
    data,
    intervals,
    likeness,
    notebook,
    patches,
    records,
    restoration,
    scores,
    shipped,
    training,
    virtual_sets,
)

DATASET: Final = "virtual/tubulin"
CELLS_SEED: Final = 20220777
N_CELLS: Final = 24
SEED: Final = 0
KEPT: Final = ("config.json", "training.json", "weights_best.h5", likeness.FILE)
MEASURES: Final = ("psnr", "ssim", "ms_ssim_3", "ms_ssim_5", "false_structure", "missed_structure")
RECIPE: Final = training.Recipe(
    epochs=30,
    steps_per_epoch=60,
    batch_size=16,
    learning_rate=0.001,
    patch_px=64,
    n_patches_per_image=64,
    unet_n_first=8,
    unet_kern_size=3,
    precision="float32",
)


def training_pairs(folder: Path) -> list[data.Pair]:
    """Draw cells like those of the data set from another seed, and return both labels in pairs."""
    entry = {**data.read_entry(DATASET), "seed": CELLS_SEED, "n_cells": N_CELLS}
    entry.pop("sha256")
    entry["roles"] = {role: entry["roles"][role] for role in ("source", "target")}
    if not folder.exists():
        virtual_sets.make("cells of the teaching model", entry, folder)
    return data.pair_images(folder / "source", folder / "target")


def train(folder: Path) -> Path:
    """Train the model in a folder, and return the model's own folder."""
    pairs = training_pairs(folder / "cells")
    split = patches.split_images(pairs, n_validation=4, rng=np.random.default_rng(SEED))
    model = training.train_network(split, method="L2L", loss="3S-SSIM", seed=SEED, folder=folder, recipe=RECIPE)
    likeness.remember([model.logdir], [pair.source for pair in split.training])
    return model.logdir


def judge(model_dir: Path, folder: Path) -> pd.DataFrame:
    """Return means and 95 % intervals over the cells of the data set, of the input label and of what it becomes."""
    images = notebook.open_data(DATASET)
    pairs = data.pair_images(images.source, images.target)
    sources = [pair.source for pair in pairs]
    restored = restoration.restore_files(care.load(model_dir), sources, folder / "restored")
    names = [pair.name for pair in pairs]
    made = {"input": ("raw", sources), "L2L": ("normalised", restored)}
    tables = [
        scores.score_files(
            dict(zip(names, paths, strict=True)), pairs, images, scale=scale, method=method, loss="", condition=""
        )
        for method, (scale, paths) in made.items()
    ]
    table = pd.concat(tables)
    return intervals.summarise(table[table.metric.isin(MEASURES)])


def main() -> None:
    """Train, judge and keep."""
    folder = Path(sys.argv[1])
    model_dir, kept = train(folder), shipped.MODELS / "tubulin"
    kept.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        shutil.copyfile(model_dir / name, kept / name)
    record = Path(__file__).parents[1] / "results/teaching_model.csv"
    records.write(judge(model_dir, folder), record, command="workflow/teaching_model.py", seeds=[SEED])


if __name__ == "__main__":
    main()
