"""What restoration does to a measured difference between control and treated cells, where the true one is known.

`python tests/treatment_cases.py` needs the sweep (`make sweep`), takes a few minutes on two cores, and writes
results/treatment.csv.
"""

import os
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from l2l_utils import data, normalization, records, simulation, treatment, variants
from l2l_utils.drawing import FWHM_PER_SIGMA

ROOT = Path(__file__).resolve().parents[1]
SWEEP = ROOT / "build" / "sweep" / "losses"
STRUCTURES, LOSS, N_SEEDS = ("tubulin", "actin", "paxillin"), "3S-SSIM", 3
N_CELLS, N_UNTREATED, N_COMPARISONS, SHAPE, FIRST_SEED = 20, 60, 2000, (320, 320), 6000
REMAINING, KEPT = 0.5, 0.7
TREATMENTS = {
    "fewer pieces": partial(variants.fewer_pieces, kept=KEPT),
    "dimmer label": partial(variants.dimmer_label, remaining=REMAINING),
}


def simulate_group(structure, group, n_cells):
    """Return source and truth of the cells of a group; no two groups have a cell in common."""
    row = TREATMENTS.get(group, lambda row: row)(simulation.STRUCTURES[structure])
    name = zlib.crc32(f"{structure} {group}".encode())
    return [
        variants.simulate_variant(row, SHAPE, rng=np.random.default_rng([FIRST_SEED, i, name])) for i in range(n_cells)
    ]


def effects(images, *, found):
    """Return a row per treatment and measure: the effect on images by group, and how often none is taken for one."""
    numbers = treatment.measure_groups(images)
    groups, rows = dict(list(numbers.groupby("group"))), []
    for measure in ("area_share", "mean_intensity"):
        control, rng = groups["control"][measure][:N_CELLS], np.random.default_rng(0)
        chance = {"n_cells": N_CELLS // 2, "n_comparisons": N_COMPARISONS, "rng": rng}
        untreated = treatment.false_positive_rate(groups["control"][measure], **chance)
        for name in TREATMENTS:
            effect = treatment.effect(control, groups[name][measure])._asdict()
            rows.append(found | {"treatment": name, "measure": measure, **effect, "false_positives": untreated})
    return rows


def table(structure):
    """Return the effects of both treatments on truth, raw images and restorations, of one structure."""
    from l2l_utils import care

    row = simulation.STRUCTURES[structure]
    groups = {"control": simulate_group(structure, "control", N_UNTREATED)}
    groups |= {name: simulate_group(structure, name, N_CELLS) for name in TREATMENTS}
    raw = {group: [cell["source"] for cell in cells] for group, cells in groups.items()}
    sigma_px = row.resolution_nm / row.pixel_size_nm / FWHM_PER_SIGMA
    bound = {group: REMAINING if group == "dimmer label" else 1.0 for group in groups}
    truth = {group: [(cell["truth"] >= 0.5) * 1.0 for cell in cells] for group, cells in groups.items()}
    protein = {group: [bound[group] * cell["truth"] for cell in cells] for group, cells in groups.items()}
    smooth = {g: [ndimage.gaussian_filter(image.astype(float), sigma_px) for image in part] for g, part in raw.items()}
    found = {"structure": structure, "loss": "", "seed": "", "normalisation": ""}
    rows = [r for r in effects(truth, found=found | {"images": "truth"}) if r["measure"] == "area_share"]
    rows += [r for r in effects(protein, found=found | {"images": "truth"}) if r["measure"] == "mean_intensity"]
    rows += effects(smooth, found=found | {"images": "raw"})
    percentiles = data.read_entry(f"virtual/{structure}")["percentiles"]
    controls = np.stack(raw["control"][:N_CELLS])
    ranges = {"per image": None, "per data set": normalization.percentile_range(controls, **percentiles)}
    for seed in range(N_SEEDS):
        model = care.load(SWEEP / f"04-{structure}" / LOSS / "models" / f"L2L_{LOSS}_seed{seed}")
        for name, given in ranges.items():
            restored = {g: [care.restore(model, image, intensity_range=given) for image in p] for g, p in raw.items()}
            about = {"images": "L2L", "loss": LOSS, "seed": seed, "normalisation": name}
            rows += effects(restored, found=found | about)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = "1"  # the processes side by side use the cores
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        measured = pd.concat(pool.map(table, STRUCTURES))
    where = ROOT / "results" / "treatment.csv"
    records.write(measured, where, command="python tests/treatment_cases.py", seeds=range(N_SEEDS))
