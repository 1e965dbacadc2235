"""Areas in a cell: focal adhesions, chromatin and plasma membrane, as points of a lattice that the pixels share."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from l2l_utils.cells import Cell, Outline, direction
from l2l_utils.drawing import FWHM_PER_SIGMA, fluctuation, smooth_noise

EDGE_UM: Final = 0.1

Drawn = tuple[NDArray[np.float64], NDArray[np.float64]]


def focal_adhesions(cell: Cell, *, step_um: float, rng: np.random.Generator) -> Drawn:
    """Draw elongated plaques that point away from the cell's centre, most of them near the rim.

    Returns
    -------
    position_um : ndarray of shape (N, 2)
        Lattice points `step_um` apart.
    brightness : ndarray of shape (N,)
        1 inside an adhesion, less on its edge.
    """
    n = 1 + rng.poisson(205)
    outward = rng.uniform(0, 2 * np.pi, n)
    length_um = np.clip(rng.lognormal(np.log(1.6), 0.4, n), 1, 6)
    width_um = np.clip(length_um * rng.uniform(0.2, 0.32, n), 0.35, 0.9)
    reach = 0.97 - 0.75 * rng.beta(0.9, 5, n) - length_um / 2 / cell.outline.radius_um
    centres_um = cell.outline.position_um(np.maximum(reach, 0.15), outward)
    axes = direction(outward + rng.normal(0, 0.25, n))
    field = _around(cell.outline, step_um)
    brightness = np.zeros(field.shape[:2])
    for centre_um, axis, length, width in zip(centres_um, axes, length_um, width_um, strict=True):
        first = np.rint((centre_um - field[0, 0] - length / 2) / step_um).astype(int)
        window = tuple(slice(start, start + int(length / step_um) + 1) for start in first)
        offset_um = field[window] - centre_um
        inward = 1 - np.hypot(2 * offset_um @ axis / length, 2 * offset_um @ (-axis[1], axis[0]) / width)
        plaque = np.clip(inward * width / 2 / EDGE_UM, 0, 1)
        brightness[window] = np.maximum(brightness[window], plaque)
    return _drawn(field, brightness)


def chromatin(cell: Cell, *, step_um: float, rng: np.random.Generator) -> Drawn:
    """Draw the nucleus, filled with lighter and denser chromatin.

    Returns
    -------
    position_um : ndarray of shape (N, 2)
        Lattice points `step_um` apart.
    brightness : ndarray of shape (N,)
        0.5 to 1 inside the nucleus, less on its edge.
    """
    field = _around(cell.nucleus, step_um)
    inside = np.clip((1 - cell.nucleus.reach(field)) * cell.nucleus.radius_um / (2 * EDGE_UM), 0, 1)
    fine, broad = (
        fluctuation(inside.shape, relative_sd=0.16, grain_px=grain_um / step_um, rng=rng) for grain_um in (0.3, 1.2)
    )
    density = np.clip(0.78 * fine * broad, 0.5, 1)
    return _drawn(field, inside * density)


def plasma_membrane(cell: Cell, *, step_um: float, rng: np.random.Generator) -> Drawn:
    """Draw the cell's upper membrane: its rim, ruffles and microvilli, dense at the periphery and sparse at the centre.

    Returns
    -------
    position_um : ndarray of shape (N, 2)
        Lattice points `step_um` apart.
    brightness : ndarray of shape (N,)
        Up to 1.
    """
    field = _around(cell.outline, step_um)
    reach = cell.outline.reach(field)

    def noise(grain_um: float) -> NDArray[np.float32]:
        return smooth_noise(reach.shape, grain_um / FWHM_PER_SIGMA / step_um, rng)

    inset_um = (1 - reach) * cell.outline.radius_um
    rim = np.exp(-(((inset_um - 0.25) / 0.3) ** 2) / 2) * np.clip(0.95 + 0.25 * noise(1.5), 0, 1.15)
    outer = np.clip((reach - 0.25) / 0.5, 0.5, 1)
    # The zero crossings of smooth noise are winding lines, its peaks are spots.
    ruffles = np.exp(-((noise(1.6) / 0.16) ** 2) / 2) * np.clip(0.2 + 0.6 * noise(3), 0, 1)
    microvilli = np.clip(noise(0.35) - 1.3, 0, 1.2)
    surface = np.clip(0.06 + outer * np.maximum(ruffles, microvilli), 0, 1)
    return _drawn(field, np.maximum(rim, surface * (inset_um > 0)))


def _around(outline: Outline, step_um: float) -> NDArray[np.float64]:
    """Return the positions of a square about an outline, (Y, X, 2), that are multiples of the step."""
    half_um = 1.4 * outline.radius_um
    first = np.ceil((outline.centre_um - half_um) / step_um)
    side = int(2 * half_um / step_um)
    return (first + np.moveaxis(np.indices((side, side)), 0, -1)) * step_um


def _drawn(field_um: NDArray[np.float64], brightness: NDArray[np.float64]) -> Drawn:
    seen = brightness > 0.01
    return field_um[seen], brightness[seen]
