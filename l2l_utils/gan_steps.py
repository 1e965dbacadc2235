"""One step of a CycleGAN's training: its losses, the pool of generated images, and c2GAN's one term more."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final, NamedTuple, Self

import numpy as np
import tensorflow as tf
from csbdeep.utils.tf import keras_import
from numpy.typing import ArrayLike, NDArray

from l2l_utils import gan_networks
from l2l_utils.gan_settings import Settings, Structure

BETAS: Final = {"beta_1": 0.5, "beta_2": 0.999}


class Networks(NamedTuple):
    """The four networks, in the paper's letters G, F, D_Y and D_X; images are of shape (batch, Y, X, 1), -1 to 1."""

    to_target: Any
    to_source: Any
    judge_target: Any
    judge_source: Any

    @classmethod
    def create(cls, settings: Settings) -> Self:
        """Return new networks; Keras' global seed decides their weights."""
        scale, n_first = settings.init_scale, settings.n_first
        generators = [
            gan_networks.generator(n_first=n_first, n_blocks=settings.n_blocks, init_scale=scale) for _ in range(2)
        ]
        judges = [
            gan_networks.discriminator(n_first=settings.n_first_discriminator, init_scale=scale) for _ in range(2)
        ]
        return cls(*generators, *judges)

    def start_at(self, target_mean: float, source_mean: float) -> None:
        """Let both generators, whose weights are near 0, begin with images of these mean intensities, 0 to 1."""
        for generator, mean in ((self.to_target, target_mean), (self.to_source, source_mean)):
            kernel, bias = generator.layers[-1].get_weights()
            start = np.arctanh(2 * np.clip(mean, 0.02, 0.98) - 1)
            generator.layers[-1].set_weights([kernel, np.full_like(bias, start)])


