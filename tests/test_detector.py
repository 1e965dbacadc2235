"""From photons to counts by closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from l2l_utils import detector, simulation
from l2l_utils.labels import Detector
from l2l_utils.specimen import make_specimen
from l2l_utils.structures import STRUCTURES

CONFOCAL = Detector(gain=40, offset=200, read_noise=45.5)


def counts_of(photons, one=CONFOCAL, image=detector.digital_image, n=600):
    return image(np.full((n, n), photons, np.float32), one, rng=np.random.default_rng(1)).astype(float)


@pytest.mark.parametrize("photons", [0.0, 0.3, 4.0, 60.0])
def test_counts_follow_the_closed_forms(photons):
    """Mean = gain x photons + offset; variance = gain^2 x photons + read noise^2 (+ 1/12 for whole counts)."""
    counts = counts_of(photons)
    variance = CONFOCAL.gain**2 * photons + CONFOCAL.read_noise**2 + 1 / 12
    assert counts.mean() == pytest.approx(CONFOCAL.gain * photons + CONFOCAL.offset, abs=5 * np.sqrt(variance) / 600)
    # Four standard errors of a variance; Poisson noise has a fourth moment larger than a Gaussian's.
    error = np.sqrt(2 * variance**2 + CONFOCAL.gain**4 * photons) / 600
    assert counts.var() == pytest.approx(variance, abs=4 * error)


@pytest.mark.parametrize("photons", [0.3, 4.0, 60.0])
def test_average_of_20_frames_has_a_20th_of_the_variance(photons):
    """The mean is that of one frame; the variance a twentieth, plus the rounding to whole counts."""
    frame, average = counts_of(photons), counts_of(photons, image=detector.average_image)
    assert average.mean() == pytest.approx(frame.mean(), abs=5 * frame.std() / 600)
    assert average.var() - 1 / 12 == pytest.approx((frame.var() - 1 / 12) / 20, rel=0.02)


def test_too_much_light_saturates():
    """Beyond 65535 counts the detector saturates, it does not start again at zero."""
    assert (counts_of(1e5, n=64) == 65535).all()


def test_caveolae_counts_are_nearly_binary_before_they_are_broadened():
    """Of all pixels 9 in 10 count one photon or none; broadened, the image holds more grey values."""
    row = STRUCTURES["caveolae"]
    specimen = make_specimen(row, (512, 512), rng=np.random.default_rng(0))
    photons = simulation.expected_photons(specimen, rng=np.random.default_rng(1))
    plain = Detector(gain=row.detector.gain, offset=0, read_noise=0)
    for image in photons.values():
        counts = detector.digital_image(image, plain, rng=np.random.default_rng(2))
        assert set(np.unique(counts % row.detector.gain)) == {0}
        assert (counts <= row.detector.gain).mean() > 0.9
        broad = detector.digital_image(image, row.detector, rng=np.random.default_rng(2))
        assert np.unique(broad).size > np.unique(counts).size


@pytest.mark.parametrize(("values", "levels"), [((0, 1), 2), ((0, 1, 2), 4), ((0, 20, 40), 4), ((0, 3, 5, 6, 9), 8)])
def test_broadened_counts_are_poisson_numbers(values, levels):
    """Where the image has its maximum, mean and variance are the power of two not below the number of grey values."""
    counts = np.repeat(np.array(values, np.uint16)[:, None], 100_000, axis=1)
    before = counts.copy()
    broad = detector.add_poisson_noise(counts, rng=np.random.default_rng(0)).astype(float)
    expected = levels * np.divide(values, max(values))
    np.testing.assert_allclose(broad.mean(axis=1), expected, atol=5 * np.sqrt(levels / 100_000))
    np.testing.assert_allclose(broad.var(axis=1), expected, rtol=0.03)
    np.testing.assert_array_equal(counts, before)
