"""The virtual microscope: dual-label cells whose true structure is known.

Four stages, as in a real instrument: structure -> labels -> optical image -> digital image. Positions are
(row, column), in um within a cell and in px within an image; images have axes (Y, X).
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
N_ASTER, N_OTHER, N_BRANCH, ASTER_UM = 50, 50, 60, 0.3
LENGTH, DOME, NUC, RADIUS, OFFSET, NUCR = 12, 6, 0.6, 13, 4.5, 3.5
BLOCK: Final = 1 << 20


@dataclass(frozen=True)
class Label:
    """How one label shows a structure.

    The brightness of the structure is given at the crest of one evenly labelled filament (or spot) in focus;
    everything unspecific is given as a share of that.
    """

    photons: float  # expected photons per pixel at that crest
    width_nm: float  # FWHM of the labelled structure, antibodies included
    psf_nm: float  # FWHM of the light in focus
    haze: float  # light out of focus as a share of the light in focus
    haze_nm: float  # FWHM of the light out of focus
    binding: float  # relative standard deviation of the binding along the structure
    binding_nm: float  # FWHM of these fluctuations
    cytosol: float  # mean unspecific signal in the cytosol
    texture: float  # its relative standard deviation at each of the two grains
    grain_nm: tuple[float, float]  # FWHM of its fine and its broad grain
    puncta: float  # mean brightness of the unspecific bright spots
    puncta_per_um2: float


@dataclass(frozen=True)
class Detector:
    """How photons become counts."""

    gain: float  # counts per photon
    offset: float  # counts in the dark
    read_noise: float  # standard deviation in counts


@dataclass(frozen=True)
class Outline:
    """A closed smooth curve; `waves` holds amplitude and phase of its lobes, two lobes first."""

    centre_um: NDArray[np.float64]
    radius_um: float
    waves: NDArray[np.float64]

    def reach(self, position_um: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distance from the centre of positions of shape (..., 2); the outline itself is at 1."""
        row, column = np.moveaxis(position_um - self.centre_um, -1, 0)
        angle = np.arctan2(row, column)
        lobes = sum(height * np.cos(k * angle + phase) for k, (height, phase) in enumerate(self.waves, start=2))
        return np.hypot(row, column) / (self.radius_um * (1 + lobes))


