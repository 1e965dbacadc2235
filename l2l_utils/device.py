"""What a computation runs on."""

from __future__ import annotations

import os

import tensorflow as tf


def name() -> str:
    """Return the names of the GPUs that TensorFlow uses, or how many cores the CPU has where there is none."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    return ", ".join(names) or f"CPU, {os.cpu_count()} cores"
