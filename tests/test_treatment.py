"""Planted differences between groups are measured as planted; no difference is found in one of twenty comparisons."""

import numpy as np
import pytest
from scipy import stats

from l2l_utils import treatment


def test_effect_in_closed_form():
    """Means 2 and 4, standard deviation 1 in both: ratio 2, d 2, and the p value of Student's test."""
    control, treated = np.array([1.0, 2, 3]), np.array([3.0, 4, 5])
    found = treatment.effect(control, treated)
    assert (found.ratio, found.cohens_d) == pytest.approx((2, 2))
    assert found.p_value == pytest.approx(2 * stats.t.sf(2 / np.sqrt(2 / 3), 4))
    assert str(found) == "2.00 (d +2.0, p 0.07)"


def test_measures_of_a_drawn_experiment(rng):
    """Half the squares give half the area and, bright as they are, half the intensity; offset does not matter."""
    images = {"control": [], "treated": []}
    for group, rows in (("control", 40), ("treated", 20)):
        for _ in range(4):
            image = 100 + rng.normal(0, 1, (100, 100))
            image[:rows] += 50
            images[group].append(image)
    mean = treatment.measure_groups(images).groupby("group").mean()
    assert mean.area_share.to_dict() == pytest.approx({"control": 0.4, "treated": 0.2}, abs=1e-3)
    assert mean.mean_intensity["treated"] / mean.mean_intensity["control"] == pytest.approx(0.55, abs=0.03)
    with pytest.raises(ValueError, match="a group named control, found treated"):
        treatment.measure_groups({"treated": images["treated"]})


def test_no_effect_is_found_in_one_of_twenty(rng):
    """Between groups of the same cells p is below 0.05 in about 5 % of the comparisons, however skewed the values."""
    for values in (rng.normal(5, 1, 400), rng.gamma(3, 1, 400)):
        rate = treatment.false_positive_rate(values, n_cells=10, n_comparisons=2000, rng=rng)
        assert rate == pytest.approx(0.05, abs=0.02)
