"""Filaments that grow in a cell: microtubules and actin fibres, as points along each."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l2l_utils.cells import Cell, direction
from l2l_utils.drawing import smooth_noise

STEPS_PER_SEGMENT: Final = 14

Drawn = tuple[NDArray[np.float64], NDArray[np.float64]]


class Sprouts(NamedTuple):
    """Where filaments start and how they grow; arrays have one row per filament."""

    start_um: NDArray[np.float64]  # (N, 2)
    heading: NDArray[np.float64]  # (N,), radians
    length_um: NDArray[np.float64]  # (N,)
    bend: float  # radians per um
    evasion: float  # radians per um away from the cell's rim and its nucleus


def microtubules(cell: Cell, *, step_um: float, rng: np.random.Generator) -> Drawn:
    """Draw curved filaments that radiate from the organising centre and from around the nucleus, and branch.

    Returns
    -------
    position_um : ndarray of shape (N, 2)
        `step_um` apart along each filament.
    brightness : ndarray of shape (N,)
        1 everywhere.
    """
    n_aster, n_free, n_branches = rng.poisson((34, 84, 29))
    angle = rng.uniform(0, 2 * np.pi, 1 + n_free)
    distance_um = cell.nucleus.radius_um * rng.uniform(1.1, 1.9, (1 + n_free, 1))
    origin = cell.nucleus.centre_um + distance_um * direction(angle)
    start = np.concatenate([origin[0] + rng.normal(0, 2.5, (n_aster, 2)), origin[1:]])
    heading = np.concatenate([rng.uniform(0, 2 * np.pi, n_aster), angle[1:] + rng.normal(0, 0.7, n_free)])
    stems, headings = grow(cell, _long_sprouts(start, heading, rng), step_um=step_um, rng=rng)
    chosen = rng.integers(len(stems), size=n_branches)
    heading = headings[chosen] + rng.normal(0, 0.5, n_branches)
    branches, _ = grow(cell, _long_sprouts(stems[chosen], heading, rng), step_um=step_um, rng=rng)
    points = np.concatenate([stems, branches])
    return points, np.ones(len(points))


def actin_fibres(cell: Cell, *, step_um: float, rng: np.random.Generator) -> Drawn:
    """Draw stress fibres across the cell, arcs along its rim and a finer mesh.

    Returns
    -------
    position_um : ndarray of shape (N, 2)
        About `step_um` apart along each fibre.
    brightness : ndarray of shape (N,)
        1 in the mesh, more in arcs and stress fibres, which are bundles.
    """
    n_fibres, n_arcs, n_mesh = rng.poisson((30, 9, 200))
    axis = rng.uniform(0, np.pi)
    heading = np.tile(axis + rng.normal(0, 0.22, n_fibres), 2) + np.repeat([0, np.pi], n_fibres)
    start = np.tile(_anywhere(cell, n_fibres, rng), (2, 1))
    length_um = rng.uniform(2, 12, 2 * n_fibres)
    fibres, _ = grow(cell, Sprouts(start, heading, length_um, bend=0.03, evasion=0), step_um=step_um, rng=rng)
    start, heading = _anywhere(cell, n_mesh, rng), rng.uniform(0, 2 * np.pi, n_mesh)
    length_um = rng.uniform(0.8, 4, n_mesh)
    mesh, _ = grow(cell, Sprouts(start, heading, length_um, bend=0.1, evasion=0), step_um=step_um, rng=rng)
    parts = [(fibres, np.full(len(fibres), 2.2)), (mesh, np.ones(len(mesh)))]
    parts += [_arc(cell, step_um=step_um, rng=rng) for _ in range(n_arcs)]
    position_um, brightness = map(np.concatenate, zip(*parts, strict=True))
    return position_um, brightness


def grow(
    cell: Cell, sprouts: Sprouts, *, step_um: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Let filaments wander from their starts until they are long enough or leave the cell.

    Parameters
    ----------
    cell : Cell
        Whose rim and nucleus they evade.
    sprouts : Sprouts
        Where they start and how they grow.
    step_um : float
        Distance of the points along each filament; lengths are whole multiples of 14 steps.
    rng : numpy.random.Generator
        Source of the bends.

    Returns
    -------
    position_um : ndarray of shape (N, 2)
        (row, column), filament by filament.
    heading : ndarray of shape (N,)
        Direction of growth at each point, radians.
    """
    n, segment_um, heading = len(sprouts.heading), STEPS_PER_SEGMENT * step_um, sprouts.heading
    n_segments = max(1, int(sprouts.length_um.max(initial=0) / segment_um))
    bend = sprouts.bend * smooth_noise((n, n_segments), (0, 2 / segment_um), rng)
    nodes, headings = np.empty((n, n_segments + 1, 2)), np.empty((n, n_segments))
    nodes[:, 0] = sprouts.start_um
    for i in range(n_segments):
        headings[:, i] = heading
        nodes[:, i + 1] = nodes[:, i] + segment_um * direction(heading)
        heading = heading + segment_um * (bend[:, i] + sprouts.evasion * _turn_away(cell, nodes[:, i + 1], heading))
    within = np.logical_and.accumulate(cell.outline.reach(nodes[:, 1:]) < 1, axis=1)
    grown = within & (np.arange(n_segments) * segment_um < sprouts.length_um[:, None])
    along = np.arange(STEPS_PER_SEGMENT)[:, None] / STEPS_PER_SEGMENT
    points = nodes[:, :-1][grown][:, None] + np.diff(nodes, axis=1)[grown][:, None] * along
    return points.reshape(-1, 2), np.repeat(headings[grown], STEPS_PER_SEGMENT)


def _arc(cell: Cell, *, step_um: float, rng: np.random.Generator) -> Drawn:
    """Draw a bundle that follows the cell's rim for a while."""
    reach, opening = rng.uniform(0.72, 0.97), rng.uniform(0.5, 1.8)
    angle = rng.uniform(0, 2 * np.pi) + np.arange(0, opening, step_um / (reach * cell.outline.radius_um))
    position_um = cell.outline.position_um(np.full(len(angle), reach), angle)
    spacing_um = np.hypot(*np.gradient(position_um, axis=0).T)
    return position_um, 1.6 * spacing_um / step_um


def _anywhere(cell: Cell, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return n positions of shape (n, 2), evenly spread over the cell."""
    return cell.outline.position_um(np.sqrt(rng.uniform(size=n)), rng.uniform(0, 2 * np.pi, n))


def _long_sprouts(start_um: NDArray[np.float64], heading: NDArray[np.float64], rng: np.random.Generator) -> Sprouts:
    length_um = np.minimum(6 + rng.exponential(22, len(heading)), 30)
    return Sprouts(start_um, heading, length_um, bend=0.12, evasion=1.0)


def _turn_away(cell: Cell, position_um: NDArray[np.float64], heading: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the turn, in radians per um, that lets filaments run along the cell's rim and round its nucleus."""
    turn = np.zeros_like(heading)
    for wall, side in ((cell.outline, 0.0), (cell.nucleus, np.pi)):
        row, column = (position_um - wall.centre_um).T
        approach = heading - np.arctan2(row, column) - side
        nearness = np.clip(1 - np.abs(1 - wall.reach(position_um)) * wall.radius_um / 2, 0, 1)
        turn += nearness * np.maximum(np.cos(approach), 0) * np.sign(np.sin(approach))
    return turn
