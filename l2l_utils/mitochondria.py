"""Mitochondria in 3-D: tubes that branch and fuse to a network, or break up into short round pieces."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from l2l_utils.bodies import Grid, Part, filled, thickness_um
from l2l_utils.cells import Cell
from l2l_utils.drawing import FWHM_PER_SIGMA, render, smooth_noise
from l2l_utils.filaments import Sprouts, grow
from l2l_utils.membranes import membrane

STEP_UM: Final = 0.03
N_LAYERS: Final = 3
# How broken up the mitochondria of a cell are, 0 to 1: the parameters of a beta distribution.
FUSED: Final = (2.0, 4.5)
BROKEN_UP: Final = (4.5, 2.0)
GRAIN_UM: Final = 5.0  # over which a mitochondrion stays at its height
CLEARANCE_UM: Final = 0.35  # from the glass and from the top of the cell
BEND: Final = 0.35  # radians per um
EVASION: Final = 0.6
# Length of a mitochondrion (median) and radius of its outer membrane, um: none of them broken up, all of them.
LENGTH_UM: Final = (7.0, 0.5)
RADIUS_UM: Final = (0.21, 0.33)
SHORTEST_AND_LONGEST_UM: Final = (0.4, 20.0)
VOLUME_UM: Final = 0.075  # um^3 of mitochondria per um^2 of the cell


class Form(NamedTuple):
    """What the mitochondria of a cell look like."""

    radius_um: float
    length_um: float  # median, without the round ends
    branching: float  # branches for each of them


def network(cell: Cell, grid: Grid, *, rng: np.random.Generator) -> Part:
    """Draw the outer membranes of mitochondria that are fused for the most part, as in untreated cells."""
    return mitochondria(cell, grid, fragmentation=rng.beta(*FUSED), rng=rng)


def fragments(cell: Cell, grid: Grid, *, rng: np.random.Generator) -> Part:
    """Draw the outer membranes of mitochondria that are broken up for the most part, as Rotenone leaves them."""
    return mitochondria(cell, grid, fragmentation=rng.beta(*BROKEN_UP), rng=rng)


def mitochondria(cell: Cell, grid: Grid, *, fragmentation: float, rng: np.random.Generator) -> Part:
    """Draw the outer membranes of a cell's mitochondria.

    Parameters
    ----------
    cell : Cell
        Where they are: between rim and nucleus, most of them near the nucleus.
    grid : Grid
        The voxels.
    fragmentation : float
        0 for long tubes that branch, 1 for short, round and wider pieces.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    Part
        The structure's density is 1 where a flat membrane would fill a voxel.
    """
    window = grid.window(cell.outline)
    thickness = thickness_um(cell, (grid, window), rng=rng)
    form = form_of(fragmentation)
    layers = [_lift(_tubes(cell, form, rng), thickness, grid, window, rng=rng) for _ in range(N_LAYERS)]
    membrane_um, area_um2 = membrane(np.concatenate(layers), form.radius_um, step_um=STEP_UM, rng=rng)
    density = _deposit(membrane_um, area_um2 / (grid.step_um[1] * grid.step_um[2]), grid, window)
    return Part(window, filled(thickness, grid), density)


def form_of(fragmentation: float) -> Form:
    """Return how mitochondria look that are broken up to this degree, 0 to 1."""
    length_um = np.exp(np.interp(fragmentation, (0, 1), np.log(LENGTH_UM)))
    return Form(float(np.interp(fragmentation, (0, 1), RADIUS_UM)), float(length_um), (1 - fragmentation) ** 2)


def _tubes(cell: Cell, form: Form, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the middle lines of one layer of a cell's mitochondria, positions (N, 2) outside the nucleus."""
    # Of whatever form, they have the same volume; two round ends are as much as 4/3 radii of the tube.
    total_um = VOLUME_UM * (cell.outline.radius_um / form.radius_um) ** 2 / N_LAYERS
    lengths_um = rng.lognormal(np.log(form.length_um), 0.5, 1 + int(2 * total_um / form.length_um))
    lengths_um = np.clip(lengths_um, *SHORTEST_AND_LONGEST_UM)
    lengths_um = lengths_um[np.cumsum(lengths_um + 4 / 3 * form.radius_um) < total_um]
    n = len(lengths_um)
    angle = rng.uniform(0, 2 * np.pi, n)
    inner = 1.1 * cell.nucleus.radius_um / cell.outline.radius_um
    reach = inner + (0.92 - inner) * rng.beta(1.1, 1.6, n)
    heading = angle + rng.choice([0, np.pi], n) + rng.normal(0, 0.8, n)
    stems = Sprouts(cell.outline.position_um(reach, angle), heading, lengths_um, bend=BEND, evasion=EVASION)
    points_um, headings = grow(cell, stems, step_um=STEP_UM, rng=rng)
    if len(points_um):
        forks = rng.integers(len(points_um), size=rng.binomial(n, form.branching))
        side = headings[forks] + rng.choice([-1, 1], len(forks)) * rng.normal(1.1, 0.2, len(forks))
        lengths_um = rng.choice(lengths_um, len(forks)) / 2
        branches = Sprouts(points_um[forks], side, lengths_um, bend=BEND, evasion=EVASION)
        points_um = np.concatenate([points_um, grow(cell, branches, step_um=STEP_UM, rng=rng)[0]])
    return points_um[cell.nucleus.reach(points_um) > 1.05]


def _lift(
    points_um: NDArray[np.float64],
    thickness: NDArray[np.float64],
    grid: Grid,
    window: tuple[slice, slice],
    *,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Give points (N, 2) within a window a height between glass and top of the cell that varies slowly: (M, 3)."""
    share = special.ndtr(smooth_noise(thickness.shape, GRAIN_UM / FWHM_PER_SIGMA / grid.step_um[1], rng))
    height_um = CLEARANCE_UM + share * np.maximum(thickness - 2 * CLEARANCE_UM, 0)
    place_px = points_um / grid.step_um[1:] - [side.start for side in window]
    inside = ((place_px > -0.5) & (place_px < np.subtract(thickness.shape, 0.5))).all(axis=1)
    lifted_um = ndimage.map_coordinates(height_um, place_px[inside].T, order=1, mode="nearest")
    return np.column_stack([lifted_um, points_um[inside]])


def _deposit(
    position_um: NDArray[np.float64], amount: NDArray[np.float64], grid: Grid, window: tuple[slice, slice]
) -> NDArray[np.float32]:
    """Share points (z, row, column) among the voxels of a window, each adding its amount; shape (Z, Y, X)."""
    first = (grid.height_um[0], *(side.start * step for side, step in zip(window, grid.step_um[1:], strict=True)))
    position_px = (position_um - first) / grid.step_um
    shape = tuple(side.stop - side.start for side in window)
    below = np.floor(position_px[:, 0]).astype(int)
    volume = np.zeros((grid.shape[0], *shape), np.float32)
    for plane in range(grid.shape[0]):
        near = (below == plane) | (below == plane - 1)
        share = amount[near] * (1 - np.abs(position_px[near, 0] - plane))
        volume[plane] = render(position_px[near, 1:], share, shape, fwhm_px=0)
    return volume
