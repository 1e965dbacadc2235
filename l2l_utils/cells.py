"""What is there before it is labelled: cells with a rim and a nucleus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

CELL_SPACING_UM: Final = 28.0
# How far inside the rim the middle of a small field lies, as a share of half its side.
RIM_INSET: Final = (0.58, 0.78)


@dataclass(frozen=True)
class Outline:
    """A closed smooth curve around a centre (row, column); `lobes` are (height, phase) of its 2nd, 3rd ... wave."""

    centre_um: NDArray[np.float64]
    radius_um: float
    lobes: NDArray[np.float64]

    def radius_at_um(self, angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distance of the curve from the centre in the direction of each angle."""
        waves = sum(height * np.cos(k * angle + phase) for k, (height, phase) in enumerate(self.lobes, start=2))
        return self.radius_um * (1 + waves)

    def reach(self, position_um: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far out positions of shape (..., 2) lie: 0 at the centre, 1 on the curve."""
        row, column = np.moveaxis(position_um - self.centre_um, -1, 0)
        return np.hypot(row, column) / self.radius_at_um(np.arctan2(row, column))

    def position_um(self, reach: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the positions, of shape (..., 2), that lie that far out in the direction of each angle."""
        return self.centre_um + (reach * self.radius_at_um(angle))[..., None] * direction(angle)


@dataclass(frozen=True)
class Cell:
    """A cell's outline and its nucleus."""

    outline: Outline
    nucleus: Outline


def plan_cells(field_um: NDArray[np.float64], rng: np.random.Generator) -> list[Cell]:
    """Place cells on a loose grid, off its centres so that a small field sees a rim and not only a nucleus."""
    n_cells = np.maximum(1, np.rint(field_um / CELL_SPACING_UM)).astype(int)
    half_um = min(*field_um / n_cells / 2, 0.4 * CELL_SPACING_UM)
    cells = []
    for place in np.ndindex(*n_cells):
        angle = rng.uniform(0, 2 * np.pi)
        lobes = _lobes(rng)
        radius_um = rng.uniform(12.5, 14.5)
        rim_um = Outline(np.zeros(2), radius_um, lobes).radius_at_um(np.array(angle + np.pi))
        shift_um = rim_um - rng.uniform(*RIM_INSET) * half_um
        centre_um = (np.array(place) + 0.5) * field_um / n_cells + shift_um * direction(angle)
        nucleus = Outline(centre_um + rng.normal(0, 1, 2), rng.uniform(3.2, 4.4), _lobes(rng))
        cells.append(Cell(Outline(centre_um, radius_um, lobes), nucleus))
    return cells


def direction(angle: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return unit vectors (row, column) of shape (..., 2)."""
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


def _lobes(rng: np.random.Generator) -> NDArray[np.float64]:
    height = rng.uniform(0.3, 1, 4) * (0.15, 0.06, 0.04, 0.03)
    return np.stack([height, rng.uniform(0, 2 * np.pi, 4)], axis=1)
