"""The metrics against closed forms and independent implementations."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from l2l_utils import metrics


@pytest.fixture
def image(rng):
    """Return a smooth image of 128 px, in 0..1."""
    image = ndimage.gaussian_filter(rng.random((128, 128)), 2)
    return (image - image.min()) / np.ptp(image)


def test_equal_images(image):
    """An image equals itself by every measure."""
    scores = metrics.evaluate(image, image)
    assert scores["psnr"] == np.inf
    assert scores["nrmse"] == 0
    assert [scores[name] for name in ("ssim", "ms_ssim_3", "ms_ssim_5")] == pytest.approx([1, 1, 1])


def test_constant_error(image):
    """An error of 0.1 everywhere is an NRMSE of 0.1 and a PSNR of 20 dB."""
    scores = metrics.evaluate(image, image + 0.1)
    assert scores["nrmse"] == pytest.approx(0.1)
    assert scores["psnr"] == pytest.approx(20)


def test_data_range(image, rng):
    """Scaling both images and the data range together changes nothing."""
    test = image + 0.1 * rng.standard_normal(image.shape)
    scaled = metrics.evaluate(image * 4095, test * 4095, data_range=4095)
    assert scaled == pytest.approx(metrics.evaluate(image, test))


@pytest.mark.parametrize("n_scales", [1, 3, 5])
@pytest.mark.parametrize("shape", [(128, 128), (113, 150)])
def test_ms_ssim_equals_tensorflow(n_scales, shape, rng):
    """ms_ssim is tf.image.ssim_multiscale, odd sides included."""
    true = ndimage.gaussian_filter(rng.random(shape), 1)
    true = (true - true.min()) / np.ptp(true)
    test = true + 0.1 * rng.standard_normal(shape)
    expected = tf.image.ssim_multiscale(
        tf.constant(true[..., None], tf.float32),
        tf.constant(test[..., None], tf.float32),
        1.0,
        metrics.MS_SSIM_WEIGHTS[n_scales],
        filter_size=metrics.FILTER_SIZES[n_scales],
    )
    assert metrics.ms_ssim(true, test, n_scales=n_scales) == pytest.approx(float(expected), abs=1e-5)


def test_one_scale_is_ssim(image, rng):
    """At one scale the own twin is scikit-image's SSIM."""
    test = image + 0.1 * rng.standard_normal(image.shape)
    assert metrics.ms_ssim(image, test, n_scales=1) == pytest.approx(metrics.ssim(image, test), abs=1e-12)


def test_negative_similarity(image):
    """An inverted image has a negative SSIM and an MS-SSIM of 0."""
    assert metrics.ssim(image, 1 - image) < 0
    assert metrics.ms_ssim(image, 1 - image, n_scales=3) == 0


def test_images_too_small_or_different(image):
    """The message says which size is needed, or which shapes were found."""
    with pytest.raises(ValueError, match="at least 97 px"):
        metrics.ms_ssim(image[:96], image[:96], n_scales=5)
    with pytest.raises(ValueError, match=r"\(128, 128\) and \(64, 128\)"):
        metrics.evaluate(image, image[:64])


def half_bright(background):
    """Return an image whose left tenth is bright and whose rest is `background`."""
    image = np.full((400, 400), background, dtype=float)
    image[:, :40] = 1
    image[:, -40:] = 0
    return image


@pytest.mark.parametrize("background", [0.0, 0.25, 0.5])
def test_michelson_contrast_closed_form(background):
    """With the sample at 1 and the background at b, the contrast is (1 - b) / (1 + b)."""
    measured = metrics.contrast(half_bright(background))["michelson"]
    assert measured == pytest.approx((1 - background) / (1 + background), abs=0.01)


@settings(deadline=None, max_examples=25)
@given(gain=st.floats(0.01, 1000), offset=st.floats(-1000, 1000))
def test_contrast_ignores_gain_and_offset(gain, offset):
    """Exposure and camera offset do not change the contrast."""
    image = ndimage.gaussian_filter(np.random.default_rng(3).random((64, 64)), 3)
    assert metrics.contrast(gain * image + offset) == pytest.approx(metrics.contrast(image), abs=1e-6)
