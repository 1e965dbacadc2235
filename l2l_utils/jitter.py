"""Rows that a scanner records a little to the left or right: made on purpose, and measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.registration import phase_cross_correlation

from l2l_utils import data

UPSAMPLING: Final = 10
MOST_PX: Final = 6  # a larger displacement is a failed measurement
ENOUGH: Final = 0.25  # of the most contrasted row's standard deviation, for a row to be measured


def displace_rows(image: ArrayLike, displacement_px: ArrayLike) -> NDArray:
    """Displace each row of an image to the right; its ends are repeated.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Image, any intensity unit.
    displacement_px : array_like of int of shape (Y,)
        Whole pixels, because interpolation would smooth the noise.

    Returns
    -------
    ndarray of shape (Y, X)
        Of the same number type.
    """
    image = np.asarray(image)
    columns = np.arange(image.shape[1]) - np.asarray(displacement_px)[:, None]
    return np.take_along_axis(image, np.clip(columns, 0, image.shape[1] - 1), axis=1)


def write_jittered(folders: Sequence[Path], to: Path, *, sd_px: float, rng: np.random.Generator) -> list[Path]:
    """Write copies of folders of images whose rows are displaced at random, each image in its own way.

    Parameters
    ----------
    folders : sequence of Path
        Folders of TIFFs.
    to : Path
        Gets a folder of the same name for each.
    sd_px : float
        Standard deviation of the displacement, before it is rounded to whole pixels.
    rng : numpy.random.Generator
        Draws the displacements.

    Returns
    -------
    list of Path
        The new folders.
    """
    for folder in folders:
        for file in data.images_by_name(folder).values():
            image = data.read_image(file)
            moved = displace_rows(image, np.rint(rng.normal(0, sd_px, len(image))).astype(int))
            data.write_image(to / folder.name / file.name, moved, like=file, dtype=image.dtype.name)
    return [to / folder.name for folder in folders]


def row_displacements(image: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """Measure how far to the right each row of an image lies, compared with a reference without jitter.

    Parameters
    ----------
    image, reference : array_like of shape (Y, X)
        Any intensity scales.

    Returns
    -------
    ndarray of shape (Y,)
        In px, to a tenth, by the peak of the cross-correlation; NaN for rows of the reference with little contrast, and
        where the peak is more than 6 px away.

    References
    ----------
    Guizar-Sicairos et al. (2008), https://doi.org/10.1364/OL.33.000156
    """
    image, reference = np.asarray(image, float), np.asarray(reference, float)
    contrast = reference.std(axis=1)
    found = np.full(len(image), np.nan)
    for i in np.flatnonzero(contrast > ENOUGH * contrast.max()):
        rows = (each[i] - each[i].mean() for each in (image, reference))
        shift, _, _ = phase_cross_correlation(*rows, upsample_factor=UPSAMPLING, normalization=None)
        found[i] = shift[0] if abs(shift[0]) <= MOST_PX else np.nan
    return found


def jitter_px(image: ArrayLike, reference: ArrayLike) -> float:
    """Return the standard deviation of `row_displacements` over the rows that could be measured."""
    return float(np.nanstd(row_displacements(image, reference)))
