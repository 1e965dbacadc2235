"""Held-out images that are judged: raw ones, a method whose images are the benchmark with an error, another tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from l2l_utils import data, patches, quality, scores


def judge(images: data.Folders, folder: Path, *, shifts: Sequence[float] = (0.1, 0.2)) -> quality.Judged:
    """Score and write the raw images, L2L with an error in each training, and a tool that knows the benchmark."""
    pairs = data.pair_images(images.source, images.target)
    files = {("input", None, "raw"): {pair.name: pair.source for pair in pairs}}
    for seed, shift in enumerate(shifts):
        made = {pair.name: folder / "restored" / str(seed) / f"{pair.name}.tif" for pair in pairs}
        for pair in pairs:
            if not made[pair.name].exists():
                data.write_image(made[pair.name], patches.read_normalized(pair.target) + shift)
        files["L2L", seed, "normalised"] = made
    files["other tool", None, "unknown"] = {pair.name: pair.target for pair in pairs}
    files["benchmark", None, "raw"] = {pair.name: pair.target for pair in pairs}
    return judge_files(files, pairs, images, folder)


def judge_files(
    files: Mapping[quality.Method, Mapping[str, Path]], pairs: Sequence[data.Pair], images: data.Folders, folder: Path
) -> quality.Judged:
    """Score images as chapter 03 does, and write table and maps."""
    tables = [
        scores.score_files(
            found, pairs, images, scale=scale, method=method, seed=seed, loss="" if seed is None else "L1"
        )
        for (method, seed, scale), found in files.items()
    ]
    return quality.write(pd.concat(tables), files, pairs, folder)
