"""What an image of one of two structures is worth: bleed-through, noise and edges agree with closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from l2l_utils import data, judging, patches, separation, virtual_sets

SIZE = 160
shares = st.floats(-2, 2).filter(lambda value: abs(value) > 0.05)


def channel(light, other, area=None):
    """Return a structure of a field whose noise-free images are given."""
    windows = [np.s_[:128, :128], np.s_[32:, 32:]]
    nothing = np.zeros(light.shape, bool)
    return separation.Channel(
        "field", light + other, light, light, other, nothing if area is None else area, windows, 71
    )


def smooth(seed):
    """Return a smooth random image from 0 to 1."""
    image = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(SIZE, SIZE)), 6)
    return ((image - image.min()) / np.ptp(image)).astype(np.float32)


FIELD = channel(smooth(0), smooth(1))


@settings(max_examples=20, deadline=None)
@given(own=shares, other=shares, constant=st.floats(-1, 1))
def test_bleed_through_is_the_ratio_of_the_mixture(own, other, constant):
    """An image made of both structures and a constant is taken apart again."""
    image = own * FIELD.light.astype(float) + other * FIELD.other + constant
    assert separation.mixture(FIELD, image) == pytest.approx((own, other, constant), abs=1e-3)
    assert separation.bleed_through(FIELD, image) == pytest.approx(other / own, abs=1e-2, rel=1e-2)


@pytest.mark.parametrize("sd", [0.01, 0.1])
def test_noise_is_that_of_flat_places(sd, rng):
    """White noise is found where both structures are flat, and their edges are no noise."""
    step = np.zeros((SIZE, SIZE), np.float32)
    step[:, SIZE // 2 :] = 1
    image = step + rng.normal(0, sd, step.shape)
    assert separation.noise(channel(step, np.zeros_like(step)), image) == pytest.approx(sd, rel=0.03)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.5])
@pytest.mark.parametrize("contrast", [1, 900])
def test_edge_of_a_blurred_disc(sigma, contrast):
    """The edge of a disc, blurred by a Gaussian, is as wide as the Gaussian, but for what a rim of pixels hides."""
    row, column = np.indices((2 * SIZE, 2 * SIZE)) - SIZE
    disc = np.hypot(row, column) < 100
    image = 50 + contrast * ndimage.gaussian_filter(disc.astype(float), sigma)
    expected = 2 * np.sqrt(2 * np.log(2)) * sigma
    assert expected - 0.4 < separation.edge_fwhm_px(image, disc) <= expected


def test_judging_the_noise_free_structure():
    """The structure itself is perfect against the truth, and nothing of the other one is in it."""
    found = separation.judge(FIELD, FIELD.light)
    assert found["truth", "ssim"] == pytest.approx(1)
    assert found["truth", "nrmse"] == 0
    assert found["truth", "bleed_through"] == pytest.approx(0, abs=1e-4)
    assert ("truth", "edge_nm") not in found
    image = FIELD.light + 0.1
    expected = judging.compare("benchmark", FIELD.benchmark, image, FIELD.windows)
    assert {key: value for key, value in separation.judge(FIELD, image).items() if key[0] == "benchmark"} == expected
    assert expected["benchmark", "psnr"] == pytest.approx(20, abs=1e-3)


def test_jitter_of_a_mixture_is_that_of_its_rows(rng):
    """Rows displaced by known amounts are measured, although the image holds both structures."""
    image = FIELD.light + 0.5 * FIELD.other
    shift = rng.integers(-2, 3, SIZE)
    moved = np.stack([np.roll(line, by) for line, by in zip(image, shift, strict=True)])
    found = separation.judge_jitter(FIELD, moved)["truth", "jitter_px"]
    assert found == pytest.approx(shift.std(), rel=0.1)
    assert separation.judge_jitter(FIELD, image)["truth", "jitter_px"] == 0


def test_fields_of_a_virtual_set_know_their_structures():
    """Without noise a benchmark is what its photons are on its own scale; the other structure is the other's."""
    name = "virtual/nucleus_membrane-small"
    folder, entry = data.fetch(name), data.read_entry(name)
    pairs = data.pair_channels(folder / "source", [folder / "nucleus", folder / "membrane"])[:2]
    channels = separation.read_channels(name, pairs, rng=np.random.default_rng(0))
    assert list(channels) == ["nucleus", "membrane"]
    for nucleus, membrane, pair in zip(*channels.values(), pairs, strict=True):
        np.testing.assert_array_equal(nucleus.other, membrane.light)
        np.testing.assert_array_equal(membrane.other, nucleus.light)
        np.testing.assert_array_equal(nucleus.raw, patches.read_normalized(pair.source, **entry["percentiles"]))
        for field in (nucleus, membrane):
            inside = (field.light > 0) & (field.light < 1)
            rest = (field.benchmark - field.light)[inside & (field.benchmark > 0) & (field.benchmark < 1)]
            assert abs(rest.mean()) < 0.02
            assert np.corrcoef(field.light[inside], field.benchmark[inside])[0, 1] > 0.9


def test_a_cell_is_drawn_again_without_its_noise():
    """The truth is the file's, and the light of both labels together is that of the superposed image."""
    name = "virtual/nucleus_membrane-small"
    folder, entry = data.fetch(name), data.read_entry(name)
    truth, photons = virtual_sets.without_noise(entry, 1)
    np.testing.assert_array_equal(truth["truth_membrane"], data.read_image(folder / "truth_membrane" / "cell_001.tif"))
    np.testing.assert_allclose(photons["source"], photons["nucleus"] + photons["membrane"], rtol=1e-6)
    detector = virtual_sets.simulation.STRUCTURES["nucleus_membrane"].detector
    counts = data.read_image(folder / "source" / "cell_001.tif").astype(float)
    residual = counts - detector.gain * photons["source"] - detector.offset
    assert residual.std() == pytest.approx(
        np.sqrt(np.mean(detector.gain**2 * photons["source"] + detector.read_noise**2)), rel=0.02
    )
