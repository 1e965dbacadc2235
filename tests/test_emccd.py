"""The electron-multiplying camera by closed forms, by its published density, and by a register of many stages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from l2l_utils.binning import average_blocks, sum_blocks
from l2l_utils.emccd import Camera, expose, expose_binned

IXON = Camera()
COUNTS_PER_ELECTRON = IXON.em_gain / IXON.electrons_per_count
READ_COUNTS = IXON.read_noise / IXON.electrons_per_count
SIDE = 600


def electrons_of(light, seconds, camera=IXON):
    return (camera.quantum_efficiency * light + camera.dark_per_s) * seconds + camera.clock_induced


def exposed(light, seconds=1.0, camera=IXON, seed=1, side=SIDE):
    return expose(np.full((side, side), light), seconds, camera, np.random.default_rng(seed)).astype(float)


def error_of_variance(values):
    """Return the standard error of a sample's variance, from the sample's own fourth moment."""
    deviation = values - values.mean()
    return np.sqrt(((deviation**4).mean() - values.var() ** 2) / values.size)


@pytest.mark.parametrize(("light", "seconds"), [(0.0, 60), (0.3, 0.5), (1.0, 4), (3.0, 60)])
def test_mean_and_variance_follow_the_closed_forms(light, seconds):
    """Mean = offset + k m; variance = 2 k^2 m + read noise^2 (+ 1/12 for whole counts), k counts per electron."""
    counts, electrons = exposed(light, seconds), electrons_of(light, seconds)
    variance = 2 * COUNTS_PER_ELECTRON**2 * electrons + READ_COUNTS**2 + 1 / 12
    assert counts.mean() == pytest.approx(
        IXON.offset + COUNTS_PER_ELECTRON * electrons, abs=4.5 * np.sqrt(variance) / SIDE
    )
    assert counts.var() == pytest.approx(variance, abs=4.5 * error_of_variance(counts))


def test_multiplication_doubles_the_variance():
    """The excess noise factor, variance over that of shot noise alone, is 2."""
    counts, electrons = exposed(5.0), electrons_of(5.0, 1)
    shot = COUNTS_PER_ELECTRON**2 * electrons
    assert (counts.var() - READ_COUNTS**2) / shot == pytest.approx(2, rel=0.02)


def test_variance_is_a_line_over_the_mean():
    """Over the light, variance rises by 2 k per count of the mean and begins at the read noise."""
    levels = [exposed(light, seed=i) for i, light in enumerate(np.linspace(0, 8, 9))]
    means, variances = np.array([(level.mean() - IXON.offset, level.var()) for level in levels]).T
    slope, start = np.polyfit(means, variances, 1, w=1 / np.array([error_of_variance(level) for level in levels]))
    assert slope == pytest.approx(2 * COUNTS_PER_ELECTRON, rel=0.01)
    assert start == pytest.approx(READ_COUNTS**2, abs=0.02 * variances[-1])


def test_counts_have_the_published_distribution():
    """Without read noise the electrons after the register follow Hirsch et al. (2013): Bessel times exponential."""
    mean, gain = 1.7, 300.0
    camera = Camera(gain, quantum_efficiency=1, dark_per_s=0, clock_induced=0, read_noise=0, electrons_per_count=1)
    after = exposed(mean, camera=camera, side=300).ravel() - camera.offset

    def density(x):
        root = 2 * np.sqrt(mean * x / gain)
        return np.sqrt(mean / (x * gain)) * special.i1e(root) * np.exp(root - mean - x / gain)

    error = 4 / np.sqrt(after.size)
    for limit in (0.5, 50.5, 200.5, 600.5, 1500.5):
        expected = np.exp(-mean) + integrate.quad(density, 0, limit)[0]
        assert (after < limit).mean() == pytest.approx(expected, abs=error)


def test_a_register_of_many_stages_does_the_same():
    """Electrons that pass 536 stages, each of which may free another, have mean and variance of the gamma law."""
    rng, n = np.random.default_rng(0), 4000
    electrons = np.full(n, 3)
    for _ in range(536):
        electrons += rng.binomial(electrons, 300 ** (1 / 536) - 1)
    gamma = rng.standard_gamma(3, n) * 300
    assert electrons.mean() == pytest.approx(gamma.mean(), rel=0.05)
    assert electrons.std() == pytest.approx(gamma.std(), rel=0.06)


def test_dark_image():
    """In the dark most pixels show read noise about the offset; the few clock-induced electrons are an exponential."""
    counts, electrons = exposed(0.0, 0.5), electrons_of(0.0, 0.5)
    assert np.median(counts) == IXON.offset
    # Electrons only add: below the offset is half of the read noise of the pixels without any.
    below = np.minimum(counts - IXON.offset, 0)
    assert 2 * (below**2).mean() / np.exp(-electrons) == pytest.approx(READ_COUNTS**2 + 1 / 12, rel=0.02)
    limit = 8 * READ_COUNTS
    bright = electrons * np.exp(-limit / COUNTS_PER_ELECTRON)
    assert (counts - IXON.offset > limit).mean() == pytest.approx(bright, abs=5 * np.sqrt(bright) / SIDE)


def test_too_much_light_saturates():
    """Beyond 65535 counts the camera saturates, it does not start again at zero."""
    assert (exposed(1e5, side=32) == 65535).all()


@pytest.mark.parametrize("n", [2, 4, 8])
def test_binning_on_the_chip_has_the_read_noise_once(n):
    """A block's mean is n^2 times a pixel's, its variance that of n^2 pixels' electrons and of one read-out."""
    camera = replace(IXON, read_noise=3000, offset=2000)
    counts = expose_binned(np.full((SIDE, SIDE), 0.4), 1, n, camera, np.random.default_rng(2)).astype(float)
    electrons = n**2 * electrons_of(0.4, 1)
    read = camera.read_noise / camera.electrons_per_count
    variance = 2 * COUNTS_PER_ELECTRON**2 * electrons + read**2 + 1 / 12
    error = 4.5 * np.sqrt(variance / counts.size)
    assert counts.mean() == pytest.approx(camera.offset + COUNTS_PER_ELECTRON * electrons, abs=error)
    assert counts.var() == pytest.approx(variance, abs=4.5 * error_of_variance(counts))


