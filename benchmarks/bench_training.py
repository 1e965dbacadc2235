"""Training: speed, memory and time to a score, against the loop of stock CSBDeep on the same patches and network."""

from __future__ import annotations

import tempfile
import time
from typing import Any, Final

import measuring
import numpy as np

NETWORKS: Final = {"default": {}, "small": {"unet_n_first": 16, "unet_kern_size": 3}}
BATCH: Final = 16
N_ROUNDS: Final = 3
# Network, patch side, epochs, steps per epoch: the last two are long enough for scores, the first is for speed only.
CASES: Final = (("default", 128, 3, 6), ("default", 64, 5, 10), ("small", 64, 6, 25))
SMOKE_CASES: Final = (("small", 64, 3, 2),)


class Clocked:
    """Patches that note when a loop asks for each batch; both loops ask the same way.

    Parameters
    ----------
    array : array_like
        The patches of one label.
    """

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim
        self.asked: list[float] = []

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: Any) -> np.ndarray:
        self.asked.append(time.perf_counter())
        return self.array[index]


def measure(
    *, engine: str, network: str, patch_px: int, epochs: int, steps: int, precision: str, seed: int, scored: bool
) -> measuring.Measured:
    """Train one network from scratch, with this engine ("ours") or as CSBDeep does ("stock").

    Parameters
    ----------
    engine, network, precision : str
        Who trains, which network, and what it computes in; stock CSBDeep knows float32 only.
    patch_px, epochs, steps, seed : int
        Size of the patches, length of the training, and what decides weights and order.
    scored : bool
        Whether to restore and score held-out cells, too.

    Returns
    -------
    dict
        ``patches_per_s`` after the first epoch, with validation and checkpoints, and the scores.
    """
    from csbdeep.utils.tf import keras_import

    from l2l_utils import data, patches, splits

    folder = data.fetch("virtual/tubulin")
    pairs = data.pair_images(folder / "source", folder / "target")
    split = splits.split_images(pairs, n_validation=2, n_held_out=8, rng=np.random.default_rng(0))
    options = {"patch_px": patch_px, "rng": np.random.default_rng(1)}
    training = patches.LazyPatches(split.training[:16], n_per_image=64, **options)
    validation = patches.LazyPatches(split.validation, n_per_image=32 if scored else 4, **options)
    validation = patches.Patches(validation.source[:], validation.target[:])
    keras_import("utils", "set_random_seed")(seed)
    settings = {"train_epochs": epochs, "train_steps_per_epoch": steps, "train_batch_size": BATCH, **NETWORKS[network]}
    with tempfile.TemporaryDirectory() as basedir:
        train = _train_ours if engine == "ours" else _train_stock
        model, asked, measured = train(basedir, settings, training, validation, precision, seed)
        if scored:
            measured["held_out_3S"] = _held_out_score(model, split.held_out)
    measured["patches_per_s"] = BATCH * (len(asked) - 1 - steps) / (asked[-1] - asked[steps])
    return measured


def _train_stock(
    basedir: str, settings: dict[str, Any], training: Any, validation: Any, _precision: str, seed: int
) -> tuple[Any, list[float], measuring.Measured]:
    """Train with CSBDeep's own method, arrays and loss, as its documentation shows it."""
    from csbdeep.models import CARE, Config

    from l2l_utils import losses

    np.random.seed(seed)  # noqa: NPY002  CSBDeep draws its batches from numpy's global state
    model = CARE(Config("YX", 1, 1, train_tensorboard=False, **settings), name="stock", basedir=basedir)
    clocked = Clocked(training.source[:])
    start = time.perf_counter()
    model.train(clocked, training.target[:], validation_data=tuple(validation))
    seconds = time.perf_counter() - start
    restored = model.keras_model.predict(validation.source, batch_size=BATCH, verbose=0)
    score = 1 - float(np.mean(losses.get("3S-SSIM")(validation.target, restored)))
    return model, clocked.asked, {"seconds": seconds, "final_3S": score}


