"""Calibration of predicted scales, on distributions whose curve is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from l2l_utils import uncertainty

SHAPE = (200, 250)
STATED = np.array(uncertainty.STATED)
# Five standard deviations of a share of 50,000 pixels.
NEAR = 5 * np.sqrt(0.25 / np.prod(SHAPE))


def drawn(rng, *, shape=SHAPE):
    """Return a truth that is drawn from a Laplace distribution of its own in each pixel, and these."""
    mean, scale = rng.normal(0, 3, shape), rng.uniform(0.01, 2, shape)
    return rng.laplace(mean, scale), mean, scale


@pytest.mark.parametrize("factor", [0.25, 0.5, 1, 2, 3])
def test_a_wrong_scale_gives_the_known_curve(factor, rng):
    """With the scale times f, 1 - (1 - p)^f lie inside, the diagonal for f = 1; the mean difference is known, too."""
    truth, mean, scale = drawn(rng)
    curve = 1 - (1 - STATED) ** factor
    found = uncertainty.share_inside(truth, mean, factor * scale)
    np.testing.assert_allclose(found, curve, atol=NEAR)
    table = uncertainty.calibration({"a": (truth, mean, factor * scale)})
    assert uncertainty.miscalibration(table) == pytest.approx(np.abs(curve - STATED).mean(), abs=NEAR)


def test_a_biased_mean_gives_the_known_curve(rng):
    """A mean that is off by d scales leaves inside what the distribution has between d - x and d + x."""
    truth, mean, scale = drawn(rng)
    half = -np.log(1 - STATED)
    expected = stats.laplace.cdf(half - 1.5) - stats.laplace.cdf(-half - 1.5)
    np.testing.assert_allclose(uncertainty.share_inside(truth, mean + 1.5 * scale, scale), expected, atol=NEAR)


def test_normal_errors_give_the_known_curve(rng):
    """Errors of a normal distribution with the standard deviation of the stated one: its probability inside."""
    _, mean, scale = drawn(rng)
    truth = rng.normal(mean, np.sqrt(2) * scale)
    expected = stats.chi2.cdf((-np.log(1 - STATED)) ** 2 / 2, 1)
    np.testing.assert_allclose(uncertainty.share_inside(truth, mean, scale), expected, atol=NEAR)


@settings(deadline=None, max_examples=30)
@given(stated=st.floats(0.001, 0.999), scale=st.floats(0.01, 100), mean=st.floats(-100, 100))
def test_the_interval_is_the_central_one(stated, scale, mean):
    """Both ends are the quantiles that SciPy has."""
    low, high = uncertainty.central_interval([mean], [scale], stated=stated)
    expected = stats.laplace.interval(stated, mean, scale)
    np.testing.assert_allclose([low[0], high[0]], expected, rtol=1e-6, atol=1e-6 * scale)


def test_what_lies_inside_is_counted(rng):
    """The shares are those of the pixels between the ends of the intervals, within the mask if there is one."""
    truth, mean, scale = drawn(rng, shape=(4, 20, 30))
    mask = rng.random(truth.shape) < 0.3
    for chosen in (None, mask):
        expected = []
        for stated in STATED:
            low, high = uncertainty.central_interval(mean, scale, stated=stated)
            inside = (low <= truth) & (truth <= high)
            expected.append(inside.mean() if chosen is None else inside[chosen].mean())
        np.testing.assert_array_equal(uncertainty.share_inside(truth, mean, scale, mask=chosen), expected)


def test_a_mask_judges_its_pixels_alone(rng):
    """Where the scale is right in one half of the image only, the mask tells the halves apart."""
    truth, mean, scale = drawn(rng)
    right = np.arange(SHAPE[1]) >= SHAPE[1] // 2
    right = np.broadcast_to(right, SHAPE)
    stated_scale = np.where(right, scale, scale / 2)
    images = {"a": (truth, mean, stated_scale)}
    good, poor = (uncertainty.calibration(images, masks={"a": mask}) for mask in (right, ~right))
    assert uncertainty.miscalibration(good) < 2 * NEAR
    np.testing.assert_allclose(poor.inside, 1 - np.sqrt(1 - STATED), atol=2 * NEAR)


def test_too_wide_and_too_narrow_do_not_cancel(rng):
    """The table has each image's curve; one of many images is the mean of their differences."""
    truth, mean, scale = drawn(rng)
    table = uncertainty.calibration({"narrow": (truth, mean, scale / 2), "wide": (truth, mean, 2 * scale)})
    assert list(table.columns) == ["image", "stated", "inside"]
    assert list(table.image.unique()) == ["narrow", "wide"]
    curves = {name: part.inside.to_numpy() for name, part in table.groupby("image")}
    assert (curves["narrow"] < STATED).all()
    assert (curves["wide"] > STATED).all()
    of_each = [uncertainty.miscalibration(part) for _, part in table.groupby("image")]
    assert uncertainty.miscalibration(table) == pytest.approx(np.mean(of_each))
    common = table.groupby("stated", as_index=False).inside.mean()
    assert uncertainty.miscalibration(common) < np.mean(of_each) / 2


def test_the_number_is_between_nothing_and_everything():
    """0 for a perfect table; a network that is always off by far more than it states has the mean stated share."""
    perfect = pd.DataFrame({"stated": STATED, "inside": STATED})
    assert uncertainty.miscalibration(perfect) == 0
    far = uncertainty.calibration({"a": (np.ones(9), np.zeros(9), np.full(9, 1e-6))}, stated=[0.2, 0.6])
    assert uncertainty.miscalibration(far) == pytest.approx(0.4)


ONES = np.ones((3, 4))


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        ((ONES, ONES, 0 * ONES), {}, "a: Expected a scale above 0 in every pixel, found 0. Give"),
        ((ONES, ONES, ONES[:2]), {}, r"one shape .*found .*\(2, 4\) for scale. Crop"),
        ((ONES[:0],) * 3, {}, r"Expected pixels .*\(0, 4\)"),
        ((np.nan * ONES, ONES, ONES), {}, "number in every pixel of image_true, found NaN"),
        ((ONES, ONES, ONES), {"stated": [0.5, 1.0]}, r"above 0 and below 1, found \[0.5, 1.0\]"),
        ((ONES, ONES, ONES), {"stated": []}, "above 0 and below 1"),
        ((ONES, ONES, ONES), {"masks": {"a": ONES}}, "a mask of booleans .*found float64"),
        ((ONES, ONES, ONES), {"masks": {"a": ONES < 0}}, r"with pixels in it.* with 0\."),
        ((ONES, ONES, ONES), {"masks": {"a": np.array([True])}}, r"of the shape \(3, 4\).*\(1,\)"),
        ((ONES, ONES, ONES), {"masks": {"b": ONES > 0}}, r"found images \['a'\] and masks \['b'\]"),
    ],
)
def test_what_cannot_be_judged_is_explained(images, options, message):
    """Scales of 0, arrays that do not fit each other, impossible probabilities, and masks that select nothing."""
    with pytest.raises(ValueError, match=message):
        uncertainty.calibration({"a": images}, **options)
