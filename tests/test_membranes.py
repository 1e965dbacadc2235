"""The membrane around a tube lies at its radius, closes it, and has the area of a capsule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils.membranes import membrane

STEP_UM = 0.03


def line(start, direction, length_um):
    """Return points a step apart, the last one where the line ends."""
    unit = np.divide(direction, np.linalg.norm(direction))
    return np.array(start) + np.arange(round(length_um / STEP_UM) + 1)[:, None] * STEP_UM * unit


def distance_from_segment(points, first, last):
    along = (last - first) / np.linalg.norm(last - first)
    place = np.clip((points - first) @ along, 0, np.linalg.norm(last - first))
    return np.linalg.norm(points - first - place[:, None] * along, axis=1)


@settings(max_examples=25, deadline=None)
@given(angle=st.floats(0, 6.3), rise=st.floats(-0.5, 0.5), radius=st.floats(0.1, 0.5), n_steps=st.integers(2, 200))
def test_a_straight_tube_is_a_capsule(angle, rise, radius, n_steps):
    """Every point is one radius from the middle line, and the area is 2 pi r L + 4 pi r^2."""
    middle = line((1, 2, 3), (rise, np.sin(angle), np.cos(angle)), n_steps * STEP_UM)
    points, area = membrane(middle, radius, step_um=STEP_UM, rng=np.random.default_rng(0))
    np.testing.assert_allclose(distance_from_segment(points, middle[0], middle[-1]), radius, rtol=1e-6)
    assert area.sum() == pytest.approx(2 * np.pi * radius * n_steps * STEP_UM + 4 * np.pi * radius**2, rel=1e-6)


def test_points_are_spread_evenly():
    """All around and along the tube the area per length is the same, and the caps are half spheres."""
    radius, length = 0.3, 6.0
    points, area = membrane(line((0, 0, 0), (0, 0, 1), length), radius, step_um=STEP_UM, rng=np.random.default_rng(1))
    z, row, column = points.T
    quarter = np.floor(np.arctan2(z, row) / (np.pi / 2)).astype(int) % 4
    by_quarter = np.bincount(quarter, area) / area.sum()
    np.testing.assert_allclose(by_quarter, 0.25, atol=0.03)
    # Archimedes: a sphere's area lies evenly along any axis, as a cylinder's does, so slices hold 2 pi r each.
    per_um = np.histogram(column, np.linspace(-radius, length + radius, 12), weights=area)[0]
    np.testing.assert_allclose(per_um / ((length + 2 * radius) / 11), 2 * np.pi * radius, rtol=0.1)


def test_tubes_that_follow_each_other_are_not_joined():
    """Two lines in one array are two capsules; between them there is nothing."""
    first, second = line((0, 0, 0), (0, 0, 1), 1.5), line((0, 0, 4), (0, 1, 0), 1.2)
    points, area = membrane(np.concatenate([first, second]), 0.2, step_um=STEP_UM, rng=np.random.default_rng(2))
    near = np.minimum(
        distance_from_segment(points, first[0], first[-1]), distance_from_segment(points, second[0], second[-1])
    )
    np.testing.assert_allclose(near, 0.2, rtol=1e-6)
    assert area.sum() == pytest.approx(2 * np.pi * 0.2 * 2.7 + 2 * 4 * np.pi * 0.2**2)


def test_no_tubes_have_no_membrane():
    """Of no middle line there are no points."""
    points, area = membrane(np.empty((0, 3)), 0.2, step_um=STEP_UM, rng=np.random.default_rng(0))
    assert points.shape == (0, 3)
    assert area.shape == (0,)
