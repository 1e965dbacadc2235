"""The losses against TensorFlow's similarities, closed forms, and what the paper writes."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from l2l_utils import nanoscopy_losses

WITHOUT_DOWNLOAD = [name for name in nanoscopy_losses.NAMES if name != "VGG"]


def smooth_pairs(rng, shape=(4, 128, 128, 1), noise=0.1):
    """Return correlated images in 0..1, as a batch of true and predicted ones."""
    true = ndimage.gaussian_filter(rng.random(shape), (0, 2, 2, 0))
    true = (true - true.min()) / np.ptp(true)
    return true.astype(np.float32), np.clip(true + noise * rng.standard_normal(shape), 0, 1).astype(np.float32)


def expected(name, true, pred):
    """Return the loss by TensorFlow's similarities and NumPy."""
    l1 = np.abs(true - pred).mean(axis=(1, 2, 3))
    ssim = 1 - tf.image.ssim(true, pred, 1.0).numpy()
    ms_ssim = 1 - tf.image.ssim_multiscale(true, pred, 1.0, power_factors=[1.0] * 5, filter_size=7).numpy()
    return {
        "L2": ((true - pred) ** 2).mean(axis=(1, 2, 3)),
        "L1": l1,
        "SSIM": ssim,
        "MS-SSIM": ms_ssim,
        "MS-SSIM+L1": 0.4 * ms_ssim + 0.6 * l1,
        "SSIM+L1": 0.6 * ssim + 0.4 * l1,
    }[name]


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("name", [name for name in WITHOUT_DOWNLOAD if "VGG" not in name])
def test_equals_an_independent_reference(name, noise, rng):
    """To 1e-5, where the similarities are above the floor."""
    true, pred = smooth_pairs(rng, noise=noise)
    np.testing.assert_allclose(nanoscopy_losses.get(name)(true, pred), expected(name, true, pred), atol=1e-5)


@pytest.mark.parametrize("name", WITHOUT_DOWNLOAD)
def test_equal_images_cost_nothing(name, rng):
    """Whether they show structure or nothing; others cost something."""
    true, pred = smooth_pairs(rng)
    loss = nanoscopy_losses.get(name)
    np.testing.assert_allclose(loss(true, true), 0, atol=1e-5)
    np.testing.assert_allclose(loss(0 * true, 0 * true), 0, atol=1e-5)
    assert (loss(true, pred).numpy() > 1e-4).all()


@pytest.mark.parametrize("name", WITHOUT_DOWNLOAD)
@pytest.mark.parametrize("kind", ["anti-correlated", "random", "empty"])
def test_descent_lowers_the_loss(name, kind, rng):
    """One small step down the gradient lowers the loss, also where the paper's ReLU would give no gradient."""
    true, _ = smooth_pairs(rng, (1, 128, 128, 1))
    pred = {"anti-correlated": 1 - true, "random": rng.random(true.shape, np.float32), "empty": 0 * true}[kind]
    loss, pred = nanoscopy_losses.get(name), tf.constant(pred)
    with tf.GradientTape() as tape:
        tape.watch(pred)
        before = tf.reduce_sum(loss(true, pred))
    gradient = tape.gradient(before, pred).numpy()
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0
    after = loss(true, pred - 1e-3 * gradient / np.abs(gradient).max())
    assert float(after[0]) < float(before)


@pytest.mark.parametrize("name", WITHOUT_DOWNLOAD)
def test_smallest_patch(name, rng):
    """It works, and where the similarities need more than a pixel, one less is refused with the size that is needed."""
    side = nanoscopy_losses.minimum_patch_px(name)
    image = rng.random((1, side, side, 1), np.float32)
    np.testing.assert_allclose(nanoscopy_losses.get(name)(image, image), 0, atol=1e-5)
    if "SSIM" in name:
        with pytest.raises(ValueError, match=f"at least {side} px"):
            nanoscopy_losses.get(name)(image[:, 1:], image[:, 1:])


def test_five_scales_fit_into_the_usual_patch():
    """128 px, as 11 px windows would not."""
    assert nanoscopy_losses.minimum_patch_px("MS-SSIM") == nanoscopy_losses.minimum_patch_px("MS-SSIM+L1") == 97
    assert nanoscopy_losses.minimum_patch_px("SSIM+L1") == 11


@pytest.mark.parametrize("name", WITHOUT_DOWNLOAD)
def test_shapes_known_only_when_it_runs(name, rng):
    """Compiled for batches of any size, the loss is the same."""
    true, pred = smooth_pairs(rng, (2, 128, 128, 1))
    loss, unknown = nanoscopy_losses.get(name), tf.TensorSpec([None, None, None, 1], tf.float32)
    compiled = tf.function(loss, input_signature=[unknown, unknown])
    np.testing.assert_allclose(compiled(true, pred), loss(true, pred), rtol=1e-5, atol=1e-6)


def test_unknown_loss():
    """An unknown name is quoted, with the known ones."""
    with pytest.raises(ValueError, match=r"'3S-SSIM'.*L2, L1, SSIM, MS-SSIM, VGG, MS-SSIM\+L1, SSIM\+L1"):
        nanoscopy_losses.get("3S-SSIM")
