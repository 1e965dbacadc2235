"""A generator with fixed normalisation is the trained one on its patches, and no place depends on what is far away."""

import numpy as np
import pytest

from l2l_utils import gan_inference, gan_networks
from l2l_utils.gan_settings import Settings

SETTINGS = Settings(n_first=3, n_blocks=1, init_scale=0.1)


@pytest.fixture(scope="module")
def generator():
    """Return a generator with instance normalisation and random weights."""
    return gan_networks.generator(n_first=3, n_blocks=1, init_scale=0.1)


@pytest.fixture(scope="module")
def fixed():
    """Return a generator whose normalisation can be fixed."""
    return gan_inference.fixed_generator(SETTINGS)


def draw(n, seed=0):
    """Return patches of different brightness and contrast, 0 to 1."""
    rng = np.random.default_rng(seed)
    low, high = rng.uniform(0, 0.4, (n, 1, 1, 1)), rng.uniform(0.6, 1, (n, 1, 1, 1))
    return (low + (high - low) * rng.random((n, 48, 52, 1))).astype(np.float32)


def test_with_one_patch_it_is_the_trained_generator(generator, fixed):
    """The statistics of a single patch are those that its instance normalisation takes."""
    patch = draw(1)
    gan_inference.Statistics(generator).apply(fixed, patch)
    expected = (generator(2 * patch - 1, training=False).numpy() + 1) / 2
    assert expected.std() > 0.01
    np.testing.assert_allclose(gan_inference.translate(fixed, patch), expected, atol=1e-5)


def test_statistics_are_means_over_patches(generator, fixed):
    """Of each patch's mean and of each patch's variance; what patches differ by is no part of the variance."""
    patches = draw(4)
    gan_inference.Statistics(generator).apply(fixed, patches)
    first, norm = (layer for layer in fixed.layers[:4] if layer.weights)
    padded = np.pad(2 * patches - 1, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="reflect")
    entering = first(padded).numpy()
    mean, variance = norm.get_weights()
    np.testing.assert_allclose(mean, entering.mean((1, 2)).mean(0), atol=1e-5)
    np.testing.assert_allclose(variance, entering.var((1, 2)).mean(0), rtol=1e-4)
    assert (variance < entering.var((0, 1, 2))).all()


def test_far_places_do_not_matter(generator, fixed, rng):
    """Within the distance that the demands name, a change matters; beyond it, it does not."""
    gan_inference.Statistics(generator).apply(fixed, draw(4))
    image = rng.random((120, 120)).astype(np.float32)
    far = gan_inference.demands(SETTINGS).overlap_px
    changed = image.copy()
    changed[:, 60 + far + 1 :] = 1
    both = [gan_inference.restore(fixed, each, SETTINGS, memory_gb=1, name="") for each in (image, changed)]
    np.testing.assert_allclose(both[0][:, :60], both[1][:, :60], atol=1e-6)
    assert np.abs(both[0] - both[1]).max() > 0.001
