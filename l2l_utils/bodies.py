"""Cells in 3-D: how thick they lie on the glass, and what part of each voxel cell and nucleus fill.

Positions are (z, row, column); z is the height above the glass in um.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l2l_utils.cells import Cell, Outline, plan_cells
from l2l_utils.drawing import FWHM_PER_SIGMA, smooth_noise

LAMELLA_UM: Final = 2.6
DOME_UM: Final = 3.2
NUCLEUS_LIFT_UM: Final = 0.4
RAGGED: Final = ((0.07, 16.0), (0.02, 4.0))  # height, as a share of the radius, and grain in um of what frays the rim


@dataclass(frozen=True)
class Grid:
    """The voxels of a specimen whose cells reach `tallest_um`; `below` of its planes lie under the glass."""

    shape: tuple[int, int, int]
    step_um: tuple[float, float, float]
    below: int
    tallest_um: float

    @property
    def height_um(self) -> NDArray[np.float64]:
        """The height of the middle of each plane, (Z,)."""
        return (np.arange(self.shape[0]) - self.below + 0.5) * self.step_um[0]

    def window(self, outline: Outline) -> tuple[slice, slice]:
        """Return the rows and columns around an outline, as far as they are in the field."""
        centre, half = outline.centre_um / self.step_um[1:], 1.5 * outline.radius_um / np.array(self.step_um[1:])
        first, last = (np.clip(np.rint(end), 0, self.shape[1:]).astype(int) for end in (centre - half, centre + half))
        return slice(first[0], last[0]), slice(first[1], last[1])

    def position_um(self, window: tuple[slice, slice]) -> NDArray[np.float64]:
        """Return where the pixels of a window are, (Y, X, 2)."""
        return np.moveaxis(np.mgrid[window], 0, -1) * np.array(self.step_um[1:])


class Spread(NamedTuple):
    """How many times wider cells, their nuclei and the lobes of their rims are than those that `plan_cells` packs."""

    cell: float
    nucleus: float
    lobes: float
    jitter_um: float  # by how much cells leave the loose grid of `plan_cells`, in its um


class Part(NamedTuple):
    """One cell as far as it lies in a grid: the window, and volumes of its size and all planes."""

    window: tuple[slice, slice]
    body: NDArray[np.float32]  # (Z, Y, X), the share of each voxel that the cell fills
    structure: NDArray[np.float32]  # (Z, Y, X), the density of what is labelled, 0 to about 1


Lattice = tuple[Grid, tuple[slice, slice]]


def plan_spread_cells(field_um: NDArray[np.float64], spread: Spread, rng: np.random.Generator) -> list[Cell]:
    """Place cells as `plan_cells` does, but as wide and irregular as cells on glass are."""
    cells = []
    for cell in plan_cells(field_um / spread.cell, rng):
        shift_um = rng.normal(0, spread.jitter_um, 2)
        outline, nucleus = (
            replace(part, centre_um=spread.cell * (part.centre_um + shift_um), radius_um=factor * part.radius_um)
            for part, factor in ((cell.outline, spread.cell), (cell.nucleus, spread.nucleus))
        )
        cells.append(Cell(replace(outline, lobes=outline.lobes * (spread.lobes, 1)), nucleus))
    return cells


def thickness_um(cell: Cell, lattice: Lattice, *, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how thick a cell is: a thin lamella with a ragged rim, and a dome over the nucleus.

    Parameters
    ----------
    cell : Cell
        Outline and nucleus.
    lattice : tuple of (Grid, window)
        Where it is drawn.
    rng : numpy.random.Generator
        Source of the ragged rim.

    Returns
    -------
    ndarray of shape (Y, X)
        In um, 0 to the tallest of the grid.
    """
    grid, window = lattice
    position_um = grid.position_um(window)
    ragged = (
        height * smooth_noise(position_um.shape[:2], grain_um / FWHM_PER_SIGMA / grid.step_um[1], rng)
        for height, grain_um in RAGGED
    )
    inset = np.clip(1 - cell.outline.reach(position_um) + sum(ragged), 0, 1)
    dome = np.exp(-(cell.nucleus.reach(position_um) ** 2) / 4) * np.minimum(3 * inset, 1)
    return np.minimum(LAMELLA_UM * np.sqrt(inset) + DOME_UM * dome, grid.tallest_um)


def filled(thickness: NDArray[np.float64], grid: Grid) -> NDArray[np.float32]:
    """Return what share of each voxel lies between the glass and a thickness (Y, X) in um; shape (Z, Y, X)."""
    bottom = grid.height_um[:, None, None] - grid.step_um[0] / 2
    above_glass = (bottom > -grid.step_um[0] / 2).astype(np.float32)
    return np.clip((thickness - bottom) / grid.step_um[0], 0, 1).astype(np.float32) * above_glass


def ellipsoid(outline: Outline, half_height_um: float, centre_um: float, lattice: Lattice) -> NDArray[np.float32]:
    """Return what share of each voxel a flattened body with this outline fills.

    Parameters
    ----------
    outline : Outline
        Its largest cross-section.
    half_height_um : float
        How far it extends up and down.
    centre_um : float
        Height of its middle.
    lattice : tuple of (Grid, window)
        Where it is drawn.

    Returns
    -------
    ndarray of shape (Z, Y, X)
        0 outside, 1 inside, between the two over about one voxel.
    """
    grid, window = lattice
    level = (grid.height_um - centre_um) / half_height_um
    reach = np.sqrt(outline.reach(grid.position_um(window)) ** 2 + level[:, None, None] ** 2)
    edge_um = max(grid.step_um)
    return np.clip(0.5 + (1 - reach) * min(half_height_um, outline.radius_um) / edge_um, 0, 1).astype(np.float32)