@dataclass(frozen=True)
class Cell:
    """A cell and its nucleus."""

    outline: Outline
    nucleus: Outline

    def contains(self, position_um: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which positions of shape (..., 2) lie in the cell but not in its nucleus."""
        return (self.outline.reach(position_um) < 1) & (self.nucleus.reach(position_um) > 1)


@dataclass(frozen=True)
class Structure:
    """What is imaged and how; the dimension is 0 for spots, 1 for filaments, 2 for areas."""

    draw: Callable[..., NDArray[np.float64]]
    dimension: int
    pixel_size_nm: float
    resolution_nm: float
    truth_nm: float  # FWHM of a filament (or spot) in the truth image
    source: Label
    target: Label
    detector: Detector


@dataclass(frozen=True)
class Specimen:
    """A field of view before labelling."""

    points_px: NDArray[np.float32]  # (N, 2), neighbours along the structure follow each other at STEP_PX
    cytosol: NDArray[np.float32]  # (Y, X), 0 outside the cells to 1


def microtubules(cell: Cell, *, step_um: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw curved filaments that radiate from beside the nucleus and branch.

    Returns
    -------
    ndarray of shape (N, 2)
        Positions in um, `step_um` apart along each filament.
    """
    n_aster, n_other, n_branches = rng.poisson(N_ASTER), rng.poisson(N_OTHER), rng.poisson(N_BRANCH)
    angle = rng.uniform(0, 2 * np.pi, 1 + n_other)
    around = cell.nucleus.centre_um + cell.nucleus.radius_um * rng.uniform(1.1, 2, (1 + n_other, 1)) * np.stack(
        [np.sin(angle), np.cos(angle)], axis=-1
    )
    start = np.concatenate([around[0] + rng.normal(0, ASTER_UM, (n_aster, 2)), around[1:]])
    heading = np.concatenate([rng.uniform(0, 2 * np.pi, n_aster), angle[1:] + rng.normal(0, 0.7, n_other)])
    stems, headings = _wander(cell, start, heading, step_um=step_um, rng=rng)
    chosen = rng.integers(len(stems), size=n_branches)
    tilt = rng.normal(0, 0.5, n_branches)
    branches, _ = _wander(cell, stems[chosen], headings[chosen] + tilt, step_um=step_um, rng=rng)
    return np.concatenate([stems, branches])


def _wander(cell, start_um, heading, *, step_um, rng):
    segment_um, n_segments = 14 * step_um, int(30 / (14 * step_um))
    sigma = 2.0 / segment_um
    bends = 0.12 * _smooth_noise((len(start_um), n_segments), (0, sigma), rng)
    position, nodes, headings = start_um, [], []
    for bend in bends.T:
        nodes.append(position)
        headings.append(heading)
        position = position + segment_um * np.stack([np.sin(heading), np.cos(heading)], axis=-1)
        heading = heading + segment_um * bend
        for wall, side in ((cell.outline, 0.0), (cell.nucleus, np.pi)):
            offset = position - wall.centre_um
            approach = heading - np.arctan2(offset[:, 0], offset[:, 1]) - side
            near = np.clip(1 - np.abs(1 - wall.reach(position)) * wall.radius_um / 2, 0, 1)
            heading = heading + segment_um * 1.0 * near * np.maximum(np.cos(approach), 0) * np.sign(np.sin(approach))
    nodes, headings = np.stack(nodes, axis=1), np.stack(headings, axis=1)
    length = 6 + rng.exponential(LENGTH, (len(start_um), 1))
    alive = np.logical_and.accumulate(cell.outline.reach(nodes) < 1, axis=1) & (
        np.arange(n_segments) * segment_um < length
    )
    alive = alive[:, 1:]
    a, b, h = nodes[:, :-1][alive], nodes[:, 1:][alive], headings[:, :-1][alive]
    t = np.arange(14)[:, None] / 14
    path = a[:, None] + (b - a)[:, None] * t
    return path.reshape(-1, 2), np.repeat(h, 14)


def _smooth_noise(shape, sigma, rng):
    noise = rng.standard_normal(shape)
    gain = np.prod([np.sqrt(2 * np.sqrt(np.pi) * s) for s in np.atleast_1d(sigma) if s])
    return ndimage.gaussian_filter(noise, sigma, mode="wrap") * gain


def fluctuation(shape, *, relative_sd, grain_px, rng):
    g = rng.standard_normal(shape, dtype=np.float32)
    s = grain_px / FWHM_PER_SIGMA
    if s:
        g = ndimage.gaussian_filter(g, s, mode="wrap") * (2 * np.sqrt(np.pi) * s) ** (g.ndim / 2)
    spread = np.sqrt(np.log1p(relative_sd**2))
    return np.exp(spread * g - spread**2 / 2).astype(np.float32)


def plan_cells(field_um, *, rng):
    n = [max(1, round(side / CELL_SPACING_UM)) for side in field_um]
    pitch = np.array(field_um) / n
    cells = []
    for tile in np.ndindex(*n):
        angle = rng.uniform(0, 2 * np.pi)
        centre = (np.array(tile) + 0.5) * pitch + rng.uniform(OFFSET - 1.5, OFFSET + 1.5) * np.array(
            [np.sin(angle), np.cos(angle)]
        )
        outline = _outline(centre, rng.uniform(RADIUS - 1, RADIUS + 1), rng)
        nucleus = _outline(centre + rng.normal(0, 1, 2), rng.uniform(NUCR - 0.5, NUCR + 0.5), rng)
        cells.append(Cell(outline, nucleus))
    return cells


def _outline(centre, radius, rng):
    h = np.array([0.15, 0.06, 0.04, 0.03])
    return Outline(centre, radius, np.stack([h * rng.uniform(0.3, 1, 4), rng.uniform(0, 2 * np.pi, 4)], axis=1))


def make_specimen(structure: Structure, shape, *, rng) -> Specimen:
    pixel_um = structure.pixel_size_nm / 1000
    cytosol = np.zeros(shape, np.float32)
    points = []
    for cell in plan_cells([s * pixel_um for s in shape], rng=rng):
        points.append((structure.draw(cell, step_um=STEP_PX * pixel_um, rng=rng) / pixel_um).astype(np.float32))
        centre, extent = cell.outline.centre_um / pixel_um, 1.4 * cell.outline.radius_um / pixel_um
        lo = np.clip(centre - extent, 0, shape).astype(int)
        hi = np.clip(centre + extent, 0, shape).astype(int)
        window = tuple(slice(a, b) for a, b in zip(lo, hi, strict=True))
        pos = np.moveaxis(np.mgrid[window], 0, -1) * pixel_um
        level = np.clip(1 - cell.outline.reach(pos) ** DOME, 0, 1) * (
            1 - NUC * np.clip(1 - cell.nucleus.reach(pos) ** 12, 0, 1)
        )
        cytosol[window] = np.maximum(cytosol[window], level)
    return Specimen(np.concatenate(points), cytosol)


def render(points, weights, shape, *, fwhm_px):
    image = np.zeros((shape[0] + 2, shape[1] + 2), np.float32)
    for i in range(0, len(points), BLOCK):
        p = points[i : i + BLOCK].astype(np.float64) + 1
        keep = ((p >= 0) & (p < np.array(shape) + 1)).all(axis=1)
        p, w = p[keep], np.broadcast_to(weights, len(points))[i : i + BLOCK][keep]
        base = np.floor(p).astype(int)
        f = p - base
        flat = base[:, 0] * image.shape[1] + base[:, 1]
        for dr in (0, 1):
            for dc in (0, 1):
                ww = w * np.abs(1 - dr - f[:, 0]) * np.abs(1 - dc - f[:, 1])
                np.add.at(image.reshape(-1), flat + dr * image.shape[1] + dc, ww.astype(np.float32))
    sigma = np.sqrt(max((fwhm_px / FWHM_PER_SIGMA) ** 2 - 1 / 6, 0))
    return ndimage.gaussian_filter(image[1:-1, 1:-1], sigma)


def crest(fwhm_px, dimension):
    return (np.sqrt(2 * np.pi) * fwhm_px / FWHM_PER_SIGMA) ** (2 - dimension)


def label_specimen(specimen, label, structure, *, rng):
    px = structure.pixel_size_nm
    shape = specimen.cytosol.shape
    b = fluctuation(
        len(specimen.points_px), relative_sd=label.binding, grain_px=label.binding_nm / px / STEP_PX, rng=rng
    )
    d = render(
        specimen.points_px,
        b * (STEP_PX**structure.dimension * crest(np.hypot(label.width_nm, label.psf_nm) / px, structure.dimension)),
        shape,
        fwhm_px=label.width_nm / px,
    )
    background = label.cytosol * specimen.cytosol
    for g in label.grain_nm:
        background *= fluctuation(shape, relative_sd=label.texture, grain_px=g / px, rng=rng)
    d += background
    n = rng.poisson(label.puncta_per_um2 * d.size * (px / 1000) ** 2)
    where = rng.uniform(0, 1, (n, 2)) * (np.array(shape) - 1)
    bright = label.puncta * rng.exponential(1, n) * crest(label.psf_nm / px, 0)
    at = np.rint(where).astype(int)
    bright *= rng.uniform(0, 1, n) < np.maximum(specimen.cytosol[at[:, 0], at[:, 1]], 0.1)
    d += render(where, bright, shape, fwhm_px=0)
    return d * np.float32(label.photons)


def optical_image(density, label, pixel_size_nm):
    s = [f / pixel_size_nm / FWHM_PER_SIGMA for f in (label.psf_nm, label.haze_nm)]
    image = ndimage.gaussian_filter(density, s[0])
    image += np.float32(label.haze) * ndimage.gaussian_filter(density, s[1])
    return image


def digital_image(photons, detector, *, rng):
    counts = np.empty(photons.shape, np.uint16)
    for i in range(0, len(photons), 256):
        p = photons[i : i + 256]
        c = detector.offset + detector.gain * rng.poisson(p) + detector.read_noise * rng.standard_normal(p.shape)
        counts[i : i + 256] = np.clip(np.rint(c), 0, 65535)
    return counts


STRUCTURES: Final = {
    "tubulin": Structure(
        draw=microtubules,
        dimension=1,
        pixel_size_nm=45,
        resolution_nm=220,
        truth_nm=110,
        source=Label(6, 60, 280, 0.6, 1500, 0.15, 300, 0.35, 0.35, (300, 1500), 0.8, 0.4),
        target=Label(15, 45, 215, 0.25, 1200, 0.5, 400, 0.05, 0.3, (300, 1500), 0.4, 0.05),
        detector=Detector(40, 100, 20),
    )
}


def simulate_cell(structure, shape, *, rng):
    row = STRUCTURES[structure]
    specimen = make_specimen(row, shape, rng=rng)
    t = render(
        specimen.points_px,
        STEP_PX**row.dimension * crest(row.truth_nm / row.pixel_size_nm, row.dimension),
        shape,
        fwhm_px=row.truth_nm / row.pixel_size_nm,
    )
    optical = [
        optical_image(label_specimen(specimen, label, row, rng=rng), label, row.pixel_size_nm)
        for label in (row.source, row.target)
    ]
    return {
        "source": digital_image(optical[0], row.detector, rng=rng),
        "source_repeat": digital_image(optical[0], row.detector, rng=rng),
        "target": digital_image(optical[1], row.detector, rng=rng),
        "truth": np.clip(t, 0, 1),
    }
