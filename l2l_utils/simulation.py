"""The virtual microscope: dual-label cells whose true structure is known.

Four stages, as in a real instrument: structure -> labels -> optical image -> digital image. Positions are
(row, column), in um within the field of view and in px within an image; images have axes (Y, X).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from l2l_utils.detector import average_image, digital_image
from l2l_utils.drawing import FWHM_PER_SIGMA, flattening, fluctuation, render
from l2l_utils.labels import Label, Optics, Structure
from l2l_utils.specimen import STEP_PX, Points, Specimen, make_specimen, textured, true_image
from l2l_utils.structures import STRUCTURES

MINIMUM_SIZE_PX: Final = 64


def simulate_cell(structure: str, shape: tuple[int, int], *, rng: np.random.Generator) -> dict[str, NDArray]:
    """Image one virtual specimen with its labels.

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
        ``source``, ``source_repeat`` (the same label once more, with its own noise), ``source_average`` (of 20 frames),
        ``target`` and ``target_average``, for tubulin ``sted`` (the source label at high resolution): uint16 counts;
        ``truth``: float32, 0 to 1, the true structure whatever the labels show of it. For nucleus_membrane the source
        shows both at once, and ``nucleus``, ``membrane``, ``truth_nucleus`` and ``truth_membrane`` take the place of
        target and truth.

    Raises
    ------
    ValueError
        If the structure is not known or the shape too small.
    """
    row = _find_structure(structure, shape)
    specimen = make_specimen(row, shape, rng=rng)
    images = {name: true_image(specimen, name) for name in specimen.drawn}
    photons = expected_photons(specimen, rng=rng)
    images["source"] = digital_image(photons["source"], row.detector, rng=rng)
    images["source_repeat"] = digital_image(photons["source"], row.detector, rng=rng)
    images |= {name: digital_image(photons[name], row.detector, rng=rng) for name in photons if name not in images}
    for name in ("source", *(name for name in row.labels if name != "source")):
        images[f"{name}_average"] = average_image(photons[name], row.detector, rng=rng)
    return images


def simulate_series(
    structure: str, shape: tuple[int, int], *, drift_px: ArrayLike, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Image the source label of one virtual specimen again and again while the stage drifts.

    Parameters
    ----------
    structure : str
        A key of ``STRUCTURES``.
    shape : tuple of int
        Size (Y, X) of the frames in px, at least 64 per side.
    drift_px : array_like of shape (T, 2)
        By how much the specimen is displaced in each frame, (row, column) in px, whole or not.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    ndarray of shape (T, Y, X)
        Counts; every frame has its own noise.
    """
    drift_px = np.asarray(drift_px, dtype=float)
    margin = int(np.ceil(np.abs(drift_px).max(initial=0))) + 1
    row = _find_structure(structure, shape)
    specimen = make_specimen(row, tuple(np.add(shape, 2 * margin)), rng=rng)
    photons = expected_photons(specimen, rng=rng)["source"]
    frames = np.empty((len(drift_px), *shape), np.uint16)
    for frame, drift in zip(frames, drift_px, strict=True):
        moved = np.maximum(ndimage.shift(photons, drift, mode="nearest"), 0)
        frame[:] = digital_image(moved[margin:-margin, margin:-margin], row.detector, rng=rng)
    return frames


