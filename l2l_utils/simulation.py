"""The virtual microscope: dual-label cells whose true structure is known.

Four stages, as in a real instrument: structure -> labels -> optical image -> digital image. Positions are
(row, column), in um within the field of view and in px within an image; images have axes (Y, X).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FWHM_PER_SIGMA: Final = 2 * np.sqrt(2 * np.log(2))
MINIMUM_SIZE_PX: Final = 64
CELL_SPACING_UM: Final = 26.0
STEP_PX: Final = 0.4
STEPS_PER_SEGMENT: Final = 14
POINTS_PER_BLOCK: Final = 1 << 20
ROWS_PER_BLOCK: Final = 256


@dataclass(frozen=True)
class Label:
    """How one label shows a structure; whatever is unspecific is given as a share of `photons`."""

    photons: float  # expected per pixel on the crest of one evenly labelled filament (or spot) in focus
    width_nm: float  # FWHM of the labelled filament, antibodies included
    psf_nm: float  # FWHM of the light in focus
    haze: float  # light out of focus as a share of the light in focus
    haze_nm: float  # FWHM of the light out of focus
    binding: float  # relative standard deviation of the binding along the structure
    binding_nm: float  # FWHM of these fluctuations
    cytosol: float  # mean unspecific signal in the cytosol
    texture: float  # its relative standard deviation, fine and broad alike
    texture_nm: tuple[float, float]  # FWHM of its fine and of its broad grain
    puncta: float  # mean peak of the unspecific bright spots
    puncta_per_um2: float


@dataclass(frozen=True)
class Detector:
    """How photons become counts."""

    gain: float  # counts per photon
    offset: float  # counts in the dark
    read_noise: float  # standard deviation in counts


@dataclass(frozen=True)
class Structure:
    """What is imaged and how; `dimension` is 0 for spots, 1 for filaments, 2 for areas."""

    draw: Callable[..., NDArray[np.float64]]  # (cell, *, step_um, rng) -> positions in um, shape (N, 2)
    dimension: int
    pixel_size_nm: float
    resolution_nm: float  # nearer than this counts as the same place
    truth_nm: float  # FWHM of one filament (or spot) in the truth image
    source: Label
    target: Label
    detector: Detector


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


@dataclass(frozen=True)
class Specimen:
    """A field of view before labelling."""

    structure: Structure
    points_px: NDArray[np.float32]  # (N, 2), STEP_PX apart along the structure
    cytosol: NDArray[np.float32]  # (Y, X), 0 outside the cells, up to 1 inside


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
    for cell in _plan_cells(np.multiply(shape, pixel_um), rng):
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
    return Specimen(structure, np.concatenate(points), cytosol)


def label_specimen(specimen: Specimen, label: Label, *, rng: np.random.Generator) -> NDArray[np.float32]:
    """Stage 2: attach a label to the structure and, unspecifically, to everything else.

    Returns
    -------
    ndarray of shape (Y, X)
        Fluorophores, as the photons expected from each pixel before any blur.
    """
    row, shape = specimen.structure, specimen.cytosol.shape
    image_width_px = np.hypot(label.width_nm, label.psf_nm) / row.pixel_size_nm
    binding = _fluctuation(
        (len(specimen.points_px),),
        relative_sd=label.binding,
        grain_px=label.binding_nm / row.pixel_size_nm / STEP_PX,
        rng=rng,
    )
    binding *= STEP_PX**row.dimension * _flattening(image_width_px, row.dimension)
    density = render(specimen.points_px, binding, shape, fwhm_px=label.width_nm / row.pixel_size_nm)
    background = label.cytosol * specimen.cytosol
    for grain_nm in label.texture_nm:
        grain_px = grain_nm / row.pixel_size_nm
        background *= _fluctuation(shape, relative_sd=label.texture, grain_px=grain_px, rng=rng)
    density += background
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
    amount = np.float32(STEP_PX**row.dimension * _flattening(width_px, row.dimension))
    weights = np.broadcast_to(amount, len(specimen.points_px))
    return np.clip(render(specimen.points_px, weights, specimen.cytosol.shape, fwhm_px=width_px), 0, 1)


def render(
    points_px: NDArray[np.floating], weights: NDArray[np.floating], shape: tuple[int, int], *, fwhm_px: float
) -> NDArray[np.float32]:
    """Draw points as Gaussians without rounding their positions.

    Parameters
    ----------
    points_px : ndarray of shape (N, 2)
        Positions; (0, 0) is the centre of the first pixel. Points outside the image are left out.
    weights : ndarray of shape (N,)
        Brightness of each point: what it adds to the sum of the image.
    shape : tuple of int
        Size (Y, X) of the image in px.
    fwhm_px : float
        Width of each point, 1 px or more.

    Returns
    -------
    ndarray of shape (Y, X)
        The image.
    """
    rows, columns = shape
    framed = np.zeros((rows + 2, columns + 2), np.float32)
    for first in range(0, len(points_px), POINTS_PER_BLOCK):
        block = slice(first, first + POINTS_PER_BLOCK)
        position = points_px[block].astype(np.float64) + 1
        inside = ((position >= 0) & (position < (rows + 1, columns + 1))).all(axis=1)
        corner, fraction = np.divmod(position[inside], 1)
        index = corner.astype(np.intp) @ (columns + 2, 1)
        for step in ((0, 0), (0, 1), (1, 0), (1, 1)):
            share = np.abs(np.subtract(1, step) - fraction).prod(axis=1) * weights[block][inside]
            np.add.at(framed.reshape(-1), index + step @ np.array((columns + 2, 1)), share.astype(np.float32))
    # Sharing a point among four pixels widens it by 1/6 px^2 on average.
    sigma = np.sqrt(max((fwhm_px / FWHM_PER_SIGMA) ** 2 - 1 / 6, 0))
    return ndimage.gaussian_filter(framed[1:-1, 1:-1], sigma)


def microtubules(cell: Cell, *, step_um: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw curved filaments that radiate from the organising centre and from around the nucleus, and branch.

    Returns
    -------
    ndarray of shape (N, 2)
        Positions in um, `step_um` apart along each filament.
    """
    n_aster, n_free, n_branches = rng.poisson((31, 80, 26))
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
    bend = 0.12 * _smooth_noise((n, n_segments), (0, 2 / segment_um), rng)  # radians per um
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


