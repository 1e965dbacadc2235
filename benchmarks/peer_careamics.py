"""Train CAREamics for a given time and restore with it; runs in an environment of its own, see `bench_peers.py`."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import measuring
import numpy as np


def measure(*, folder: str, seconds: float, patch_px: int, batch: int) -> measuring.Measured:
    """Train on the arrays in a folder with CAREamics's own settings, and write what it makes of the held-out images.

    Parameters
    ----------
    folder : str
        Has ``training_source.npy`` and the like, axes (image, Y, X); the result is ``careamics.npy``.
    seconds : float
        Time for the training.
    patch_px, batch : int
        Side of the patches, and patches per batch.

    Returns
    -------
    dict
        ``seconds``, ``patches_per_s`` after the first three batches, and ``about``.
    """
    _complete_torchvision()
    import torch
    from careamics import CAREamist
    from careamics.config.factories import create_advanced_care_config

    clock = _clock()
    images = {path.stem: np.load(path) for path in Path(folder).glob("*_*.npy")}
    config = create_advanced_care_config(
        experiment_name="peer",
        data_type="array",
        axes="SYX",
        patch_size=(patch_px, patch_px),
        batch_size=batch,
        num_epochs=10_000,
        num_workers=0,
        trainer_params={"max_time": {"seconds": int(seconds)}, "enable_model_summary": False},
        seed=1,
    )
    with tempfile.TemporaryDirectory() as work_dir, _inside(work_dir):
        peer = CAREamist(config, work_dir=work_dir, callbacks=[clock], enable_progress_bar=False)
        start = time.perf_counter()
        names = ("training_source", "training_target", "validation_source", "validation_target")
        peer.train(
            **dict(
                zip(
                    ("train_data", "train_data_target", "val_data", "val_data_target"),
                    (images[name] for name in names),
                    strict=True,
                )
            )
        )
        took = time.perf_counter() - start
        restored, _ = peer.predict(images["held_source"], tile_size=(256, 256))
    np.save(Path(folder) / "careamics.npy", np.reshape(restored, images["held_source"].shape))
    rate = batch * (len(clock.times) - 3) / (clock.times[-1] - clock.times[2])
    about = f"CAREamics {version('careamics')}, torch {torch.__version__}"
    return {"seconds": took, "patches_per_s": rate, "about": about}


@contextlib.contextmanager
def _inside(folder: str) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _clock() -> Any:
    """Return a callback that notes when each batch is done."""
    from lightning.pytorch.callbacks import Callback

    class Clock(Callback):
        def __init__(self) -> None:
            self.times: list[float] = []

        def on_train_batch_end(self, *_: Any, **__: Any) -> None:
            self.times.append(time.perf_counter())

    return Clock()


def _complete_torchvision() -> None:
    """Declare two operators that torchvision's build for GPUs lacks beside torch's for CPUs; CAREamics uses neither."""
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for operator in ("nms", "qnms"):
            torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")


if __name__ == "__main__":
    measuring.run(lambda _: None, measure)
