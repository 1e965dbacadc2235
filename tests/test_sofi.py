"""SOFI by the cumulants of known distributions, scipy's estimators, and the widths of points of known size."""

from __future__ import annotations

import numpy as np
import pytest
from blinking import images, telegraph, with_background
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, optimize, stats

from l2l_utils.optics import Optics
from l2l_utils.sofi import bsofi, cross_cumulant2, cumulants, molecular_statistics, sofi2

OPTICS = Optics(1.4, 80, 660)
MANY = 200_000


def column(values):
    """Return values over time as a stack of one pixel."""
    return np.asarray(values).reshape(-1, 1, 1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), n_frames=st.integers(5, 40))
def test_cumulants_are_scipys_moments(seed, n_frames):
    """Without lag they are the sample's central moments, the fourth less three times the variance squared."""
    stack = np.random.default_rng(seed).gamma(2, 3, (n_frames, 2, 3))
    second, third, fourth = (stats.moment(stack, order, axis=0) for order in (2, 3, 4))
    np.testing.assert_allclose(cumulants(stack), [second, third, fourth - 3 * second**2], rtol=1e-9, atol=1e-9)


def test_cumulants_approach_scipys_unbiased_ones():
    """With many frames they are scipy's k-statistics."""
    values = np.random.default_rng(0).gamma(2, 3, MANY)
    expected = [stats.kstat(values, order) for order in (2, 3, 4)]
    np.testing.assert_allclose(cumulants(column(values)).ravel(), expected, rtol=1e-3)


@pytest.mark.parametrize("on_ratio", [0.1, 0.3, 0.8])
def test_an_emitter_of_two_states(on_ratio):
    """An emitter that is on for exactly a share of the frames has the cumulants of the Bernoulli distribution."""
    on = np.arange(1000) < 1000 * on_ratio
    p = on_ratio
    expected = [p * (1 - p), p * (1 - p) * (1 - 2 * p), p * (1 - p) * (1 - 6 * p + 6 * p**2)]
    np.testing.assert_allclose(cumulants(column(on)).ravel(), expected, atol=1e-12)
    scaled = np.multiply(expected, [5**2, 5**3, 5**4])
    np.testing.assert_allclose(cumulants(column(5.0 * on)).ravel(), scaled, atol=1e-9)


@pytest.mark.parametrize(("number", "on_ratio", "brightness"), [(50, 0.3, 3.0), (20, 0.7, 1.0), (8, 0.1, 40.0)])
def test_molecular_statistics_are_recovered(number, on_ratio, brightness):
    """Number, duty cycle and brightness follow from counts that are distributed as those of such emitters."""
    quantiles = stats.binom.ppf((np.arange(MANY) + 0.5) / MANY, number, on_ratio)
    found = molecular_statistics(column(brightness * quantiles) + 100)
    np.testing.assert_allclose(np.ravel(found), [on_ratio, number, brightness], rtol=1e-2)


def test_molecular_statistics_of_simulated_emitters():
    """They also follow, within the error of so many frames, from emitters that blink at random."""
    glows = telegraph(8, MANY, on=3, off=10, rng=np.random.default_rng(0))
    found = molecular_statistics(column(3.0 * glows.sum(1)))
    np.testing.assert_allclose(np.ravel(found), [3 / 13, 8, 3], rtol=0.1)


def test_molecular_statistics_are_masked_where_nothing_fits():
    """A constant pixel, and one whose cumulants no emitters of two states have, are NaN in all three images."""
    constant, heavy = np.full(1000, 5.0), np.random.default_rng(0).standard_exponential(1000)
    for image in molecular_statistics(np.stack([constant, heavy], 1)[:, None]):
        assert np.isnan(image).all()


