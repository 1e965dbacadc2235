"""The electron-multiplying camera of the luminescence microscope: from light to counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from l2l_utils.binning import sum_blocks

LARGEST_COUNT: Final = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class Camera:
    """How light becomes counts; electrons are those of one pixel, before the register unless said otherwise.

    Only the gain is given by the paper on luminescence; the rest was chosen for a deep-cooled camera of this kind.
    """

    em_gain: float = 300.0  # mean electrons after the register for each one before it
    quantum_efficiency: float = 0.9  # electrons per photon
    dark_per_s: float = 3e-4  # electrons per second without light
    clock_induced: float = 0.005  # electrons that shifting the charge adds to each image
    read_noise: float = 25.0  # standard deviation in electrons, after the register
    electrons_per_count: float = 11.0  # after the register
    offset: float = 500.0  # counts without any electron


def expose(
    light_per_s: NDArray[np.floating], seconds: float, camera: Camera, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Expose an electron-multiplying camera.

    With n electrons of mean ``m = quantum_efficiency * light_per_s * seconds + dark_per_s * seconds + clock_induced``,
    Poisson distributed, the register gives a gamma distribution of shape n and scale ``em_gain``. So the counts have
    the mean ``offset + k * m`` and the variance ``2 * k**2 * m + (read_noise / electrons_per_count)**2``, where
    ``k = em_gain / electrons_per_count``: twice the variance of a camera that only multiplies.

    Parameters
    ----------
    light_per_s : ndarray of shape (..., Y, X)
        Photons expected in each pixel per second, 0 or more.
    seconds : float
        How long each plane is exposed, above 0.
    camera : Camera
        Its gain, noise and offset.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray of shape (..., Y, X)
        Counts, 0 to 65535, where they saturate.

    Raises
    ------
    ValueError
        The exposure is not above 0, or light is negative or not a number.

    References
    ----------
    Hirsch et al. (2013), https://doi.org/10.1371/journal.pone.0053671: the gamma distribution of the register.
    """
    if not seconds > 0:
        raise ValueError(f"exposure: expected more than 0 s, found {seconds}. Give the seconds per plane.")
    if not np.min(light_per_s, initial=0) >= 0:
        raise ValueError(
            f"light: expected photons of 0 or more in every pixel, found {np.min(light_per_s)}. Clip the image at 0."
        )
    charge = camera.quantum_efficiency * np.asarray(light_per_s, float) + camera.dark_per_s
    electrons = rng.poisson(seconds * charge + camera.clock_induced)
    counts = rng.standard_gamma(electrons) * camera.em_gain
    counts += rng.normal(0, camera.read_noise, counts.shape)
    counts /= camera.electrons_per_count
    return np.clip(np.rint(counts + camera.offset), 0, LARGEST_COUNT).astype(np.uint16)


def expose_binned(
    light_per_s: NDArray[np.floating], seconds: float, n: int, camera: Camera, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Expose a camera that sums the charge of n x n pixels on its chip, before amplification and read noise.

    Parameters
    ----------
    light_per_s : ndarray of shape (..., Y, X)
        Photons expected in each pixel per second; both sides are multiples of n.
    seconds : float
        How long each plane is exposed, above 0.
    n : int
        Side of the blocks in px.
    camera : Camera
        As without binning; each pixel of a block brings its dark and clock-induced electrons.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray of shape (..., Y / n, X / n)
        Counts, 0 to 65535.
    """
    block = replace(camera, dark_per_s=n**2 * camera.dark_per_s, clock_induced=n**2 * camera.clock_induced)
    return expose(sum_blocks(light_per_s, n), seconds, block, rng)
