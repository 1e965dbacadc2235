"""Nuclei in 3-D: chromatin with its lighter and denser parts and nucleoli, and some nuclei that divide."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from l2l_utils.bodies import NUCLEUS_LIFT_UM, Grid, Lattice, Part, ellipsoid, filled, thickness_um
from l2l_utils.cells import Cell, Outline, direction
from l2l_utils.drawing import fluctuation

DIVIDING: Final = 0.05  # share of the nuclei
PLATE_UM: Final = (4.5, 1.6)  # half width and half thickness of condensed chromosomes
PLATE_MIDDLE_UM: Final = 4.0
ROUND: Final = np.zeros((4, 2))


def cytosol(cell: Cell, grid: Grid, *, rng: np.random.Generator) -> Part:
    """Fill a cell with protein that is bound to nothing, less of it in the nucleus."""
    window = grid.window(cell.outline)
    body = filled(thickness_um(cell, (grid, window), rng=rng), grid)
    half_um, left_out = rng.uniform(1.9, 2.4), rng.uniform(0.2, 0.7)
    nucleus = ellipsoid(cell.nucleus, half_um, half_um + NUCLEUS_LIFT_UM, (grid, window))
    texture = _texture(body.shape, grid, relative_sd=0.12, grain_um=2.5, rng=rng)
    return Part(window, body, body * np.clip((1 - left_out * nucleus) * 0.8 * texture, 0, 1))


def chromatin(cell: Cell, grid: Grid, *, rng: np.random.Generator) -> Part:
    """Draw the chromatin of a cell: a nucleus with texture and nucleoli, or now and then chromosomes that divide."""
    window = grid.window(cell.outline)
    body = filled(thickness_um(cell, (grid, window), rng=rng), grid)
    drawn = _dividing if rng.uniform() < DIVIDING else _resting
    return Part(window, body, drawn(cell.nucleus, (grid, window), rng))


def _resting(nucleus: Outline, lattice: Lattice, rng: np.random.Generator) -> NDArray[np.float32]:
    grid, _ = lattice
    half_um = rng.uniform(2.0, 2.6)
    centre_um = half_um + NUCLEUS_LIFT_UM
    density = ellipsoid(nucleus, half_um, centre_um, lattice)
    density *= 0.5 * _texture(density.shape, grid, relative_sd=0.3, grain_um=1.6, rng=rng)
    for _ in range(rng.integers(2, 5)):
        place = nucleus.position_um(np.array(rng.uniform(0, 0.6)), np.array(rng.uniform(0, 2 * np.pi)))
        radius_um = rng.uniform(0.9, 1.6)
        nucleolus = Outline(place, radius_um, ROUND)
        density *= 1 - 0.75 * ellipsoid(nucleolus, radius_um, centre_um + rng.uniform(-0.5, 0.5), lattice)
    return np.clip(density, 0, 1)


def _dividing(nucleus: Outline, lattice: Lattice, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw one plate of condensed chromosomes, or two on their way apart."""
    grid, window = lattice
    axis, apart_um = rng.uniform(0, np.pi), rng.choice([0.0, rng.uniform(5, 9)])
    offset_um = grid.position_um(window) - nucleus.centre_um
    along, across = offset_um @ direction(axis), offset_um @ direction(axis + np.pi / 2)
    level = ((grid.height_um - PLATE_MIDDLE_UM) / PLATE_UM[0])[:, None, None]
    # A plate seen from its side is a bar, not a spindle: hence the third powers.
    beside = np.minimum(np.abs(across - apart_um / 2), np.abs(across + apart_um / 2))
    reach = np.cbrt(np.abs(along / PLATE_UM[0]) ** 3 + (beside / PLATE_UM[1]) ** 3 + np.abs(level) ** 3)
    arms = _texture(reach.shape, grid, relative_sd=0.2, grain_um=1.2, rng=rng)
    return np.clip(0.5 + (1 - reach * arms) * PLATE_UM[1] / max(grid.step_um), 0, 0.8).astype(np.float32)


def _texture(
    shape: tuple[int, ...], grid: Grid, *, relative_sd: float, grain_um: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    return fluctuation(shape, relative_sd=relative_sd, grain_px=grain_um / np.array(grid.step_um), rng=rng)