@pytest.mark.parametrize("order", [2, 3, 4])
def test_a_lag_removes_shot_noise(order):
    """Light that does not change has the cumulants of a Poisson distribution without lag, and none with it."""
    stack = column(np.random.default_rng(0).poisson(3.0, MANY))
    error = 6 * np.sqrt(np.prod(np.arange(1, order + 1)) * 3.0**order / MANY)
    assert cumulants(stack)[order - 2, 0, 0] == pytest.approx(3, abs=8 * error)
    assert cumulants(stack, lag=1)[order - 2, 0, 0] == pytest.approx(0, abs=error)


def test_a_lag_leaves_what_lasts():
    """The covariance of a telegraph signal falls with the lag as the chain's second eigenvalue does."""
    on, off = 10, 30
    glows = telegraph(200, 5000, on=on, off=off, rng=np.random.default_rng(0))
    for lag in (0, 1, 5):
        found = sofi2(glows[:, None].astype(float), lag=lag).mean()
        assert found == pytest.approx(3 / 16 * (1 - 1 / on - 1 / off) ** lag, rel=0.05)
    np.testing.assert_array_equal(sofi2(glows[:, None], lag=3)[0], cumulants(glows[:, None], lag=3)[0, 0])


def width_px(image):
    """Return the standard deviation, in px, of the round Gaussian that fits a spot best."""
    grid = np.indices(image.shape)

    def misfit(p):
        return (p[0] * np.exp(-((grid[0] - p[1]) ** 2 + (grid[1] - p[2]) ** 2) / (2 * p[3] ** 2)) - image).ravel()

    centre = ndimage.center_of_mass(np.maximum(image, 0))
    return abs(optimize.least_squares(misfit, [image.max(), *centre, 1]).x[3])


@pytest.fixture(scope="module")
def lone():
    """Return the stack of one blinking emitter whose image is a Gaussian of 1.5 px, and its mean image's width."""
    rng = np.random.default_rng(0)
    rows, columns = np.indices((15, 17))
    light = np.exp(-((rows - 7.2) ** 2 + (columns - 8.4) ** 2) / (2 * 1.5**2))
    stack = telegraph(1, 400, on=3, off=10, rng=rng)[:, :, None] * light + 0.0
    return stack, 1.5


@pytest.mark.parametrize("order", [2, 3, 4])
def test_a_point_is_narrower_by_the_root_of_the_order(order, lone):
    """The cumulant of order n of a lone emitter is its image to the power n."""
    stack, width = lone
    assert width_px(stack.mean(0)) == pytest.approx(width)
    assert width_px(np.abs(cumulants(stack)[order - 2])) == pytest.approx(width / np.sqrt(order), rel=1e-4)


def test_cross_cumulants_lie_between_the_pixels(lone):
    """On the finer grid a lone emitter is sqrt(2) narrower, round and in its place, up to noise-free rounding."""
    stack, width = lone
    image = cross_cumulant2(stack)
    assert image.shape == (29, 33)
    assert width_px(image) / 2 == pytest.approx(width / np.sqrt(2), rel=0.01)
    np.testing.assert_allclose(ndimage.center_of_mass(image), np.multiply(2, (7.2, 8.4)), atol=0.03)


def test_cross_cumulants_of_a_plain_loop():
    """Each virtual pixel is the mean over its pairs, each scaled by the ratio of means of its kind."""
    stack = np.random.default_rng(0).gamma(1, 1, (30, 1, 1)) * np.random.default_rng(1).random((30, 5, 6))
    deviation = stack - stack.mean(0)
    kinds = {}
    for first in np.ndindex(5, 6):
        for offset in ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0)):
            second = tuple(np.add(first, offset))
            if 0 <= second[0] < 5 and 0 <= second[1] < 6:
                product = (deviation[:, *first] * deviation[:, *second]).mean()
                kinds.setdefault(offset, {})[tuple(np.add(first, second))] = product
    means = {offset: np.mean(list(pairs.values())) for offset, pairs in kinds.items()}
    scale = (means[0, 1] + means[1, 0]) / 2
    image = cross_cumulant2(stack)
    corners = {(0, 0), (0, 10), (8, 0), (8, 10)}
    for place in set(np.ndindex(9, 11)) - corners:
        parts = [pairs[place] * scale / means[offset] for offset, pairs in kinds.items() if place in pairs]
        assert image[place] == pytest.approx(np.mean(parts))
    np.testing.assert_array_equal(image[[0, 0, -1, -1], [0, -1, 0, -1]], image[[1, 1, -2, -2], [1, -2, 1, -2]])


