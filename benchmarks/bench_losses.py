"""Time of a similarity loss, forward and backward, as a share of ``tf.image.ssim_multiscale``'s in the same run."""

from __future__ import annotations

import time

import numpy as np
import tensorflow as tf

from l2l_utils import losses, metrics

BATCH = (16, 128, 128, 1)
REPEATS = 30


def reference(name: str) -> losses.Loss:
    """Return TensorFlow's own loss of the same definition."""
    n_scales = {"SSIM": 1, "3S-SSIM": 3, "5S-SSIM": 5}[name]
    options = {"power_factors": metrics.MS_SSIM_WEIGHTS[n_scales], "filter_size": metrics.FILTER_SIZES[n_scales]}
    return lambda y_true, y_pred: 1 - tf.image.ssim_multiscale(y_true, y_pred, 1.0, **options)


def forward_and_backward(loss: losses.Loss) -> tf.types.experimental.GenericFunction:
    """Return a compiled function from a pair of batches to the gradient of the summed loss."""

    @tf.function
    def gradient(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = tf.reduce_sum(loss(y_true, y_pred))
        return tape.gradient(value, y_pred)

    return gradient


def seconds(function: tf.types.experimental.GenericFunction, *batches: tf.Tensor) -> float:
    """Time one call, until its result is in memory."""
    start = time.perf_counter()
    function(*batches).numpy()
    return time.perf_counter() - start


def main() -> None:
    """Alternate both implementations on the same batch and print the ratio of their median times."""
    rng = np.random.default_rng(0)
    y_true = tf.constant(rng.random(BATCH), tf.float32)
    y_pred = tf.constant(np.clip(y_true + 0.2 * rng.standard_normal(BATCH), 0, 1), tf.float32)
    print(f"TensorFlow {tf.__version__}, batch {BATCH}, {REPEATS} alternating runs; ratio of medians [quartiles]")
    for name in ("SSIM", "3S-SSIM", "5S-SSIM"):
        ours, theirs = forward_and_backward(losses.get(name)), forward_and_backward(reference(name))
        seconds(ours, y_true, y_pred), seconds(theirs, y_true, y_pred)
        times = np.array([[seconds(f, y_true, y_pred) for f in (ours, theirs)] for _ in range(REPEATS)])
        low, high = np.percentile(times[:, 0] / times[:, 1], (25, 75))
        ratio = np.median(times[:, 0]) / np.median(times[:, 1])
        print(f"{name:>8}: {ratio:.2f} [{low:.2f}, {high:.2f}]  ({1e3 * np.median(times[:, 0]):.1f} ms)")


if __name__ == "__main__":
    main()
