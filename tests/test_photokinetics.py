"""Blinking by the closed forms of the random telegraph process, and by a loop over switches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from l2l_utils.photokinetics import on_times, switching_times

PAIRS = [(1, 1), (1, 20), (5, 1), (3, 8)]


def blinking(tau_on, tau_off, n_emitters=20_000, n_frames=40, seed=0):
    rng = np.random.default_rng(seed)
    return on_times(n_emitters, n_frames, tau_on=tau_on, tau_off=tau_off, rng=rng).astype(float)


def correlation_time(tau_on, tau_off):
    return 1 / (1 / tau_on + 1 / tau_off)


@pytest.mark.parametrize(("tau_on", "tau_off"), PAIRS)
def test_duty_cycle(tau_on, tau_off):
    """In the first frame as in the last, an emitter is on for tau_on / (tau_on + tau_off) of the time."""
    share, duty = blinking(tau_on, tau_off), tau_on / (tau_on + tau_off)
    for frame in (0, 17, 39):
        assert share[:, frame].mean() == pytest.approx(duty, abs=4.5 * share[:, frame].std() / np.sqrt(len(share)))


@pytest.mark.parametrize(("tau_on", "tau_off"), PAIRS)
@pytest.mark.parametrize("frames", [1, 5, 40])
def test_variance_is_that_of_the_telegraph_process(tau_on, tau_off, frames):
    """The share of T frames spent on varies by 2 p (1-p) (t/T)^2 (T/t - 1 + exp(-T/t)), t the correlation time."""
    share = blinking(tau_on, tau_off)[:, :frames].mean(axis=1)
    duty, ratio = tau_on / (tau_on + tau_off), frames / correlation_time(tau_on, tau_off)
    expected = 2 * duty * (1 - duty) * (ratio - 1 + np.exp(-ratio)) / ratio**2
    deviation = share - share.mean()
    error = np.sqrt(((deviation**4).mean() - share.var() ** 2) / len(share))
    assert share.var() == pytest.approx(expected, abs=4.5 * error)


@pytest.mark.parametrize(("tau_on", "tau_off"), PAIRS)
def test_frames_forget_each_other_exponentially(tau_on, tau_off):
    """Frames n apart covary by p (1-p) t^2 (1 - exp(-1/t))^2 exp(-(n-1)/t)."""
    share, time = blinking(tau_on, tau_off), correlation_time(tau_on, tau_off)
    duty = tau_on / (tau_on + tau_off)
    for lag in (1, 2, 4, 8):
        products = (share[:, lag:] - duty) * (share[:, :-lag] - duty)
        expected = duty * (1 - duty) * (time * (1 - np.exp(-1 / time))) ** 2 * np.exp(-(lag - 1) / time)
        error = products.mean(axis=1).std() / np.sqrt(len(share))
        assert products.mean() == pytest.approx(expected, abs=4.5 * error)


@pytest.mark.parametrize(("tau_on", "tau_off"), PAIRS)
def test_dwell_times_are_exponential(tau_on, tau_off):
    """By Kolmogorov and Smirnov, dwells of either state, first ones included, are exponential with their mean."""
    rng = np.random.default_rng(1)
    starts_on, times = switching_times(500, 200, tau_on=tau_on, tau_off=tau_off, rng=rng)
    assert (times[:, -1] > 200).all()
    dwells = np.diff(times, axis=1, prepend=0)[:, :10]
    is_on = starts_on[:, None] ^ (np.arange(10) % 2 == 1)
    for state, mean in ((is_on, tau_on), (~is_on, tau_off)):
        assert stats.kstest(dwells[state], stats.expon(scale=mean).cdf).pvalue > 0.001
        first = state[:, 0]
        assert stats.kstest(dwells[first, 0], stats.expon(scale=mean).cdf).pvalue > 0.001
    assert stats.binomtest(starts_on.sum(), 500, tau_on / (tau_on + tau_off)).pvalue > 0.001


def test_shares_are_those_of_a_loop_over_switches():
    """Frame by frame and switch by switch, the overlap of on states and frames is the share."""
    starts_on, times = switching_times(30, 25, tau_on=0.4, tau_off=0.9, rng=np.random.default_rng(5))
    expected = np.zeros((30, 25))
    for emitter in range(30):
        is_on, begin = starts_on[emitter], 0.0
        for end in times[emitter]:
            for frame in range(25):
                expected[emitter, frame] += is_on * max(0, min(end, frame + 1) - max(begin, frame))
            is_on, begin = not is_on, end
    found = on_times(30, 25, tau_on=0.4, tau_off=0.9, rng=np.random.default_rng(5))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    n_emitters=st.integers(0, 50),
    n_frames=st.integers(0, 50),
    tau_on=st.floats(0.05, 100),
    tau_off=st.floats(0.05, 100),
    seed=st.integers(0, 99),
)
def test_shares_are_shares_and_repeatable(n_emitters, n_frames, tau_on, tau_off, seed):
    """Whatever the numbers, shares are float32 of 0 to 1, and equal generators give equal ones."""
    first, again = (
        on_times(n_emitters, n_frames, tau_on=tau_on, tau_off=tau_off, rng=np.random.default_rng(seed))
        for _ in range(2)
    )
    assert first.shape == (n_emitters, n_frames)
    assert first.dtype == np.float32
    assert ((first >= 0) & (first <= 1)).all()
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(("tau_on", "tau_off"), [(0, 1), (1, -1), (np.nan, 1)])
def test_dwell_times_that_are_none_are_refused(tau_on, tau_off):
    """A mean time of 0 or less is refused with what was found."""
    with pytest.raises(ValueError, match="expected frames above 0, found on"):
        on_times(3, 4, tau_on=tau_on, tau_off=tau_off, rng=np.random.default_rng(0))
