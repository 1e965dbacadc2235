"""The networks that remove artefacts from nanoscopy images: U-Net and feature pyramid on a residual encoder.

They are what the package segmentation_models.pytorch builds for the paper's authors, layer by layer, with two
differences. Images are enlarged bilinearly between pixel centres, not between the centres of the corner pixels, which
would do another thing to a whole image than to a training patch. And the last convolution begins with weights of 0 and
more, so that a new network's output is above 0: where it is 0 in a whole image, no gradient comes back from the ReLU,
and the network would never learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import tensorflow as tf
from csbdeep.utils.tf import keras_import

layers, initializers = keras_import("layers"), keras_import("initializers")
Model = keras_import("models", "Model")

DIVISOR: Final = 32  # sides are halved five times
N_FILTERS: Final = 64  # of the paper's networks
N_BLOCKS: Final = (3, 4, 6, 3)  # of both ResNet-34 and ResNet-50
UNET_FILTERS: Final = (4, 2, 1, 1 / 2, 1 / 4)  # per filter of the stem, as all that follow
PYRAMID_FILTERS: Final = 4
BRANCH_FILTERS: Final = 2
CHANNELS_PER_GROUP: Final = 4
DROPOUT: Final = 0.2


def create(name: str, *, n_filters: int = N_FILTERS) -> Model:
    """Return an untrained network; its initial weights follow Keras' global seed.

    Parameters
    ----------
    name : {"UNet-R34", "UNet-R50", "FPN-R34"}
        U-Net or feature pyramid network, on the encoder ResNet-34 or ResNet-50.
    n_filters : int
        Filters of the first convolution, a multiple of 4; all other widths are in proportion. With 64 these are the
        paper's networks, of 24,430,097, 32,514,833 and 23,149,121 trainable parameters.

    Returns
    -------
    keras.Model
        From and to float32 of shape (batch, Y, X, 1). Sides are multiples of 32 px; the input is divided by its
        maximum, and so is the output, by its own in each image: 0 to 1, and the maximum 1.

    Raises
    ------
    ValueError
        If there is no such network, or not with so many filters.

    References
    ----------
    Jadhav et al. (2020), https://arxiv.org/abs/2009.02617, section 2.3; ResNet: He et al. (2016),
    https://doi.org/10.1109/CVPR.2016.90; U-Net: Ronneberger et al. (2015),
    https://doi.org/10.1007/978-3-319-24574-4_28; feature pyramid: Kirillov et al. (2019),
    https://doi.org/10.1109/CVPR.2019.00656
    """
    if name not in NAMES:
        raise ValueError(f"Unknown network {name!r}. Known networks: {', '.join(NAMES)}.")
    if n_filters < CHANNELS_PER_GROUP or n_filters % CHANNELS_PER_GROUP:
        raise ValueError(f"Expected a multiple of 4 filters, 4 or more, found {n_filters}. Choose 8, 16 or 64.")
    block, decoder = NAMES[name]
    inputs = layers.Input((None, None, 1))
    outputs = layers.ReLU()(decoder(_encoder(inputs, block, n_filters), n_filters))
    return Model(inputs, DivisionByMaximum()(outputs), name=name)


class DivisionByMaximum(layers.Layer):
    """Divides each image by its own maximum, so that this becomes 1; an image of zeros stays one."""

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Return images (batch, Y, X, 1) of 0 to 1."""
        # The paper does not say what becomes of zeros; adding 1e-8 to the maximum would leave it short of 1.
        return images / tf.maximum(tf.reduce_max(images, axis=(1, 2, 3), keepdims=True), 1e-8)


class ChannelDropout(layers.Layer):
    """Leaves out whole channels at random while a network trains, and enlarges the others by as much.

    Which ones depends on how many batches came before, and this number is a weight: a training that is taken up again
    goes on as if nothing had happened, which Keras' own layer cannot.

    Parameters
    ----------
    rate : float
        Share of the channels that is left out.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def build(self, _shape: tuple[int | None, ...]) -> None:
        """Make the counter."""
        self.n_batches = self.add_weight(
            name="n_batches", shape=(), dtype="int32", initializer="zeros", trainable=False
        )

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Return images (batch, Y, X, channel)."""
        if not training:
            return images
        self.n_batches.assign(tf.convert_to_tensor(self.n_batches) + 1)
        shape = tf.stack([tf.shape(images)[0], 1, 1, images.shape[-1]])
        seed = tf.stack([0, tf.convert_to_tensor(self.n_batches)])
        kept = tf.random.stateless_uniform(shape, seed) >= self.rate
        return tf.where(kept, images / (1 - self.rate), 0.0)


