"""The one table of the virtual microscope: what is imaged, with which two labels, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from l2l_utils.cells import microtubules


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
    staining: float  # relative standard deviation across the field, shared by both labels
    staining_nm: float  # FWHM of these variations
    pixel_size_nm: float
    resolution_nm: float  # nearer than this counts as the same place
    truth_nm: float  # FWHM of one filament (or spot) in the truth image
    source: Label
    target: Label
    detector: Detector


STRUCTURES: Final = {
    "tubulin": Structure(
        draw=microtubules,
        dimension=1,
        staining=0.1,
        staining_nm=5200,
        pixel_size_nm=45,
        resolution_nm=220,
        truth_nm=110,
        source=Label(
            photons=4.8,
            width_nm=60,
            psf_nm=280,
            haze=1.65,
            haze_nm=2500,
            binding=0.15,
            binding_nm=300,
            cytosol=0.68,
            texture=0.3,
            texture_nm=(300, 1500),
            puncta=6.9,
            puncta_per_um2=0.45,
        ),
        target=Label(
            photons=3.05,
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
        detector=Detector(gain=40, offset=200, read_noise=45.5),
    )
}
