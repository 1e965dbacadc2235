"""What two images of one field say about each other as input and benchmark: measures without a truth, one pair each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import multiscale_basic_features
from skimage.registration import phase_cross_correlation

FINE_PX: Final = 1.5
COARSE_PX: Final = 6.0
# Of white noise of standard deviation 1, the standard deviation after the band-pass of `detail`.
DETAIL_OF_NOISE: Final = np.sqrt((1 / FINE_PX**2 + 1 / COARSE_PX**2 - 4 / (FINE_PX**2 + COARSE_PX**2)) / (4 * np.pi))
LARGEST_SHIFT_PX: Final = 32.0
ALIKE: Final = 0.4  # correlation of detail from which two images may show one field
FINEST_RINGS: Final = np.arange(0.2, 0.5, 0.05)  # spatial frequencies in cycles per px
REGION_PX: Final = 12.0
EXPECTED: Final = 0.4  # of the strongest region: there structure is expected
MISSING: Final = 0.3  # of what is expected: there it is missing
SPOT_PX: Final = 7
SPOT_NOISE: Final = 5.0


class Alignment(NamedTuple):
    """The shift (row, column) in px that brings the target onto the source, and the correlation of detail after it."""

    shift_px: NDArray[np.float64]
    correlation: float


def detail(image: NDArray) -> NDArray[np.float32]:
    """Return what an image (Y, X) shows at the scale of fine structure: neither its pixel noise nor its background."""
    image = without_hot_pixels(image)
    return ndimage.gaussian_filter(image, FINE_PX) - ndimage.gaussian_filter(image, COARSE_PX)


def without_hot_pixels(image: NDArray) -> NDArray[np.float32]:
    """Return the image (Y, X) with what exceeds twice the range of the other pixels brought down to that."""
    low, high = np.percentile(image, (0.1, 99.9))
    return np.minimum(image.astype(np.float32), np.float32(2 * high - low))


def limited(image: NDArray, percentile: float = 99.0) -> NDArray:
    """Return the image (Y, X) with its few most extreme values brought down to the others' range."""
    limit = np.percentile(np.abs(image), percentile)
    return np.clip(image, -limit, limit)


def align(source: NDArray, target: NDArray) -> Alignment:
    """Register two images of `detail`, shape (Y, X), to a tenth of a pixel.

    The plain cross-correlation is used, because the phase correlation gives the noise of fine detail equal weight.
    Shifts beyond 32 px count as no match, correlation 0, and so do empty images.

    References
    ----------
    Guizar-Sicairos et al. (2008), https://doi.org/10.1364/OL.33.000156
    """
    if not (source.any() and target.any()):
        return Alignment(np.zeros(2), 0.0)
    shift, _, _ = phase_cross_correlation(source, target, upsample_factor=10, normalization=None)
    if np.abs(shift).max() > LARGEST_SHIFT_PX:
        return Alignment(shift, 0.0)
    return Alignment(shift, _correlation(*common_area(source, target, shift)))


def common_area(source: NDArray, target: NDArray, shift_px: NDArray) -> tuple[NDArray, NDArray]:
    """Crop both images to what they share after the target is shifted by whole pixels."""
    row, column = np.rint(shift_px).astype(int)

    def crop(image: NDArray, sign: int) -> NDArray:
        rows, columns = (
            slice(max(sign * step, 0), length + min(sign * step, 0))
            for step, length in zip((row, column), image.shape, strict=True)
        )
        return image[rows, columns]

    return crop(source, 1), crop(target, -1)


def chance_correlation(source: NDArray, target: NDArray, others: Sequence[NDArray]) -> float:
    """Return the highest correlation that images of `detail` reach that do not belong together.

    These are the target mirrored in three ways, and the targets of other fields, each registered as `align` does;
    those that look like the target itself are left out. NaN if none remains.
    """
    wrong = [target[::-1], target[:, ::-1], target[::-1, ::-1]]
    for other in others:
        rows, columns = np.minimum(source.shape, other.shape)
        placed = np.zeros_like(source)
        placed[:rows, :columns] = other[:rows, :columns]
        wrong.append(placed)
    unlike = [image for image in wrong if align(target, image).correlation < ALIKE]
    return max((align(source, image).correlation for image in unlike), default=np.nan)


