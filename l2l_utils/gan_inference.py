"""A trained generator as it is used: its normalisation fixed to what it was, on average, in the training patches.

Instance normalisation takes means over the image that it sees. A whole field has more background than a training
patch, so its means differ, and the same filament comes out at another brightness; a tile has means of its own. With
fixed means the generator is a plain convolutional network: a place depends on nothing but its surroundings.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import tensorflow as tf
from csbdeep.utils.tf import keras_import
from numpy.typing import NDArray

from l2l_utils import gan_networks, tiling
from l2l_utils.gan_settings import Settings

BatchNormalization, Model = keras_import("layers", "BatchNormalization"), keras_import("models", "Model")

# Measured at 16 to 64 first filters and 3 to 9 blocks, in both lanes: 10 to 14 bytes per pixel and filter.
BYTES_PER_PX_AND_FILTER: Final = 16
BATCH: Final = 4


def demands(settings: Settings) -> tiling.Demands:
    """Return what a generator demands of tiles: it sees 16 px around, and 8 px more for each residual block."""
    return tiling.Demands(4, 16 + 8 * settings.n_blocks, BYTES_PER_PX_AND_FILTER * settings.n_first)


def fixed_generator(settings: Settings) -> Any:
    """Return a generator that normalises by means and variances which are weights of it."""

    def fixed() -> Any:
        return BatchNormalization(epsilon=gan_networks.EPSILON, center=False, scale=False)

    return gan_networks.generator(
        n_first=settings.n_first, n_blocks=settings.n_blocks, init_scale=settings.init_scale, norm=fixed
    )


class Statistics:
    """Means and variances that the normalisations of a generator take, on average over patches.

    Parameters
    ----------
    generator : keras.Model
        With instance normalisation; may go on being trained.
    """

    def __init__(self, generator: Any) -> None:
        self.generator = generator
        kind = type(gan_networks.instance_norm())
        entering = [layer.input for layer in generator.layers if isinstance(layer, kind)]
        probe = Model(generator.input, entering)

        @tf.function(reduce_retracing=True, autograph=False)
        def moments(patches: tf.Tensor) -> list[tf.Tensor]:
            return [tf.stack(tf.nn.moments(x, [1, 2])) for x in probe(patches, training=False)]

        self._moments = moments

    def apply(self, fixed: Any, patches: NDArray[np.float32]) -> None:
        """Give a network of `fixed_generator` the generator's weights and its statistics on patches.

        Parameters
        ----------
        fixed : keras.Model
            Network to change.
        patches : ndarray of shape (patch, Y, X, 1)
            Patches of the kind that the generator translates, 0 to 1.
        """
        batches = [2 * patches[i : i + BATCH] - 1 for i in range(0, len(patches), BATCH)]
        by_layer = zip(*(self._moments(tf.constant(batch)) for batch in batches), strict=True)
        statistics = (np.concatenate(of_layer, axis=1).mean(axis=1) for of_layer in by_layer)
        for layer, trained in zip(fixed.layers, self.generator.layers, strict=True):
            if isinstance(layer, BatchNormalization):
                layer.set_weights(list(next(statistics)))
            elif trained.weights:
                layer.set_weights(trained.get_weights())


def translate(fixed: Any, patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return patches (patch, Y, X, 1), 0 to 1, as a network of `fixed_generator` translates them, one by one."""
    return np.stack([(fixed.predict_on_batch(2 * patch[None] - 1)[0] + 1) / 2 for patch in patches])


def restore(
    fixed: Any, image: NDArray[np.float32], settings: Settings, *, memory_gb: float, name: str
) -> NDArray[np.float32]:
    """Translate an image, in tiles if it is large.

    Parameters
    ----------
    fixed : keras.Model
        Network of `fixed_generator`, trained.
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

    Raises
    ------
    ValueError
        If not even the smallest tile fits into the memory.
    """
    restored = tiling.restore_tiles(
        lambda tile: translate(fixed, tile[None])[0],
        image[..., None],
        demands(settings),
        n_channel_out=1,
        memory_gb=memory_gb,
        name=name,
    )
    return restored[..., 0]
