"""The virtual microscope: dual-label cells whose true structure is known.

Four stages, as in a real instrument: structure -> labels -> optical image -> digital image. Positions are
(row, column), in um within the field of view and in px within an image; images have axes (Y, X).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from l2l_utils.cells import plan_cells
from l2l_utils.drawing import FWHM_PER_SIGMA, flattening, fluctuation, render
from l2l_utils.structures import STRUCTURES, Detector, Label, Structure

MINIMUM_SIZE_PX: Final = 64
STEP_PX: Final = 0.4
ROWS_PER_BLOCK: Final = 256


@dataclass(frozen=True)
class Specimen:
    """A field of view before labelling."""

    structure: Structure
    points_px: NDArray[np.float32]  # (N, 2), STEP_PX apart along the structure
    cytosol: NDArray[np.float32]  # (Y, X), 0 outside the cells, up to 1 inside
    staining: NDArray[np.float32]  # (Y, X), mean 1


def simulate_cell(structure: str, shape: tuple[int, int], *, rng: np.random.Generator) -> dict[str, NDArray]:
    """Image one virtual specimen with both of its labels.

    Parameters
    ----------
    structure : str
        A key of ``STRUCTURES``.
    shape : tuple of int
        Size (Y, X) of the images in px, at least 64 per side.
    rng : numpy.random.Generator
        Source of all randomness; equal generators give equal images.

    Returns
    -------
    dict of str to ndarray of shape (Y, X)
        ``source``, ``source_repeat`` (the same label once more, with its own noise) and ``target``: uint16 counts;
        ``truth``: float32, 0 to 1, the true structure whatever the labels show of it.

    Raises
    ------
    ValueError
        If the structure is not known or the shape too small.
    """
    if structure not in STRUCTURES:
        raise ValueError(
            f"The virtual microscope has no structure {structure!r}. Choose one of: {', '.join(STRUCTURES)}."
        )
    if len(shape) != 2 or min(shape) < MINIMUM_SIZE_PX:
        raise ValueError(
            f"A virtual image has a shape (Y, X) of at least {MINIMUM_SIZE_PX} px per side, found {tuple(shape)}. "
            "Ask for a larger image."
        )
    row = STRUCTURES[structure]
    specimen = make_specimen(row, shape, rng=rng)
    source, target = (
        optical_image(label_specimen(specimen, label, rng=rng), label, pixel_size_nm=row.pixel_size_nm)
        for label in (row.source, row.target)
    )
    return {
        "source": digital_image(source, row.detector, rng=rng),
        "source_repeat": digital_image(source, row.detector, rng=rng),
        "target": digital_image(target, row.detector, rng=rng),
        "truth": true_image(specimen),
    }


def make_specimen(structure: Structure, shape: tuple[int, int], *, rng: np.random.Generator) -> Specimen:
    """Stage 1: fill a field of view of `shape` (Y, X) px with cells and draw the structure in each."""
    pixel_um = structure.pixel_size_nm / 1000
    points = []
    cytosol = np.zeros(shape, np.float32)
    for cell in plan_cells(np.multiply(shape, pixel_um), rng):
        points.append((structure.draw(cell, step_um=STEP_PX * pixel_um, rng=rng) / pixel_um).astype(np.float32))
        reach_px = 1.4 * cell.outline.radius_um / pixel_um
        centre_px = cell.outline.centre_um / pixel_um
        first, last = (np.clip(centre_px + side * reach_px, 0, shape).astype(int) for side in (-1, 1))
        window = tuple(map(slice, first, last))
        position_um = np.moveaxis(np.mgrid[window], 0, -1) * pixel_um
        # Antibodies stick to everything in the cell, thinner towards its rim and a little less in the nucleus.
        level = np.clip(1 - cell.outline.reach(position_um) ** 4, 0, 1)
        level *= 1 - 0.3 * np.clip(1 - cell.nucleus.reach(position_um) ** 12, 0, 1)
        cytosol[window] = np.maximum(cytosol[window], level)
    grain_px = structure.staining_nm / structure.pixel_size_nm
    staining = fluctuation(shape, relative_sd=structure.staining, grain_px=grain_px, rng=rng)
    return Specimen(structure, np.concatenate(points), cytosol, staining)


def label_specimen(specimen: Specimen, label: Label, *, rng: np.random.Generator) -> NDArray[np.float32]:
    """Stage 2: attach a label to the structure and, unspecifically, to everything else.

    Returns
    -------
    ndarray of shape (Y, X)
        Fluorophores, as the photons expected from each pixel before any blur.
    """
    row, shape = specimen.structure, specimen.cytosol.shape
    image_width_px = np.hypot(label.width_nm, label.psf_nm) / row.pixel_size_nm
    binding = fluctuation(
        (len(specimen.points_px),),
        relative_sd=label.binding,
        grain_px=label.binding_nm / row.pixel_size_nm / STEP_PX,
        rng=rng,
    )
    binding *= STEP_PX**row.dimension * flattening(image_width_px, row.dimension)
    density = render(specimen.points_px, binding, shape, fwhm_px=label.width_nm / row.pixel_size_nm)
    background = label.cytosol * specimen.cytosol
    for grain_nm in label.texture_nm:
        grain_px = grain_nm / row.pixel_size_nm
        background *= fluctuation(shape, relative_sd=label.texture, grain_px=grain_px, rng=rng)
    density += background
    density *= specimen.staining
    density += _puncta(label, specimen, rng)
    density *= np.float32(label.photons)
    return density


def optical_image(density: NDArray[np.float32], label: Label, *, pixel_size_nm: float) -> NDArray[np.float32]:
    """Stage 3: blur by the point spread function, a sharp part and a broad one.

    Parameters
    ----------
    density : ndarray of shape (Y, X)
        Photons expected from each pixel before any blur.
    label : Label
        Gives the widths of both parts and the share of the broad one.
    pixel_size_nm : float
        Size of a pixel.

    Returns
    -------
    ndarray of shape (Y, X)
        Photons expected in each pixel.
    """
    in_focus, out_of_focus = (fwhm / pixel_size_nm / FWHM_PER_SIGMA for fwhm in (label.psf_nm, label.haze_nm))
    image = ndimage.gaussian_filter(density, out_of_focus)
    image *= np.float32(label.haze)
    image += ndimage.gaussian_filter(density, in_focus)
    return image


def digital_image(photons: NDArray[np.float32], detector: Detector, *, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Stage 4: count photons with shot noise, amplify, add read noise; what exceeds 65535 counts saturates.

    Parameters
    ----------
    photons : ndarray of shape (Y, X)
        Photons expected in each pixel.
    detector : Detector
        The mean of the counts is ``gain * photons + offset``, the variance ``gain**2 * photons + read_noise**2``.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray of shape (Y, X)
        Counts.
    """
    counts = np.empty(photons.shape, np.uint16)
    for first in range(0, len(photons), ROWS_PER_BLOCK):
        block = photons[first : first + ROWS_PER_BLOCK]
        signal = detector.gain * rng.poisson(block) + rng.normal(detector.offset, detector.read_noise, block.shape)
        counts[first : first + ROWS_PER_BLOCK] = np.clip(np.rint(signal), 0, np.iinfo(np.uint16).max)
    return counts


