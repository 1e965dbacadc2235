"""The metrics against closed forms and independent implementations."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio

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


@given(gain=st.floats(0.01, 100), offset=st.floats(-100, 100), residual=st.floats(1e-3, 1))
def test_si_psnr_closed_form(gain, offset, residual):
    """What no gain and offset can mend, a residual of power r^2, leaves 20 log10(range / r), whatever these are."""
    true = np.tile([0.0, 1.0], (8, 4))
    pattern = np.repeat([[1.0], [-1.0]], 4, axis=0) * np.ones((8, 8))  # of mean 0, and uncorrelated with the image
    test = true + residual * pattern
    # The fit shrinks the test image by its share of power that is the image's, 1/4 of 1/4 + r^2.
    left = 0.25 * residual**2 / (0.25 + residual**2)
    assert metrics.si_psnr(true, gain * test + offset) == pytest.approx(-10 * np.log10(left), abs=1e-6)
    assert metrics.si_psnr(true, test, data_range=10) == pytest.approx(20 - 10 * np.log10(left), abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), noise=st.floats(0.01, 2), gain=st.floats(-5, 5), scale=st.floats(1e-6, 1e6))
def test_si_psnr_is_the_psnr_after_least_squares(seed, noise, gain, scale):
    """It equals scikit-image's PSNR after numpy's least-squares fit, for images on any scale, negative ones too."""
    rng = np.random.default_rng(seed)
    true = scale * rng.random((20, 30))
    test = gain * true + scale * noise * rng.standard_normal(true.shape) + 3 * scale
    columns = np.stack([test.ravel() / scale, np.ones(test.size)], axis=1)
    fitted = (columns @ np.linalg.lstsq(columns, true.ravel(), rcond=None)[0]).reshape(true.shape)
    expected = peak_signal_noise_ratio(true, fitted, data_range=np.ptp(true))
    assert metrics.si_psnr(true, test) == pytest.approx(expected, abs=1e-6)
    plain = peak_signal_noise_ratio(true, test, data_range=np.ptp(true))
    assert metrics.si_psnr(true, test) >= plain - 1e-9


def test_si_psnr_of_special_images(image):
    """Equal images are infinite, a change of gain and offset costs rounding only, a constant image tells nothing."""
    assert metrics.si_psnr(image, image) == np.inf
    assert metrics.si_psnr(image, 300 - 7 * image) > 200
    spread = np.ptp(image) / image.std()
    assert metrics.si_psnr(image, np.full_like(image, 3)) == pytest.approx(20 * np.log10(spread))
    assert metrics.evaluate(image, image**2)["si_psnr"] > metrics.evaluate(image, image**2)["psnr"]
