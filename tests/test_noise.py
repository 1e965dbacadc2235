"""The noise that is put into an image is found again, and as much of it is added."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import noise, simulation
from l2l_utils.detector import digital_image
from l2l_utils.labels import Detector

RAMP = np.tile(np.linspace(2, 40, 256, dtype=np.float32), (256, 1))


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(5, 60), offset=st.floats(100, 500), read_photons=st.floats(0, 3), seed=st.integers(0, 1000))
def test_gain_and_read_noise_of_simulated_photons(gain, offset, read_photons, seed):
    """Over a ramp of light, the camera's gain and the variance of its dark image come out."""
    camera = Detector(gain=gain, offset=offset, read_noise=read_photons * gain)
    found = noise.estimate_noise(digital_image(RAMP, camera, rng=np.random.default_rng(seed)))
    assert found.gain == pytest.approx(gain, rel=0.1)
    expected = gain**2 * 20 + camera.read_noise**2
    assert found.sd(20 * gain + offset) ** 2 == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("structure", ["tubulin", "actin"])
def test_structure_is_not_taken_for_noise(structure, rng):
    """On a virtual cell full of filaments the variance is right within a fifth, at the dark and at the bright end."""
    row = simulation.STRUCTURES[structure]
    cell = simulation.simulate_cell(structure, (256, 256), rng=rng)
    found = noise.estimate_noise(cell["source"])
    mean = np.quantile(cell["source_average"], (0.1, 0.9))
    expected = row.detector.gain * (mean - row.detector.offset) + row.detector.read_noise**2
    np.testing.assert_allclose(found.sd(mean) ** 2, expected, rtol=0.2)


def test_flat_image_has_no_gain(rng):
    """One intensity alone cannot tell how noise grows; its variance is still right."""
    image = rng.normal(100, 7, (128, 128))
    found = noise.estimate_noise(image)
    assert found.gain == 0
    assert found.sd(100) == pytest.approx(7, rel=0.03)
    assert noise.estimate_noise(np.full((32, 32), 5.0)) == noise.Noise(0.0, 0.0)


def test_added_noise_doubles_the_variance(rng):
    """What is added has the variance that was there, and the input stays as it was."""
    image = rng.poisson(30, (128, 128)).astype(float)
    before = image.copy()
    noisy = noise.add_noise(image, noise.estimate_noise(image), rng=rng)
    np.testing.assert_array_equal(image, before)
    assert noisy.var() == pytest.approx(2 * image.var(), rel=0.05)
