"""Background subtraction by a rolling ball, as ImageJ does it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# Largest radius, factor by which the image is shrunk first, and percent of the ball's rim that is cut off.
STEPS: Final = ((10, 1, 24), (30, 2, 24), (100, 4, 32), (np.inf, 8, 40))


def subtract_background(image: NDArray, *, radius_px: float) -> NDArray:
    """Subtract what a ball, rolled under the image as under a landscape, cannot reach around.

    The ball is as high, in grey levels, as it is wide in px, so the result depends on the unit. Integers are taken as
    they are: 8-bit images give what opencv-rolling-ball gives with ``light_background=False, do_presmooth=False``, bit
    for bit, and 16-bit images what its arithmetic would give without the limit to 8 bits. Only where half the width of
    the ball falls between two pixels, as for a radius of 15 px, is it rounded up, as in ImageJ, and not to the even
    number. Floats are 0 to 1 and are treated as 256 grey levels that are not rounded.

    Parameters
    ----------
    image : ndarray of shape (Y, X)
        uint8, uint16, or float of 0 to 1; dark background.
    radius_px : float
        Radius of the ball, larger than what shall stay. Above 10, image and ball are shrunk first.

    Returns
    -------
    ndarray of shape (Y, X)
        Image less its background, not below 0; of the image's dtype, float32 for floats.

    Raises
    ------
    ValueError
        If the image has another dtype or no two sides, is too small for the ball, or the radius is not above 0.

    References
    ----------
    Sternberg (1983), https://doi.org/10.1109/MC.1983.1654163; ImageJ's class BackgroundSubtracter.
    """
    grey = _grey_levels(image, radius_px)
    return _subtract(image, grey, background(grey, radius_px=radius_px))


def subtract_smooth_background(image: NDArray, *, radius_px: float) -> NDArray:
    """Subtract the background of the smoothed image from the image itself, which is what ImageJ does by default.

    The ball rolls under the mean of 3 x 3 px, so that dark noise does not hold it down. `subtract_background` is
    ImageJ's option "Disable smoothing". With a radius of 5 px both give what ImageJ 1.53t gives, bit for bit.

    Parameters
    ----------
    image : ndarray of shape (Y, X)
        As in `subtract_background`.
    radius_px : float
        Radius of the ball, larger than what shall stay.

    Returns
    -------
    ndarray of shape (Y, X)
        As in `subtract_background`.

    Raises
    ------
    ValueError
        As in `subtract_background`.
    """
    grey = _grey_levels(image, radius_px)
    smooth = ndimage.uniform_filter(grey, 3, mode="nearest")
    return _subtract(image, grey, background(smooth, radius_px=radius_px))


def background(grey: NDArray[np.float64], *, radius_px: float) -> NDArray[np.float64]:
    """Return the surface that a ball touches when it is rolled under an image: a grey opening.

    Parameters
    ----------
    grey : ndarray of shape (Y, X)
        Image in grey levels.
    radius_px : float
        Radius of the ball, in px along the image and in grey levels across.

    Returns
    -------
    ndarray of shape (Y, X)
        Background in grey levels. At most the image where the ball is not shrunk; elsewhere it may pass the image by a
        little between the places that were computed.

    Raises
    ------
    ValueError
        If a side of the image is shorter than two of the pixels that are left after shrinking.
    """
    shrink, trim_percent = next((shrink, trim) for limit, shrink, trim in STEPS if radius_px <= limit)
    if min(grey.shape) < 2 * shrink:
        raise ValueError(
            f"A ball with a radius of {radius_px:g} px needs an image of at least {2 * shrink} px per side, found "
            f"{grey.shape}. Use a larger image or a smaller ball."
        )
    ball = _ball(max(radius_px / shrink, 1), trim_percent)
    if shrink == 1:
        return _open(grey, ball)
    return _enlarge(_open(_shrink(grey, shrink), ball), grey.shape, shrink)


def _grey_levels(image: NDArray, radius_px: float) -> NDArray[np.float64]:
    if image.ndim != 2 or (image.dtype not in (np.uint8, np.uint16) and image.dtype.kind != "f"):
        raise ValueError(
            f"Expected an image of shape (Y, X), uint8, uint16 or float of 0 to 1, found {image.shape}, {image.dtype}. "
            "Convert it first."
        )
    if not radius_px > 0:
        raise ValueError(f"Expected a ball with a radius above 0 px, found {radius_px:g}. Give, for instance, 10.")
    return image.astype(np.float64) * (255 if image.dtype.kind == "f" else 1)


def _subtract(image: NDArray, grey: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray:
    """Return what is above the background, in the format of the image."""
    if image.dtype.kind == "f":
        return (np.maximum(grey - below, 0) / 255).astype(np.float32)
    return np.clip(grey - below + 0.5, 0, np.iinfo(image.dtype).max).astype(image.dtype)


def _ball(radius: float, trim_percent: int) -> NDArray[np.float64]:
    """Return the height of the ball over a square that leaves out its steep rim."""
    half = int(radius - int(trim_percent * radius / 100) + 0.5)
    offset = np.arange(-half, half + 1)
    return np.sqrt(np.maximum(radius**2 - offset[:, None] ** 2 - offset**2, 0))


def _open(grey: NDArray[np.float64], ball: NDArray[np.float64]) -> NDArray[np.float64]:
    """Push the ball up from below until it touches, at every place that it reaches, also outside of the image."""
    half = len(ball) // 2
    padded = np.pad(grey, half, constant_values=np.inf)
    touching = ndimage.grey_erosion(padded, structure=ball, mode="constant", cval=np.inf)
    touching[np.isinf(touching)] = -np.inf
    opened = ndimage.grey_dilation(touching, structure=ball, mode="constant", cval=-np.inf)
    return opened[half:-half, half:-half]


def _shrink(grey: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Return the least of each block of pixels; incomplete blocks at the lower and right border are left out."""
    rows, columns = (size // factor for size in grey.shape)
    return grey[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor).min(axis=(1, 3))


def _enlarge(small: NDArray[np.float64], shape: tuple[int, int], factor: int) -> NDArray[np.float64]:
    """Interpolate linearly between the centres of the blocks, and extrapolate beyond the outermost."""
    for axis, size in enumerate(shape):
        place = np.arange(size)
        lower = np.minimum(((place - factor / 2) / factor).astype(int), small.shape[axis] - 2)
        weight = np.expand_dims(1 - ((place + 0.5) / factor - (lower + 0.5)), 1 - axis)
        small = small.take(lower, axis) * weight + small.take(lower + 1, axis) * (1.0 - weight)
    return small