def test_cross_cumulants_are_without_shot_noise():
    """Where light does not change they are 0 on average, unlike the variance."""
    stack = np.random.default_rng(0).poisson(10.0, (2000, 16, 16))
    assert sofi2(stack, lag=0).mean() == pytest.approx(10, rel=0.02)
    assert cross_cumulant2(stack).mean() == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_bsofi_is_in_proportion_to_brightness(order):
    """Of two far emitters, one four times as bright, the linearised image shows about 4, the cumulant 4^n."""
    rng = np.random.default_rng(0)
    places = np.array([[8.0, 8], [8, 24]])
    on = np.zeros((400, 2))
    on[rng.permutation(400)[:80], 0], on[rng.permutation(400)[:80], 1] = 1, 4
    stack = on @ images(places, (17, 33), OPTICS).reshape(2, -1)
    image = bsofi(stack.reshape(400, 17, 33), OPTICS, order=order, lag=0, smallest=1e-6)
    assert image.shape == (17, 33)
    assert image.max() == 1
    assert image[8, 24] / image[8, 8] == pytest.approx(4, rel=0.1)


def test_bsofi_is_sharper_than_the_mean_image():
    """Two emitters 200 nm apart, one blob in the mean image, are two in the balanced image."""
    rng = np.random.default_rng(0)
    places = np.array([[8.0, 7], [8, 9.5]])
    on = telegraph(2, 2000, on=3, off=10, rng=rng)
    stack = with_background(np.tensordot(on, images(places, (17, 17), OPTICS), 1), background=100, ratio=3)
    mean, image = stack.mean(0) - 100, bsofi(stack, OPTICS, order=4, lag=0)
    assert mean[8, 8] > 0.9 * max(mean[8, 7], mean[8, 9])
    assert image[8, 8] < 0.5 * min(image[8, 7], max(image[8, 9], image[8, 10]))


def test_bsofi_with_a_lag_is_without_shot_noise():
    """Beside a blinking emitter, constant light with shot noise is darker by far with a lag than without."""
    rng = np.random.default_rng(0)
    on = telegraph(1, 2000, on=10, off=20, rng=rng)
    stack = rng.poisson(200 + 200 * np.tensordot(on, images(np.array([[8.0, 8]]), (17, 25), OPTICS), 1))
    without, with_lag = (bsofi(stack, OPTICS, order=2, lag=lag)[2:-2, 18:-2].mean() for lag in (0, 1))
    assert with_lag < 0.3 * without


def test_bsofi_of_constant_light_is_dark():
    """Where nothing fluctuates the image is 0."""
    assert not bsofi(np.full((10, 9, 9), 7.0), OPTICS).any()


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (lambda: cumulants(np.ones((5, 5))), r"found the shape \(5, 5\)"),
        (lambda: sofi2(np.ones((1, 5, 5))), r"found the shape \(1, 5, 5\)"),
        (lambda: sofi2(np.ones((5, 5, 5)), lag=5), "within the 5 frames, found 5"),
        (lambda: cumulants(np.ones((5, 5, 5)), lag=-1), "expected 0 or more, .* found -1"),
        (lambda: cross_cumulant2(np.ones((5, 2, 5))), r"3 x 3 px or more, found the shape \(5, 2, 5\)"),
        (lambda: bsofi(np.ones((5, 5, 5)), OPTICS, order=5), "expected 2, 3 or 4, found 5"),
    ],
)
def test_what_cannot_be_done_is_refused(call, found):
    """Stacks, lags and orders that are none are refused with what was found."""
    with pytest.raises(ValueError, match=found):
        call()
