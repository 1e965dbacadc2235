"""Mitochondria in 3-D: tubes that branch and fuse to a network, or break up into short round pieces."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from l2l_utils.bodies import Grid, Part, filled, thickness_um
from l2l_utils.cells import Cell
from l2l_utils.drawing import FWHM_PER_SIGMA, render, smooth_noise
from l2l_utils.filaments import Sprouts, grow

STEP_UM: Final = 0.03
LABELS_PER_STEP: Final = 12
N_LAYERS: Final = 3
# How broken up the mitochondria of a cell are, 0 to 1: the parameters of a beta distribution.
FUSED: Final = (2.0, 4.5)
BROKEN_UP: Final = (4.5, 2.0)
BEND: Final = 0.35  # radians per um
EVASION: Final = 0.6
# Length of a mitochondrion (median) and radius of its outer membrane, um: none of them broken up, all of them.
LENGTH_UM: Final = (7.0, 0.5)
RADIUS_UM: Final = (0.21, 0.33)
VOLUME_UM: Final = 0.075  # um^3 of mitochondria per um^2 of the cell


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
    radius_um = float(np.interp(fragmentation, (0, 1), RADIUS_UM))
    length_um = float(np.exp(np.interp(fragmentation, (0, 1), np.log(LENGTH_UM))))
    total_um = VOLUME_UM * (cell.outline.radius_um / radius_um) ** 2
    layers = []
    for _ in range(N_LAYERS):
        points_um = _tubes(cell, total_um / N_LAYERS, length_um, (1 - fragmentation) ** 2, rng=rng)
        layers.append(_lift(points_um, thickness, grid, window, rng=rng))
    centre_um = np.concatenate(layers)
    membrane_um = np.repeat(centre_um, LABELS_PER_STEP, axis=0)
    membrane_um += radius_um * _anywhere_on_a_sphere(len(membrane_um), rng)
    # One label stands for this much membrane, as a share of a voxel's cross-section.
    area_um2 = 2 * np.pi * radius_um * STEP_UM / LABELS_PER_STEP
    amount = area_um2 / (grid.step_um[1] * grid.step_um[2])
    return Part(window, filled(thickness, grid), _deposit(membrane_um, amount, grid, window))


def _tubes(
    cell: Cell, total_um: float, median_um: float, branching: float, *, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the middle lines of tubes of so much length in total, positions (N, 2) outside the nucleus."""
    lengths_um = np.minimum(rng.lognormal(np.log(median_um), 0.5, 1 + int(2 * total_um / median_um)), 20)
    lengths_um = lengths_um[np.cumsum(lengths_um) < total_um]
    n = len(lengths_um)
    angle = rng.uniform(0, 2 * np.pi, n)
    inner = 1.1 * cell.nucleus.radius_um / cell.outline.radius_um
    reach = inner + (0.92 - inner) * rng.beta(1.1, 1.6, n)
    start_um, heading = (
        cell.outline.position_um(reach, angle),
        angle + rng.choice([0, np.pi], n) + rng.normal(0, 0.8, n),
    )
    stem = rng.integers(max(n, 1), size=n)
    stems = Sprouts(start_um, heading, lengths_um, bend=BEND, evasion=EVASION)
    points_um, headings = grow(cell, stems, step_um=STEP_UM, rng=rng)
    if len(points_um):
        forks = rng.integers(len(points_um), size=rng.binomial(n, branching))
        side = headings[forks] + rng.choice([-1, 1], len(forks)) * rng.normal(1.1, 0.2, len(forks))
        branches = Sprouts(points_um[forks], side, lengths_um[stem[: len(forks)]] / 2, bend=BEND, evasion=EVASION)
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
    index = np.rint(points_um / grid.step_um[1:]).astype(int) - [side.start for side in window]
    inside = ((index >= 0) & (index < thickness.shape)).all(axis=1)
    row, column = index[inside].T
    share = special.ndtr(smooth_noise(thickness.shape, 4.0 / FWHM_PER_SIGMA / grid.step_um[1], rng))[row, column]
    height_um = 0.35 + share * np.maximum(thickness[row, column] - 0.7, 0)
    return np.column_stack([height_um, points_um[inside]])


def _anywhere_on_a_sphere(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return unit vectors (n, 3); around every point of a line they make a closed tube."""
    vectors = rng.standard_normal((n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _deposit(
    position_um: NDArray[np.float64], amount: float, grid: Grid, window: tuple[slice, slice]
) -> NDArray[np.float32]:
    """Share points (z, row, column) among the voxels of a window, each adding `amount`; shape (Z, Y, X)."""
    first = (grid.height_um[0], *(side.start * step for side, step in zip(window, grid.step_um[1:], strict=True)))
    position_px = (position_um - first) / grid.step_um
    shape = tuple(side.stop - side.start for side in window)
    below = np.floor(position_px[:, 0]).astype(int)
    volume = np.zeros((grid.shape[0], *shape), np.float32)
    for plane in range(grid.shape[0]):
        near = (below == plane) | (below == plane - 1)
        share = amount * (1 - np.abs(position_px[near, 0] - plane))
        volume[plane] = render(position_px[near, 1:], share, shape, fwhm_px=0)
    return volume