@pytest.mark.parametrize("n", [2, 4, 8])
def test_both_ways_of_binning_raise_the_signal_to_noise(n):
    """On the chip: n^2 s / sqrt(n^2 e + r^2). By software: n times a pixel's, s / sqrt(e + r^2), however large r is."""
    camera = replace(IXON, read_noise=3000, offset=2000)
    light, dark = np.full((SIDE, SIDE), 0.4), np.zeros((SIDE, SIDE))
    pixel_noise = 2 * COUNTS_PER_ELECTRON**2 * electrons_of(0.4, 1)
    read = (camera.read_noise / camera.electrons_per_count) ** 2
    signal = COUNTS_PER_ELECTRON * camera.quantum_efficiency * 0.4
    rng = np.random.default_rng(3)
    chip, chip_dark = (expose_binned(image, 1, n, camera, rng).astype(float) for image in (light, dark))
    soft, soft_dark = (average_blocks(expose(image, 1, camera, rng), n).astype(float) for image in (light, dark))
    n_blocks = (SIDE // n) ** 2
    tolerance = 5 / np.sqrt(n_blocks) + 0.02
    on_chip = n**2 * signal / np.sqrt(n**2 * pixel_noise + read)
    by_software = n * signal / np.sqrt(pixel_noise + read)
    assert (chip.mean() - chip_dark.mean()) / chip.std() == pytest.approx(on_chip, rel=0.06, abs=tolerance)
    assert (soft.mean() - soft_dark.mean()) / soft.std() == pytest.approx(by_software, rel=0.06, abs=tolerance)
    assert on_chip > by_software > signal / np.sqrt(pixel_noise + read)


@settings(max_examples=30, deadline=None)
@given(light=st.floats(0, 1e4), seconds=st.floats(0.01, 100), seed=st.integers(0, 99))
def test_counts_are_whole_and_repeatable(light, seconds, seed):
    """Whatever the light, counts are uint16 of the image's shape, and equal generators give equal counts."""
    stack = np.full((2, 3, 4), light, np.float32)
    first, again = (expose(stack, seconds, IXON, np.random.default_rng(seed)) for _ in range(2))
    assert first.dtype == np.uint16
    assert first.shape == stack.shape
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("seconds", [0, -1, np.nan])
def test_exposures_that_are_none_are_refused(seconds):
    """An exposure of no time is refused with what was found."""
    with pytest.raises(ValueError, match=r"expected more than 0 s, found"):
        expose(np.ones((4, 4)), seconds, IXON, np.random.default_rng(0))


@pytest.mark.parametrize("light", [-0.1, np.nan])
def test_light_that_is_none_is_refused(light):
    """Less than no light, or no number, is refused with what was found."""
    image = np.ones((4, 4))
    image[1, 2] = light
    with pytest.raises(ValueError, match="0 or more in every pixel, found"):
        expose(image, 1, IXON, np.random.default_rng(0))


def test_on_the_chip_nothing_is_lost():
    """The light of the blocks is that of the image."""
    light = np.random.default_rng(0).random((2, 16, 24))
    assert sum_blocks(light, 8).sum() == pytest.approx(light.sum())
