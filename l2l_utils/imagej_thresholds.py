"""Auto thresholds "Mean" and "Triangle" as ImageJ sets them, with the option "Dark background"."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray


def to_8_bit(image: NDArray) -> NDArray[np.uint8]:
    """Convert an image to 8 bit as ImageJ does when the whole range of intensities is displayed.

    Parameters
    ----------
    image : ndarray of shape (Y, X)
        uint8, uint16 or finite floats.

    Returns
    -------
    ndarray of shape (Y, X)
        uint8, 0 for the darkest pixel; 255, or for narrow ranges of uint16 a little less, for the brightest. 8-bit
        images are returned as they are.

    Raises
    ------
    ValueError
        If the image has no two sides, another dtype, or the same intensity everywhere.
    """
    low, high = _range(image)
    if image.dtype == np.uint8:
        return image
    # 16-bit images have high - low + 1 values, and 256 classes of equal width for them.
    scale = 256 / (high - low + 1) if image.dtype == np.uint16 else 255 / (high - low)
    return np.minimum(np.floor((image.astype(np.float64) - low) * scale + 0.5), 255).astype(np.uint8)


def to_16_bit(image: NDArray) -> NDArray[np.uint16]:
    """Convert an image to 16 bit as ImageJ does, and as the luminescence paper did before it set thresholds.

    Parameters
    ----------
    image : ndarray of shape (Y, X)
        uint8, uint16 or finite floats.

    Returns
    -------
    ndarray of shape (Y, X)
        uint16. Integers keep their values, floats are stretched to 0 to 65535.

    Raises
    ------
    ValueError
        As `to_8_bit`.
    """
    low, high = _range(image)
    if image.dtype.kind == "u":
        return image.astype(np.uint16)
    return np.floor((image.astype(np.float64) - low) * (65535 / (high - low)) + 0.5).astype(np.uint16)


def threshold(image: NDArray, *, method: str) -> float:
    """Return the lowest intensity that ImageJ counts as an object.

    Images of more than 8 bits are converted to 8 bits, the threshold is set there, and is brought back to the image's
    scale. ImageJ does that with a slightly other scale, so for these images the objects are not quite the pixels above
    a bin.

    Parameters
    ----------
    image : ndarray of shape (Y, X)
        uint8, uint16 or finite floats; dark background.
    method : {"Mean", "Triangle"}
        "Mean" is the mean of the bins. "Triangle" is the bin farthest below the line from the peak of the histogram to
        its farther end.

    Returns
    -------
    float
        Threshold in the image's intensities, whole for integers.

    Raises
    ------
    ValueError
        As `to_8_bit`, or if there is no such method.

    References
    ----------
    ImageJ 1.53t, classes AutoThresholder and ImageProcessor; Zack et al. (1977), https://doi.org/10.1177/25.7.70454
    """
    if method not in METHODS:
        raise ValueError(f"Expected one of the methods {', '.join(METHODS)}, found {method!r}. Choose one of these.")
    lowest_bin = min(METHODS[method](np.bincount(to_8_bit(image).ravel(), minlength=256)) + 1, 255)
    if image.dtype == np.uint8:
        return float(lowest_bin)
    low, high = _range(image)
    lowest = low + lowest_bin / 255 * (high - low)
    return float(np.floor(lowest + 0.5)) if image.dtype == np.uint16 else lowest


def binarize(image: NDArray, *, method: str) -> NDArray[np.bool_]:
    """Return where ImageJ's auto threshold sees objects.

    Parameters
    ----------
    image : ndarray of shape (Y, X)
        uint8, uint16 or finite floats; dark background. The paper's images were 16 bit: `to_16_bit`.
    method : {"Mean", "Triangle"}
        As in `threshold`.

    Returns
    -------
    ndarray of shape (Y, X)
        True at the threshold and above.

    Raises
    ------
    ValueError
        As `threshold`.
    """
    return image.astype(np.float64) >= threshold(image, method=method)


def _range(image: NDArray) -> tuple[float, float]:
    """Return the lowest and the highest intensity."""
    if image.ndim != 2 or (image.dtype not in (np.uint8, np.uint16) and image.dtype.kind != "f"):
        raise ValueError(
            f"Expected an image of shape (Y, X), uint8, uint16 or float, found {image.shape}, {image.dtype}. "
            "Project or choose a plane, and convert it first."
        )
    low, high = float(image.min()), float(image.max())
    if not np.isfinite(high - low) or low == high:
        raise ValueError(
            f"Expected an image of finite and different intensities, found {low:g} to {high:g}. Leave it out, or look "
            "at how it was made."
        )
    return low, high


def _mean_bin(histogram: NDArray[np.integer]) -> int:
    return int(np.arange(256) @ histogram // histogram.sum())


def _triangle_bin(histogram: NDArray[np.integer]) -> int:
    filled = np.flatnonzero(histogram)
    first, last, peak = max(filled[0] - 1, 0), min(filled[-1] + 1, 255), int(histogram.argmax())
    if peak - first >= last - peak:
        return _farthest_below_line(histogram, first, peak) - 1
    return 256 - _farthest_below_line(histogram[::-1], 255 - last, 255 - peak)


def _farthest_below_line(histogram: NDArray[np.integer], first: int, peak: int) -> int:
    """Return the bin farthest from the line; computed in ImageJ's order of operations, so that ties fall alike."""
    bins = np.arange(first, peak + 1)
    height, width = float(histogram[peak]), float(first - peak)
    length = np.sqrt(height * height + width * width)
    distance = height / length * bins + width / length * histogram[bins]
    return first + int((distance - distance[0]).argmax())


METHODS: Final = {"Mean": _mean_bin, "Triangle": _triangle_bin}
