"""What a quality report says in words and numbers: the result, what to watch, tables, how to cite."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from l2l_utils import __version__, data, files, manuscript, provenance, quality, record, residual, scores

NAMES: Final = {
    "psnr": "PSNR (dB)",
    "si_psnr": "SI-PSNR (dB)",
    "nrmse": "NRMSE",
    "ssim": "SSIM",
    "ms_ssim_3": "3S-SSIM",
    "ms_ssim_5": "5S-SSIM",
    "false_structure": "false structure",
    "missed_structure": "missed structure",
    "gain_psnr": "gain in PSNR (dB)",
    "gain_ms_ssim_3": "gain in 3S-SSIM",
}
# What images are ranked by.
RANKED_BY: Final = "ms_ssim_3"
ENOUGH_IMAGES: Final = 20
ENOUGH_SEEDS: Final = 3


def main_method(judged: quality.Judged) -> str:
    """Return the method that the report is about: L2L, or else the last one; ValueError where there is none."""
    methods = [method for method in judged.shown if method != "input"]
    if not methods or not judged.held_out:
        raise ValueError(
            f"Expected restored images of held-out fields to report on, found {len(judged.held_out)} fields and the "
            f"methods {', '.join(judged.shown)}. Train or open a model, or give other_restored_dir."
        )
    return "L2L" if "L2L" in methods else methods[-1]


def ranking(judged: quality.Judged) -> pd.Series:
    """Return 3S-SSIM of the main method by image, the mean over its trainings, from best to worst."""
    table = judged.table[judged.table.method == main_method(judged)]
    return table.groupby("image", sort=False)[RANKED_BY].mean().sort_values(ascending=False)


def in_short(judged: quality.Judged) -> str:
    """Return the result in one sentence."""
    method = main_method(judged)
    mean = judged.table.groupby("method", sort=False)[list(quality.MEASURES)].mean()
    raw, restored = mean.loc["input"], mean.loc[method]
    return (
        f"With {method} the similarity to the benchmark label, 3S-SSIM, went from {raw.ms_ssim_3:.3f} to "
        f"{restored.ms_ssim_3:.3f}, and PSNR from {raw.psnr:.2f} to {restored.psnr:.2f} dB, on average over "
        f"{_count(len(judged.held_out), 'held-out image')}."
    )


def watch(judged: quality.Judged, records: Mapping[tuple[str, int], Mapping[str, Any]]) -> list[str]:
    """Return what a reader should know before the restored images are used, a sentence or two each.

    Parameters
    ----------
    judged : Judged
        Of `quality.write`.
    records : mapping of (str, int) to mapping
        By method and seed, the ``training.json`` of each model; empty for one of plain CSBDeep.
    """
    method = main_method(judged)
    mine = judged.table[judged.table.method == method]
    return [
        *_worse_images(mine, method),
        *_spread(mine, method),
        *_brightness(mine),
        *_removed(judged, method),
        *_curves({key: found for key, found in records.items() if found}),
        *_small(len(judged.held_out)),
        "The scores compare with the benchmark label, which has noise and gaps of its own: a perfect score would be a "
        "copy of these. What both labels share, background included, is structure to the network.",
        "Intensities of a restored image are not amounts of protein. Measure intensities in the raw image.",
        "The scores hold for images prepared and recorded like these. Look at the verdict on your other images before "
        "you restore them.",
    ]


def _worse_images(mine: pd.DataFrame, method: str) -> list[str]:
    gains = mine.groupby("image")[[f"gain_{RANKED_BY}", "gain_psnr"]].mean()
    worse = list(gains.index[(gains <= 0).any(axis=1)])
    if not worse:
        return [f"{method} is nearer to the benchmark than the raw image in every held-out field, by 3S-SSIM and PSNR."]
    return [
        f"In {len(worse)} of {_count(len(gains), 'held-out image')} {method} is no nearer to the benchmark than the "
        f"raw image is, by 3S-SSIM or by PSNR: {files.some(worse)}. Look at these first."
    ]


def _spread(mine: pd.DataFrame, method: str) -> list[str]:
    by_seed = mine.groupby("seed")[f"gain_{RANKED_BY}"].mean()
    if len(by_seed) < 2:
        if mine.seed.iloc[0] == "":
            return []
        return [
            f"{method} was trained once, so nothing tells how much of the gain is chance. Train {ENOUGH_SEEDS} times."
        ]
    gain, spread = by_seed.mean(), by_seed.std()
    verdict = "" if gain > 2 * spread else " That is not clearly more than chance."
    return [
        f"The mean gain in 3S-SSIM is {gain:.3f}, and differs between {_count(len(by_seed), 'training')} by "
        f"{spread:.3f} (standard deviation).{verdict}"
    ]


def _brightness(mine: pd.DataFrame) -> list[str]:
    psnr, fitted = mine.gain_psnr.mean(), mine.gain_si_psnr.mean()
    if psnr <= 0 or fitted >= psnr / 2:
        return []
    return [
        f"Of the gain in PSNR, {psnr:.2f} dB, {max(fitted, 0):.2f} dB are left when gain and offset of both images are "
        "fitted to the benchmark (SI-PSNR): much of it is brightness, not structure."
    ]


def _removed(judged: quality.Judged, method: str) -> list[str]:
    correlation = {}
    for pair in judged.held_out:
        images = {}
        for name in ("input", method):
            scale, found = judged.shown[name]
            images[name] = scores.read_compared(found[pair.name], pair.target, scale=scale, **judged.percentiles)
        removed = residual.removed(images["input"].matched, images[method].matched)
        correlation[pair.name] = residual.structure_in(removed, images["input"].benchmark)
    highest = max(correlation, key=correlation.__getitem__)
    return [
        f"What {method} removed correlates with the benchmark by {np.mean(list(correlation.values())):.2f} on average, "
        f"at most by {correlation[highest]:.2f} ({highest}). Near 0, background was removed; clearly above 0, "
        "structure was lost; below 0, structure is drawn stronger than in the raw image."
    ]


def _curves(records: Mapping[tuple[str, int], Mapping[str, Any]]) -> list[str]:
    found = []
    epochs = {
        key: (content["best_epoch"], content["config"].get("train_epochs", 0)) for key, content in records.items()
    }
    rising = [f"{method} seed {seed}" for (method, seed), (best, last) in epochs.items() if best < last / 2]
    falling = [f"{method} seed {seed}" for (method, seed), (best, last) in epochs.items() if best == last]
    if falling:
        found.append(
            f"The validation loss was lowest in the last epoch ({files.some(falling)}): train for more epochs."
        )
    if rising:
        found.append(
            f"The validation loss was lowest in the first half of the training ({files.some(rising)}): the network "
            "began to learn its images by heart. Add images, or zooms and turns of them."
        )
    return found


def _small(n_held_out: int) -> list[str]:
    if n_held_out >= ENOUGH_IMAGES:
        return []
    return [
        f"{_count(n_held_out, 'image')} held out: fewer than {ENOUGH_IMAGES} say little about the images to come. Hold "
        "out more, or add images."
    ]


def score_tables(judged: quality.Judged) -> dict[str, pd.DataFrame]:
    """Return the means with their spread over trainings, by reference: the benchmark, and the truth if there is one."""
    table, errors = judged.scores, ["false_structure", "missed_structure"]
    found = {"benchmark": scores.score_table(table[table.method != "benchmark"], "benchmark", names=quality.MEASURES)}
    if (table.reference == "truth").any():
        found["truth"] = scores.score_table(table, "truth", names=[*quality.MEASURES, *errors])
    return {name: shown.rename(columns=NAMES).rename_axis(columns=None) for name, shown in found.items()}


def image_table(judged: quality.Judged) -> pd.DataFrame:
    """Return the measures of every image and method, means over trainings, from the best image to the worst."""
    columns = [*quality.MEASURES, "gain_psnr", "gain_ms_ssim_3"]
    means = judged.table.groupby(["image", "method"], sort=False)[columns].mean()
    order = [(image, method) for image in ranking(judged).index for method in judged.shown]
    return means.loc[order].rename(columns=NAMES)


def data_table(split: Mapping[str, Sequence[data.Pair]], known: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return a row per image pair: what it served, and the sha256 of both files, from `known` where it is there."""
    rows = []
    for use, pairs in split.items():
        for pair in pairs:
            hashes = known.get(pair.name) or data.checksums([pair])[pair.name]
            sha256 = {f"sha256 of the {role}": f"{hashes[role]}" for role in ("source", "target")}
            rows.append({"image": pair.name, "use": use.replace("_", " ")} | sha256)
    return pd.DataFrame(rows).set_index("image")