def expected_photons(specimen: Specimen, *, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Stages 2 and 3 for every label: the photons expected in each pixel, by the name of the image, shape (Y, X)."""
    row = specimen.structure
    photons = {}
    for name, label in row.labels.items():
        density = label_specimen(specimen, label, rng=rng)
        photons[name] = optical_image(density, label.optics, pixel_size_nm=row.pixel_size_nm)
        if name == "source" and row.sted:
            photons["sted"] = optical_image(density, row.sted, pixel_size_nm=row.pixel_size_nm)
    if "source" not in photons:
        photons["source"] = np.sum(list(photons.values()), axis=0)
    return photons


def label_specimen(specimen: Specimen, label: Label, *, rng: np.random.Generator) -> NDArray[np.float32]:
    """Stage 2: attach a label to the structure and, unspecifically, to everything else.

    Returns
    -------
    ndarray of shape (Y, X)
        Fluorophores, as the photons expected from each pixel before any blur.
    """
    row, shape = specimen.structure, specimen.cytosol.shape
    image_width_px = np.hypot(label.width_nm, label.optics.psf_nm) / row.pixel_size_nm
    points = specimen.drawn[label.binds]
    weights = points.brightness * _binding(points, label, specimen, rng)
    weights *= np.float32(STEP_PX[row.dimension] ** row.dimension * flattening(image_width_px, row.dimension))
    density = render(points.position_px, weights, shape, fwhm_px=label.width_nm / row.pixel_size_nm)
    density += label.cytosol * textured(specimen.cytosol, label.texture, label.texture_nm, row.pixel_size_nm, rng)
    if label.pool:
        density += label.pool * specimen.pool
    density *= specimen.staining
    density += _puncta(label, specimen, rng)
    density *= np.float32(label.photons)
    return density


def optical_image(density: NDArray[np.float32], optics: Optics, *, pixel_size_nm: float) -> NDArray[np.float32]:
    """Stage 3: blur by the point spread function, a sharp part and a broad one.

    Parameters
    ----------
    density : ndarray of shape (Y, X)
        Photons expected from each pixel before any blur.
    optics : Optics
        Gives the widths of both parts and the share of the broad one.
    pixel_size_nm : float
        Size of a pixel.

    Returns
    -------
    ndarray of shape (Y, X)
        Photons expected in each pixel.
    """
    in_focus, out_of_focus = (fwhm / pixel_size_nm / FWHM_PER_SIGMA for fwhm in (optics.psf_nm, optics.haze_nm))
    image = ndimage.gaussian_filter(density, out_of_focus)
    image *= np.float32(optics.haze)
    image += ndimage.gaussian_filter(density, in_focus)
    image *= np.float32(optics.light)
    return image


def _find_structure(name: str, shape: tuple[int, int]) -> Structure:
    if name not in STRUCTURES:
        raise ValueError(f"The virtual microscope has no structure {name!r}. Choose one of: {', '.join(STRUCTURES)}.")
    if len(shape) != 2 or min(shape) < MINIMUM_SIZE_PX:
        raise ValueError(
            f"A virtual image has a shape (Y, X) of at least {MINIMUM_SIZE_PX} px per side, found {tuple(shape)}. "
            "Ask for a larger image."
        )
    return STRUCTURES[name]


def _binding(points: Points, label: Label, specimen: Specimen, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return how much of the label each point binds: by spot, along filaments, or across areas."""
    grain_px = label.binding_nm / specimen.structure.pixel_size_nm
    match specimen.structure.dimension:
        case 0:
            return rng.gamma(label.binding**-2, label.binding**2, len(points.brightness)).astype(np.float32)
        case 1:
            shape, grain_px = points.brightness.shape, grain_px / STEP_PX[1]
            return fluctuation(shape, relative_sd=label.binding, grain_px=grain_px, rng=rng)
        case _:
            field = fluctuation(specimen.cytosol.shape, relative_sd=label.binding, grain_px=grain_px, rng=rng)
            row, column = np.clip(np.rint(points.position_px), 0, np.subtract(field.shape, 1)).astype(int).T
            return field[row, column]


def _puncta(label: Label, specimen: Specimen, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return antibody clumps in the cells, and a few on the glass, as an image of shape (Y, X) before any blur."""
    shape, pixel_size_nm = specimen.cytosol.shape, specimen.structure.pixel_size_nm
    n = rng.poisson(label.puncta_per_um2 * specimen.cytosol.size * (pixel_size_nm / 1000) ** 2)
    position = rng.uniform(0, np.subtract(shape, 1), (n, 2))
    peak = label.puncta * rng.gamma(4, 1 / 4, n)
    row, column = np.rint(position).astype(int).T
    peak *= rng.uniform(size=n) < np.maximum(specimen.cytosol[row, column], 0.1)
    return render(position, peak * flattening(label.optics.psf_nm / pixel_size_nm, 0), shape, fwhm_px=0)
