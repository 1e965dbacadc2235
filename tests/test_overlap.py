"""Overlap of two structures, and error over it: known answers."""

import numpy as np
import pandas as pd
import pytest

from l2l_utils import overlap
from l2l_utils.separation import Channel

SIDE = overlap.SIDE_PX


def squares(values):
    """Return an image of squares of 32 px, one for each value."""
    return np.kron(np.asarray(values, np.float32), np.ones((SIDE, SIDE), np.float32))


def channel(light, other, name="field"):
    nothing = np.zeros(light.shape, bool)
    return Channel(name, light, light, light, other, nothing, [], 71)


def test_overlap_is_that_of_patterns_not_of_brightness(rng):
    """1 where the other structure is this one, however bright; 0 where they share no pixel; NaN where it is absent."""
    pattern = (rng.uniform(size=(SIDE, SIDE)) < 0.5).astype(np.float32)
    light = np.hstack([pattern, pattern, pattern, np.zeros_like(pattern), pattern])
    other = np.hstack([0.2 * pattern, 1 - pattern, np.zeros_like(pattern), pattern, np.ones_like(pattern)])
    (found,) = overlap.overlaps(channel(light, other))
    np.testing.assert_allclose(found, [1, 0, 0, np.nan, np.sqrt(pattern.mean())], atol=1e-6)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.3])
def test_error_is_a_share_of_what_is_there(factor, rng):
    """An image that is brighter by a factor has that error everywhere."""
    light = rng.uniform(0.2, 1, (2 * SIDE + 5, SIDE + 31)).astype(np.float32)
    found = overlap.errors(channel(light, light), factor * light)
    assert found.shape == (2, 1)
    np.testing.assert_allclose(found, abs(factor - 1), atol=1e-6)


def test_correlation_and_curve():
    """An error that grows with the overlap correlates with it perfectly, and the curve rises by its steps."""
    light, n_columns = squares(np.ones((2, 5))), np.array([[1, 3, 8, 16, 26]] * 2)
    columns, steps = np.arange(SIDE) < n_columns[..., None], np.sqrt(n_columns / SIDE)
    other = np.repeat(np.concatenate([np.concatenate(row) for row in columns]).reshape(2, -1), SIDE, axis=0)
    field = channel(light, other.astype(np.float32))
    np.testing.assert_allclose(overlap.overlaps(field), steps, atol=1e-6)
    image = light * (1 + squares(steps))
    assert overlap.judge(field, image)["truth", "overlap_correlation"] == pytest.approx(1)
    assert overlap.judge(field, light * (2 - squares(steps)))["truth", "overlap_correlation"] == pytest.approx(-1)
    found = overlap.curve([field], {("separation", "L1", 0): [image]})
    np.testing.assert_allclose(found.overlap, [0.1, 0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(found.error, steps[0], atol=1e-6)


def test_too_few_squares_have_no_correlation():
    """Four squares are not enough."""
    light = squares(np.ones((2, 2)))
    assert np.isnan(overlap.judge(channel(light, light), light)["truth", "overlap_correlation"])


def test_the_summary_has_means_and_intervals():
    """The mean over trainings and images; overlaps of one or two images are left out."""
    rows = [
        {"method": "separation", "loss": loss, "seed": seed, "image": image, "overlap": place, "error": value}
        for loss, value in (("L1", 0.2), ("SSIM", 0.4))
        for seed in (0, 1)
        for place, images in ((0.1, "abcd"), (0.9, "ab"))
        for image in images
    ]
    found = overlap.summarise(pd.DataFrame(rows).assign(dataset="nucleus"))
    assert list(found.loss) == ["L1", "SSIM"]
    assert set(found.overlap) == {0.1}
    np.testing.assert_allclose(found[["value", "low", "high"]], [[0.2] * 3, [0.4] * 3])
