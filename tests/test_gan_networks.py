"""Generators and discriminators are the ones of the paper."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from csbdeep.utils.tf import keras_import

from l2l_utils import gan_networks

layers = keras_import("layers")


def normalised(images):
    """Return images (batch, Y, X, channel) with mean 0 and variance 1 in each channel of each image."""
    mean, variance = images.mean((1, 2), keepdims=True), images.var((1, 2), keepdims=True)
    return (images - mean) / np.sqrt(variance + gan_networks.EPSILON)


def test_the_papers_networks_have_its_numbers_of_parameters():
    """ResNet-9 and the 70 px PatchGAN with 64 first filters, one grey channel in and out."""
    generator = gan_networks.generator(n_first=64, n_blocks=9, init_scale=0.0005)
    discriminator = gan_networks.discriminator(n_first=64, init_scale=0.0005)
    assert (generator.count_params(), discriminator.count_params()) == (11_365_633, 2_762_689)
    kernels = [weights for weights in generator.get_weights() if weights.ndim == 4]
    assert np.std(np.concatenate([k.ravel() for k in kernels])) == pytest.approx(0.0005, rel=0.01)
    assert not any(weights.any() for weights in generator.get_weights() if weights.ndim == 1)


@pytest.mark.parametrize(("side", "map_side"), [(64, 6), (128, 14), (256, 30)])
def test_map_of_scores(side, map_side):
    """A discriminator gives one score per square, 14 x 14 of them for 128 px."""
    discriminator = gan_networks.discriminator(n_first=2, init_scale=0.02)
    assert discriminator(np.zeros((1, side, side, 1), np.float32)).shape == (1, map_side, map_side, 1)


def test_a_score_sees_seventy_pixels(monkeypatch):
    """Without the norm, which sees the whole image, a score depends on 70 x 70 px and no others."""
    monkeypatch.setattr(gan_networks, "instance_norm", lambda: layers.Activation("linear"))
    discriminator = gan_networks.discriminator(n_first=1, init_scale=0.02)
    discriminator.set_weights([np.ones_like(weights) for weights in discriminator.get_weights()])
    image = tf.ones((1, 160, 160, 1))
    with tf.GradientTape() as tape:
        tape.watch(image)
        score = discriminator(image)[0, 9, 9, 0]
    seen = np.argwhere(tape.gradient(score, image).numpy()[0, ..., 0])
    assert (np.ptp(seen, axis=0) + 1).tolist() == [70, 70]
    assert len(seen) == 70**2


def test_generator_keeps_size_and_range():
    """Any side that is a multiple of 4 comes out as it was, between -1 and 1; with huge weights too."""
    generator = gan_networks.generator(n_first=4, n_blocks=1, init_scale=3)
    image = np.random.default_rng(0).uniform(-1, 1, (2, 36, 52, 1)).astype(np.float32)
    translated = generator(image).numpy()
    assert translated.shape == image.shape
    assert np.abs(translated).max() <= 1
    assert np.abs(translated).max() > 0.99


@pytest.mark.parametrize("scale", [1, 0.002])
def test_instance_norm_is_the_formula(rng, scale):
    """Mean 0 and variance 1 per channel and image, epsilon 1e-5, also where variances are near it: in both lanes."""
    images = (scale * rng.normal(0.5, 1, (2, 12, 16, 5)) * np.arange(1, 6)).astype(np.float32)
    found = gan_networks.instance_norm()(images).numpy()
    np.testing.assert_allclose(found, normalised(images.astype(np.float64)), atol=1e-5)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="tensorflow-addons needs Python 3.11")
def test_instance_norm_is_the_other_lanes(rng):
    """tensorflow-addons' layer and Keras' GroupNormalization agree to 1e-5."""
    images = rng.random((2, 16, 12, 3)).astype(np.float32)
    other = layers.GroupNormalization(groups=-1, epsilon=gan_networks.EPSILON, center=False, scale=False)
    np.testing.assert_allclose(gan_networks.instance_norm()(images), other(images), atol=1e-5)


def test_nothing_is_announced():
    """A fresh process that makes networks says nothing, whatever tensorflow-addons says of its own end."""
    code = "from l2l_utils import gan_networks; gan_networks.discriminator(n_first=1, init_scale=0.02)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Addons" not in done.stderr


def test_reflection_leaves_the_border_pixel_single():
    """The padding mirrors at the outermost pixel, as numpy's mode of that name."""
    image = np.arange(20, dtype=np.float32).reshape(4, 5)
    padded = gan_networks.ReflectionPadding(3)(image[None, ..., None]).numpy()[0, ..., 0]
    np.testing.assert_array_equal(padded, np.pad(image, 3, mode="reflect"))