def settings_table(folders: Mapping[str, Path]) -> pd.DataFrame:
    """Return what is on record of each model, a column each; of a model of plain CSBDeep its configuration."""
    columns = {}
    for name, folder in folders.items():
        content = record.read(folder)
        if content:
            content = content | {"about": {k: v for k, v in content.get("about", {}).items() if k != "sha256"}}
        else:
            content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        columns[name] = provenance.key_values(content)
    return pd.DataFrame(columns).fillna("")


def citations(methods: Sequence[str]) -> list[str]:
    """Return what to cite, as HTML."""
    cited = {
        "Kölln et al., 2022": "Label2label",
        **({"Lehtinen et al., 2018": "Noise2noise"} if "N2N" in methods else {}),
        "Weigert et al., 2018": "The network, CARE of CSBDeep, and the least-squares fit of SI-PSNR",
        "Wang et al., 2004": "SSIM",
        "Wang et al., 2003": "Multi-scale SSIM",
    }
    lines = [
        f'{what}: {html.escape(name)}, <a href="{manuscript.REFERENCES[name]}">{manuscript.REFERENCES[name]}</a>'
        for name, what in cited.items()
    ]
    return [*lines, f"The software: the Label2label book, l2l_utils {__version__}."]


def _count(number: int, what: str) -> str:
    return f"{number} {what if number == 1 else f'{what}s'}"