def _plan_cells(field_um: NDArray[np.float64], rng: np.random.Generator) -> list[Cell]:
    """Place cells on a loose grid, off its centres so that a small field sees a rim and not only a nucleus."""
    n_cells = np.maximum(1, np.rint(field_um / CELL_SPACING_UM)).astype(int)
    cells = []
    for place in np.ndindex(*n_cells):
        shift = rng.uniform(3, 6) * _direction(rng.uniform(0, 2 * np.pi))
        centre = (np.array(place) + 0.5) * field_um / n_cells + shift
        outline = _outline(centre, rng.uniform(11.2, 13.2), rng)
        cells.append(Cell(outline, _outline(centre + rng.normal(0, 1, 2), rng.uniform(2.7, 3.7), rng)))
    return cells


def _outline(centre_um: NDArray[np.float64], radius_um: float, rng: np.random.Generator) -> Outline:
    height = rng.uniform(0.3, 1, 4) * (0.15, 0.06, 0.04, 0.03)
    return Outline(centre_um, radius_um, np.stack([height, rng.uniform(0, 2 * np.pi, 4)], axis=1))


def _direction(angle: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


def _smooth_noise(
    shape: tuple[int, ...], sigma: float | tuple[float, ...], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return Gaussian noise of variance 1 that keeps its value over about `sigma` pixels (one number per axis)."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    for axis, width in enumerate(np.broadcast_to(sigma, len(shape))):
        if width > 0.5:
            noise = ndimage.gaussian_filter1d(noise, width, axis=axis, mode="wrap")
            noise *= np.float32(np.sqrt(2 * np.sqrt(np.pi) * width))
    return noise


def _fluctuation(
    shape: tuple[int, ...], *, relative_sd: float, grain_px: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return a log-normal factor of mean 1 with grains of a given FWHM."""
    spread = np.float32(np.sqrt(np.log1p(relative_sd**2)))
    field = _smooth_noise(shape, grain_px / FWHM_PER_SIGMA, rng)
    return np.exp(spread * field - spread**2 / 2)


def _puncta(label: Label, specimen: Specimen, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return antibody clumps in the cells, and a few on the glass, as an image of shape (Y, X) before any blur."""
    shape, pixel_size_nm = specimen.cytosol.shape, specimen.structure.pixel_size_nm
    n = rng.poisson(label.puncta_per_um2 * specimen.cytosol.size * (pixel_size_nm / 1000) ** 2)
    position = rng.uniform(0, np.subtract(shape, 1), (n, 2))
    peak = label.puncta * rng.gamma(4, 1 / 4, n)
    row, column = np.rint(position).astype(int).T
    peak *= rng.uniform(size=n) < np.maximum(specimen.cytosol[row, column], 0.1)
    return render(position, peak * _flattening(label.psf_nm / pixel_size_nm, 0), shape, fwhm_px=0)


def _flattening(fwhm_px: float, dimension: int) -> float:
    """Return by how much a Gaussian of this width lowers the crest of a spot (0), line (1) or area (2) of density 1."""
    return (np.sqrt(2 * np.pi) * fwhm_px / FWHM_PER_SIGMA) ** (2 - dimension)


STRUCTURES: Final = {
    "tubulin": Structure(
        draw=microtubules,
        dimension=1,
        pixel_size_nm=45,
        resolution_nm=220,
        truth_nm=110,
        source=Label(
            photons=4.1,
            width_nm=60,
            psf_nm=280,
            haze=1.15,
            haze_nm=2500,
            binding=0.15,
            binding_nm=300,
            cytosol=0.72,
            texture=0.3,
            texture_nm=(300, 1500),
            puncta=5.5,
            puncta_per_um2=0.37,
        ),
        target=Label(
            photons=2.7,
            width_nm=45,
            psf_nm=215,
            haze=0.04,
            haze_nm=1200,
            binding=0.3,
            binding_nm=400,
            cytosol=0.02,
            texture=0.3,
            texture_nm=(300, 1500),
            puncta=1.25,
            puncta_per_um2=0.05,
        ),
        detector=Detector(gain=40, offset=200, read_noise=40),
    )
}
