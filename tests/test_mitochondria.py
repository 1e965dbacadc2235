"""Mitochondria are tubes of known membrane, and fragments of them are shorter and rounder."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, ndimage, stats
from skimage import measure

from l2l_utils.bodies import Grid
from l2l_utils.cells import Cell, Outline
from l2l_utils.luminescence import LUMINESCENT, make_specimen, true_stack
from l2l_utils.mitochondria import BROKEN_UP, FUSED, LENGTH_UM, RADIUS_UM, VOLUME_UM, form_of, mitochondria

GRID = Grid((32, 260, 260), (0.13,) * 3, 0, 4.0)
ROUND = np.zeros((4, 2))
CELL = Cell(Outline(np.array([17.0, 17.0]), 15.0, ROUND), Outline(np.array([17.0, 17.0]), 5.0, ROUND))


def drawn(fragmentation, seed=0):
    return mitochondria(CELL, GRID, fragmentation=fragmentation, rng=np.random.default_rng(seed))


def shapes(projection):
    """Return aspect ratio and length in px of each separate object in a projection."""
    found = measure.regionprops(measure.label(projection > 0.1, connectivity=2))
    found = [one for one in found if one.area > 20]
    ratio = [one.axis_major_length / one.axis_minor_length for one in found]
    return np.mean(ratio), np.mean([one.axis_major_length for one in found]), len(found)


def test_membrane_is_that_of_fragments():
    """Without branches the density adds up to the area of capsules that have the cell's volume of mitochondria."""
    radius_um, length_um = form_of(1.0)[:2]
    whole = Cell(CELL.outline, Outline(CELL.outline.centre_um, 0.1, ROUND))
    areas = [
        mitochondria(whole, GRID, fragmentation=1.0, rng=np.random.default_rng(seed)).structure.sum(dtype=float)
        for seed in range(3)
    ]
    volume_um3 = VOLUME_UM * np.pi * CELL.outline.radius_um**2
    # A capsule's area per volume; lengths vary about the median, and some leave the cell.
    per_volume = (2 * length_um + 4 * radius_um) / (radius_um * length_um + 4 / 3 * radius_um**2)
    assert np.mean(areas) * 0.13**2 == pytest.approx(volume_um3 * per_volume, rel=0.15)


@pytest.mark.parametrize(("fragmentation", "length_um"), [(0.0, LENGTH_UM[0]), (1.0, LENGTH_UM[1])])
def test_forms_are_those_of_the_table(fragmentation, length_um):
    """At both ends the form is the table's; between them mitochondria get shorter and wider, and branch less."""
    form = form_of(fragmentation)
    assert form.radius_um == pytest.approx(RADIUS_UM[int(fragmentation)])
    assert form.length_um == pytest.approx(length_um)
    radius, length, branching = np.array([form_of(degree) for degree in np.linspace(0, 1, 9)]).T
    assert (np.diff(radius) > 0).all()
    assert (np.diff(length) < 0).all()
    assert (np.diff(branching) < 0).all()


def test_fragments_are_shorter_rounder_and_more():
    """Broken-up mitochondria are more objects, of a smaller length and aspect ratio, than fused ones."""
    fused, broken = (
        np.mean([shapes(drawn(degree, seed).structure.max(axis=0)) for seed in range(3)], axis=0) for degree in (0, 1)
    )
    assert broken[0] < 0.85 * fused[0]
    assert broken[1] < 0.6 * fused[1]
    assert broken[2] > 1.5 * fused[2]


@pytest.mark.parametrize("fragmentation", [0.0, 0.5, 1.0])
def test_mitochondria_lie_in_the_cytosol(fragmentation):
    """They are inside the cell, above the glass, and outside the nucleus."""
    part = drawn(fragmentation)
    inside = part.structure[part.body > 0].sum() / part.structure.sum()
    assert inside > 0.97
    reach = CELL.nucleus.reach(GRID.position_um(part.window))
    assert part.structure[:, reach < 0.9].sum() < 0.01 * part.structure.sum()


def test_tubes_are_hollow():
    """With fine voxels, flat cuts through tubes are rings: there is less membrane than inside that it encloses."""
    middle = np.array([6.0, 6.0])
    cell = Cell(Outline(middle, 4.5, ROUND), Outline(middle, 1.0, ROUND))
    grid = Grid((80, 240, 240), (0.05,) * 3, 0, 4.0)
    structure = mitochondria(cell, grid, fragmentation=1.0, rng=np.random.default_rng(0)).structure
    walls = structure > 0.02
    solid = np.array([ndimage.binary_fill_holes(plane) for plane in ndimage.binary_closing(walls, np.ones((3, 3, 3)))])
    assert solid.sum() > 1.5 * walls.sum()


def test_conditions_overlap_but_differ():
    """Treated cells are rounder on average, but some are less so than some controls."""
    ratio = {}
    for structure in ("tomm20", "tomm20_rotenone"):
        stacks = (
            true_stack(make_specimen(LUMINESCENT[structure], (8, 128, 128), rng=np.random.default_rng([9, seed])))
            for seed in range(10)
        )
        ratio[structure] = np.array([shapes(stack.max(axis=0))[0] for stack in stacks])
    control, treated = ratio["tomm20"], ratio["tomm20_rotenone"]
    spread = np.sqrt((control.var(ddof=1) + treated.var(ddof=1)) / 2)
    assert 0.8 < (control.mean() - treated.mean()) / spread < 6
    assert treated.max() > control.min()


def test_a_few_controls_are_more_broken_up_than_treated_cells():
    """The chance that a control is more broken up than a treated cell is small, but not nothing."""
    control, treated = stats.beta(*FUSED), stats.beta(*BROKEN_UP)
    chance, _ = integrate.quad(lambda degree: control.pdf(degree) * treated.cdf(degree), 0, 1)
    assert 0.02 < chance < 0.15
