"""Sets of pairs with a known fault, as a user would bring them, and how often the pre-flight report raises each check.

`python tests/preflight_cases.py` measures the whole table, 20 minutes on two cores, and writes results/preflight.csv;
with names of microscopes it replaces their rows only.
"""

import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from second_microscope import draw_style, simulate_pair

import l2l_utils
from l2l_utils import preflight, progress, simulation
from l2l_utils.faults import FAULTS, simulate_faulty_cell

TABLE = Path(__file__).resolve().parents[1] / "results" / "preflight.csv"
N_FIELDS, SHAPE = 6, (320, 320)
# The thresholds were chosen with seeds 0 to 5 of the first microscope.
FIRST_SEED, N_SETS = 1000, 20
MICROSCOPES = ("tubulin", "second", "actin", "paxillin", "caveolae")
WEAKER = {"blind benchmark": 0.15, "bleed-through into benchmark": 0.1, "cross-reaction": 0.1}
# The check that each fault should raise.
EXPECTED = {
    "swapped": "contrast",
    "unregistered": "registration",
    "unrelated": "same structure",
    "saturated": "saturation",
    "identical": "independent images",
    "blind benchmark": "missing structure",
    "bleed-through into benchmark": "input's own signal",
    "bleed-through into input": "input's own signal",
    "cross-reaction": "input's own signal",
}


def draw_strength(fault, rng):
    """Return the strength of a fault for one set; those of which there is more than one kind vary."""
    if fault == "unregistered":
        return rng.uniform(3, 10)
    return rng.choice([0.0, 1.0, 2.0]) if fault == "identical" else FAULTS[fault].strength


def simulate_set(microscope, fault, *, strength=None, n_fields=N_FIELDS, seed):
    """Yield the pairs of one set; `microscope` is a structure of the first virtual microscope, or "second"."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{microscope} {fault}".encode())])
    style = draw_style(rng)
    if fault and strength is None:
        strength = draw_strength(fault, rng)
    for _ in range(n_fields):
        if microscope == "second":
            yield simulate_pair(SHAPE, style, fault=fault, strength=strength, rng=rng)
            continue
        if fault:
            cell = simulate_faulty_cell(microscope, SHAPE, fault=fault, strength=strength, rng=rng)
        else:
            cell = simulation.simulate_cell(microscope, SHAPE, rng=rng)
        yield cell["source"], cell["target"]


def measure_set(images, *, seed):
    """Return the numbers of every pair of a set."""
    rng, rows, others = np.random.default_rng(seed), [], []
    for field, (source, target) in enumerate(images):
        numbers, others = preflight.measure_pair(source, target, others=others, rng=rng)
        rows.append({"name": f"field {field}"} | numbers)
    return pd.DataFrame(rows)


def judge_set(seed, *, microscope, fault, strength):
    """Return whether each check is raised on one set."""
    measured = measure_set(simulate_set(microscope, fault, strength=strength, seed=seed), seed=seed)
    return preflight.judge(measured).checks.set_index("check")["verdict"].isin(["look", "stop"])


def table(microscope, *, run=map):
    """Return how often each check was raised, per fault, with the 95 % interval of the rate; `run` works like map."""
    cases = [(fault, None) for fault in (None, *EXPECTED)] + list(WEAKER.items())
    rows = []
    for fault, strength in progress.bar(cases, desc=microscope, unit="fault"):
        judge = partial(judge_set, microscope=microscope, fault=fault, strength=strength)
        raised = pd.concat(list(run(judge, range(FIRST_SEED, FIRST_SEED + N_SETS))), axis=1).sum(axis=1)
        usual = "varied" if fault in ("unregistered", "identical") else FAULTS[fault].strength if fault else ""
        for check, n_raised in raised.items():
            low, high = binomtest(int(n_raised), N_SETS).proportion_ci()
            rows.append(
                {
                    "microscope": microscope,
                    "fault": fault or "none",
                    "strength": strength or usual,
                    "check": check,
                    "expected": check == EXPECTED.get(fault),
                    "n_sets": N_SETS,
                    "n_raised": n_raised,
                    "rate_low": round(low, 3),
                    "rate_high": round(high, 3),
                    "first_seed": FIRST_SEED,
                    "version": l2l_utils.__version__,
                }
            )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    microscopes = sys.argv[1:] or MICROSCOPES
    with ProcessPoolExecutor() as pool:
        tables = [table(microscope, run=pool.map) for microscope in microscopes]
    if TABLE.exists():
        earlier = pd.read_csv(TABLE, keep_default_na=False)
        tables.insert(0, earlier[~earlier["microscope"].isin(microscopes)])
    TABLE.parent.mkdir(exist_ok=True)
    pd.concat(tables).to_csv(TABLE, index=False)
