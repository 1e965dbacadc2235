"""A generator over images of any size: in one piece, or in tiles that share the statistics of the whole image.

Instance normalisation takes means over the whole image, so a tile by itself would come out at another brightness than
its neighbour. Therefore, before an image is translated in tiles, each normalising layer in turn, from the first to the
last, gets the mean and the variance that it has over all tiles. The result is that of the image in one piece.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import tensorflow as tf
from csbdeep.data import PadAndCropResizer
from csbdeep.utils.tf import keras_import
from numpy.typing import NDArray

from l2l_utils import gan_networks, tiling
from l2l_utils.gan_settings import Settings

BatchNormalization, Model = keras_import("layers", "BatchNormalization"), keras_import("models", "Model")

# Measured at 16 to 64 first filters and 3 to 9 blocks, in both lanes: 10 to 14 bytes per pixel and filter.
BYTES_PER_PX_AND_FILTER: Final = 16


def demands(settings: Settings) -> tiling.Demands:
    """Return what a generator demands of tiles: it sees 15 px around, and 8 px more for each residual block."""
    return tiling.Demands(4, 16 + 8 * settings.n_blocks, BYTES_PER_PX_AND_FILTER * settings.n_first)


def restore(
    generator: Any, image: NDArray[np.float32], settings: Settings, *, memory_gb: float, name: str
) -> NDArray[np.float32]:
    """Translate an image.

    Parameters
    ----------
    generator : keras.Model
        Trained generator.
    image : ndarray of shape (Y, X)
        Normalised image, 0 to 1.
    settings : Settings
        Of the network.
    memory_gb : float
        What the padded image, the result and the network at work on one tile may use together, in GiB.
    name : str
        What the progress bar says.

    Returns
    -------
    ndarray of shape (Y, X)
        float32, 0 to 1.
    """
    needed, image = demands(settings), image[..., None]
    padded = PadAndCropResizer().before(image, "YXC", (needed.block_px, needed.block_px, 1))
    available = memory_gb * 2**30 - 2 * padded.nbytes
    if tiling.choose_n_tiles(padded.shape[:2], needed, available) != (1, 1):
        generator = with_fixed_norms(generator, settings)
        norms = [layer for layer in generator.layers if isinstance(layer, BatchNormalization)]
        for i, norm in enumerate(norms):
            tiles = tiling.cut_tiles(padded, needed, available, name=f"{name} {i + 1}/{len(norms)}")
            norm.set_weights(measure(Model(generator.input, norm.input), tiles))
    restored = tiling.restore_tiles(
        lambda tile: (generator.predict_on_batch(2 * tile[None] - 1)[0] + 1) / 2,
        image,
        needed,
        n_channel_out=1,
        memory_gb=memory_gb,
        name=name,
    )
    return restored[..., 0]


def with_fixed_norms(generator: Any, settings: Settings) -> Any:
    """Return the same generator, but normalising by means and variances that can be set."""

    def fixed() -> Any:
        return BatchNormalization(epsilon=gan_networks.EPSILON, center=False, scale=False)

    network = {"n_first": settings.n_first, "n_blocks": settings.n_blocks, "init_scale": settings.init_scale}
    copy = gan_networks.generator(**network, norm=fixed)
    for layer, trained in zip(copy.layers, generator.layers, strict=True):
        if trained.weights:
            layer.set_weights(trained.get_weights())
    return copy


def measure(network: Any, tiles: Iterable[tuple[NDArray, Any, Any]]) -> list[NDArray]:
    """Return mean and variance, per channel, of what a network makes of all tiles, each one's part that counts."""

    @tf.function(reduce_retracing=True)
    def moments(tile: tf.Tensor, start: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
        found = network(tile, training=False)
        (top, left), (bottom, right) = (
            tf.unstack(side * tf.shape(found)[1] // tf.shape(tile)[1]) for side in (start, stop)
        )
        part = tf.cast(found[:, top:bottom, left:right], tf.float64)
        return tf.stack([tf.reduce_mean(part, [0, 1, 2]), tf.reduce_mean(part**2, [0, 1, 2])])

    total, n_px = 0, 0
    for tile, inner, _ in tiles:
        rows, columns = (side.indices(length) for side, length in zip(inner[:2], tile.shape[:2], strict=True))
        n = (rows[1] - rows[0]) * (columns[1] - columns[0])
        corners = [tf.constant([rows[i], columns[i]]) for i in range(2)]
        total, n_px = total + n * moments(tf.constant(2 * tile[None] - 1), *corners).numpy(), n_px + n
    mean, square = total / n_px
    return [mean, square - mean**2]
