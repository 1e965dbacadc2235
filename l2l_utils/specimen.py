"""Stage 1 of the virtual microscope: a field of view with cells and what is in them, before it is labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l2l_utils.cells import Cell, plan_cells
from l2l_utils.drawing import flattening, fluctuation, render
from l2l_utils.labels import Structure

# Between the points along a filament and on an area; spots have a point each.
STEP_PX: Final = {0: 1.0, 1: 0.4, 2: 1.0}
MARGIN_PX: Final = 1
ROWS_PER_BLOCK: Final = 256
EDGE_UM: Final = 0.15  # over which the cytosol ends at the rim


class Points(NamedTuple):
    """A drawn structure."""

    position_px: NDArray[np.float32]  # (N, 2)
    brightness: NDArray[np.float32]  # (N,), relative


@dataclass(frozen=True)
class Specimen:
    """A field of view before labelling."""

    structure: Structure
    drawn: dict[str, Points]
    cytosol: NDArray[np.float32]  # (Y, X), 0 outside the cells, up to 1 inside
    pool: NDArray[np.float32]  # (Y, X), free protein of the structure in the cytosol, mean about 1 inside the cells
    staining: NDArray[np.float32]  # (Y, X), mean 1


def make_specimen(structure: Structure, shape: tuple[int, int], *, rng: np.random.Generator) -> Specimen:
    """Fill a field of view of `shape` (Y, X) px with cells and draw the structure in each."""
    pixel_um = structure.pixel_size_nm / 1000
    step_um = STEP_PX[structure.dimension] * pixel_um
    cells = plan_cells(np.multiply(shape, pixel_um), rng)
    drawn: dict[str, list[Points]] = {name: [] for name in structure.draw}
    cytosol = np.zeros(shape, np.float32)
    for cell in cells:
        for name, draw in structure.draw.items():
            position_um, brightness = draw(cell, step_um=step_um, rng=rng)
            position_px = (position_um / pixel_um).astype(np.float32)
            inside = ((position_px > -MARGIN_PX) & (position_px < np.add(shape, MARGIN_PX))).all(axis=1)
            drawn[name].append(Points(position_px[inside], brightness[inside].astype(np.float32)))
        _fill(cytosol, cell, pixel_um)
    grain_px = structure.staining_nm / structure.pixel_size_nm
    staining = fluctuation(shape, relative_sd=structure.staining, grain_px=grain_px, rng=rng)
    pool = textured(cytosol, structure.pool_texture, structure.pool_texture_nm, structure.pixel_size_nm, rng)
    points = {name: Points(*map(np.concatenate, zip(*parts, strict=True))) for name, parts in drawn.items()}
    return Specimen(structure, points, cytosol, pool, staining)


def true_image(specimen: Specimen, name: str = "truth") -> NDArray[np.float32]:
    """Draw a structure itself, as sharp as ``truth_nm`` says: float32 of shape (Y, X), 0 to 1 on every crest."""
    row = specimen.structure
    width_px = row.truth_nm / row.pixel_size_nm
    points = specimen.drawn[name]
    amount = np.float32(STEP_PX[row.dimension] ** row.dimension * flattening(width_px, row.dimension))
    return np.clip(
        render(points.position_px, amount * points.brightness, specimen.cytosol.shape, fwhm_px=width_px), 0, 1
    )


def textured(
    image: NDArray[np.float32],
    texture: float,
    texture_nm: tuple[float, float],
    pixel_nm: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return an image (Y, X) times a fine and a broad fluctuation, each of this relative standard deviation."""
    for grain_nm in texture_nm if texture else ():
        image = image * fluctuation(image.shape, relative_sd=texture, grain_px=grain_nm / pixel_nm, rng=rng)
    return image


def _fill(cytosol: NDArray[np.float32], cell: Cell, pixel_um: float) -> None:
    """Raise the cytosol (Y, X) to 1 inside a cell, a few rows at a time."""
    reach_um = 1.4 * cell.outline.radius_um
    first, last = (
        np.clip((cell.outline.centre_um + side * reach_um) / pixel_um, 0, cytosol.shape).astype(int) for side in (-1, 1)
    )
    for top in range(first[0], last[0], ROWS_PER_BLOCK):
        window = np.s_[top : min(top + ROWS_PER_BLOCK, last[0]), first[1] : last[1]]
        position_um = np.moveaxis(np.mgrid[window], 0, -1) * pixel_um
        inset_um = (1 - cell.outline.reach(position_um)) * cell.outline.radius_um
        level = np.clip(inset_um / EDGE_UM, 0, 1)
        # Antibodies stick to everything in the cell, a little less in the nucleus.
        level *= 1 - 0.3 * np.clip(1 - cell.nucleus.reach(position_um) ** 12, 0, 1)
        cytosol[window] = np.maximum(cytosol[window], level)
