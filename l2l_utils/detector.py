"""Stage 4 of the virtual microscope: from expected photons to counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from l2l_utils.labels import Detector

ROWS_PER_BLOCK: Final = 256
N_AVERAGED: Final = 20


def digital_image(photons: NDArray[np.float32], detector: Detector, *, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Count photons with shot noise, amplify, add read noise; what exceeds 65535 counts saturates.

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
        Counts, for a detector that says so after `add_poisson_noise`.
    """
    counts = np.empty(photons.shape, np.uint16)
    for first in range(0, len(photons), ROWS_PER_BLOCK):
        block = photons[first : first + ROWS_PER_BLOCK]
        signal = detector.gain * rng.poisson(block) + rng.normal(detector.offset, detector.read_noise, block.shape)
        counts[first : first + ROWS_PER_BLOCK] = np.clip(np.rint(signal), 0, np.iinfo(np.uint16).max)
    return add_poisson_noise(counts, rng=rng) if detector.broaden else counts


def average_image(photons: NDArray[np.float32], detector: Detector, *, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Average 20 frames, as `digital_image` of shape (Y, X) with a twentieth of the noise variance, never broadened."""
    frames = replace(
        detector, gain=detector.gain / N_AVERAGED, read_noise=detector.read_noise / np.sqrt(N_AVERAGED), broaden=False
    )
    return digital_image(N_AVERAGED * photons, frames, rng=rng)


def add_poisson_noise(counts: NDArray[np.uint16], *, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Broaden the histogram of a nearly binary image, as Kölln et al. did before training on caveolae.

    Parameters
    ----------
    counts : ndarray of shape (Y, X)
        Image of few distinct counts.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray of shape (Y, X)
        Poisson numbers whose mean is proportional to the image and at its maximum 2^n, the first power of two that is
        not below the number of distinct counts.

    References
    ----------
    Kölln et al. (2022), https://doi.org/10.1242/jcs.258994, Data augmentation and pre-processing.
    """
    levels = 2 ** np.ceil(np.log2(len(np.unique(counts))))
    scale = levels / max(int(counts.max()), 1)
    noisy = np.empty_like(counts)
    for first in range(0, len(counts), ROWS_PER_BLOCK):
        noisy[first : first + ROWS_PER_BLOCK] = rng.poisson(counts[first : first + ROWS_PER_BLOCK] * scale)
    return noisy
