"""Losses against values by hand, the pool's statistics, and which half of a step changes what."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from csbdeep.utils.tf import keras_import
from scipy import ndimage

from l2l_utils import gan_steps
from l2l_utils.gan_settings import Settings, Structure

TINY = Settings(n_first=2, n_blocks=1, n_first_discriminator=2)


def draw(rng, n=2, side=48):
    """Return a batch of images, -1 to 1."""
    return rng.uniform(-1, 1, (n, side, side, 1)).astype(np.float32)


def test_losses_by_hand():
    """Least squares to 1 and 0, half the sum for a discriminator; mean absolute difference for images."""
    scores = tf.constant([0.5, 2.0])
    assert float(gan_steps.squared(scores, 1)) == pytest.approx((0.25 + 1) / 2)
    assert float(gan_steps.absolute(scores, tf.constant([1.0, 0.0]))) == pytest.approx((0.5 + 2) / 2)
    real, fake = tf.constant([[0.5]]), tf.constant([[0.25]])
    assert float(gan_steps.discriminator_loss(lambda x: x, real, fake)) == pytest.approx((0.25 + 0.0625) / 2)


def test_saliency_is_a_soft_threshold():
    """One half at the threshold, given on 0 to 1; inverted it is the rest to 1; steep it is the hard threshold."""
    images = np.array([-1, -0.5, 0, 0.5, 1], np.float32)
    soft = gan_steps.saliency(images, 0.25, inverted=False, steepness=10).numpy()
    np.testing.assert_allclose(soft, 1 / (1 + np.exp(-10 * (images + 0.5))), rtol=1e-5)
    inverted = gan_steps.saliency(images, 0.25, inverted=True, steepness=10).numpy()
    np.testing.assert_allclose(soft + inverted, 1, rtol=1e-5)
    steep = gan_steps.saliency(images, 0.6, inverted=False, steepness=1000).numpy()
    np.testing.assert_array_equal(steep > 0.5, (images + 1) / 2 > 0.6)


def test_structure_loss_uses_each_kinds_own_threshold():
    """A translation that moves intensities from one threshold to the other costs nothing; one that inverts, all."""
    structure = Structure(0.25, 0.75, steepness=2000)
    source, target = np.float32([0.1, 0.2, 0.3]) * 2 - 1, np.float32([0.6, 0.7, 0.8]) * 2 - 1
    cost = gan_steps.structure_loss(structure, (source, target), (source, target))
    assert float(cost) == pytest.approx(0, abs=1e-6)
    crossed = gan_steps.structure_loss(Structure(0.75, 0.25, steepness=2000), (source, target), (source, target))
    assert float(crossed) == pytest.approx(2, abs=1e-6)  # every pixel, each way
    inverted = gan_steps.structure_loss(structure, (source, target[::-1]), (source[::-1], target))
    assert float(inverted) == pytest.approx(4 / 3, abs=1e-6)  # two of three pixels, each way
    dark = Structure(0.25, 0.25, target_inverted=True, steepness=2000)
    assert float(gan_steps.structure_loss(dark, (source, source[::-1]), (source, source[::-1]))) == pytest.approx(
        2 / 3, abs=1e-6
    )


def test_pool_returns_new_images_until_it_is_full_then_half_of_the_time(rng):
    """The first 50 pass; later one in two is exchanged, at an age that follows from 50 places and one chance in two."""
    pool = gan_steps.Pool(50)
    images = np.arange(20_050, dtype=float)
    returned = np.concatenate([pool.exchange(batch, rng) for batch in images.reshape(-1, 5)])
    np.testing.assert_array_equal(returned[:50], images[:50])
    old = returned[50:] != images[50:]
    assert old.mean() == pytest.approx(0.5, abs=0.015)
    ages = (images[50:] - returned[50:])[old]
    assert ages[2000:].mean() == pytest.approx(100, rel=0.05)
    assert len(pool.images) == 50


def test_pool_of_nothing(rng):
    """A pool of size 0 passes on every image."""
    pool = gan_steps.Pool(0)
    np.testing.assert_array_equal(pool.exchange(np.arange(5.0), rng), np.arange(5.0))


@pytest.mark.parametrize("structure", [None, Structure(0.3, 0.4)])
def test_generators_step_reports_the_losses_before_it(rng, structure):
    """What the step returns are the losses of the four networks as they were, computed here one by one."""
    networks = gan_steps.Networks.create(TINY)
    source, target = draw(rng), draw(rng)
    fake_target, fake_source = networks.to_target(source), networks.to_source(target)
    expected = {
        "gan": np.mean((networks.judge_target(fake_target) - 1) ** 2)
        + np.mean((networks.judge_source(fake_source) - 1) ** 2),
        "cycle": np.mean(np.abs(networks.to_source(fake_target) - source))
        + np.mean(np.abs(networks.to_target(fake_source) - target)),
        "identity": np.mean(np.abs(networks.to_target(target) - target))
        + np.mean(np.abs(networks.to_source(source) - source)),
    }
    if structure:
        expected["structure"] = gan_steps.structure_loss(structure, (source, fake_target), (fake_source, target))
    steps = gan_steps.Steps(networks, replace(TINY, structure=structure))
    found_target, found_source, losses = steps.generate(source, target, np.float32(5))
    np.testing.assert_allclose(found_target, fake_target, atol=1e-5)
    np.testing.assert_allclose(found_source, fake_source, atol=1e-5)
    assert {name: float(value) for name, value in losses.items()} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, rel=1e-4
    )


def test_generators_can_start_at_a_mean_intensity(rng):
    """Before training every pixel is near the mean of the images to become; the discriminators are left alone."""
    networks = gan_steps.Networks.create(TINY)
    networks.start_at(0.2, 0.7)
    images = draw(rng)
    for generator, mean in ((networks.to_target, 0.2), (networks.to_source, 0.7)):
        np.testing.assert_allclose((generator(images) + 1) / 2, mean, atol=0.02)


def test_each_half_of_a_step_changes_its_own_networks(rng):
    """Generators learn while discriminators rest, and the other way round."""
    networks = gan_steps.Networks.create(TINY)
    steps, source, target = gan_steps.Steps(networks, TINY), draw(rng), draw(rng)

    def weights():
        return [np.concatenate([w.ravel() for w in network.get_weights()]) for network in networks]

    start = weights()
    fakes = steps.generate(source, target, np.float32(0))[:2]
    middle = weights()
    assert [not np.array_equal(*both) for both in zip(start, middle, strict=True)] == [True, True, False, False]
    loss = steps.discriminate(source, target, *fakes)
    assert [not np.array_equal(*both) for both in zip(middle, weights(), strict=True)] == [False, False, True, True]
    assert float(steps.discriminate(source, target, *fakes)) < float(loss)


def test_the_constraint_steers_the_generators(rng):
    """With a heavy constraint, steps on one batch bring the saliency of an image and its translation together."""
    keras_import("utils", "set_random_seed")(0)
    structure = Structure(0.5, 0.5, target_inverted=True)
    settings = Settings(n_first=4, n_blocks=1, init_scale=0.02, learning_rate=0.01, structure=structure)
    steps = gan_steps.Steps(gan_steps.Networks.create(settings), settings)
    smooth = ndimage.gaussian_filter(rng.standard_normal((4, 48, 48, 1)), (0, 4, 4, 0))
    source, target = np.split(np.clip(smooth / smooth.std() / 2, -1, 1).astype(np.float32), 2)
    costs = [float(steps.generate(source, target, np.float32(1000))[2]["structure"]) for _ in range(30)]
    assert costs[-1] < 0.6 * costs[0]
