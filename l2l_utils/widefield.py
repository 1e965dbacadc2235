"""Widefield optics in 3-D: light from every depth arrives in every plane, the blurrier the farther it is off focus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

# Standard deviation of the Gaussian nearest to an Airy disk, in wavelengths per numerical aperture.
WAIST: Final = 0.225


@dataclass(frozen=True)
class Objective:
    """What decides how much is sharp; pixels are those of the camera as they lie in the specimen."""

    aperture: float  # numerical, of the light that the specimen lets out
    refractive_index: float  # of the specimen
    pixel_um: float


def blur_um(defocus_um: ArrayLike, objective: Objective, *, wavelength_um: float) -> NDArray[np.float64]:
    """Return how wide a point that lies off focus becomes.

    Parameters
    ----------
    defocus_um : array_like
        Distance from the plane in focus, either sign.
    objective : Objective
        Aperture and refractive index.
    wavelength_um : float
        Of the light, in vacuum.

    Returns
    -------
    ndarray
        Standard deviation of a Gaussian in um: ``0.225 wavelength / aperture`` in focus, the best fit to an Airy disk,
        and off focus that of a Gaussian beam with this waist.

    References
    ----------
    Zhang, Zerubia, Olivo-Marin (2007), https://doi.org/10.1364/AO.46.001819: the Gaussian in focus.
    """
    waist_um = WAIST * wavelength_um / objective.aperture
    # A beam whose intensity has this standard deviation is sqrt(2) wider after one Rayleigh length.
    rayleigh_um = 4 * np.pi * objective.refractive_index * waist_um**2 / wavelength_um
    return waist_um * np.hypot(1, np.divide(defocus_um, rayleigh_um))


def focal_stack(
    light: NDArray[np.float32], planes: range, *, plane_um: float, objective: Objective, wavelength_um: float
) -> NDArray[np.float32]:
    """Focus on one plane of a glowing specimen after the other.

    Every plane of the specimen reaches every image with all its light, blurred by a discrete Gaussian: positive, of sum
    1, and of exactly the variance that `blur_um` gives. The field repeats itself beyond its borders; cut a margin off.

    Parameters
    ----------
    light : ndarray of shape (Z, Y, X)
        Photons that start from each voxel, 0 or more.
    planes : range
        Which planes of the specimen are focused on.
    plane_um : float
        Distance of the planes.
    objective : Objective
        Aperture, refractive index and pixel size.
    wavelength_um : float
        Of the light.

    Returns
    -------
    ndarray of shape (len(planes), Y, X)
        Photons that arrive in each pixel.

    References
    ----------
    Lindeberg (1990), https://doi.org/10.1109/34.49051: the discrete Gaussian, whose transform is
    ``exp(variance * (cos(2 pi f) - 1))`` at f cycles per px.
    """
    glowing = np.flatnonzero(light.any(axis=(1, 2)))
    spectra = fft.rfft2(light[glowing])
    bends = [np.cos(2 * np.pi * f) - 1 for f in (fft.fftfreq(light.shape[1]), fft.rfftfreq(light.shape[2]))]
    images = np.empty((len(planes), *light.shape[1:]), np.float32)
    for image, plane in zip(images, planes, strict=True):
        width_um = blur_um((glowing - plane) * plane_um, objective, wavelength_um=wavelength_um)
        arriving = np.zeros(spectra.shape[1:], spectra.dtype)
        for spectrum, variance in zip(spectra, (width_um / objective.pixel_um) ** 2, strict=True):
            down, across = (np.exp(variance * bend).astype(np.float32) for bend in bends)
            arriving += spectrum * down[:, None] * across
        image[:] = fft.irfft2(arriving, s=image.shape)
    # Rounding leaves less than nothing where there is no light.
    return np.maximum(images, 0, out=images)
