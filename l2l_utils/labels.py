"""What describes a virtual structure: its labels, the optics and the detector that image it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# (cell, *, step_um, rng) -> positions in um, shape (N, 2), and the relative brightness of each, shape (N,)
Draw = Callable[..., tuple[NDArray[np.float64], NDArray[np.float64]]]


@dataclass(frozen=True)
class Optics:
    """The point spread function, a sharp part and a broad one."""

    psf_nm: float  # FWHM of the light in focus
    haze: float  # light out of focus as a share of the light in focus
    haze_nm: float  # FWHM of the light out of focus
    light: float = 1.0  # share of the photons that arrive


@dataclass(frozen=True)
class Label:
    """How one label shows a structure; whatever is unspecific is given as a share of `photons`."""

    photons: float  # expected per pixel on the crest of one evenly labelled filament (spot, area) in focus
    width_nm: float  # FWHM of the labelled filament, antibodies included
    optics: Optics
    binding: float  # relative standard deviation of the binding along the structure
    binding_nm: float  # FWHM of these fluctuations
    cytosol: float  # mean unspecific signal in the cytosol
    texture: float  # its relative standard deviation, fine and broad alike
    texture_nm: tuple[float, float]  # FWHM of its fine and of its broad grain
    puncta: float  # mean peak of the unspecific bright spots
    puncta_per_um2: float
    binds: str = "truth"  # which of the drawn structures
    pool: float = 0.0  # mean signal of the protein that is free in the cytosol, where it looks the same in all labels


@dataclass(frozen=True)
class Detector:
    """How photons become counts."""

    gain: float  # counts per photon
    offset: float  # counts in the dark
    read_noise: float  # standard deviation in counts
    broaden: bool = False  # nearly binary counts get Poisson noise, as the paper's pre-processing gave them


@dataclass(frozen=True)
class Structure:
    """What is imaged and how; `dimension` is 0 for spots, 1 for filaments, 2 for areas.

    Where no label is called source, the source images show all labels at once.
    """

    draw: dict[str, Draw]  # by the name of the truth image
    labels: dict[str, Label]  # by the name of the image
    detector: Detector
    dimension: int
    staining: float  # relative standard deviation across the field, shared by both labels
    staining_nm: float  # FWHM of these variations
    pixel_size_nm: float
    resolution_nm: float  # nearer than this counts as the same place
    truth_nm: float  # FWHM of one filament (or spot) in the truth image
    sted: Optics | None = None  # for one more image of the source label
    pool_texture: float = 0.0  # relative standard deviation of the free protein, fine and broad alike
    pool_texture_nm: tuple[float, float] = (0.0, 0.0)  # FWHM of its grains
