"""What the virtual luminescence microscope images, with which labels, and how: its one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from l2l_utils.bodies import Part, Spread
from l2l_utils.mitochondria import fragments, network
from l2l_utils.nuclei import chromatin, cytosol
from l2l_utils.widefield import Objective


@dataclass(frozen=True)
class Glow:
    """How a label shines; photons are those of one pixel and second."""

    wavelength_um: float
    photons: float  # from a layer of the structure 1 um deep, in a cell with the highest expression
    binding: float  # relative standard deviation within a cell
    binding_um: float  # FWHM of these fluctuations
    body: float  # photons from 1 um of any cell, labelled or not
    medium: float  # photons from around the cells


@dataclass(frozen=True)
class Luminescent:
    """What is imaged and how."""

    draw: Callable[..., Part]
    luminescent: Glow
    fluorescent: Glow
    objective: Objective
    plane_um: float
    first_um: tuple[float, float]  # height above the glass at which stacks begin, from and to
    tallest_um: float  # height of the highest cells
    spread: Spread
    labelled: float  # share of the cells that have the label
    expression: float  # median of these, as a share of the highest
    expression_spread: float  # standard deviation of its logarithm
    coexpression_spread: float  # the same of the ratio of fluorescent to luminescent label
    exposures_s: dict[str, float]  # by the name of the image
    fluorescence_s: float
    binned: str = ""  # which exposure is binned


# Pixels of a camera are 13 um wide, here divided by the magnification.
AIR_20X: Final = Objective(aperture=0.8, refractive_index=1.36, pixel_um=0.65)
# The paper's has an aperture of 1.5; chosen is what light that comes from inside a cell may still fill.
OIL_100X: Final = Objective(aperture=1.3, refractive_index=1.38, pixel_um=0.13)
NANOLUC_UM: Final = 0.46
GREEN_UM: Final = 0.515

LUMINESCENT: Final = {
    "cytosol": Luminescent(
        draw=cytosol,
        luminescent=Glow(NANOLUC_UM, photons=0.9, binding=0.03, binding_um=3, body=0, medium=0.01),
        fluorescent=Glow(GREEN_UM, photons=900, binding=0.05, binding_um=3, body=8, medium=60),
        objective=AIR_20X,
        plane_um=0.57,
        first_um=(-0.6, 0.6),
        tallest_um=7,
        spread=Spread(cell=1.6, nucleus=1.7, lobes=1.8, jitter_um=3.5),
        labelled=0.75,
        expression=0.45,
        expression_spread=0.6,
        coexpression_spread=0.25,
        exposures_s={
            "exposure_0.5s": 0.5,
            "exposure_2s": 2,
            "exposure_5s": 5,
            "exposure_5s_repeat": 5,
            "exposure_60s": 60,
            "exposure_60s_repeat": 60,
        },
        fluorescence_s=0.2,
        # Of the faintest, a block of 8 x 8 px has as many photons as a pixel in 32 s.
        binned="exposure_0.5s",
    ),
    "h2b": Luminescent(
        draw=chromatin,
        luminescent=Glow(NANOLUC_UM, photons=2.4, binding=0.05, binding_um=1.5, body=0.004, medium=0.01),
        fluorescent=Glow(GREEN_UM, photons=900, binding=0.1, binding_um=1.5, body=12, medium=80),
        objective=AIR_20X,
        plane_um=0.57,
        first_um=(-0.6, 0.6),
        tallest_um=7,
        spread=Spread(cell=1.2, nucleus=1.7, lobes=1.5, jitter_um=4),
        labelled=0.8,
        expression=0.5,
        expression_spread=0.5,
        coexpression_spread=0.25,
        exposures_s={"exposure_0.5s": 0.5, "exposure_60s": 60},
        fluorescence_s=0.2,
    ),
}
LUMINESCENT["tomm20"] = Luminescent(
    draw=network,
    luminescent=Glow(NANOLUC_UM, photons=3.5, binding=0.15, binding_um=0.5, body=0.02, medium=0.02),
    fluorescent=Glow(GREEN_UM, photons=6000, binding=0.2, binding_um=0.5, body=20, medium=60),
    objective=OIL_100X,
    plane_um=0.13,
    first_um=(0.25, 0.65),
    tallest_um=4,
    spread=Spread(cell=1.7, nucleus=1.7, lobes=1.2, jitter_um=0),
    labelled=1,
    expression=0.6,
    expression_spread=0.3,
    coexpression_spread=0.25,
    exposures_s={"exposure_4s": 4},
    fluorescence_s=0.1,
)
LUMINESCENT["tomm20_rotenone"] = replace(LUMINESCENT["tomm20"], draw=fragments)