class Pool:
    """Generated images of earlier steps, so that a discriminator does not forget how a generator used to cheat.

    Parameters
    ----------
    size : int
        Images that are kept; with 0 every image is passed on.
    images : iterable of ndarray
        What is in the pool at the start.

    References
    ----------
    Shrivastava et al. (2017), https://doi.org/10.1109/CVPR.2017.241
    """

    def __init__(self, size: int, images: Iterable[NDArray] = ()) -> None:
        self.size, self.images = size, list(images)

    def exchange(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return for each image of a batch itself, or with a probability of 1/2 another one, whose place it takes."""
        passed_on = []
        for image in batch:
            if len(self.images) < self.size:
                self.images.append(image)
                passed_on.append(image)
            elif self.size and rng.random() < 0.5:
                place = rng.integers(self.size)
                passed_on.append(self.images[place])
                self.images[place] = image
            else:
                passed_on.append(image)
        return np.stack(passed_on)


class Steps:
    """The two halves of a step: the generators learn from the discriminators, then the discriminators from them.

    Parameters
    ----------
    networks : Networks
        What is trained.
    settings : Settings
        Weights of the losses and Adam's rate; the constraint of c2GAN with its thresholds.
    """

    def __init__(self, networks: Networks, settings: Settings) -> None:
        self.networks, self.settings = networks, settings
        self.variables = [
            [variable for network in pair for variable in network.trainable_variables]
            for pair in (networks[:2], networks[2:])
        ]
        adam = keras_import("optimizers", "Adam")
        self.optimizers = [adam(learning_rate=settings.learning_rate, **BETAS) for _ in range(2)]
        for optimizer, variables in zip(self.optimizers, self.variables, strict=True):
            optimizer.build(variables)
        halves = self._generate, self._discriminate
        self.generate, self.discriminate = (tf.function(half, autograph=False) for half in halves)

    def set_learning_rate(self, rate: float) -> None:
        """Set the rate of both optimizers."""
        for optimizer in self.optimizers:
            optimizer.learning_rate.assign(rate)

    def _generate(
        self, source: tf.Tensor, target: tf.Tensor, structure_weight: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """Improve the generators; return the images they made, target-like and source-like, and the losses."""
        networks, settings = self.networks, self.settings
        with tf.GradientTape() as tape:
            fake_target, same_target = tf.split(networks.to_target(tf.concat([source, target], 0)), 2)
            fake_source, same_source = tf.split(networks.to_source(tf.concat([target, source], 0)), 2)
            cycled = networks.to_source(fake_target), networks.to_target(fake_source)
            losses = {
                "gan": squared(networks.judge_target(fake_target), 1) + squared(networks.judge_source(fake_source), 1),
                "cycle": absolute(cycled[0], source) + absolute(cycled[1], target),
                "identity": absolute(same_target, target) + absolute(same_source, source),
            }
            kept = losses["cycle"] + settings.identity_weight * losses["identity"]
            total = losses["gan"] + settings.cycle_weight * kept
            if settings.structure:
                losses["structure"] = structure_loss(settings.structure, (source, fake_target), (fake_source, target))
                total += structure_weight * losses["structure"]
        gradients = tape.gradient(total, self.variables[0])
        self.optimizers[0].apply_gradients(zip(gradients, self.variables[0], strict=True))
        return fake_target, fake_source, losses

    def _discriminate(
        self, source: tf.Tensor, target: tf.Tensor, fake_target: tf.Tensor, fake_source: tf.Tensor
    ) -> tf.Tensor:
        """Improve the discriminators; return the sum of their losses."""
        with tf.GradientTape() as tape:
            loss = discriminator_loss(self.networks.judge_target, target, fake_target)
            loss += discriminator_loss(self.networks.judge_source, source, fake_source)
        gradients = tape.gradient(loss, self.variables[1])
        self.optimizers[1].apply_gradients(zip(gradients, self.variables[1], strict=True))
        return loss


def squared(scores: tf.Tensor, aim: float) -> tf.Tensor:
    """Return the mean squared difference between a discriminator's scores and 1 for real or 0 for generated."""
    return tf.reduce_mean((scores - aim) ** 2)


def absolute(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Return the mean absolute difference of images."""
    return tf.reduce_mean(tf.abs(first - second))


def discriminator_loss(judge: Any, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Return half the sum of the least-squares losses on real and on generated images."""
    of_real, of_fake = tf.split(judge(tf.concat([real, fake], 0)), 2)
    return (squared(of_real, 1) + squared(of_fake, 0)) / 2


def saliency(images: ArrayLike, threshold: float, *, inverted: bool, steepness: float) -> tf.Tensor:
    """Return how surely each pixel is structure, 0 to 1.

    Parameters
    ----------
    images : array_like
        Images, -1 to 1.
    threshold : float
        Normalised intensity, 0 to 1, where the result is 1/2.
    inverted : bool
        Whether structure is what is darker.
    steepness : float
        Of the sigmoid.
    """
    above = steepness * (tf.convert_to_tensor(images, tf.float32) - (2 * threshold - 1))
    return tf.sigmoid(-above if inverted else above)


def structure_loss(
    structure: Structure, sources: tuple[ArrayLike, ArrayLike], targets: tuple[ArrayLike, ArrayLike]
) -> tf.Tensor:
    """Return how much saliency changes by translation, one way and the other; each kind has its own threshold.

    Parameters
    ----------
    structure : Structure
        With both thresholds.
    sources, targets : (array_like, array_like)
        Images -1 to 1: real source and its translation into a target; translation of a target, and the real one. So
        ``sources`` is (x, G(x)) and ``targets`` is (F(y), y).

    References
    ----------
    Li et al. (2021), https://doi.org/10.1038/s41377-021-00484-y, whose published program crosses the thresholds.
    """
    of_source = partial(saliency, inverted=structure.source_inverted, steepness=structure.steepness)
    of_target = partial(saliency, inverted=structure.target_inverted, steepness=structure.steepness)
    return sum(
        absolute(of_source(source, structure.source_threshold), of_target(target, structure.target_threshold))
        for source, target in (sources, targets)
    )
