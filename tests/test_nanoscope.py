"""The virtual nanoscope: ranges of the paper, stacks of the right size and scale, noise by its moments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils.emitters import STRUCTURES, Structure
from l2l_utils.nanoscope import (
    Sample,
    add_gaussian,
    add_shot_noise,
    add_speckle,
    draw_sample,
    expect_counts,
    record,
    true_emitters,
)
from l2l_utils.optics import Optics

OPTICS = Optics(numerical_aperture=1.3, pixel_nm=100)


def sample_of(emitters_um, *, optics=OPTICS, tau_on=1, tau_off=1, field_um=2.0):
    return Sample(Structure(np.array(emitters_um, float), []), optics, tau_on, tau_off, field_um)


def recorded(sample, n_frames=20, seed=1):
    return record(sample, n_frames=n_frames, rng=np.random.default_rng(seed))


def test_samples_are_those_of_the_paper():
    """Every pixel size and mean time of the paper turns up about as often as the others; apertures fill their range."""
    samples = [draw_sample("actin", rng=np.random.default_rng(seed)) for seed in range(300)]
    for values, expected in (
        ([s.optics.pixel_nm for s in samples], (65, 80, 108, 120)),
        ([s.tau_on for s in samples], range(1, 6)),
        ([s.tau_off for s in samples], range(1, 21)),
    ):
        found, counts = np.unique(values, return_counts=True)
        np.testing.assert_array_equal(found, expected)
        even = 300 / len(found)
        assert np.abs(counts - even).max() < 4.5 * np.sqrt(even)
    apertures = np.array([s.optics.numerical_aperture for s in samples])
    assert 1.2 <= apertures.min() < 1.22
    assert 1.47 < apertures.max() <= 1.49
    assert {s.optics.emission_nm for s in samples} == {660}


@pytest.mark.parametrize(("pixel_nm", "side"), [(65, 77), (80, 63), (108, 46), (120, 42)])
def test_sizes_are_those_of_the_paper(pixel_nm, side):
    """A field of 5 um is 77, 63, 46 or 42 px, in the stack and, ten times as fine, in the image of the truth."""
    sample = sample_of([(0, 0, 0)], optics=OPTICS._replace(pixel_nm=pixel_nm), field_um=5.0)
    assert recorded(sample, n_frames=3).shape == (3, side, side)
    assert true_emitters(sample).shape == (10 * side, 10 * side)


@pytest.mark.parametrize("name", STRUCTURES)
def test_stacks_span_0_to_1(name):
    """A stack is float32 from 0 to 1, equal for equal generators, and its frames differ."""
    sample = draw_sample(name, field_um=1.5, rng=np.random.default_rng(2))
    stack = recorded(sample)
    assert stack.dtype == np.float32
    assert stack.min() == 0
    assert stack.max() == 1
    assert stack.std(axis=0).max() > 0.01
    np.testing.assert_array_equal(stack, recorded(sample))
    assert not np.array_equal(stack, recorded(sample, seed=2))


def test_an_emitter_shows_where_the_truth_has_it():
    """The brightest pixel of the mean is the one whose sub-pixels hold the emitter, also beside the middle."""
    for y, x in ((0.52, -0.73), (-0.91, 0.02), (0.0, 0.0)):
        sample = sample_of([(0, y, x)])
        truth = true_emitters(sample)
        assert truth.sum() == 1
        row, column = np.argwhere(truth)[0] // 10
        mean = recorded(sample).mean(axis=0)
        assert mean[row, column] == mean.max()


def test_truth_counts_emitters_of_every_height():
    """Emitters that share a sub-pixel are counted, in focus or not; sub-pixel (0, 0) is the field's first corner."""
    sample = sample_of([(-0.5, -0.995, -0.995), (0.4, -0.992, -0.998), (0, 0.995, -0.995)])
    truth = true_emitters(sample)
    assert truth.dtype == np.float32
    assert truth[0, 0] == 2
    assert truth[-1, 0] == 1
    assert truth.sum() == 3
    assert true_emitters(sample, subpixels=1).shape == sample.shape


def test_emitters_outside_the_pixels_are_left_out_of_the_truth():
    """46 pixels of 108 nm are 4.968 um: an emitter in the last 16 nm of the field is not in the image."""
    sample = sample_of([(0, 2.49, 0), (0, 2.48, 0)], optics=OPTICS._replace(pixel_nm=108), field_um=5.0)
    assert true_emitters(sample).sum() == 1


