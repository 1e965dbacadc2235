"""What the paper reports of its images, and the same of a set of virtual cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from l2l_utils import metrics, pairs, papers, simulation

SHAPE = (512, 512)
PERCENTILES = {"caveolae": {"pmin": 2, "pmax": 99.5}, "nucleus_membrane": {"pmin": 2, "pmax": 99.8}}
SAMPLE_PERCENT = {"caveolae": 1}
# The paper's name of the label that shows the structure.
SEPARATED = {"sytox": "nucleus", "cd44": "membrane"}
PAIRED = ("actin", "tubulin", "caveolae", "paxillin")
MEASURES = ("psnr", "ms_ssim_5", "ms_ssim_3", "ssim")
CONTRASTS = ("michelson", "rms_contrast")


class Case(NamedTuple):
    """One number of the paper: its data set, whose it is (`input` also for a pair), and what it measures."""

    dataset: str
    method: str
    metric: str


def paper_values() -> dict[Case, float]:
    """Return the numbers that the virtual microscope has to come near."""
    rows = papers.reported("Table 1", "Results text").query("loss == ''")
    values = {Case(row.dataset, row.method, row.metric): row.value for row in rows.itertuples()}
    return {case: value for case, value in values.items() if case.metric in MEASURES + CONTRASTS}


def tolerance(metric: str, value: float) -> float:
    """Return by how much a mean over cells may differ from the paper (DESIGN, section 4)."""
    fixed = {"psnr": 1.0, "michelson": 0.08, "rms_contrast": 0.02}
    return fixed[metric] if metric in fixed else max(0.15 * value, 0.015)


def score_cell(structure: str, rng: np.random.Generator) -> dict[Case, float]:
    """Make a cell and measure on it what the paper reports."""
    images = simulation.simulate_cell(structure, SHAPE, rng=rng)
    targets = {structure: "target"} if structure in PAIRED else SEPARATED
    scores = {}
    for dataset, target in targets.items():
        compared = pairs.compare_labels(images["source"], images[target], rng=rng, **PERCENTILES.get(structure, {}))
        scores |= {Case(dataset, "input", metric): compared[metric] for metric in MEASURES}
    if structure in PAIRED:
        for name, method in (("source", "input"), ("target", "benchmark")):
            contrast = metrics.contrast(images[name], sample_percent=SAMPLE_PERCENT.get(structure, 10))
            scores |= {Case(structure, method, metric): contrast[metric] for metric in CONTRASTS}
    return scores


def score_cells(structure: str, seeds: range) -> dict[Case, NDArray[np.float64]]:
    """Return each number for every seed."""
    rows = [score_cell(structure, np.random.default_rng(seed)) for seed in seeds]
    return {case: np.array([row[case] for row in rows]) for case in rows[0]}
