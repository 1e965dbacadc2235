"""A loss that compares what a network for photographs, VGG-16, sees in two images.

The paper's VGG-16 has learnt from ImageNet. Its weights are a download of 59 MB; where they are missing, the same
network with random weights, which are always the same, gives features too, and goes by a name of its own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np
import tensorflow as tf
from csbdeep.utils.tf import keras_import

layers, vgg16 = keras_import("layers"), keras_import("applications", "vgg16")
Model = keras_import("models", "Model")

WIDTH: Final = 64
# After these the activations are compared: the 4th, 9th, 16th and 23rd layer of PyTorch's VGG-16, counted as there.
COMPARED: Final = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3")
CONVOLUTIONS: Final = (2, 2, 3, 3)
MINIMUM_PX: Final = 2 ** (len(CONVOLUTIONS) - 1)
_FILE: Final = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
_SEED: Final = 16


def imagenet_file() -> Path:
    """Return where Keras keeps the weights from ImageNet on this machine, whether they are there or not."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models" / _FILE


def fetch_imagenet() -> Path:
    """Download the weights from ImageNet, if they are not there yet, by Keras itself.

    Returns
    -------
    Path
        `imagenet_file`.

    Raises
    ------
    ConnectionError
        If they cannot be had.
    """
    if not imagenet_file().is_file():
        try:
            vgg16.VGG16(include_top=False, weights="imagenet")
        except Exception as error:  # Keras raises no narrower one
            raise ConnectionError(
                f"{imagenet_file()}: expected to download it, found: {error}. Go online, copy the file there from "
                'another machine, or use a loss with random features, such as "VGG random features".'
            ) from error
    return imagenet_file()


def imagenet_features() -> Model:
    """Return VGG-16 as it learnt from ImageNet, see `random_features`; FileNotFoundError without its weights."""
    file = imagenet_file()
    if not file.is_file():
        raise FileNotFoundError(
            f"{file}: expected the weights of VGG-16 from ImageNet, found none. Call perceptual.fetch_imagenet() once "
            'with a network connection, or use a loss with random features, such as "VGG random features".'
        )
    try:
        network = vgg16.VGG16(include_top=False, weights=str(file))
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{file}: expected the weights of VGG-16, found a damaged file ({error}). Delete it and call "
            "perceptual.fetch_imagenet()."
        ) from error
    network.trainable = False
    return Model(network.input, [network.get_layer(name).output for name in COMPARED])


def random_features(width: int = WIDTH) -> Model:
    """Return VGG-16 with random weights, the same ones always: He's normal distribution, no biases.

    Parameters
    ----------
    width : int
        Channels of the first block; 64 is VGG-16, fewer make it narrower in proportion.

    Returns
    -------
    keras.Model
        From float32 of shape (batch, Y, X, 3), as Keras preprocesses images for VGG-16, to the list of activations
        that are compared.

    References
    ----------
    Simonyan and Zisserman (2015), https://arxiv.org/abs/1409.1556; He et al. (2015),
    https://doi.org/10.1109/ICCV.2015.123
    """
    x = inputs = layers.Input((None, None, 3))
    compared = []
    for block, n_convolutions in enumerate(CONVOLUTIONS):
        if block:
            x = layers.MaxPooling2D(2)(x)
        for _ in range(n_convolutions):
            x = layers.Conv2D(width * 2**block, 3, padding="same", activation="relu")(x)
        compared.append(x)
    network, rng = Model(inputs, compared), np.random.default_rng(_SEED)
    network.set_weights([_he(weights.shape, rng) for weights in network.get_weights()])
    network.trainable = False
    return network


class Perceptual:
    """The mean absolute difference of activations, summed over the layers that are compared.

    Parameters
    ----------
    width : int, optional
        Of a network with random features; the one from ImageNet if not given.

    References
    ----------
    Jadhav et al. (2020), https://arxiv.org/abs/2009.02617, equation 5
    """

    def __init__(self, width: int | None = None) -> None:
        self.network = imagenet_features() if width is None else random_features(width)

    def __call__(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of each image, (batch,), for float images (batch, Y, X, 1), 0 to 1; sides of 8 px or more."""
        true, pred = (self.network(_preprocess(images)) for images in (y_true, y_pred))
        return sum(tf.reduce_mean(tf.abs(t - p), axis=(1, 2, 3)) for t, p in zip(true, pred, strict=True))


def _preprocess(images: tf.Tensor) -> tf.Tensor:
    """Make grey images coloured, 0 to 255, less the mean colour of ImageNet: what Keras' weights were trained for."""
    return vgg16.preprocess_input(255 * tf.repeat(tf.cast(images, tf.float32), 3, axis=-1))


def _he(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if len(shape) == 1:
        return np.zeros(shape, np.float32)
    return (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:3]))).astype(np.float32)
