"""Plain specimens for the tests of the virtual microscope, and what to expect of their images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from l2l_utils import simulation
from l2l_utils.drawing import FWHM_PER_SIGMA
from l2l_utils.labels import Label, Structure
from l2l_utils.specimen import STEP_PX, Points, Specimen

SHAPE = (256, 320)


def bare(label: Label) -> Label:
    """Return the label without anything unspecific, with even binding and without haze."""
    return replace(
        label, binding=0, cytosol=0, pool=0, puncta_per_um2=0, binds="truth", optics=replace(label.optics, haze=0)
    )


def specimen(
    structure: Structure, points_px: NDArray, shape: tuple[int, int] = SHAPE, *, cytosol: NDArray | None = None
) -> Specimen:
    """Return a specimen of these points, with even staining and without a cell unless its cytosol is given."""
    even = np.ones(shape, np.float32)
    cytosol = np.zeros(shape, np.float32) if cytosol is None else cytosol
    points = Points(np.reshape(points_px, (-1, 2)).astype(np.float32), np.ones(len(points_px), np.float32))
    return Specimen(structure, {"truth": points}, cytosol, cytosol, even)


def straight(
    structure: Structure, *, tilt: float = 0.0, shape: tuple[int, int] = SHAPE
) -> tuple[Specimen, NDArray[np.float64]]:
    """Return one straight filament through the middle of the field, and each pixel's distance from it."""
    centre, direction = np.divide(shape, 2) + 0.2, np.array([np.cos(tilt), np.sin(tilt)])
    points_px = centre + np.arange(-600, 600, STEP_PX[1])[:, None] * direction
    distance = (np.moveaxis(np.indices(shape), 0, -1) - centre) @ (-direction[1], direction[0])
    return specimen(structure, points_px, shape), distance


def gaussian(distance: NDArray, height: float, fwhm: float) -> NDArray[np.float64]:
    """Return a Gaussian profile."""
    return height * np.exp(-((distance * FWHM_PER_SIGMA / fwhm) ** 2) / 2)


def look(specimen: Specimen, label: Label, seed: int = 0) -> NDArray[np.float32]:
    """Return the optical image of one label."""
    density = simulation.label_specimen(specimen, label, rng=np.random.default_rng(seed))
    return simulation.optical_image(density, label.optics, pixel_size_nm=specimen.structure.pixel_size_nm)
