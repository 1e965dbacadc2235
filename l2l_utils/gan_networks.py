"""The two kinds of networks of a CycleGAN: ResNet generators, and PatchGAN discriminators that judge them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from csbdeep.utils.tf import keras_import

layers, initializers = keras_import("layers"), keras_import("initializers")
Model = keras_import("models", "Model")

EPSILON = 1e-5  # of the norm; weights as small as 0.0005 give variances near it


def generator(*, n_first: int, n_blocks: int, init_scale: float, norm: Callable[[], Any] | None = None) -> Model:
    """Return a network that turns images of one kind into images of another.

    A convolution of 7 px, two that halve the image, residual blocks, and the way back; with 64 filters and nine blocks
    the ResNet-9 of the paper, of 11,365,633 parameters.

    Parameters
    ----------
    n_first : int
        Filters of the first convolution; four times as many in the blocks.
    n_blocks : int
        Residual blocks.
    init_scale : float
        Standard deviation of the initial weights.
    norm : callable, optional
        Makes a normalisation layer; `instance_norm` if not given.

    Returns
    -------
    keras.Model
        From and to float32 of shape (batch, Y, X, 1), -1 to 1; sides are multiples of 4 px.

    References
    ----------
    Zhu et al. (2017), https://doi.org/10.1109/ICCV.2017.244
    """
    norm = norm or instance_norm

    def convolve(x: Any, n: int, size: int, **options: Any) -> Any:
        return layers.Conv2D(n, size, kernel_initializer=_normal(init_scale), **options)(x)

    def activate(x: Any) -> Any:
        return layers.ReLU()(norm()(x))

    inputs = layers.Input((None, None, 1))
    x = activate(convolve(ReflectionPadding(3)(inputs), n_first, 7))
    for n in (2 * n_first, 4 * n_first):
        x = activate(convolve(layers.ZeroPadding2D(1)(x), n, 3, strides=2))
    for _ in range(n_blocks):
        inner = activate(convolve(ReflectionPadding(1)(x), 4 * n_first, 3))
        x = layers.Add()([x, norm()(convolve(ReflectionPadding(1)(inner), 4 * n_first, 3))])
    for n in (2 * n_first, n_first):
        up = layers.Conv2DTranspose(n, 3, strides=2, padding="same", kernel_initializer=_normal(init_scale))
        x = activate(up(x))
    return Model(inputs, convolve(ReflectionPadding(3)(x), 1, 7, activation="tanh"))


def discriminator(*, n_first: int, init_scale: float) -> Model:
    """Return a network that tells, for each square of 70 px, real images from generated ones.

    Parameters
    ----------
    n_first : int
        Filters of the first convolution; with 64 the paper's PatchGAN, of 2,762,689 parameters.
    init_scale : float
        Standard deviation of the initial weights.

    Returns
    -------
    keras.Model
        From float32 of shape (batch, Y, X, 1), -1 to 1, to a map of scores (batch, Y / 8 - 2, X / 8 - 2, 1).

    References
    ----------
    Isola et al. (2017), https://doi.org/10.1109/CVPR.2017.632
    """
    inputs = x = layers.Input((None, None, 1))
    for i, (factor, strides) in enumerate(((1, 2), (2, 2), (4, 2), (8, 1))):
        convolution = layers.Conv2D(factor * n_first, 4, strides=strides, kernel_initializer=_normal(init_scale))
        x = convolution(layers.ZeroPadding2D(1)(x))
        x = layers.LeakyReLU(0.2)(instance_norm()(x) if i else x)
    last = layers.Conv2D(1, 4, kernel_initializer=_normal(init_scale))
    return Model(inputs, last(layers.ZeroPadding2D(1)(x)))


def instance_norm() -> Any:
    """Return a layer that gives each channel of each image mean 0 and variance 1, by whichever package is there."""
    if sys.version_info < (3, 12):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package announces its end
            from tensorflow_addons.layers import InstanceNormalization
        return InstanceNormalization(epsilon=EPSILON, center=False, scale=False)
    return layers.GroupNormalization(groups=-1, epsilon=EPSILON, center=False, scale=False)


class ReflectionPadding(layers.Layer):
    """Mirrors an image at its borders, without repeating the outermost pixels.

    Parameters
    ----------
    width_px : int
        How far.
    """

    def __init__(self, width_px: int) -> None:
        super().__init__()
        self.width_px = width_px

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Return images of shape (batch, Y, X, channel), larger on all sides."""
        around = [self.width_px] * 2
        return tf.pad(images, [[0, 0], around, around, [0, 0]], mode="REFLECT")

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the result."""
        sides = (side and side + 2 * self.width_px for side in shape[1:3])
        return (shape[0], *sides, shape[3])


def _normal(scale: float) -> Any:
    return initializers.RandomNormal(stddev=scale)
