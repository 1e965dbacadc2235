"""The virtual luminescence microscope: cells in 3-D whose label glows by itself, and a fluorescent one beside it.

Stages as in `simulation`: structure -> labels -> optical image -> digital image, here for stacks with axes (Z, Y, X).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l2l_utils.binning import average_blocks, enlarge
from l2l_utils.bodies import Grid, plan_spread_cells
from l2l_utils.drawing import fluctuation
from l2l_utils.emccd import Camera, expose
from l2l_utils.luminescent_structures import LUMINESCENT, Glow, Luminescent
from l2l_utils.widefield import focal_stack

MINIMUM_SHAPE: Final = (2, 64, 64)
MARGIN_UM: Final = 3.0
BLOCKS_PX: Final = (2, 4, 8)
CAMERA: Final = Camera()


class Specimen(NamedTuple):
    """A field of view before it is imaged, with a margin; `inside` are the planes, rows and columns of the images."""

    row: Luminescent
    labelled: dict[str, NDArray[np.float32]]  # (Z, Y, X) for each label, the structure times each cell's expression
    bodies: NDArray[np.float32]  # (Z, Y, X), the share that cells fill
    inside: tuple[slice, slice, slice]


def simulate_cell(structure: str, shape: tuple[int, int, int], *, rng: np.random.Generator) -> dict[str, NDArray]:
    """Image one field of virtual cells in 3-D, each exposure with its own noise.

    Parameters
    ----------
    structure : str
        A key of ``LUMINESCENT``.
    shape : tuple of int
        Size (Z, Y, X) of the stacks: at least 2 planes of 64 px per side, multiples of 8 where there are binned images.
    rng : numpy.random.Generator
        Source of all randomness; equal generators give equal images.

    Returns
    -------
    dict of str to ndarray of shape (Z, Y, X)
        Exposures of the luminescent label by the names in the table, ``fluorescent`` (the other label, a short
        exposure) and, where the table says so, ``binned_2``, ``binned_4``, ``binned_8`` (averages over blocks of one
        exposure, enlarged again without interpolation): uint16 counts; ``truth``: float32, 0 to 1, the structure
        itself times the cell's expression, without optics.

    Raises
    ------
    ValueError
        If the structure is not known or the shape too small.
    """
    row = _find_structure(structure, shape)
    specimen = make_specimen(row, shape, rng=rng)
    light = expected_light(specimen, rng=rng)
    images = {"truth": true_stack(specimen)}
    for name, seconds in row.exposures_s.items():
        images[name] = expose(light["luminescent"], seconds, CAMERA, rng)
    images["fluorescent"] = expose(light["fluorescent"], row.fluorescence_s, CAMERA, rng)
    for n in BLOCKS_PX if row.binned else ():
        images[f"binned_{n}"] = enlarge(average_blocks(images[row.binned], n), n)
    return images


def make_specimen(row: Luminescent, shape: tuple[int, int, int], *, rng: np.random.Generator) -> Specimen:
    """Fill a field of view of `shape` (Z, Y, X) with cells, and draw the structure in each."""
    pixel_um = row.objective.pixel_um
    margin = int(np.ceil(MARGIN_UM / pixel_um))
    first = round(rng.uniform(*row.first_um) / row.plane_um)
    below = max(-first, 0)
    n_planes = below + max(int(np.ceil(row.tallest_um / row.plane_um)), first + shape[0])
    sides = tuple(side + 2 * margin for side in shape[1:])
    grid = Grid((n_planes, *sides), (row.plane_um, pixel_um, pixel_um), below, row.tallest_um)
    luminescent, fluorescent, bodies = np.zeros((3, *grid.shape), np.float32)
    for cell in plan_spread_cells(np.multiply(sides, pixel_um), row.spread, rng):
        part = row.draw(cell, grid, rng=rng)
        place = np.s_[:, part.window[0], part.window[1]]
        expression = min(rng.lognormal(np.log(row.expression), row.expression_spread), 1)
        expression *= rng.uniform() < row.labelled
        coexpression = expression * rng.lognormal(0, row.coexpression_spread)
        luminescent[place] += np.float32(expression) * part.structure
        fluorescent[place] += np.float32(coexpression) * part.structure
        bodies[place] = np.maximum(bodies[place], part.body)
    inside = np.s_[below + first : below + first + shape[0], margin:-margin, margin:-margin]
    return Specimen(row, {"luminescent": luminescent, "fluorescent": fluorescent}, bodies, inside)


def true_stack(specimen: Specimen) -> NDArray[np.float32]:
    """Return the structure itself, float32 of shape (Z, Y, X), 0 to 1."""
    return np.clip(specimen.labelled["luminescent"][specimen.inside], 0, 1)


def expected_light(specimen: Specimen, *, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Label a specimen and look at it: what arrives in each pixel before it is counted.

    Parameters
    ----------
    specimen : Specimen
        From `make_specimen`.
    rng : numpy.random.Generator
        Source of the uneven binding.

    Returns
    -------
    dict of str to ndarray of shape (Z, Y, X)
        Photons per second, of the labels ``luminescent`` and ``fluorescent``.
    """
    row = specimen.row
    arriving = {}
    for name, glow in (("luminescent", row.luminescent), ("fluorescent", row.fluorescent)):
        light = _glowing(specimen, specimen.labelled[name], glow, rng)
        planes, *window = specimen.inside
        stack = focal_stack(
            light,
            range(planes.start, planes.stop),
            plane_um=row.plane_um,
            objective=row.objective,
            wavelength_um=glow.wavelength_um,
        )
        arriving[name] = stack[:, *window] + np.float32(glow.medium)
    return arriving


def _glowing(
    specimen: Specimen, labelled: NDArray[np.float32], glow: Glow, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the photons per second that start from each voxel, (Z, Y, X)."""
    row = specimen.row
    step_um = np.array([row.plane_um, row.objective.pixel_um, row.objective.pixel_um])
    bound = fluctuation(labelled.shape, relative_sd=glow.binding, grain_px=glow.binding_um / step_um, rng=rng)
    return np.float32(row.plane_um) * (
        np.float32(glow.photons) * labelled * bound + np.float32(glow.body) * specimen.bodies
    )


def _find_structure(name: str, shape: tuple[int, int, int]) -> Luminescent:
    if name not in LUMINESCENT:
        raise ValueError(
            f"The luminescence microscope has no structure {name!r}. Choose one of: {', '.join(LUMINESCENT)}."
        )
    if len(shape) != 3 or (np.array(shape) < MINIMUM_SHAPE).any():
        raise ValueError(
            f"A virtual stack has a shape (Z, Y, X) of at least {MINIMUM_SHAPE}, found {tuple(shape)}. "
            "Ask for a larger stack."
        )
    return LUMINESCENT[name]
