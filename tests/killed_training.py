"""A small training in a process of its own, which kills itself at one moment, or lists all moments it comes by.

python killed_training.py FOLDER            trains, and writes the moments to FOLDER/moments.txt
python killed_training.py FOLDER MOMENT     kills itself at this moment, which is one of those lines
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from csbdeep.utils.tf import keras_import

from l2l_utils import care, checkpoint, data, files, patches

CONFIG: Final = {
    "loss": "L1",
    "unet_n_depth": 1,
    "unet_n_first": 8,
    "unet_kern_size": 3,
    "train_epochs": 10,
    "train_steps_per_epoch": 4,
    "train_batch_size": 4,
    "train_learning_rate": 0.004,
    "train_reduce_lr": {"factor": 0.8, "patience": 1, "min_delta": 0},
}


class Moments:
    """The moments of a training in their order; the process ends at the one that is to be its last."""

    def __init__(self, last: str | None) -> None:
        self.last, self.epoch, self.passed = last, None, []

    def reach(self, moment: str, unfinished: Path | None = None) -> None:
        """Pass by a moment, or end there; of an unfinished file half is left then."""
        if self.epoch is None:
            return
        self.passed.append(f"epoch {self.epoch}: {moment}")
        if self.passed[-1] == self.last:
            if unfinished:
                os.truncate(unfinished, unfinished.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)


def watch(moments: Moments) -> None:
    """Put moments between the batches of a training, and before, within and after the writing of each file."""
    write_whole = files.whole_file

    class Watched(checkpoint.Checkpoint):
        def __init__(self, model: care.CARE, state: checkpoint.State | None, *others: object) -> None:
            moments.epoch = len(state.log) - 1 if state else 0
            super().__init__(model, state, *others)

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            moments.epoch = epoch
            super().on_epoch_begin(epoch, logs)

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002
            moments.reach(f"training batch {batch}")

        def on_test_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002
            moments.reach(f"validation batch {batch}")

    @contextmanager
    def whole_file(path: Path) -> Iterator[Path]:
        moments.reach(f"file {path.name} not begun")
        with write_whole(path) as unfinished:
            yield unfinished
            moments.reach(f"file {path.name} half written", unfinished)
            moments.reach(f"file {path.name} made")
        moments.reach(f"file {path.name} moved")

    checkpoint.Checkpoint, files.whole_file = Watched, whole_file


def cut(folder: Path) -> tuple[patches.LazyPatches, patches.LazyPatches]:
    """Return the training and the validation patches, always the same."""
    pairs, rng = data.pair_images(folder / "source", folder / "target"), np.random.default_rng(1)
    training = patches.LazyPatches(
        pairs[1:], patch_px=16, n_per_image=6, augmentation=patches.Augmentation(flips=True), rng=rng
    )
    return training, patches.LazyPatches(pairs[:1], patch_px=16, n_per_image=7, rng=rng)


def main() -> None:
    """Train in the folder that the command line names, until the end or the moment that it names."""
    folder, *last = sys.argv[1:]
    folder = Path(folder)
    keras_import("utils", "set_random_seed")(0)
    moments = Moments(*last or [None])
    watch(moments)
    care.train(care.create(name="model", basedir=folder, **CONFIG), *cut(folder), seed=5, precision="float32")
    (folder / "moments.txt").write_text("\n".join(moments.passed), encoding="utf-8")


if __name__ == "__main__":
    main()
