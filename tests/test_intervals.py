"""Intervals hold the true mean as often as they say, for seeds and images that vary in any proportion."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from l2l_utils import intervals


def rows(table, seeds):
    """Return a table of shape (seed, image) in the long form."""
    return pd.DataFrame(
        {"seed": seed, "image": f"cell {i}", "value": value}
        for seed, values in zip(seeds, table, strict=True)
        for i, value in enumerate(values)
    )


def test_untrained_values_have_the_interval_of_the_t_test():
    """With one row, the interval is Student's over images."""
    values = np.random.default_rng(0).normal(3, 2, 20)
    found = intervals.interval(values[None])
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found == pytest.approx((values.mean(), *expected))


def test_seeds_alone_have_the_interval_of_the_t_test():
    """Where every image has the same value, only the seeds count, with as many degrees of freedom as there are."""
    seeds = np.array([1.0, 2.0, 4.0])
    found = intervals.interval(np.repeat(seeds[:, None], 20, axis=1))
    expected = stats.ttest_1samp(seeds, 0).confidence_interval(0.95)
    assert found == pytest.approx((seeds.mean(), *expected))


@pytest.mark.parametrize(
    "spreads", [(0, 1, 0), (0, 1, 1), (0.2, 1, 0.3), (1, 1, 1), (1, 0.3, 0.3), (3, 1, 0.5), (0.1, 0.1, 1)]
)
def test_no_effect_beats_in_about_five_percent(spreads):
    """Three seeds and twenty cells of data without an effect: zero is outside in about 5 % of cases, whatever varies.

    Of 1500 draws, three standard errors are 1.7 %; the formula itself is an approximation, cautious where neither
    seeds nor images differ by more than noise.
    """
    rng = np.random.default_rng(1)
    of_seeds, of_images, rest = spreads
    n_outside = 0
    for _ in range(1500):
        table = of_seeds * rng.standard_normal((3, 1)) + of_images * rng.standard_normal((1, 20))
        found = intervals.interval(table + rest * rng.standard_normal((3, 20)))
        n_outside += not found.low <= 0 <= found.high
    assert n_outside / 1500 < 0.085
    assert n_outside / 1500 > (0.03 if of_images + of_seeds >= rest else 0.005)


def test_differences_are_paired_by_seed_and_image():
    """What images have in common drops out, and images that only one method has are left out."""
    rng = np.random.default_rng(2)
    image_effect, noise = rng.normal(0, 100, 20), rng.normal(0, 0.1, (3, 20))
    first = rows(image_effect + 1 + noise, seeds=range(3))
    second = rows(np.tile(image_effect, (3, 1)), seeds=range(3))
    found = intervals.difference(first, second.query("image != 'cell 7'"))
    assert found.low < 1 < found.high
    assert found.high - found.low < 0.3


@pytest.mark.parametrize("sign", [1, -1])
def test_untrained_is_compared_with_every_seed(sign):
    """A network's three seeds against one raw image each, in either order."""
    trained = rows(np.array([[1.0, 2], [2, 3], [3, 4]]), seeds=range(3))
    raw = rows(np.array([[1.0, 2]]), seeds=[None])
    found = intervals.difference(*(trained, raw)[::sign])
    assert found.mean == pytest.approx(sign)
    assert found.low < found.mean < found.high


@pytest.mark.parametrize("values", [[[np.nan, 1]], [1.0, 2.0], np.empty((0, 4))])
def test_bad_tables_are_refused(values):
    """A gap, a single axis or nothing at all gets a message."""
    with pytest.raises(ValueError, match=r"shape \(seed, image\)"):
        intervals.interval(values)


def test_one_image_tells_nothing():
    """A single image has no spread, so its interval is infinite."""
    assert intervals.interval([[1.0]])[1:] == (-np.inf, np.inf)


def test_summary_has_mean_spread_and_interval_of_each_method():
    """The mean over seeds and images, the spread of the seeds' means; a value that is no number takes its image out."""
    table = np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 8.0]])
    trained = rows(table, seeds=[0, 1]).assign(method="L2L")
    raw = rows(np.array([[0.0, 1.0, np.nan]]), seeds=[None]).assign(method="input")
    found = intervals.summarise(
        pd.concat([trained, raw]).reindex(columns=[*intervals.GROUPS, "seed", "image", "value"])
    )
    found = found.set_index("method")
    assert found.loc["L2L", "value"] == 4
    assert found.loc["L2L", "sd"] == pytest.approx(np.sqrt(2))
    assert tuple(found.loc["L2L", ["low", "high"]]) == pytest.approx(intervals.interval(table)[1:])
    assert tuple(found.loc["input", ["value", "n_images", "n_seeds"]]) == (0.5, 2, 1)


def test_table_to_read_has_a_column_per_data_set():
    """Mean and interval of each method as text; rows of a condition are left out, and gaps are empty."""
    summary = pd.DataFrame({"dataset": ["a", "b", "a", "a"], "method": ["input", "input", "L2L", "L2L"]})
    summary = summary.assign(metric="dice", condition=["", "", "", "gaussian=1.5"], value=[0.5, 0.25, 0.75, 9.0])
    table = intervals.by_method(summary.assign(low=summary.value - 0.1, high=summary.value + 0.1), "dice")
    assert list(table.columns) == ["a", "b"]
    assert table.loc["input", "b"] == "0.25 [0.15, 0.35]"
    assert table.loc["L2L"].to_list() == ["0.75 [0.65, 0.85]", ""]
    with_condition = summary.assign(low=summary.value - 1, high=summary.value + 1)
    smoothed = intervals.by_method(with_condition, "dice", condition="gaussian=1.5")
    assert smoothed.to_dict() == {"a": {"L2L": "9 [8, 10]"}}
