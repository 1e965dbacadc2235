"""Means, differences and trends of cross-validations: closed forms, and intervals that hold the truth as said."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from l2l_utils import learning_curves

WEIGHTS = {8: -1, 16: 2, 32: -1}


def test_points_are_means_of_seen_and_of_unseen_images():
    """A cross-validation has two values for each change, over its own rows only."""
    rows = [
        ("a", 2, 0, i, seen, value, 10 * value) for i, (seen, value) in enumerate([(True, 1), (True, 2), (False, 5)])
    ]
    columns = ["dataset", "n_pairs", "repetition", "image", "seen", "nrmse_change", "ms_ssim_5_change"]
    found = learning_curves.points(pd.DataFrame([*rows, ("a", 2, 1, 0, False, 7, 70)], columns=columns))
    by_seen = found.set_index(["repetition", "seen"])
    assert by_seen.nrmse_change.to_dict() == {(0, True): 1.5, (0, False): 5, (1, False): 7}
    assert by_seen.ms_ssim_5_change.to_dict() == {(0, True): 15, (0, False): 50, (1, False): 70}


def test_failures_are_told_by_training_images():
    """A training that lowers similarity where it trained has failed, whatever its test says; all its rows leave."""
    rows = [
        {"dataset": "a", "n_pairs": 2, "repetition": 0, "fold": fold, "seen": seen, "nrmse_change": 0.0}
        | {"ms_ssim_5_change": change}
        for fold, seen, change in [(0, True, -0.1), (0, False, 0.5), (1, True, 0.1), (1, False, -0.5)]
    ]
    table = pd.DataFrame(rows)
    failed = learning_curves.failures(table)
    assert failed[["fold", "ms_ssim_5_change"]].to_numpy().tolist() == [[0, -0.1]]
    assert learning_curves.without_failures(table).fold.tolist() == [1, 1]
    working = table[table.fold == 1]
    pd.testing.assert_frame_equal(learning_curves.without_failures(working), working)


def test_contrast_of_two_groups_is_students_test():
    """With two groups, the interval excludes 0 exactly where Student's test says so."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        groups = {8: rng.standard_normal(4).tolist(), 16: (rng.standard_normal(3) + 1).tolist()}
        found = learning_curves.contrast(groups, {16: 1, 8: -1})
        test = stats.ttest_ind(groups[16], groups[8])
        ends = test.confidence_interval(0.95)
        assert found == pytest.approx((np.mean(groups[16]) - np.mean(groups[8]), ends.low, ends.high))


def test_contrast_without_repetitions_is_unknown():
    """Single cross-validations tell nothing of the spread."""
    found = learning_curves.contrast({8: [1.0], 16: [3.0]}, {16: 1, 8: -1})
    assert found == (2, -np.inf, np.inf)


def test_contrast_holds_the_truth():
    """Of 1000 sweeps of 4, 2 and 2 without an effect, about 5 % show a bend."""
    rng = np.random.default_rng(1)
    bends = [
        learning_curves.contrast({n: rng.standard_normal(k).tolist() for n, k in {8: 4, 16: 2, 32: 2}.items()}, WEIGHTS)
        for _ in range(1000)
    ]
    false = np.mean([not bend.low <= 0 <= bend.high for bend in bends])
    # standard deviation 0.7 %
    assert 0.03 < false < 0.07


def test_trend_without_noise():
    """A value that rises by 3 per doubling is found, and one more pair at N adds 3 / (N ln 2)."""
    n_pairs = np.array([8, 8, 16, 32])
    fit = learning_curves.trend(n_pairs, 1 + 3 * np.log2(n_pairs))
    assert fit.per_doubling == pytest.approx((3, 3, 3))
    np.testing.assert_allclose(fit.mean, 1 + 3 * np.log2(fit.n_pairs))
    more = fit.of_one_more_pair(1000)
    assert more.mean == pytest.approx(3 * np.log2(1001 / 1000), rel=1e-3)


def test_trend_holds_the_truth():
    """The intervals of slope and line hold the truth in about 95 % of 500 sweeps."""
    rng = np.random.default_rng(2)
    n_pairs = np.repeat([8, 16, 32], [4, 2, 2])
    fits = [learning_curves.trend(n_pairs, 0.5 * np.log2(n_pairs) + rng.standard_normal(8)) for _ in range(500)]
    slopes = np.mean([fit.per_doubling.low <= 0.5 <= fit.per_doubling.high for fit in fits])
    ends = np.mean([fit.low[-1] <= 0.5 * 5 <= fit.high[-1] for fit in fits])
    # standard deviation 1 %
    assert 0.92 < slopes < 0.98
    assert 0.92 < ends < 0.98


@pytest.mark.parametrize("n_pairs", [[8, 8, 8], [8, 16]])
def test_too_few_for_a_trend(n_pairs):
    """One N, or two cross-validations, are refused with what there is."""
    with pytest.raises(ValueError, match=r"two numbers of pairs or more, found \d with \[8"):
        learning_curves.trend(n_pairs, np.arange(len(n_pairs)))


def test_worth_says_what_is_not_determined():
    """A slope is given in percentage points; one that may be 0 is called not determined."""
    n_pairs = [8, 8, 16, 16]
    table = pd.DataFrame({"dataset": "a", "n_pairs": n_pairs, "repetition": [0, 1, 0, 1], "seen": False})
    table = table.assign(nrmse_change=[0.0, 0.1, 0.1, 0.0], ms_ssim_5_change=[0.1, 0.1001, 0.2, 0.2001])
    found = learning_curves.worth(table, at=[8])
    assert found.loc[("a", "ms_ssim_5_change"), "twice the pairs"].startswith("+10.00 [+9.9")
    assert found.loc[("a", "ms_ssim_5_change"), "one more at 8"].startswith("+1.80 [")
    assert found.loc[("a", "nrmse_change"), "twice the pairs"].startswith("not determined [-")


def unseen(values):
    """Return a table of unseen images with the values of each in several tests."""
    rows = [{"image": name, "seen": False, "nrmse_change": v} for name, several in values.items() for v in several]
    return pd.DataFrame(rows)


def test_spread_of_one_image_leaves_out_how_hard_it_is():
    """Only differences between tests of the same image count."""
    sd, freedom = learning_curves.spread_of_one_image(unseen({"a": [1, 3], "b": [101, 103], "c": [50]}), "nrmse_change")
    assert (sd, freedom) == (pytest.approx(np.sqrt(2)), 2)
    sd, freedom = learning_curves.spread_of_one_image(unseen({"a": [1], "b": [2]}), "nrmse_change")
    assert np.isnan(sd)
    assert freedom == 0


def test_spread_ratio_is_the_f_test():
    """The interval excludes equal spreads exactly where the F test does; unknown spreads give an infinite one."""
    limit = np.sqrt(stats.f.ppf(0.975, 9, 28))
    assert learning_curves.spread_ratio((limit * 1.001, 9), (1, 28)).low > 0
    assert learning_curves.spread_ratio((limit * 0.999, 9), (1, 28)).low < 0
    assert learning_curves.spread_ratio((2, 9), (1, 28)).mean == pytest.approx(1)
    assert learning_curves.spread_ratio((np.nan, 0), (1, 5)).high == np.inf