def test_blinking_reaches_the_image():
    """The brightness of one emitter's image over time is its share of each frame, by mean and variance."""
    sample = sample_of([(0, 0, 0)], tau_on=2, tau_off=3)
    crest = recorded(sample, n_frames=20_000)[:, 10, 10].astype(float)
    assert crest.mean() == pytest.approx(0.4, abs=0.02)
    time, frames = 1.2, 1 / 1.2
    assert crest.var() == pytest.approx(2 * 0.24 * time**2 * (frames - 1 + np.exp(-frames)), rel=0.05)


def test_no_light_is_refused():
    """A sample without emitters is refused with what to do."""
    with pytest.raises(ValueError, match="expected light, found none from 0 emitters in 20 frames"):
        recorded(sample_of(np.empty((0, 3))))


def test_unknown_structures_are_refused():
    """A name that is none is refused with those there are."""
    with pytest.raises(
        ValueError, match=r"expected one of actin, mitochondria, vesicles, microtubules, found 'nucleus'"
    ):
        draw_sample("nucleus", rng=np.random.default_rng(0))


def test_counts_run_from_background_to_its_multiple():
    """With the paper's signal to background of 3 and background of 100, the brightest value expects 300 counts."""
    stack = np.linspace(0, 1, 5, dtype=np.float32)
    np.testing.assert_allclose(expect_counts(stack), [100, 150, 200, 250, 300])
    np.testing.assert_allclose(expect_counts(stack, sbr=5, background=10), [10, 20, 30, 40, 50])
    assert expect_counts(stack).dtype == np.float32


@pytest.mark.parametrize(("sbr", "background"), [(0.9, 100), (3, -1), (np.nan, 100)])
def test_counts_that_are_none_are_refused(sbr, background):
    """A brightest value below the background, or a background below 0, is refused."""
    with pytest.raises(ValueError, match="expected sbr of 1 or more"):
        expect_counts(np.ones(3), sbr=sbr, background=background)


@pytest.mark.parametrize("counts", [0.5, 100, 300])
def test_shot_noise_has_the_variance_of_its_mean(counts):
    """Counts are whole numbers whose mean and variance are the expectation."""
    noisy = add_shot_noise(np.full((300, 300), counts), np.random.default_rng(0))
    np.testing.assert_array_equal(noisy, np.rint(noisy))
    assert noisy.mean(dtype=float) == pytest.approx(counts, abs=4.5 * np.sqrt(counts) / 300)
    assert noisy.var(dtype=float) == pytest.approx(counts, rel=0.03)
    assert noisy.dtype == np.float32


@pytest.mark.parametrize("variance", [0.1, 0.2])
def test_speckle_multiplies(variance):
    """Noise over value is even about 0 within sqrt(3 variance), of this variance; where there is no light, nothing."""
    stack = np.repeat(np.array([0, 0.2, 1], np.float32), 40_000).reshape(3, 200, 200)
    noisy = add_speckle(stack, variance=variance, rng=np.random.default_rng(0))
    assert not noisy[0].any()
    for value, plane in zip((0.2, 1), noisy[1:], strict=True):
        relative = plane / value - 1
        assert np.abs(relative).max() == pytest.approx(np.sqrt(3 * variance), rel=0.01)
        assert relative.mean() == pytest.approx(0, abs=4.5 * np.sqrt(variance) / 200)
        assert relative.var() == pytest.approx(variance, rel=0.03)
        # An even distribution has a kurtosis of 9/5.
        assert (relative**4).mean() == pytest.approx(1.8 * variance**2, rel=0.05)


@settings(max_examples=10, deadline=None)
@given(largest=st.floats(0.5, 300), variance=st.sampled_from([0.01, 0.1]))
def test_gaussian_noise_goes_with_the_largest_value(largest, variance):
    """Everywhere alike, the variance is the given one times the square of the stack's largest value."""
    stack = np.zeros((2, 150, 150), np.float32)
    stack[1] = largest
    noise = (add_gaussian(stack, variance=variance, rng=np.random.default_rng(0)) - stack) / largest
    for plane in noise:
        assert plane.mean() == pytest.approx(0, abs=4.5 * np.sqrt(variance) / 150)
        assert plane.var() == pytest.approx(variance, rel=0.05)
        assert (plane**4).mean() == pytest.approx(3 * variance**2, rel=0.1)
