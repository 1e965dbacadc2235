"""Alarm maps are high at trouble that was planted, and nowhere else."""

import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import alarms, examination

RESOLUTION_PX = 5.0
PERCENTILES = {"pmin": 1.0, "pmax": 99.9}


def blur(image, sigma_px=2.5):
    return ndimage.gaussian_filter(np.asarray(image, float), sigma_px)


@pytest.fixture
def lines():
    """Return the crests of three lines."""
    image = np.zeros((128, 128))
    image[30], image[64], image[:, 90] = 1, 1, 1
    return image


@pytest.mark.parametrize("sigma_px", [1.0, 2.5, 4.0])
def test_reblur_finds_blur_and_scale(lines, sigma_px):
    """A raw image that is the restoration, blurred and scaled, is explained without a rest."""
    raw = 40 * blur(lines, sigma_px) + 7
    found = alarms.reblur(lines, raw)
    assert found.sigma_px == pytest.approx(sigma_px, abs=0.1)
    np.testing.assert_allclose(found.image, raw, atol=0.02 * np.ptp(raw))


def test_reblur_keeps_to_the_narrowest():
    """Where no blur at all would fit best, the least one that is allowed is taken."""
    image = blur(np.random.default_rng(0).random((64, 64)), 1)
    assert alarms.reblur(image, image).sigma_px < 0.2
    assert alarms.reblur(image, image, narrowest_px=2).sigma_px == pytest.approx(2, abs=0.2)


def test_squirrel_of_a_faithful_and_an_unrelated_image(lines, rng):
    """The errors vanish for the blurred restoration itself; noise has its standard deviation as the error."""
    good = alarms.squirrel(3 * blur(lines) + 1, lines)
    assert good.rsp == pytest.approx(1, abs=1e-3)
    assert good.rse < 0.02
    unrelated = alarms.squirrel(rng.normal(0, 0.3, lines.shape), lines)
    assert unrelated.rse == pytest.approx(0.3, rel=0.02)
    assert abs(unrelated.rsp) < 0.1
    assert unrelated.error.shape == lines.shape
    assert alarms.squirrel(np.ones((16, 16)), np.ones((16, 16)))[1:] == (0, 0)


def test_light_that_is_not_drawn_is_unexplained(lines):
    """A bright spot that the restoration leaves out stands out there; an invented line is negative."""
    spot = np.zeros_like(lines)
    spot[100, 20] = 60
    unexplained = alarms.unexplained_light(blur(lines) + blur(spot), lines, resolution_px=RESOLUTION_PX)
    assert np.unravel_index(unexplained.argmax(), lines.shape) == (100, 20)
    invented = lines.copy()
    invented[100, :60] = 1
    unexplained = alarms.unexplained_light(blur(lines), invented, resolution_px=RESOLUTION_PX)
    assert unexplained[100, 10:50].max() < 0
    assert abs(unexplained.mean()) < 1e-3


def test_mismatch_is_low_on_shared_and_high_on_invented_lines(lines, rng):
    """Along lines that both show it is near 0, along one that only the restoration shows near 1, despite haze."""
    raw = blur(lines) + 5 * blur(rng.random(lines.shape), 20) + rng.normal(0, 0.01, lines.shape)
    invented = blur(lines, 1)
    invented[100, :60] += 0.4
    mismatch = alarms.local_mismatch(raw, invented, resolution_px=RESOLUTION_PX)
    assert mismatch[30, 10:80].mean() < 0.2
    assert mismatch[100, 10:50].mean() > 0.7
    scaled = alarms.local_mismatch(9 * raw - 4, invented, resolution_px=RESOLUTION_PX)
    np.testing.assert_allclose(scaled, mismatch, atol=1e-6)


def test_disagreement_is_where_networks_differ(lines):
    """It is 0 where all draw the same, and highest where only one draws a line; one network alone cannot disagree."""
    first, second = blur(lines, 1), blur(lines, 1)
    second[100, :60] += 0.4
    spread = alarms.disagreement([first, second], resolution_px=RESOLUTION_PX)
    assert spread[30].max() == pytest.approx(0, abs=1e-6)
    assert spread[100, 10:50].min() > 0.5
    with pytest.raises(ValueError, match="two restorations or more, found 1"):
        alarms.disagreement([first], resolution_px=RESOLUTION_PX)


def test_highest_rank_is_the_share_of_drawn_places_below(rng):
    """On one map it is the share of drawn places with lower values, on several the highest; with none drawn it is 0."""
    image, drawn = rng.random((20, 20)), rng.random((20, 20)) < 0.4
    expected = np.array([np.mean(image[drawn] < value) for value in image.ravel()])
    np.testing.assert_allclose(alarms.highest_rank([image], drawn).ravel(), expected)
    upside_down = 1 - 1 / drawn.sum() - expected.reshape(image.shape)[drawn]
    both = np.maximum(expected.reshape(image.shape)[drawn], upside_down)
    np.testing.assert_allclose(alarms.highest_rank([image, -image], drawn)[drawn], both)
    assert not alarms.highest_rank([image], np.zeros_like(drawn)).any()


def examine(image, *restorers, **options):
    return examination.examine(
        image, restorers, resolution_px=RESOLUTION_PX, percentiles=PERCENTILES, rng=np.random.default_rng(1), **options
    )


def test_examine_computes_every_map(lines, rng):
    """With several networks every alarm is there; what is not possible is left out; the input stays as it was."""
    image = rng.poisson(200 * blur(lines) + 20).astype(np.uint16)
    before = image.copy()
    examined = examine(image, lambda raw: blur(raw, 1), lambda raw: blur(raw, 1.2))
    np.testing.assert_array_equal(image, before)
    assert tuple(examined.maps) == examination.ALARMS
    assert all(alarm.shape == lines.shape and np.isfinite(alarm).all() for alarm in examined.maps.values())
    assert examined.drawn[30, 10:80].mean() > 0.9
    assert examined.drawn.mean() < 0.3
    alone = examine(image, lambda raw: blur(raw, 1), n_renoised=0)
    assert tuple(alone.maps) == ("error map", "local mismatch", "unexplained light", "combined")


def test_noise_moves_what_is_drawn_from_noise(rng):
    """A restorer that ignores the image is stable under more noise; one that sharpens noise is not."""
    image, fixed = rng.poisson(50, (96, 96)), blur(rng.random((96, 96)))
    stable = examine(image, lambda raw: fixed).maps["re-noising"]  # noqa: ARG005
    nervous = examine(image, lambda raw: (raw - 50) / 20).maps["re-noising"]
    assert stable.max() == pytest.approx(0, abs=1e-12)
    assert nervous.min() > 0.2
