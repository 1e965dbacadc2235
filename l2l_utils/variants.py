"""Virtual specimens unlike those that a network was trained on: other optics, other noise, or a treated cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from l2l_utils.detector import digital_image
from l2l_utils.labels import Draw, Label, Structure
from l2l_utils.simulation import expected_photons
from l2l_utils.specimen import make_specimen, true_image

Change = Callable[[Structure], Structure]


def simulate_variant(structure: Structure, shape: tuple[int, int], *, rng: np.random.Generator) -> dict[str, NDArray]:
    """Image one specimen of any row of the virtual microscope's table, changed or not.

    Parameters
    ----------
    structure : Structure
        An entry of `simulation.STRUCTURES` that has a source label, or what a function of this module made of it.
    shape : tuple of int
        Size (Y, X) of the images in px.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    dict of str to ndarray of shape (Y, X)
        ``source``: uint16 counts; ``truth``: float32, 0 to 1.
    """
    specimen = make_specimen(structure, shape, rng=rng)
    photons = expected_photons(specimen, rng=rng)["source"]
    return {"source": digital_image(photons, structure.detector, rng=rng), "truth": true_image(specimen)}


def with_source(structure: Structure, **changes: float) -> Structure:
    """Return the structure with another input label; `changes` are fields of `Label` or of its `Optics`."""
    label = structure.labels["source"]
    optics = {name: value for name, value in changes.items() if name in label.optics.__dataclass_fields__}
    others = {name: value for name, value in changes.items() if name not in optics}
    label = replace(label, optics=replace(label.optics, **optics), **others)
    return replace(structure, labels=structure.labels | {"source": label})


def more_haze(structure: Structure) -> Structure:
    """Return the structure with three times the light out of focus, as in a thicker cell."""
    return with_source(structure, haze=3 * _source(structure).optics.haze)


def wider_psf(structure: Structure) -> Structure:
    """Return the structure seen through an objective of poorer resolution: the focus is 1.8 times as wide."""
    return with_source(structure, psf_nm=1.8 * _source(structure).optics.psf_nm)


def fewer_photons(structure: Structure) -> Structure:
    """Return the structure recorded with a quarter of the light."""
    return with_source(structure, light=_source(structure).optics.light / 4)


def more_read_noise(structure: Structure) -> Structure:
    """Return the structure recorded by a camera whose read noise is larger by three photons' worth."""
    detector = structure.detector
    return replace(structure, detector=replace(detector, read_noise=detector.read_noise + 3 * detector.gain))


def dimmer_label(structure: Structure, remaining: float = 0.4) -> Structure:
    """Return the structure with less label on it; what is unspecific keeps its brightness.

    Parameters
    ----------
    structure : Structure
        Row of the virtual microscope's table.
    remaining : float
        Share of the label that still binds the structure, above 0.
    """
    label = _source(structure)
    unspecific = {name: getattr(label, name) / remaining for name in ("cytosol", "puncta", "pool")}
    return with_source(structure, photons=label.photons * remaining, **unspecific)


def fewer_pieces(structure: Structure, kept: float = 0.5) -> Structure:
    """Return the structure with fewer filaments, spots or plaques, as after a drug.

    Parameters
    ----------
    structure : Structure
        Row of the virtual microscope's table.
    kept : float
        Share of the pieces that is left on average, 0 to 1; which ones is drawn for every cell.
    """
    draw = {name: _thinned(draw, kept, structure.dimension) for name, draw in structure.draw.items()}
    return replace(structure, draw=draw)


# What is done to the images alone; the structure itself stays what the network has learnt.
VARIANTS: Final[dict[str, Change]] = {
    "more haze": more_haze,
    "wider PSF": wider_psf,
    "fewer photons": fewer_photons,
    "more read noise": more_read_noise,
    "dimmer label": dimmer_label,
}


def _source(structure: Structure) -> Label:
    return structure.labels["source"]


def _thinned(draw: Draw, kept: float, dimension: int) -> Draw:
    def draw_fewer(cell: object, *, step_um: float, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        position_um, brightness = draw(cell, step_um=step_um, rng=rng)
        piece = _pieces(position_um, step_um, dimension)
        chosen = rng.uniform(size=piece.max(initial=0) + 1) < kept
        return position_um[chosen[piece]], brightness[chosen[piece]]

    return draw_fewer


def _pieces(position_um: NDArray[np.float64], step_um: float, dimension: int) -> NDArray[np.intp]:
    """Return to which filament, spot or area each point belongs, shape (N,)."""
    if dimension == 2:
        lattice = np.rint((position_um - position_um.min(axis=0, initial=np.inf)) / step_um).astype(int)
        image = np.zeros(lattice.max(axis=0, initial=0) + 1, bool)
        image[tuple(lattice.T)] = True
        return ndimage.label(image)[0][tuple(lattice.T)] - 1
    # Along a filament neighbours are a step apart; a longer way leads to the next one.
    jump = np.hypot(*np.diff(position_um, axis=0, prepend=position_um[:1]).T) > 1.5 * step_um
    return np.cumsum(jump)
