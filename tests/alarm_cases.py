"""Where the truth is known: how well each alarm finds false structure, and which images the likeness verdict warns of.

`python tests/alarm_cases.py` needs the sweep (`make sweep`), takes a quarter of an hour on two cores, and writes
results/alarms.csv and results/likeness.csv.
"""

import itertools
import os
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from second_microscope import draw_style, simulate_pair, true_structure

from l2l_utils import data, examination, likeness, patches, records, reliability, simulation, variants

ROOT = Path(__file__).resolve().parents[1]
SWEEP = ROOT / "build" / "sweep"
STRUCTURES = ("tubulin", "actin", "paxillin", "caveolae")
LOSSES = ("L1", "SSIM", "3S-SSIM", "5S-SSIM")
OTHER_IMAGES = "3S-SSIM"  # the loss whose networks restore images unlike the training images, too
N_SEEDS, N_CELLS, SHAPE, LIKE_SHAPE, FIRST_SEED = 3, 20, (256, 256), (384, 384), 4000
N_PLACES = 500  # where structure is true, of each image
FALSE_ALARMS = 0.1  # on other structures, where the threshold is fixed
HELD_OUT, SECOND = "held-out cells", "second microscope"
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
    """Return a virtual set's folder and its split, as the sweep made it."""
    folder = data.fetch(f"virtual/{structure}")
    pairs = data.pair_images(folder / "source", folder / "target")
    sizes = {"n_validation": 2, "n_held_out": N_CELLS}
    return folder, patches.split_images(pairs, **sizes, rng=np.random.default_rng(0))


def images_of(structure, case):
    """Yield the images of a case: the middle of the held-out cells, or cells simulated for it."""
    if case != HELD_OUT:
        yield from (simulate(structure, case, number) for number in range(N_CELLS))
        return
    folder, split = split_set(structure)
    for pair in split.held_out:
        paths = {"source": pair.source, "truth": folder / "truth" / pair.source.name}
        whole = {name: data.read_image(path) for name, path in paths.items()}
        top, left = ((side - part) // 2 for side, part in zip(whole["truth"].shape, SHAPE, strict=True))
        yield {name: image[top : top + SHAPE[0], left : left + SHAPE[1]] for name, image in whole.items()}


def examine_case(key):
    """Return a row per image, first network and alarm: its values at false places, and at some of the true ones."""
    from l2l_utils import care

    structure, loss, method, case = key
    folder = SWEEP / structure / loss / "models"
    models = [care.load(folder / f"{method}_{loss}_seed{seed}") for seed in range(N_SEEDS)]
    shown = simulation.STRUCTURES[case if case in STRUCTURES else structure]
    options = {"resolution_px": shown.resolution_nm / shown.pixel_size_nm, "n_renoised": 2}
    options["percentiles"] = data.read_entry(f"virtual/{structure}")["percentiles"]
    rng, rows = np.random.default_rng(zlib.crc32(" ".join(key).encode())), []
    for number, images in enumerate(images_of(structure, case)):
        raw = images["source"]
        if not (images["truth"] >= 0.5).any():
            continue
        known = [care.restore(model, raw) for model in models]

        def restore(image, seed, known=known, raw=raw):
            return known[seed] if image is raw else care.restore(models[seed], image)

        for first in range(N_SEEDS):
            order = [partial(restore, seed=(first + i) % N_SEEDS) for i in range(N_SEEDS)]
            examined = examination.examine(raw, order, rng=rng, **options)
            found = reliability.places(images["truth"], examined.restored, resolution_px=options["resolution_px"])
            share = found.false.sum() / max(found.shown.sum(), 1)
            for alarm, image in examined.maps.items():
                false, true = reliability.split_values(image, found)
                row = {"seed": first, "image": number, "alarm": alarm, "false_share": share}
                rows.append(row | {"false": false, "true": rng.choice(true, min(N_PLACES, len(true)), replace=False)})
    names = dict(zip(("structure", "loss", "method", "images"), key, strict=True))
    return pd.DataFrame(rows).assign(**names)


def summarise(places):
    """Return the table of results/alarms.csv: AUC with interval, hits and false alarms at thresholds set elsewhere."""
    groups = ["structure", "loss", "method", "images", "alarm"]
    limits = {
        key: np.quantile(np.concatenate(list(part.true)), 1 - FALSE_ALARMS)
        for key, part in places[places.images == HELD_OUT].groupby(groups)
    }
    rows = []
    for key, part in places.groupby(groups, sort=False):
        structure, loss, method, _, alarm = key
        others = [limits.get((other, loss, method, HELD_OUT, alarm)) for other in STRUCTURES if other != structure]
        threshold = np.mean([limit for limit in others if limit is not None])
        values = part.set_index(["seed", "image"])
        found = reliability.auc_interval(values.false.to_dict(), values.true.to_dict())
        false, true = (np.concatenate(list(part[kind])) for kind in ("false", "true"))
        rows.append(
            dict(zip(groups, key, strict=True))
            | dict(zip(("auc", "low", "high"), found, strict=True))
            | {"n_seeds": part.seed.nunique(), "n_images": part.image.nunique(), "false_share": part.false_share.mean()}
            | {
                "threshold": threshold,
                "hits": np.mean(false > threshold) if len(false) else np.nan,
                "false_alarms": np.mean(true > threshold),
            }
        )
    return pd.DataFrame(rows)


def warned(key):
    """Return how many images of a case the verdict of a structure's training images warns of."""
    structure, case = key
    _, split = split_set(structure)
    training = likeness.describe([pair.source for pair in split.training])
    if case in STRUCTURES:
        images = (data.read_image(pair.source) for pair in split_set(case)[1].held_out)
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
    cases = [(*key, HELD_OUT) for key in itertools.product(STRUCTURES, LOSSES, ("L2L", "N2N"))]
    for structure in STRUCTURES:
        others = [*(other for other in STRUCTURES if other != structure), *CHANGED, SECOND]
        cases += [(structure, OTHER_IMAGES, "L2L", case) for case in others]
    seen = [*STRUCTURES, "unchanged", *CHANGED, "no structure", SECOND]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        verdicts = pd.DataFrame(pool.map(warned, itertools.product(STRUCTURES, seen)))
        alarms = summarise(pd.concat(pool.map(examine_case, cases)))
    about = {"command": "python tests/alarm_cases.py", "seeds": range(N_SEEDS)}
    records.write(verdicts, ROOT / "results" / "likeness.csv", **about)
    records.write(alarms, ROOT / "results" / "alarms.csv", **about)
