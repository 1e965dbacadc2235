"""Train a network against artefacts twice, once interrupted and resumed: python resumed_nanoscopy.py NETWORK FOLDER.

A process of its own, because only with one thread does TensorFlow round sums always alike; and Adam turns a rounding
into a step of full length where a gradient is next to 0.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
from test_nanoscopy_training import RECIPE, draw, train

from l2l_utils import checkpoint, nanoscopy_training, record


def main(name: str, folder: Path) -> None:
    """Compare logs and weights of both trainings."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    recipe, begin = replace(RECIPE, model=name), checkpoint.Checkpoint.on_epoch_begin
    undisturbed = train(folder / "undisturbed", recipe)

    def interrupted(self: checkpoint.Checkpoint, epoch: int, logs: object = None) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        begin(self, epoch, logs)

    checkpoint.Checkpoint.on_epoch_begin = interrupted
    try:
        train(folder / "resumed", recipe)
    except KeyboardInterrupt:
        checkpoint.Checkpoint.on_epoch_begin = begin
    assert not record.read(folder / "resumed")["finished"]
    assert len(pd.read_csv(folder / "resumed" / checkpoint.LOG)) == 2
    halfway = nanoscopy_training.load(folder / "resumed")
    assert nanoscopy_training.restore(halfway, draw(1, 5)[0][0]).max() == 1
    resumed = train(folder / "resumed", recipe)
    logs = [pd.read_csv(model.logdir / checkpoint.LOG).drop(columns="seconds") for model in (undisturbed, resumed)]
    np.testing.assert_allclose(*logs, atol=1e-6)
    for file in (nanoscopy_training.WEIGHTS, nanoscopy_training.LAST_WEIGHTS):
        for model in (undisturbed, resumed):
            model.keras_model.load_weights(str(model.logdir / file))
        both = zip(undisturbed.keras_model.get_weights(), resumed.keras_model.get_weights(), strict=True)
        for expected, found in both:
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
