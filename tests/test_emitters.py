"""Where molecules sit: counts, lengths, radii and densities of the paper, measured on what was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import cKDTree

from l2l_utils.emitters import STRUCTURES, actin, microtubules, mitochondria, vesicles

N_DRAWN = 60


def drawn(draw, n=N_DRAWN):
    return [draw(np.random.default_rng(seed)) for seed in range(n)]


def length_um(axis):
    return np.linalg.norm(np.diff(axis, axis=0), axis=1).sum()


def distances_um(structure):
    """Return how far each emitter is from the nearest point of a centre line, but for those at the field's border."""
    emitters = structure.emitters_um[(np.abs(structure.emitters_um) < (0.5, 2.3, 2.3)).all(axis=1)]
    return cKDTree(np.concatenate(structure.axes_um)).query(emitters)[0]


def per_um(structures):
    emitters = sum(len(structure.emitters_um) for structure in structures)
    return emitters / sum(length_um(axis) for structure in structures for axis in structure.axes_um)


def test_actin_lies_on_its_lines():
    """100 emitters per um sit on filaments of up to 5 um; with 3 to 10 filaments there are at most 5000."""
    structures = drawn(actin)
    assert max(distances_um(structure).max() for structure in structures) <= 0.006
    assert per_um(structures) == pytest.approx(100, rel=0.02)
    lengths = [length_um(axis) for structure in structures for axis in structure.axes_um]
    assert 4 < max(lengths) <= 5.001
    counts = [len(structure.axes_um) for structure in structures]
    assert 3 <= np.median(counts) <= 10
    assert max(len(structure.emitters_um) for structure in structures) <= 5000


def test_mitochondria_are_tubes():
    """Emitters sit 150 nm from the centre line, 500 per um^2 of the tube, on every side alike."""
    structures = drawn(mitochondria)
    assert per_um(structures) / (2 * np.pi * 0.15) == pytest.approx(500, rel=0.03)
    for structure in structures[:20]:
        distances = distances_um(structure)
        # A line that bends is nearer on its inner side, another mitochondrion may be nearer still.
        assert distances.max() <= 0.16
        assert np.percentile(distances, 75) == pytest.approx(0.15, abs=0.002)
    above = [(s.emitters_um[:, 0] > 0).mean() for s in structures]
    assert np.mean(above) == pytest.approx(0.5, abs=0.15)


def test_tubes_are_lit_evenly_around():
    """Around an axis that is nearly level, emitters are as often above as beside it."""
    structure = max(drawn(mitochondria, 30), key=lambda s: len(s.emitters_um))
    tree = cKDTree(np.concatenate(structure.axes_um))
    _, nearest = tree.query(structure.emitters_um)
    height = structure.emitters_um[:, 0] - tree.data[nearest, 0]
    # The height of a point on a circle has the variance r^2 / 2.
    assert height.var() == pytest.approx(0.15**2 / 2, rel=0.1)


def test_vesicles_are_spheres():
    """10 to 30 spheres with radii evenly drawn from 25 to 500 nm; whole ones have 2000 emitters per um^2."""
    structures, radii = drawn(vesicles), []
    for structure in structures:
        tree = cKDTree(structure.emitters_um)
        for (centre,) in structure.axes_um:
            near = np.linalg.norm(structure.emitters_um[tree.query_ball_point(centre, 0.51)] - centre, axis=1)
            values, counts = np.unique(near.round(9), return_counts=True)
            radius, count = values[counts.argmax()], counts.max()
            radii.append(radius)
            if (np.abs(centre[1:]) + radius < 2.5).all():
                assert count == round(2000 * 4 * np.pi * radius**2)
    assert stats.kstest(radii, stats.uniform(0.025, 0.475).cdf).pvalue > 0.001
    counts = [len(structure.axes_um) for structure in structures]
    assert 10 <= min(counts) <= 13
    assert 27 <= max(counts) <= 30


def test_vesicles_evade_each_other():
    """Centres lie farther apart than those of places drawn without looking."""
    nearest = [cKDTree(np.concatenate(s.axes_um)).query(np.concatenate(s.axes_um), 2)[0][:, 1] for s in drawn(vesicles)]
    rng = np.random.default_rng(0)
    blind = []
    for places in nearest:
        centres = rng.uniform(-0.5, 0.5, (len(places), 3)) * (0.5, 5, 5)
        blind.append(cKDTree(centres).query(centres, 2)[0][:, 1])
    assert np.mean(np.concatenate(nearest)) > 1.2 * np.mean(np.concatenate(blind))


def test_microtubules_are_thin_dense_and_bundled():
    """200 emitters per um sit 12.5 nm from nearly straight lines, some of which run side by side."""
    structures = drawn(microtubules, 20)
    assert per_um(structures) == pytest.approx(200, rel=0.02)
    for structure in structures:
        assert distances_um(structure).max() <= 0.0145
        assert len(structure.axes_um) >= 5
        ends = [np.linalg.norm(axis[-1] - axis[0]) / length_um(axis) for axis in structure.axes_um if len(axis) > 50]
        assert np.median(ends) > 0.95
    # Lines that cross or part are far apart on average.
    apart = [
        np.median(cKDTree(one).query(other)[0])
        for axes in (structure.axes_um for structure in structures)
        for i, one in enumerate(axes)
        for other in axes[:i]
    ]
    assert np.mean(np.array(apart) < 0.3) > 0.03


@pytest.mark.parametrize("name", STRUCTURES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), field_um=st.floats(0.3, 5))
def test_all_lies_in_the_field(name, seed, field_um):
    """However small the field, some emitters are in it, none is outside, and equal generators draw the same."""
    structure, again = (STRUCTURES[name](np.random.default_rng(seed), field_um=field_um) for _ in range(2))
    reach = np.array((1, field_um, field_um)) / 2
    assert len(structure.emitters_um)
    for points in (structure.emitters_um, *structure.axes_um):
        assert points.shape[1:] == (3,)
        assert (np.abs(points) <= reach).all()
    np.testing.assert_array_equal(structure.emitters_um, again.emitters_um)


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_small_field_is_a_window_of_the_box(name):
    """All emitters of the box that lie in the window are kept, moved by one shift along y and x."""
    whole, part = (STRUCTURES[name](np.random.default_rng(4), field_um=field) for field in (5.0, 2.0))
    order = {tuple(height): i for i, height in enumerate(whole.emitters_um[:, :1])}
    same = [order[tuple(height)] for height in part.emitters_um[:, :1]]
    shifts = whole.emitters_um[same] - part.emitters_um
    np.testing.assert_allclose(shifts, np.broadcast_to(shifts[0], shifts.shape), atol=1e-12)
    inside = (np.abs(whole.emitters_um - shifts[0])[:, 1:] < 1).all(axis=1)
    assert inside.sum() == len(same)


@pytest.mark.parametrize("field_um", [0, -1, 5.1, np.nan])
def test_fields_that_are_none_are_refused(field_um):
    """A field is above 0 and no larger than the box."""
    with pytest.raises(ValueError, match=r"above 0 and up to 5\.0 um, found"):
        actin(np.random.default_rng(0), field_um=field_um)