def _convolve(x: Any, n: float, size: int, strides: int = 1) -> Any:
    """Convolve without bias; strides begin where PyTorch has them."""
    padding = "same"
    if strides > 1 and size > 1:
        x, padding = layers.ZeroPadding2D(size // 2)(x), "valid"
    return layers.Conv2D(
        int(n), size, strides=strides, padding=padding, use_bias=False, kernel_initializer="he_normal"
    )(x)


def _norm(x: Any) -> Any:
    # The momentum of PyTorch, 0.1, is 0.9 in Keras, whose own 0.99 takes hundreds of steps to forget the beginning.
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def _convolve_norm(x: Any, n: float, size: int, strides: int = 1) -> Any:
    return layers.ReLU()(_norm(_convolve(x, n, size, strides)))


def _basic_block(x: Any, n: int, strides: int) -> tuple[Any, int]:
    return _norm(_convolve(_convolve_norm(x, n, 3, strides), n, 3)), n


def _bottleneck(x: Any, n: int, strides: int) -> tuple[Any, int]:
    inner = _convolve_norm(_convolve_norm(x, n, 1), n, 3, strides)
    return _norm(_convolve(inner, 4 * n, 1)), 4 * n


def _encoder(x: Any, block: Callable[..., tuple[Any, int]], n_filters: int) -> list[Any]:
    """Return the features at a half, a quarter, ... and a 32nd of the side."""
    x = _convolve_norm(x, n_filters, 7, strides=2)
    features = [x]
    x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))  # after a ReLU, zeros are below all
    for stage, n_blocks in enumerate(N_BLOCKS):
        for i in range(n_blocks):
            strides = 2 if stage and not i else 1
            residual, n = block(x, n_filters * 2**stage, strides)
            shortcut = x if x.shape[-1] == n and strides == 1 else _norm(_convolve(x, n, 1, strides))
            x = layers.ReLU()(layers.Add()([residual, shortcut]))
        features.append(x)
    return features


def _unet(features: Sequence[Any], n_filters: int) -> Any:
    *skips, x = features
    for factor, skip in zip(UNET_FILTERS, [*reversed(skips), None], strict=True):
        x = layers.UpSampling2D()(x)
        if skip is not None:
            x = layers.Concatenate()([x, skip])
        for _ in range(2):
            x = _convolve_norm(x, factor * n_filters, 3)
    return _last(x, 3)


def _pyramid(features: Sequence[Any], n_filters: int) -> Any:
    merged, x, n_branch = [], None, BRANCH_FILTERS * n_filters
    for n_doublings, feature in zip((3, 2, 1, 0), reversed(features[1:]), strict=True):
        lateral = layers.Conv2D(PYRAMID_FILTERS * n_filters, 1, kernel_initializer="he_normal")(feature)
        x = lateral if x is None else layers.Add()([layers.UpSampling2D()(x), lateral])
        branch = x
        for i in range(max(n_doublings, 1)):
            branch = layers.GroupNormalization(n_branch // CHANNELS_PER_GROUP, epsilon=1e-5)(
                _convolve(branch, n_branch, 3)
            )
            branch = layers.ReLU()(branch)
            if i < n_doublings:
                branch = layers.UpSampling2D(interpolation="bilinear")(branch)
        merged.append(branch)
    x = ChannelDropout(DROPOUT)(layers.Add()(merged))
    return layers.UpSampling2D(4, interpolation="bilinear")(_last(x, 1))


def _last(x: Any, size: int) -> Any:
    """Convolve features, which are 0 or above, to one that is above 0 until the network has learnt better."""
    limit = (6 / (size**2 * (x.shape[-1] + 1))) ** 0.5  # Glorot's
    positive = initializers.RandomUniform(0, limit)
    small = initializers.Constant(0.01)
    return layers.Conv2D(1, size, padding="same", kernel_initializer=positive, bias_initializer=small)(x)


NAMES: Final = {
    "UNet-R34": (_basic_block, _unet),
    "UNet-R50": (_bottleneck, _unet),
    "FPN-R34": (_basic_block, _pyramid),
}
