"""ROC curve and area of alarms whose quality is known beforehand."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, stats

from l2l_utils import reliability


@given(shift=st.floats(-2, 2), seed=st.integers(0, 99))
def test_auc_of_two_normal_distributions(shift, seed):
    """It is the normal probability of shift / sqrt(2), and what Mann and Whitney's U says."""
    rng = np.random.default_rng(seed)
    false, true = rng.normal(shift, 1, 2000), rng.normal(0, 1, 3000)
    found = reliability.auc(false, true)
    assert found == pytest.approx(stats.norm.cdf(shift / np.sqrt(2)), abs=0.04)
    assert found == pytest.approx(stats.mannwhitneyu(false, true).statistic / 6e6)
    assert reliability.auc(true, false) == pytest.approx(1 - found)
    assert reliability.auc(np.exp(false), np.exp(true)) == pytest.approx(found)


def test_ties_count_half():
    """A constant alarm has an area of one half."""
    assert reliability.auc(np.ones(30), np.ones(40)) == 0.5


def draw_places(rng, *, n_seeds=3, n_images=20):
    """Return the values of an alarm that differs from training to training and from image to image."""
    seeds, images = rng.normal(0, 0.3, n_seeds), rng.normal(0, 0.3, n_images)
    false, true = {}, {}
    for seed in range(n_seeds):
        for image in range(n_images):
            false[seed, f"{image}"] = rng.normal(1 + seeds[seed] + images[image], 1, rng.integers(0, 12))
            true[seed, f"{image}"] = rng.normal(0, 1, 50)
    return false, true


def test_interval_of_the_area_holds_the_true_one():
    """Of experiments whose area is known, about 95 % of the intervals hold it; the mean is the area of all places."""
    expected = stats.norm.cdf(1 / np.sqrt(2 + 2 * 0.3**2))
    rng, n_inside = np.random.default_rng(3), 0
    for _ in range(100):
        false, true = draw_places(rng)
        found = reliability.auc_interval(false, true)
        everything = [np.concatenate(list(part.values())) for part in (false, true)]
        assert found.mean == pytest.approx(reliability.auc(*everything))
        n_inside += found.low <= expected <= found.high
    assert n_inside >= 90


def test_too_few_false_places_tell_nothing(rng):
    """Nineteen false places, or all of them in one image, give no area."""
    true = {(0, name): rng.random(50) for name in "ab"}
    few = {(0, "a"): rng.random(10), (0, "b"): rng.random(9)}
    one = {(0, "a"): rng.random(40), (0, "b"): []}
    assert np.isnan(reliability.auc_interval(few, true)).all()
    assert np.isnan(reliability.auc_interval(one, true)).all()


def test_roc_rises_from_0_to_1_and_has_the_area(rng):
    """The curve ends at 0 and 1, never falls, and its area is that of `auc`."""
    false, true = rng.normal(1, 1, 5000), rng.normal(0, 1, 5000)
    false_alarms, hits = reliability.roc(false, true)
    for rate in (false_alarms, hits):
        assert (rate[0], rate[-1]) == (0, 1)
        assert (np.diff(rate) >= 0).all()
    area = np.sum(np.diff(false_alarms) * (hits[1:] + hits[:-1]) / 2)
    assert area == pytest.approx(reliability.auc(false, true), abs=2e-3)


def test_a_faithful_alarm_is_told_from_a_useless_one(rng):
    """Networks that invent a line each of their own: their disagreement finds it, the noise they share does not."""
    images = {}
    for name in "ab":
        truth = np.zeros((96, 96))
        truth[:, rng.integers(10, 86, 4)] = 1
        images[name] = rng.poisson(50 + 400 * ndimage.gaussian_filter(truth, 2)).astype(float), truth

    def network(image, row):
        drawn = (ndimage.gaussian_filter(image, 1.5) - 50) / 80
        drawn[row - 2 : row + 3, 20:70] += 0.8
        return drawn

    restorers = [partial(network, row=row) for row in (15, 45, 75)]
    percentiles = {"pmin": 1, "pmax": 99.9}
    judged = reliability.judge_images(images, restorers, resolution_px=5, rng=rng, percentiles=percentiles)
    assert set(judged.seed) == {0, 1, 2}
    assert set(judged.image) == {"a", "b"}
    assert 0.05 < judged.false_share.mean() < 0.5
    found = reliability.summarise(judged).set_index("alarm")
    assert found.auc["disagreement"] > 0.9
    assert found.auc["combined"] > 0.9
    assert (found.low <= found.auc).all()
    assert (found.n_seeds == 3).all()
    assert (found.n_images == 2).all()
    blank = {"a": (images["a"][0], np.zeros((96, 96)))}
    assert reliability.judge_images(blank, restorers, resolution_px=5, rng=rng, percentiles=percentiles).empty


def test_places_of_a_planted_invention():
    """An invented line is false structure, a true line is not, and a line within the resolution counts as true."""
    truth, restored = np.zeros((2, 96, 96))
    truth[20], restored[20], restored[60, 10:40], restored[23, 50:] = 1, 1, 1, 1
    found = reliability.places(truth, restored, resolution_px=5)
    assert found.shown.sum() == 96 + 30 + 46
    np.testing.assert_array_equal(np.argwhere(found.false)[:, 0], np.full(30, 60))
    false, true = reliability.split_values(restored * np.arange(96)[:, None], found)
    assert set(false) == {60}
    assert set(true) == {20, 23}
