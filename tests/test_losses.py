"""The losses against TensorFlow's, NumPy's and closed forms, and their gradients where TensorFlow's break."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from l2l_utils import losses, metrics

N_SCALES = {"SSIM": 1, "3S-SSIM": 3, "5S-SSIM": 5}


def smooth_pairs(rng, shape=(8, 128, 128, 1), noise=0.1):
    """Return correlated images in 0..1, as a batch of true and predicted ones."""
    true = ndimage.gaussian_filter(rng.random(shape), (0, 2, 2, 0))
    true = (true - true.min()) / np.ptp(true)
    pred = np.clip(true + noise * rng.standard_normal(shape), 0, 1)
    return true.astype(np.float32), pred.astype(np.float32)


@pytest.mark.parametrize("name", N_SCALES)
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.2, 0.5])
def test_equals_tensorflow(name, noise, rng):
    """1 minus the loss is tf.image.ssim_multiscale to 1e-5 at 128 px."""
    true, pred = smooth_pairs(rng, noise=noise)
    n_scales = N_SCALES[name]
    expected = tf.image.ssim_multiscale(
        true, pred, 1.0, metrics.MS_SSIM_WEIGHTS[n_scales], filter_size=metrics.FILTER_SIZES[n_scales]
    )
    np.testing.assert_allclose(1 - losses.get(name)(true, pred), expected, atol=1e-5)


@pytest.mark.parametrize("name", N_SCALES)
@pytest.mark.parametrize("shape", [(2, 113, 131, 1), (2, 128, 112, 2)])
def test_equals_numpy_twin(name, shape, rng):
    """The loss agrees with metrics.ms_ssim for odd sides and averages over channels."""
    true, pred = smooth_pairs(rng, shape)
    expected = [
        np.mean([metrics.ms_ssim(t[..., c], p[..., c], n_scales=N_SCALES[name]) for c in range(shape[-1])])
        for t, p in zip(true, pred, strict=True)
    ]
    np.testing.assert_allclose(1 - losses.get(name)(true, pred), expected, atol=1e-5)


def test_l1_and_l2_closed_form():
    """A constant error e costs e under L1 and e squared under L2, per image."""
    true = np.zeros((2, 16, 16, 1), np.float32)
    pred = true + np.array([0.25, -0.5], np.float32).reshape(2, 1, 1, 1)
    np.testing.assert_allclose(losses.get("L1")(true, pred), [0.25, 0.5])
    np.testing.assert_allclose(losses.get("L2")(true, pred), [0.0625, 0.25])


def pair(kind, rng, shape=(2, 128, 128, 1)):
    """Return a true and a predicted batch of the named relation."""
    true, _ = smooth_pairs(rng, shape)
    return {
        "identical": (true, true),
        "constant": (np.full_like(true, 0.3), np.full_like(true, 0.7)),
        "anti-correlated": (true, 1 - true),
        "random": (rng.random(shape, np.float32), rng.random(shape, np.float32)),
    }[kind]


def value_and_gradient(name, true, pred):
    """Return the summed loss and its gradient."""
    pred = tf.constant(pred)
    with tf.GradientTape() as tape:
        tape.watch(pred)
        value = tf.reduce_sum(losses.get(name)(true, pred))
    return float(value), tape.gradient(value, pred).numpy()


@pytest.mark.parametrize("name", losses.NAMES)
@pytest.mark.parametrize("kind", ["identical", "constant", "anti-correlated", "random"])
def test_gradient_is_finite(name, kind, rng):
    """No pair of images turns the loss or its gradient into NaN or infinity."""
    value, gradient = value_and_gradient(name, *pair(kind, rng))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", losses.NAMES)
@pytest.mark.parametrize("kind", ["anti-correlated", "random"])
def test_descent_lowers_the_loss(name, kind, rng):
    """One small step down the gradient lowers the loss, also where tf.image gives no signal."""
    true, pred = pair(kind, rng)
    before, gradient = value_and_gradient(name, true, pred)
    assert np.abs(gradient).max() > 0
    after, _ = value_and_gradient(name, true, pred - 0.01 * gradient / np.abs(gradient).max())
    assert after < before


@pytest.mark.parametrize("name", N_SCALES)
def test_minimum_patch(name, rng):
    """The smallest patch works and one pixel less is refused with the size that is needed."""
    side = losses.minimum_patch_px(name)
    true = rng.random((1, side, side, 1), np.float32)
    np.testing.assert_allclose(losses.get(name)(true, true), 0, atol=1e-6)
    with pytest.raises(ValueError, match=rf"at least {side} px"):
        losses.get(name)(true[:, 1:], true[:, 1:])


@pytest.mark.parametrize("name", losses.NAMES)
def test_shapes_known_only_when_it_runs(name, rng):
    """Compiled for tensors of unknown shape, as Keras does with batches, the loss is the same."""
    true, pred = smooth_pairs(rng, (2, 128, 113, 2))
    unknown = tf.TensorSpec([None] * 4, tf.float32)
    compiled = tf.function(losses.get(name), input_signature=[unknown, unknown])
    np.testing.assert_allclose(compiled(true, pred), losses.get(name)(true, pred), atol=1e-6)


def test_half_precision_is_computed_in_float32(rng):
    """Inputs in half precision give a float32 loss, equal to that of the same values in float32."""
    true, pred = (images.astype(np.float16) for images in smooth_pairs(rng))
    half = losses.get("3S-SSIM")(true, pred)
    assert half.dtype == tf.float32
    np.testing.assert_array_equal(half, losses.get("3S-SSIM")(true.astype(np.float32), pred.astype(np.float32)))


def test_unknown_loss():
    """An unknown name is quoted, with the known ones."""
    with pytest.raises(ValueError, match=r"'MS-SSIM'.*L1, L2, SSIM, 3S-SSIM, 5S-SSIM"):
        losses.get("MS-SSIM")