def true_image(specimen: Specimen) -> NDArray[np.float32]:
    """Draw the structure itself, as sharp as ``truth_nm`` says: float32 of shape (Y, X), 0 to 1 on every crest."""
    row = specimen.structure
    width_px = row.truth_nm / row.pixel_size_nm
    amount = np.float32(STEP_PX**row.dimension * flattening(width_px, row.dimension))
    weights = np.broadcast_to(amount, len(specimen.points_px))
    return np.clip(render(specimen.points_px, weights, specimen.cytosol.shape, fwhm_px=width_px), 0, 1)


def _puncta(label: Label, specimen: Specimen, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return antibody clumps in the cells, and a few on the glass, as an image of shape (Y, X) before any blur."""
    shape, pixel_size_nm = specimen.cytosol.shape, specimen.structure.pixel_size_nm
    n = rng.poisson(label.puncta_per_um2 * specimen.cytosol.size * (pixel_size_nm / 1000) ** 2)
    position = rng.uniform(0, np.subtract(shape, 1), (n, 2))
    peak = label.puncta * rng.gamma(4, 1 / 4, n)
    row, column = np.rint(position).astype(int).T
    peak *= rng.uniform(size=n) < np.maximum(specimen.cytosol[row, column], 0.1)
    return render(position, peak * flattening(label.psf_nm / pixel_size_nm, 0), shape, fwhm_px=0)
