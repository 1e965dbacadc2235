"""Where the truth is known: how well each alarm finds false structure, and which images the likeness verdict warns of.

`python tests/alarm_cases.py` needs the sweep (`make sweep`), takes a quarter of an hour on two cores, and writes
results/alarms.csv and results/likeness.csv.
"""

import itertools
import os
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from second_microscope import draw_style, simulate_pair, true_structure

from l2l_utils import data, likeness, patches, records, reliability, simulation, variants

ROOT = Path(__file__).resolve().parents[1]
SWEEP = ROOT / "build" / "sweep" / "losses"
STRUCTURES = ("tubulin", "actin", "paxillin", "caveolae")
LOSSES = ("L1", "SSIM", "3S-SSIM", "5S-SSIM")
# Networks of this loss also restore images unlike their training images, and images with more noise.
CHOSEN = "3S-SSIM"
OTHERS_OF = ("tubulin", "actin", "paxillin")  # on caveolae no alarm works in the first place
N_SEEDS, N_CELLS, N_OTHERS, FIRST_SEED = 3, 20, 12, 4000  # N_OTHERS: cells of each case for the maps
SHAPE, LIKE_SHAPE, WHOLE_SHAPE = (256, 256), (384, 384), (512, 512)
FALSE_ALARMS = 0.1  # on other structures, where the threshold is fixed
NEW, SECOND = "new cells", "second microscope"
CHANGED = variants.VARIANTS | {"fewer pieces": partial(variants.fewer_pieces, kept=0.3)}


def simulate(structure, case, number, shape=SHAPE):
    """Return source and truth of one image of a case; each number has its own specimen."""
    rng = np.random.default_rng([FIRST_SEED, number, zlib.crc32(f"{structure} {case}".encode())])
    if case == SECOND:
        style, state = draw_style(rng), rng.bit_generator.state
        source, _ = simulate_pair(shape, style, rng=rng)
        rng.bit_generator.state = state
        return {"source": source, "truth": true_structure(shape, style, rng=rng)}
    changed = CHANGED | {"no structure": partial(variants.fewer_pieces, kept=0.0)}
    row = simulation.STRUCTURES[case if case in STRUCTURES else structure]
    return variants.simulate_variant(changed[case](row) if case in changed else row, shape, rng=rng)


def split_set(structure):
    """Return a virtual set's pairs as the sweep split them."""
    folder = data.fetch(f"virtual/{structure}")
    pairs = data.pair_images(folder / "source", folder / "target")
    sizes = {"n_validation": 2, "n_held_out": N_CELLS}
    return patches.split_images(pairs, **sizes, rng=np.random.default_rng(0))


@cache
def like_the_training_cells(structure):
    """Return the middle of whole cells that are in no data set: neither trained on nor looked at before."""
    top, left = ((whole - part) // 2 for whole, part in zip(WHOLE_SHAPE, SHAPE, strict=True))
    middle = np.s_[top : top + SHAPE[0], left : left + SHAPE[1]]
    cells = (simulate(structure, NEW, number, WHOLE_SHAPE) for number in range(N_CELLS))
    return [{name: image[middle] for name, image in cell.items()} for cell in cells]


def images_of(structure, case):
    """Return the images of a case, each of another cell."""
    if case == NEW:
        return like_the_training_cells(structure)
    return [simulate(structure, case, number) for number in range(N_OTHERS)]


def judge_case(key):
    """Return what `reliability.judge_images` finds on the images of a case."""
    from l2l_utils import care

    structure, loss, method, case = key
    folder = SWEEP / f"04-{structure}" / loss / "models"
    models = [care.load(folder / f"{method}_{loss}_seed{seed}") for seed in range(N_SEEDS)]
    shown = simulation.STRUCTURES[case if case in STRUCTURES else structure]
    judged = reliability.judge_images(
        {f"{i}": (cell["source"], cell["truth"]) for i, cell in enumerate(images_of(structure, case))},
        [partial(care.restore, model) for model in models],
        resolution_px=shown.resolution_nm / shown.pixel_size_nm,
        percentiles=data.read_entry(f"virtual/{structure}")["percentiles"],
        n_renoised=2 if loss == CHOSEN else 0,
        rng=np.random.default_rng(zlib.crc32(" ".join(key).encode())),
    )
    return judged.assign(structure=structure, loss=loss, method=method, images=case)


def summarise(judged):
    """Return the table of results/alarms.csv: AUC with interval, hits and false alarms at thresholds set elsewhere."""
    groups = ["structure", "loss", "method", "images"]
    limits = {
        key: np.quantile(np.concatenate(list(part.true)), 1 - FALSE_ALARMS)
        for key, part in judged[judged.images == NEW].groupby([*groups, "alarm"])
    }
    rows = []
    for key, part in judged.groupby(groups, sort=False):
        structure, loss, method, _ = key
        for row in reliability.summarise(part).to_dict("records"):
            others = [limits.get((x, loss, method, NEW, row["alarm"])) for x in STRUCTURES if x != structure]
            threshold = np.mean([limit for limit in others if limit is not None])
            here = part[part.alarm == row["alarm"]]
            rates = {"threshold": threshold}
            for kind, name in (("false", "hits"), ("true", "false_alarms")):
                values = np.concatenate(list(here[kind]))
                rates[name] = np.mean(values > threshold) if len(values) else np.nan
            rows.append(dict(zip(groups, key, strict=True)) | row | rates)
    return pd.DataFrame(rows)


def warned(key):
    """Return how many images of a case the verdict of a structure's training images warns of."""
    structure, case = key
    training = likeness.describe([pair.source for pair in split_set(structure).training])
    if case in STRUCTURES:
        images = (data.read_image(pair.source) for pair in split_set(case).held_out)
    else:
        images = (simulate(structure, case, number, LIKE_SHAPE)["source"] for number in range(N_CELLS))
    verdicts = [likeness.compare(image, training) for image in images]
    n_warned, n_images = sum(verdict.unlike for verdict in verdicts), len(verdicts)
    low, high = binomtest(n_warned, n_images).proportion_ci()
    reasons = pd.Series([verdict.differences[0] for verdict in verdicts if verdict.unlike], dtype=object)
    return {
        "structure": structure,
        "images": case,
        "n_images": n_images,
        "n_warned": n_warned,
        "low": low,
        "high": high,
        "most_frequent_reason": reasons.mode().iloc[0] if n_warned else "",
    }


if __name__ == "__main__":
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = "1"  # the processes side by side use the cores
    cases = [(*key, NEW) for key in itertools.product(STRUCTURES, LOSSES, ("L2L", "N2N"))]
    for structure in OTHERS_OF:
        others = [*(other for other in STRUCTURES if other != structure), *CHANGED, SECOND]
        cases += [(structure, CHOSEN, "L2L", case) for case in others]
    seen = [*STRUCTURES, NEW, *CHANGED, "no structure", SECOND]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        verdicts = pd.DataFrame(pool.map(warned, itertools.product(STRUCTURES, seen)))
        alarms = summarise(pd.concat(pool.map(judge_case, cases)))
    about = {"command": "python tests/alarm_cases.py", "seeds": range(N_SEEDS)}
    records.write(verdicts, ROOT / "results" / "likeness.csv", **about)
    records.write(alarms, ROOT / "results" / "alarms.csv", **about)
