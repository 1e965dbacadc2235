"""CAREamics and this engine on the same pairs for the same time: what each makes of held-out cells."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

import measuring
import numpy as np

PEERS_PYTHON: Final = Path(__file__).parents[1] / ".venv-peers" / "bin" / "python"
PEER: Final = Path(__file__).with_name("peer_careamics.py")
PATCH_PX: Final = 64
BATCH: Final = 16


def measure(*, folder: str, epochs: int, steps: int, network: dict[str, int]) -> measuring.Measured:
    """Write the pairs as arrays, train on the image files, and write what the network makes of the held-out ones.

    Parameters
    ----------
    folder : str
        Where the arrays go, axes (image, Y, X), normalised.
    epochs, steps : int
        Length of the training.
    network : dict
        Options of CSBDeep's ``Config``.

    Returns
    -------
    dict
        ``seconds`` and ``patches_per_s`` of the training.
    """
    from l2l_utils import care, data, patches

    split = _split()
    for role, pairs in {"training": split.training, "validation": split.validation, "held": split.held_out}.items():
        for label in ("source", "target"):
            images = [patches.read_normalized(getattr(pair, label)) for pair in pairs]
            np.save(Path(folder) / f"{role}_{label}.npy", np.stack(images))
    options = {"patch_px": PATCH_PX, "rng": np.random.default_rng(0)}
    training = patches.LazyPatches(split.training, n_per_image=64, **options)
    validation = patches.LazyPatches(split.validation, n_per_image=64, **options)
    settings = {"train_epochs": epochs, "train_steps_per_epoch": steps, "train_batch_size": BATCH, **network}
    with tempfile.TemporaryDirectory() as basedir:
        model = care.create(name="ours", basedir=basedir, **settings)
        log = care.train(model, training, validation)
        restored = [care.restore(model, data.read_image(pair.source)) for pair in split.held_out]
    np.save(Path(folder) / "ours.npy", np.stack(restored))
    rate = BATCH * steps / float(log.seconds[1:].median())
    return {"seconds": float(log.seconds.sum()), "patches_per_s": rate}


def score(folder: Path, name: str) -> list[str]:
    """Return a method's mean 3S-SSIM and PSNR against benchmark and truth, after the linear fit to each."""
    from csbdeep.utils import normalize_minmse

    from l2l_utils import data, metrics

    restored, benchmark = np.load(folder / f"{name}.npy"), np.load(folder / "held_target.npy")
    truth_dir = data.fetch("virtual/tubulin") / "truth"
    truth = np.stack([data.read_image(truth_dir / pair.source.name) for pair in _split().held_out])
    cells = []
    for reference in (benchmark, truth):
        scores = [
            metrics.evaluate(true, normalize_minmse(one, true)) for true, one in zip(reference, restored, strict=True)
        ]
        cells += [f"{np.mean([one[metric] for one in scores]):.3f}" for metric in ("ms_ssim_3", "psnr")]
    return cells


def _split() -> Any:
    from l2l_utils import data, splits

    folder = data.fetch("virtual/tubulin")
    pairs = data.pair_images(folder / "source", folder / "target")
    return splits.split_images(pairs, n_validation=2, n_held_out=20, rng=np.random.default_rng(0))


def report(smoke: bool) -> None:
    """Train both networks of this engine, then CAREamics for as long as the slower one, and print all scores."""
    networks = {"small": ({"unet_n_first": 16, "unet_kern_size": 3}, 6, 40), "default": ({}, 6, 15)}
    rows, seconds = [], 20.0
    with tempfile.TemporaryDirectory() as folder:
        for name, (network, epochs, steps) in networks.items():
            length = {"epochs": 2, "steps": 2} if smoke else {"epochs": epochs, "steps": steps}
            ours = measuring.run_alone(__file__, folder=folder, network=network, **length)
            rows.append(_row(f"this engine, {name} network", "ours", folder, ours))
            seconds = max(seconds, ours["seconds"])
        peer = {"folder": folder, "seconds": seconds, "patch_px": PATCH_PX, "batch": BATCH}
        theirs = measuring.run_alone(str(PEER), python=str(PEERS_PYTHON), **peer)
        rows.append(_row(theirs["about"], "careamics", folder, theirs))
        rows.insert(0, ["input label", *score(Path(folder), "held_source"), "", "", ""])
    columns = ("method", "3S-SSIM, benchmark", "PSNR, benchmark", "3S-SSIM, truth", "PSNR, truth")
    columns += ("patches/s", "training s", "peak GiB")
    measuring.table(f"20 held-out cells, {PATCH_PX} px patches, batches of {BATCH}", columns, rows)


def _row(label: str, name: str, folder: str, one: measuring.Measured) -> list[str]:
    numbers = f"{one['patches_per_s']:.1f}", f"{one['seconds']:.0f}", f"{one['peak_gib']:.2f}"
    return [label, *score(Path(folder), name), *numbers]


if __name__ == "__main__":
    measuring.run(report, measure)
