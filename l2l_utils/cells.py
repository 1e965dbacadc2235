"""What is there before it is labelled: cells with a rim and a nucleus, and the filaments that grow in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from l2l_utils.drawing import smooth_noise

CELL_SPACING_UM: Final = 28.0
STEPS_PER_SEGMENT: Final = 14


@dataclass(frozen=True)
class Outline:
    """A closed smooth curve around a centre (row, column); `lobes` are (height, phase) of its 2nd, 3rd ... wave."""

    centre_um: NDArray[np.float64]
    radius_um: float
    lobes: NDArray[np.float64]

    def reach(self, position_um: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far out positions of shape (..., 2) lie: 0 at the centre, 1 on the curve."""
        row, column = np.moveaxis(position_um - self.centre_um, -1, 0)
        angle = np.arctan2(row, column)
        waves = sum(height * np.cos(k * angle + phase) for k, (height, phase) in enumerate(self.lobes, start=2))
        return np.hypot(row, column) / (self.radius_um * (1 + waves))


@dataclass(frozen=True)
class Cell:
    """A cell's outline and its nucleus."""

    outline: Outline
    nucleus: Outline


def microtubules(cell: Cell, *, step_um: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw curved filaments that radiate from the organising centre and from around the nucleus, and branch.

    Returns
    -------
    ndarray of shape (N, 2)
        Positions in um, `step_um` apart along each filament.
    """
    n_aster, n_free, n_branches = rng.poisson((38, 95, 32))
    angle = rng.uniform(0, 2 * np.pi, 1 + n_free)
    origin = cell.nucleus.centre_um + cell.nucleus.radius_um * rng.uniform(1.1, 2.15, (1 + n_free, 1)) * _direction(
        angle
    )
    start = np.concatenate([origin[0] + rng.normal(0, 2.5, (n_aster, 2)), origin[1:]])
    heading = np.concatenate([rng.uniform(0, 2 * np.pi, n_aster), angle[1:] + rng.normal(0, 0.7, n_free)])
    stems, headings = _grow(cell, start, heading, step_um=step_um, rng=rng)
    chosen = rng.integers(len(stems), size=n_branches)
    heading = headings[chosen] + rng.normal(0, 0.5, n_branches)
    branches, _ = _grow(cell, stems[chosen], heading, step_um=step_um, rng=rng)
    return np.concatenate([stems, branches])


def _grow(
    cell: Cell, start_um: NDArray[np.float64], heading: NDArray[np.float64], *, step_um: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Let filaments wander from their starts; return positions (N, 2), filament by filament, and headings (N,)."""
    n, segment_um = len(start_um), STEPS_PER_SEGMENT * step_um
    length_um = 6 + rng.exponential(22, (n, 1))
    n_segments = int(30 / segment_um)
    bend = 0.12 * smooth_noise((n, n_segments), (0, 2 / segment_um), rng)  # radians per um
    nodes, headings = np.empty((n, n_segments + 1, 2)), np.empty((n, n_segments))
    nodes[:, 0] = start_um
    for i in range(n_segments):
        headings[:, i] = heading
        nodes[:, i + 1] = nodes[:, i] + segment_um * _direction(heading)
        heading = heading + segment_um * (bend[:, i] + _turn_away(cell, nodes[:, i + 1], heading))
    within = np.logical_and.accumulate(cell.outline.reach(nodes[:, 1:]) < 1, axis=1)
    grown = within & (np.arange(n_segments) * segment_um < length_um)
    along = np.arange(STEPS_PER_SEGMENT)[:, None] / STEPS_PER_SEGMENT
    points = nodes[:, :-1][grown][:, None] + np.diff(nodes, axis=1)[grown][:, None] * along
    return points.reshape(-1, 2), np.repeat(headings[grown], STEPS_PER_SEGMENT)


def _turn_away(cell: Cell, position_um: NDArray[np.float64], heading: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the turn, in radians per um, that lets filaments run along the cell's rim and round its nucleus."""
    turn = np.zeros_like(heading)
    for wall, side in ((cell.outline, 0.0), (cell.nucleus, np.pi)):
        row, column = (position_um - wall.centre_um).T
        approach = heading - np.arctan2(row, column) - side
        nearness = np.clip(1 - np.abs(1 - wall.reach(position_um)) * wall.radius_um / 2, 0, 1)
        turn += nearness * np.maximum(np.cos(approach), 0) * np.sign(np.sin(approach))
    return turn


def plan_cells(field_um: NDArray[np.float64], rng: np.random.Generator) -> list[Cell]:
    """Place cells on a loose grid, off its centres so that a small field sees a rim and not only a nucleus."""
    n_cells = np.maximum(1, np.rint(field_um / CELL_SPACING_UM)).astype(int)
    cells = []
    for place in np.ndindex(*n_cells):
        shift = rng.uniform(5.2, 8.2) * _direction(rng.uniform(0, 2 * np.pi))
        centre = (np.array(place) + 0.5) * field_um / n_cells + shift
        outline = _outline(centre, rng.uniform(12.5, 14.5), rng)
        cells.append(Cell(outline, _outline(centre + rng.normal(0, 1, 2), rng.uniform(2.7, 3.7), rng)))
    return cells


def _outline(centre_um: NDArray[np.float64], radius_um: float, rng: np.random.Generator) -> Outline:
    height = rng.uniform(0.3, 1, 4) * (0.15, 0.06, 0.04, 0.03)
    return Outline(centre_um, radius_um, np.stack([height, rng.uniform(0, 2 * np.pi, 4)], axis=1))


def _direction(angle: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)
