"""Images of any intensity unit on one scale: percentiles become 0 and 1, what lies outside is clipped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from csbdeep.utils import normalize_mi_ma
from numpy.typing import ArrayLike, NDArray

from l2l_utils import data, windows


class NormalizedFile(NamedTuple):
    """An image file with the intensities that become 0 and 1."""

    image: windows.StoredImage
    low: float
    high: float

    def read(self, *window: slice) -> NDArray[np.float32]:
        """Return a window of the image, float32, 0 to 1; one slice for each axis, (Y, X) or (Z, Y, X)."""
        return normalize_mi_ma(self.image.read(*window), self.low, self.high, clip=True)


def percentile_range(image: ArrayLike, *, pmin: float = 1.0, pmax: float = 99.9) -> tuple[float, float]:
    """Return the intensities that `normalize` maps to 0 and 1.

    Parameters
    ----------
    image : array_like
        Image of any axes, any intensity unit.
    pmin, pmax : float
        Percentiles, 0 to 100.

    Returns
    -------
    low, high : float
        Intensities at both percentiles, in the image's unit.

    Raises
    ------
    ValueError
        If both intensities are equal, as in an image that is empty or nearly so, or are no numbers, or if there are no
        such percentiles.
    """
    check_percentiles(pmin, pmax)
    low, high = (float(value) for value in np.percentile(image, (pmin, pmax)))
    if not np.isfinite((low, high)).all():
        raise ValueError(
            "Expected a number in every pixel, found NaN or infinite values. Export the image again, or leave it out."
        )
    if not high > low:
        raise ValueError(
            f"The {pmin:g}th and the {pmax:g}th percentile of an image must differ to normalise it, found {low:g} for "
            "both: the image is constant or nearly empty. Leave it out, or move the percentiles apart."
        )
    return low, high


def chosen_range(image: ArrayLike, given: Sequence[float] | None, *, pmin: float, pmax: float) -> tuple[float, float]:
    """Return the given range of intensities, low and high, or without one `percentile_range` of the image.

    Raises
    ------
    ValueError
        If the given range does not rise, or there is none and the percentiles are equal.
    """
    if given is None:
        return percentile_range(image, pmin=pmin, pmax=pmax)
    low, high = given
    if not low < high:
        raise ValueError(f"Expected a range of intensities that rises, found {low:g} to {high:g}. Give (low, high).")
    return low, high


def check_percentiles(pmin: float, pmax: float) -> None:
    """Raise ValueError unless both are percentiles and rise."""
    if not 0 <= pmin < pmax <= 100:
        raise ValueError(
            f"Expected percentiles 0 <= pmin < pmax <= 100, found pmin {pmin:g} and pmax {pmax:g}. "
            "Give, for instance, 1 and 99.9."
        )


def normalize(image: ArrayLike, *, pmin: float = 1.0, pmax: float = 99.9) -> NDArray[np.float32]:
    """Scale an image so that its percentiles become 0 and 1, and clip what lies outside.

    Parameters
    ----------
    image : array_like
        Image of any axes, any intensity unit.
    pmin, pmax : float
        Percentiles, 0 to 100; the defaults are those of Kölln et al. (2022), Table 2.

    Returns
    -------
    ndarray
        float32, 0 to 1, axes as those of the image.

    Raises
    ------
    ValueError
        If the percentiles fall on the same intensity.
    """
    return normalize_mi_ma(np.asarray(image), *percentile_range(image, pmin=pmin, pmax=pmax), clip=True)


def read_normalized(
    path: data.PathLike, *, axes: Literal["YX", "ZYX"] = "YX", pmin: float = 1.0, pmax: float = 99.9
) -> NDArray[np.float32]:
    """Read an image file and normalise it.

    Parameters
    ----------
    path : path
        TIFF file.
    axes : {"YX", "ZYX"}
        Axes of the image, one plane or a stack.
    pmin, pmax : float
        Percentiles that are scaled to 0 and 1; in a stack those of all planes together.

    Returns
    -------
    ndarray of shape (Y, X) or (Z, Y, X)
        float32, 0 to 1.

    Raises
    ------
    ValueError
        If the image cannot be read or normalised; the message names the file.
    """
    return open_normalized(path, axes=axes, pmin=pmin, pmax=pmax)[1]


def open_normalized(
    path: data.PathLike, *, axes: Literal["YX", "ZYX"] = "YX", pmin: float, pmax: float
) -> tuple[NormalizedFile, NDArray[np.float32]]:
    """Return a file to read windows from, and the whole image; both normalised. Errors as `read_normalized`."""
    with data.naming(path):
        image = data.read_image(path, axes=axes)
        low, high = percentile_range(image, pmin=pmin, pmax=pmax)
    return NormalizedFile(windows.locate(path, axes=axes), low, high), normalize_mi_ma(image, low, high, clip=True)