def shared_noise(source: NDArray, target: NDArray) -> float:
    """Return the highest ring correlation of two raw images (Y, X) at their finest detail, -1 to 1.

    Two exposures have independent noise, so there it is far below 1; a copy keeps the noise even when it was filtered.

    References
    ----------
    Nieuwenhuizen et al. (2013), https://doi.org/10.1038/nmeth.2448 (Fourier ring correlation)
    """
    window = np.hanning(source.shape[0])[:, None] * np.hanning(source.shape[1])
    first, second = (
        np.fft.rfft2(window * (image - image.mean())) for image in map(without_hot_pixels, (source, target))
    )
    frequency = np.hypot(np.fft.fftfreq(source.shape[0])[:, None], np.fft.rfftfreq(source.shape[1]))
    rings = []
    for low in FINEST_RINGS:
        ring = (frequency >= low) & (frequency < low + 0.05)
        power = np.sum(np.abs(first[ring]) ** 2) * np.sum(np.abs(second[ring]) ** 2)
        rings.append(np.sum(first[ring] * second[ring].conj()).real / np.sqrt(max(power, 1e-30)))
    return float(max(rings))


def missing_structure(source: NDArray, target: NDArray) -> float:
    """Return the share of the regions in which the benchmark lacks the structure that the input lets expect, 0 to 1.

    What the benchmark's detail usually is where the input looks as it does is learned from the pair itself, by a
    linear fit of intensity and curvature at several scales. Both are then compared region by region.

    Parameters
    ----------
    source, target : ndarray of shape (Y, X)
        Raw images of input and benchmark label, registered.

    Returns
    -------
    float
        Share, of the regions where structure is expected, of those that show less than 0.3 of it; NaN if it is
        expected nowhere.
    """
    brightness = source.astype(np.float32)
    brightness = np.clip(brightness, *np.percentile(brightness, (0.5, 99.5)))
    looks = multiscale_basic_features(
        brightness - brightness.mean(), edges=False, sigma_min=1, sigma_max=4, num_workers=1
    )
    looks = np.concatenate([looks, np.ones((*source.shape, 1), np.float32)], axis=-1).reshape(source.size, -1)
    shown = np.maximum(limited(detail(target)), 0)
    expected = looks @ np.linalg.lstsq(looks.T @ looks, looks.T @ shown.ravel(), rcond=1e-6)[0]
    shown = ndimage.gaussian_filter(shown, REGION_PX)
    expected = ndimage.gaussian_filter(expected.reshape(source.shape), REGION_PX)
    background = np.median(shown[expected <= np.percentile(expected, 15)])
    expected, shown = expected - background, shown - background
    structured = expected > EXPECTED * np.percentile(expected, 99)
    return float(np.mean(shown[structured] < MISSING * expected[structured])) if structured.any() else np.nan


def lone_spots(source: NDArray, target: NDArray) -> tuple[int, int]:
    """Count the input's clear bright spots, and those of them of which the benchmark shows nothing.

    Parameters
    ----------
    source, target : ndarray of shape (Y, X)
        `detail` of input and benchmark label, registered.

    Returns
    -------
    n_spots, n_lone : int
        Local maxima five times above the source's usual detail, and those where the target is no brighter than round
        about.
    """
    noise = 1.4826 * np.median(np.abs(source))
    spots = (ndimage.maximum_filter(source, SPOT_PX) == source) & (source > SPOT_NOISE * noise)
    return int(spots.sum()), int((target[spots] <= 0).sum())


def saturated_share(image: NDArray) -> float:
    """Return the share of an image's pixels that lie at its upper limit, where that limit looks like a camera's.

    That is a full scale such as 255 or 4095 in a file of whole numbers, or a highest value that is far more frequent
    than the values below it.
    """
    high = image.max()
    share = float(np.mean(image == high))
    if image.dtype.kind in "ui" and high >= 255 and (int(high) + 1).bit_count() == 1:
        return share
    below = np.count_nonzero((image < high) & (image >= high - 0.05 * (high - np.median(image))))
    return share if share * image.size > max(4 * below, 10) else 0.0


def signal_to_noise(image: NDArray) -> float:
    """Return how much stronger the detail of an image (Y, X) is than that of its pixel noise alone; 1 is empty.

    References
    ----------
    Immerkaer (1996), https://doi.org/10.1006/cviu.1996.0060
    """
    image = image.astype(np.float32)
    curvature = ndimage.convolve(image, np.outer((1, -2, 1), (1, -2, 1)).astype(np.float32))
    noise = np.sqrt(np.pi / 2) / 6 * np.abs(curvature).mean()
    return float(limited(detail(image), 99.9).std() / (DETAIL_OF_NOISE * max(noise, 1e-12)))


def _correlation(first: NDArray, second: NDArray) -> float:
    first, second = first - first.mean(), second - second.mean()
    return float(np.sum(first * second) / np.sqrt(max(np.sum(first**2) * np.sum(second**2), 1e-30)))
