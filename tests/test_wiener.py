"""The learnt linear filter is the one that theory gives."""

import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import wiener


def test_recovers_a_known_kernel(rng):
    """From noiseless pairs that a kernel and an offset link, both come back, and new images are predicted exactly."""
    kernel = rng.normal(size=(5, 5))
    sources = [rng.random((60, 50)) for _ in range(3)]
    targets = [ndimage.correlate(source, kernel, mode="reflect") + 0.7 for source in sources]
    learnt = wiener.learn(zip(sources[:2], targets[:2], strict=True), radius_px=3, n_pixels=500, rng=rng)
    np.testing.assert_allclose(learnt.kernel, np.pad(kernel, 1), atol=1e-9)
    assert learnt.offset == pytest.approx(0.7)
    np.testing.assert_allclose(learnt.apply(sources[2]), targets[2], atol=1e-5)


def test_gain_for_white_noise_is_the_analytic_one(rng):
    """White signal in white noise: the best filter multiplies by S / (S + N) and adds the rest of the mean."""
    signal_sd, noise_sd, mean = 0.3, 0.2, 0.5
    pairs = []
    for _ in range(4):
        target = rng.normal(mean, signal_sd, (150, 150))
        pairs.append((target + rng.normal(0, noise_sd, target.shape), target))
    learnt = wiener.learn(pairs, radius_px=2, n_pixels=20_000, rng=rng)
    gain = signal_sd**2 / (signal_sd**2 + noise_sd**2)
    expected = np.zeros((5, 5))
    expected[2, 2] = gain
    np.testing.assert_allclose(learnt.kernel, expected, atol=0.015)
    assert learnt.offset == pytest.approx((1 - gain) * mean, abs=0.02)


def test_frequency_response_is_wieners(rng):
    """Smooth signal in white noise: the kernel's response at each frequency is S / (S + N), where both are known."""
    noise_sd, size = 0.1, 128
    white = rng.standard_normal((6, size, size))
    targets = ndimage.gaussian_filter(white, (0, 1.5, 1.5), mode="wrap")
    sources = targets + rng.normal(0, noise_sd, white.shape)
    learnt = wiener.learn(zip(sources, targets, strict=True), radius_px=6, n_pixels=15_000, rng=rng)
    frequency = np.fft.fftfreq(size) * 2 * np.pi
    spectrum = np.exp(-(1.5**2) * (frequency[:, None] ** 2 + frequency**2))
    response = np.abs(np.fft.fft2(learnt.kernel, (size, size)))
    np.testing.assert_allclose(response, spectrum / (spectrum + noise_sd**2), atol=0.12)


def test_beats_identity_and_a_gaussian(rng):
    """On images that it has not seen it comes nearer to the target than doing nothing or any Gaussian."""
    targets = ndimage.gaussian_filter(rng.standard_normal((3, 96, 96)), (0, 2, 2)) * 5
    sources = targets + rng.normal(0, 1, targets.shape)
    learnt = wiener.learn(zip(sources[:2], targets[:2], strict=True), radius_px=6, rng=rng)
    error = np.mean((learnt.apply(sources[2]) - targets[2]) ** 2)
    others = [np.mean((ndimage.gaussian_filter(sources[2], sigma) - targets[2]) ** 2) for sigma in (0, 1, 2, 3, 4)]
    assert error < min(others)


@pytest.mark.parametrize(
    ("examples", "found"),
    [
        ([], "none"),
        ([(np.zeros((30, 30)), np.zeros((30, 31)))], r"\(30, 31\)"),
        ([(np.zeros((8, 30)), np.zeros((8, 30)))], "at least 25"),
    ],
)
def test_what_cannot_be_learnt_is_said(examples, found, rng):
    with pytest.raises(ValueError, match=found):
        wiener.learn(examples, rng=rng)
