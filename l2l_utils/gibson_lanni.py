"""How a point of light at a height in water looks through a coverslip and oil: the model of Gibson and Lanni."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from microscPSF import microscPSF
from numpy.typing import ArrayLike, NDArray

from l2l_utils.optics import Optics

WATER: Final = 1.33
OIL: Final = 1.515
COVERSLIP_UM: Final = 170.0
# The focus lies in the sample, this far above the coverslip; heights are counted from the focus.
FOCUS_UM: Final = 0.5
RADIUS_STEP_UM: Final = 0.005
HEIGHT_STEP_UM: Final = 0.01
ROUNDING_UM: Final = 1e-6  # by which sums of steps may miss a limit


class Psf(NamedTuple):
    """Light of a point on a lattice of heights and distances, for an interpolation that is linear in both."""

    density: NDArray[np.float32]  # (heights, radii), share of the light per um^2

    def profiles(self, heights_um: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the light over the distance for points at heights (n,) of -0.5 to 0.5 um: (n, radii), per um^2."""
        farthest_um = np.max(np.abs(heights_um), initial=0)
        if not farthest_um <= FOCUS_UM + ROUNDING_UM:
            raise ValueError(
                f"heights: expected up to {FOCUS_UM} um from the focus, found {farthest_um}. Drop what is farther."
            )
        place = (np.asarray(heights_um, float) + FOCUS_UM) / HEIGHT_STEP_UM
        below = np.clip(place.astype(int), 0, len(self.density) - 2)
        above = (place - below).astype(np.float32)[:, None]
        return (1 - above) * self.density[below] + above * self.density[below + 1]


def psf_table(optics: Optics, reach_um: float) -> Psf:
    """Tabulate the image of a point at heights of -0.5 to 0.5 um every 10 nm, at distances up to a reach every 5 nm."""
    return _table(min(optics.numerical_aperture, WATER), optics.emission_nm, reach_um)


def radial_psf(optics: Optics, heights_um: ArrayLike, *, radii_um: ArrayLike) -> NDArray[np.float64]:
    """Return the light around the image of a point, by the fast solver of Li, Xue and Blu.

    A point in water (1.33) is seen through a coverslip of 170 um and oil (both 1.515). The stage stands where a point
    0.5 um above the coverslip is brightest: this is the focus. Light that leaves the water beyond the critical angle is
    not part of the model, so an aperture above 1.33 acts as 1.33.

    Parameters
    ----------
    optics : Optics
        Aperture, below 1.515, and emission.
    heights_um : array_like of shape (n,)
        Heights of the points above the focus, -0.5 (on the coverslip) or more.
    radii_um : array_like of shape (m,)
        Distances from the centre of the image, in the sample.

    Returns
    -------
    ndarray of shape (n, m)
        Share of the point's light per um^2. Its integral over the plane is 1 at every height, and so is the sum of
        pixel area times value at the pixels' centres, wherever the point lies, as long as the pixel is below
        emission / (2 aperture), because then the sampling does not fold onto the mean.

    Raises
    ------
    ValueError
        The aperture is not between 0 and 1.515, or a point lies under the coverslip.

    References
    ----------
    Gibson and Lanni (1992), https://doi.org/10.1364/JOSAA.9.000154;
    Li, Xue and Blu (2017), https://doi.org/10.1364/JOSAA.34.001029.
    """
    aperture, above_glass_um = optics.numerical_aperture, np.asarray(heights_um, float) + FOCUS_UM
    if not 0 < aperture < OIL:
        raise ValueError(f"aperture: expected 0 to {OIL} (oil), found {aperture}. Correct the optics.")
    if not np.min(above_glass_um, initial=0) >= -ROUNDING_UM:
        raise ValueError(
            f"heights: expected -{FOCUS_UM} um (the coverslip) or more, found {np.min(heights_um)}. Drop what is lower."
        )
    wavelength_um, parameters = optics.emission_nm / 1000, _parameters(min(aperture, WATER))
    with _no_advice():
        light = microscPSF.gLZRParticleScan(
            parameters,
            np.asarray(radii_um, float),
            np.maximum(above_glass_um, 0),
            normalize=False,
            wvl=wavelength_um,
            zv=_stage_um(parameters, wavelength_um),
        )
    # By Parseval's theorem the light in the image is that in the pupil, an evenly lit disk.
    return light * (2 * np.pi * parameters["NA"] / wavelength_um) ** 2 / np.pi


@functools.lru_cache(maxsize=4)
def _table(aperture: float, emission_nm: float, reach_um: float) -> Psf:
    heights_um = np.linspace(-FOCUS_UM, FOCUS_UM, 1 + round(2 * FOCUS_UM / HEIGHT_STEP_UM))
    radii_um = np.arange(0, reach_um + 2 * RADIUS_STEP_UM, RADIUS_STEP_UM)
    # The pixel plays no part in the table.
    optics = Optics(numerical_aperture=aperture, pixel_nm=0, emission_nm=emission_nm)
    density = radial_psf(optics, heights_um, radii_um=radii_um).astype(np.float32)
    density.flags.writeable = False
    return Psf(density)


def _stage_um(parameters: dict[str, float], wavelength_um: float) -> float:
    """Return the shift of the stage that makes a point at the focus brightest."""
    # Rays near the axis would meet there at FOCUS_UM * OIL / WATER.
    stages_um = np.linspace(-2, -0.5, 151) * FOCUS_UM * OIL / WATER
    light = microscPSF.gLZRFocalScan(
        parameters, np.zeros(1), stages_um, normalize=False, pz=FOCUS_UM, wvl=wavelength_um
    )
    # The crest of a parabola through the brightest three lies between the steps.
    brightest = np.argmax(light[1:-1]) + 1
    below, at, above = light[brightest - 1 : brightest + 2, 0]
    offset = (below - above) / (below - 2 * at + above) / 2
    return float(stages_um[brightest] + offset * (stages_um[1] - stages_um[0]))


def _parameters(aperture: float) -> dict[str, float]:
    indices = {"ns": WATER} | dict.fromkeys(("ng", "ng0", "ni", "ni0"), OIL)
    return microscPSF.m_params | indices | {"NA": aperture, "tg": COVERSLIP_UM, "tg0": COVERSLIP_UM}


@contextlib.contextmanager
def _no_advice() -> Iterator[None]:
    """Silence what NumPy 1 says about a default of `numpy.linalg.lstsq` that the solver leaves open."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`rcond` parameter will change", category=FutureWarning)
        yield
