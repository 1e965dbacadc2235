"""Cells in 3-D: voxels add up to thickness and volume, and nuclei lie in cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils.bodies import Grid, Spread, ellipsoid, filled, plan_spread_cells, thickness_um
from l2l_utils.cells import Outline
from l2l_utils.luminescent_structures import LUMINESCENT
from l2l_utils.nuclei import chromatin, cytosol

AIR = Grid((14, 120, 130), (0.57, 0.65, 0.65), below=1, tallest_um=7)
WIDE = Spread(cell=1.6, nucleus=1.7, lobes=1.8, jitter_um=2)


def cells_of(seed, grid=AIR, spread=WIDE):
    field_um = np.multiply(grid.shape[1:], grid.step_um[1])
    return plan_spread_cells(field_um, spread, np.random.default_rng(seed))


@settings(max_examples=30, deadline=None)
@given(thickness=st.floats(0, 7), step=st.floats(0.1, 1), below=st.integers(0, 3))
def test_voxels_add_up_to_the_thickness(thickness, step, below):
    """Along a column the filled shares are the thickness, and nothing lies under the glass."""
    grid = Grid((below + int(7 / step) + 2, 1, 1), (step, 1, 1), below, 7)
    share = filled(np.full((1, 1), thickness), grid)
    assert share.sum() * step == pytest.approx(thickness, abs=1e-4)
    assert not share[:below].any()
    assert (np.diff(share[below:, 0, 0]) <= 0).all()


@pytest.mark.parametrize("step_um", [0.2, 0.4])
def test_ellipsoid_has_its_volume_and_place(step_um):
    """A body with a round outline has the volume 4/3 pi a^2 h, about its own middle."""
    grid = Grid((int(10 / step_um), int(14 / step_um), int(15 / step_um)), (step_um,) * 3, 0, 10)
    outline = Outline(np.array([7.1, 7.6]), 5.0, np.zeros((4, 2)))
    share = ellipsoid(outline, 3.0, 4.3, (grid, (slice(0, grid.shape[1]), slice(0, grid.shape[2]))))
    assert share.sum() * step_um**3 == pytest.approx(4 / 3 * np.pi * 25 * 3, rel=0.03)
    middle = [
        (share.sum(axis=axes) * np.arange(n)).sum() / share.sum()
        for axes, n in zip(((1, 2), (0, 2), (0, 1)), share.shape, strict=True)
    ]
    np.testing.assert_allclose((middle[0] + 0.5) * step_um, 4.3, atol=0.02)
    np.testing.assert_allclose(np.multiply(middle[1:], step_um), outline.centre_um, atol=0.02)


def test_cells_are_thick_at_the_nucleus_and_thin_at_the_rim():
    """A cell ends at its rim, and over the nucleus it is more than twice as thick as out in the lamella."""
    n_compared = 0
    for cell in cells_of(0):
        window = AIR.window(cell.outline)
        position_um = AIR.position_um(window)
        thickness = thickness_um(cell, (AIR, window), rng=np.random.default_rng(1))
        reach = cell.outline.reach(position_um)
        assert thickness.max() <= AIR.tallest_um
        assert not thickness[reach > 1.5].any()
        over = cell.nucleus.reach(position_um) < 0.5
        lamella = (reach > 0.8) & (reach < 0.9) & (cell.nucleus.reach(position_um) > 2.5)
        if over.any() and lamella.any():
            assert thickness[over].mean() > 2 * thickness[lamella].mean() > 0
            n_compared += 1
    assert n_compared


def test_cytosol_fills_cells_and_is_less_in_nuclei():
    """The protein is in the cell alone, and a nucleus holds less of it than the cytosol at the same height."""
    n_compared = 0
    for cell in cells_of(1):
        part = cytosol(cell, AIR, rng=np.random.default_rng(2))
        assert (part.structure <= part.body + 1e-6).all()
        reach = cell.nucleus.reach(AIR.position_um(part.window))
        plane = AIR.below + 4
        around = (reach > 1.15) & (reach < 1.5) & (part.body[plane] == 1)
        if (reach < 0.6).any() and around.any():
            assert part.structure[plane][reach < 0.6].mean() < 0.9 * part.structure[plane][around].mean()
            n_compared += 1
    assert n_compared


def test_chromatin_lies_in_the_nucleus():
    """Nearly all chromatin of resting nuclei is inside cell and nucleus; density goes from 0 to 1."""
    n_resting = 0
    for seed in range(4):
        for cell in cells_of(seed):
            part = chromatin(cell, AIR, rng=np.random.default_rng(seed))
            assert 0 <= part.structure.min() <= part.structure.max() <= 1
            if part.structure.sum() > 100:
                near = cell.nucleus.reach(AIR.position_um(part.window)) < 1.2
                is_resting = part.structure[:, near].sum() > 0.99 * part.structure.sum()
                assert not is_resting or part.structure[part.body > 0].sum() > 0.97 * part.structure.sum()
                n_resting += is_resting
    assert n_resting > 8


def test_some_nuclei_divide():
    """Of many nuclei about one in twenty is condensed to plates: denser, and of less volume."""
    grid = Grid((14, 40, 40), (0.57, 0.65, 0.65), 0, 7)
    nucleus = Outline(np.array([13.0, 13.0]), 6.5, np.zeros((4, 2)))
    cell = cells_of(0)[0]
    cell = type(cell)(Outline(np.array([13.0, 13.0]), 17, np.zeros((4, 2))), nucleus)
    drawn = [chromatin(cell, grid, rng=np.random.default_rng(seed)).structure for seed in range(150)]
    volume = np.array([(one > 0.1).sum() for one in drawn])
    dense = np.array([np.percentile(one[one > 0.1], 50) for one in drawn])
    condensed = volume < 0.6 * np.median(volume)
    assert 0.01 < condensed.mean() < 0.12
    assert dense[condensed].min() > 1.2 * np.median(dense[~condensed])


@pytest.mark.parametrize("structure", LUMINESCENT)
def test_cells_are_spread_as_the_table_says(structure):
    """Cells are as many times wider than those of the other microscope as the table says, and so are their nuclei."""
    spread = LUMINESCENT[structure].spread
    cells = cells_of(3, spread=spread)
    assert all(12.5 <= cell.outline.radius_um / spread.cell <= 14.5 for cell in cells)
    assert all(3.2 <= cell.nucleus.radius_um / spread.nucleus <= 4.4 for cell in cells)