def _train_ours(
    basedir: str, settings: dict[str, Any], training: Any, validation: Any, precision: str, seed: int
) -> tuple[Any, list[float], measuring.Measured]:
    """Train as chapter 3 does, on patches that are read from the image files batch by batch."""
    from l2l_utils import care, record

    model = care.create(name="ours", basedir=basedir, loss="3S-SSIM", **settings)
    clocked = Clocked(training.source)
    start = time.perf_counter()
    log = care.train(model, _Timed(training, clocked), validation, seed=seed, precision=precision)
    seconds = time.perf_counter() - start
    # What is not in the log - choosing the precision, building the network, writing the state - counts in full at once.
    reached = (seconds - log.seconds.sum() + log.seconds.cumsum()).tolist()
    used = record.read(model.logdir)["used_precision"]
    scores = (1 - log.val_loss).tolist()
    return model, clocked.asked, {"seconds": seconds, "reached": reached, "scores": scores, "used": used}


class _Timed:
    """Lazy patches whose sources are clocked."""

    def __init__(self, lazy: Any, clocked: Clocked) -> None:
        self.lazy, self.source, self.target = lazy, clocked, lazy.target

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lazy, name)

    def at_epoch(self, _epoch: int) -> _Timed:
        return self


def _held_out_score(model: Any, pairs: list[Any]) -> float:
    """Return the mean 3S-SSIM of restored images against their benchmark labels."""
    from l2l_utils import care, data, metrics, patches

    scores = [
        metrics.ms_ssim(
            patches.read_normalized(pair.target), care.restore(model, data.read_image(pair.source)), n_scales=3
        )
        for pair in pairs
    ]
    return float(np.mean(scores))


def seconds_to(score: float, ours: measuring.Measured) -> float:
    """Return when a training of this engine reached a validation score; infinite if it never did."""
    return next((s for s, reached in zip(ours["reached"], ours["scores"], strict=True) if reached >= score), np.inf)


def report(smoke: bool) -> None:
    """Alternate both engines and print what they reached."""
    rows, precision_rows = [], []
    for network, patch_px, epochs, steps in SMOKE_CASES if smoke else CASES:
        task = {"network": network, "patch_px": patch_px, "epochs": epochs, "steps": steps, "scored": patch_px == 64}
        stock, ours, other = [], [], []
        for seed in range(1 if smoke else N_ROUNDS):
            stock.append(_run(engine="stock", precision="float32", seed=seed, **task))
            ours.append(_run(engine="ours", precision="auto", seed=seed, **task))
            if network == "small":
                other_precision = "bfloat16" if ours[-1]["used"] == "float32" else "float32"
                other.append(_run(engine="ours", precision=other_precision, seed=seed, **task))
        rows.append([f"{network}, {patch_px} px", *_compare(stock, ours)])
        for one, two in zip(ours, other, strict=False):
            precision_rows.append(_compare_precisions(one, two))
    columns = ("network, patches", "stock patches/s", "ours patches/s", "ours / stock", "precision", "stock GiB")
    columns += ("ours GiB", "stock s to its last epoch", "ours s to stock's validation 3S-SSIM", "stock s / ours s")
    measuring.table(f"Training, batches of {BATCH}: median (lowest to highest) of alternating rounds", columns, rows)
    columns = ("seed", "auto", "other precision", "difference", "auto chose", "other")
    rows = ([seed, *row] for seed, row in enumerate(precision_rows))
    measuring.table("Held-out 3S-SSIM of the small net by precision", columns, rows)


def _run(**task: Any) -> measuring.Measured:
    return measuring.run_alone(__file__, **task)


def _compare(stock: list[measuring.Measured], ours: list[measuring.Measured]) -> list[str]:
    used = {one["used"] for one in ours}
    cells = [measuring.values(stock, "patches_per_s", 1), measuring.values(ours, "patches_per_s", 1)]
    cells += [measuring.ratios(ours, stock, "patches_per_s"), " or ".join(sorted(used))]
    cells += [measuring.values(stock, "peak_gib"), measuring.values(ours, "peak_gib")]
    if "held_out_3S" not in stock[0]:
        return [*cells, "", "", ""]
    theirs = [one["seconds"] for one in stock]
    reached = [seconds_to(one["final_3S"], two) for one, two in zip(stock, ours, strict=True)]
    gains = [a / b for a, b in zip(theirs, reached, strict=True)]
    return [*cells, measuring.spread(theirs, 1), measuring.spread(reached, 1), measuring.spread(gains)]


def _compare_precisions(one: measuring.Measured, two: measuring.Measured) -> list[str]:
    scores = one["held_out_3S"], two["held_out_3S"]
    return [*(f"{score:.4f}" for score in scores), f"{scores[0] - scores[1]:+.4f}", one["used"], two["used"]]


if __name__ == "__main__":
    measuring.run(report, measure)
