"""Numbers that compare a restored image with a reference, or describe one image.

Images are percentile-normalised floats, so ``data_range`` is 1 unless said otherwise.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from l2l_utils.label_contrast import contrast

__all__ = [
    "contrast",
    "difference_maps",
    "evaluate",
    "gaussian_window",
    "minimum_size",
    "ms_ssim",
    "same_shape",
    "si_psnr",
    "ssim",
]

# Exponent of each scale, finest first: five scales from Wang et al. (2003); three as Kölln et al. (2022) trained with.
MS_SSIM_WEIGHTS: Final = {
    1: (1.0,),
    3: (0.2096, 0.4659, 0.3245),
    5: (0.0448, 0.2856, 0.3001, 0.2363, 0.1333),
}
# Five scales leave 8 px of a 128 px patch, hence the smaller window.
FILTER_SIZES: Final = {1: 11, 3: 11, 5: 7}
FILTER_SIGMA: Final = 1.5
K1: Final = 0.01
K2: Final = 0.03


def gaussian_window(size: int) -> NDArray[np.float64]:
    """Return the one-dimensional Gaussian window of SSIM, of sum 1 and shape (size,)."""
    offset = np.arange(size) - (size - 1) / 2
    window = np.exp(-(offset**2) / (2 * FILTER_SIGMA**2))
    return window / window.sum()


def minimum_size(n_scales: int) -> int:
    """Return the smallest image side, in px, on which SSIM at `n_scales` scales is defined."""
    return (FILTER_SIZES[n_scales] - 1) * 2 ** (n_scales - 1) + 1


def evaluate(image_true: ArrayLike, image_test: ArrayLike, *, data_range: float = 1.0) -> dict[str, float]:
    """Compare an image with its reference by the measures of the Label2label paper.

    Parameters
    ----------
    image_true, image_test : array_like of shape (Y, X)
        Reference and image under test, on the same intensity scale.
    data_range : float
        Difference between the highest and the lowest possible intensity.

    Returns
    -------
    dict of str to float
        ``psnr`` and ``si_psnr``, see `si_psnr`, in dB; ``nrmse``, the root mean square error divided by `data_range`;
        ``ssim``, ``ms_ssim_3`` and ``ms_ssim_5``, 1 for equal images.

    Raises
    ------
    ValueError
        If the shapes differ or a side is too short for five scales.

    References
    ----------
    Kölln et al. (2022), https://doi.org/10.1242/jcs.258994, Table 1.
    """
    true, test = same_shape(image_true, image_test)
    error = mean_squared_error(true, test)
    return {
        "psnr": float(peak_signal_noise_ratio(true, test, data_range=data_range)) if error else float("inf"),
        "si_psnr": si_psnr(true, test, data_range=data_range),
        "nrmse": float(np.sqrt(error) / data_range),
        "ssim": ssim(true, test, data_range=data_range),
        "ms_ssim_3": ms_ssim(true, test, n_scales=3, data_range=data_range),
        "ms_ssim_5": ms_ssim(true, test, n_scales=5, data_range=data_range),
    }


def ssim(image_true: ArrayLike, image_test: ArrayLike, *, data_range: float = 1.0) -> float:
    """Structural similarity index with the Gaussian window of its authors.

    Parameters
    ----------
    image_true, image_test : array_like of shape (Y, X)
        Reference and image under test.
    data_range : float
        Difference between the highest and the lowest possible intensity.

    Returns
    -------
    float
        Mean index, -1 to 1.

    References
    ----------
    Wang et al. (2004), https://doi.org/10.1109/TIP.2003.819861
    """
    true, test = same_shape(image_true, image_test)
    return float(
        structural_similarity(
            true, test, data_range=data_range, gaussian_weights=True, sigma=FILTER_SIGMA, use_sample_covariance=False
        )
    )


def ms_ssim(image_true: ArrayLike, image_test: ArrayLike, *, n_scales: int, data_range: float = 1.0) -> float:
    """Multi-scale structural similarity index.

    Parameters
    ----------
    image_true, image_test : array_like of shape (Y, X)
        Reference and image under test.
    n_scales : {1, 3, 5}
        Number of scales; each halves the image of the one before.
    data_range : float
        Difference between the highest and the lowest possible intensity.

    Returns
    -------
    float
        Product of the scales' mean indices, 0 to 1; a scale with a negative mean counts as 0.

    Raises
    ------
    ValueError
        If the shapes differ or a side is shorter than ``minimum_size(n_scales)``.

    References
    ----------
    Wang et al. (2003), https://doi.org/10.1109/ACSSC.2003.1292216
    """
    true, test = same_shape(image_true, image_test)
    if min(true.shape) < minimum_size(n_scales):
        raise ValueError(
            f"{n_scales}S-SSIM needs images of at least {minimum_size(n_scales)} px per side, found {true.shape}. "
            "Use larger images or fewer scales."
        )
    window = gaussian_window(FILTER_SIZES[n_scales])
    *finer, coarsest = MS_SSIM_WEIGHTS[n_scales]
    product = 1.0
    for weight in finer:
        _, contrast_structure = _ssim_terms(true, test, window, data_range)
        product *= max(contrast_structure.mean(), 0.0) ** weight
        true, test = _halve(true), _halve(test)
    luminance, contrast_structure = _ssim_terms(true, test, window, data_range)
    return float(product * max((luminance * contrast_structure).mean(), 0.0) ** coarsest)


def difference_maps(image_true: ArrayLike, image_test: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Return where two images differ: in intensity, and in structure.

    Parameters
    ----------
    image_true, image_test : array_like of shape (Y, X)
        Two images of one field, normalised to about 0 to 1.

    Returns
    -------
    dict of str to ndarray of shape (Y, X)
        ``rms``, the root mean square difference in the Gaussian window of SSIM, 0 for equal images; ``ssim``, the
        structural similarity there, -1 to 1.

    References
    ----------
    Kölln et al. (2022), https://doi.org/10.1242/jcs.258994, Fig. S1.
    """
    true, test = same_shape(image_true, image_test)
    gaussian = {"gaussian_weights": True, "sigma": FILTER_SIGMA, "use_sample_covariance": False}
    _, similarity = structural_similarity(true, test, data_range=1, full=True, **gaussian)
    return {"rms": np.sqrt(ndimage.gaussian_filter((true - test) ** 2, FILTER_SIGMA)), "ssim": similarity}


def si_psnr(image_true: ArrayLike, image_test: ArrayLike, *, data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio that an image reaches with the gain and offset that suit it best.

    The image under test is fitted to the reference by least squares, as Weigert et al. do before they compare images
    and CSBDeep's `normalize_minmse` does. The peak is by default the reference's highest minus its lowest intensity,
    which makes the number CAREamics' ``scale_invariant_psnr``.

    Parameters
    ----------
    image_true, image_test : array_like of shape (Y, X)
        Reference and image under test, each on any intensity scale.
    data_range : float, optional
        Difference between the highest and the lowest possible intensity of the reference, in its unit.

    Returns
    -------
    float
        In dB; with the same `data_range` never below the PSNR. Images that differ by gain and offset alone reach what
        rounding allows, over 200 dB; equal ones are infinite.

    References
    ----------
    Weigert et al. (2018), https://doi.org/10.1038/s41592-018-0216-7, Methods.
    """
    true, test = same_shape(image_true, image_test)
    span = np.ptp(true) if data_range is None else data_range
    true, test = true - true.mean(), test - test.mean()
    power = np.vdot(test, test)
    error = np.mean((true - (np.vdot(true, test) / power if power else 0.0) * test) ** 2)
    return float(10 * np.log10(span**2 / error)) if error else float("inf")


def same_shape(image_true: ArrayLike, image_test: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two images of equal shape (Y, X) as floats; ValueError for others."""
    true, test = np.asarray(image_true, dtype=np.float64), np.asarray(image_test, dtype=np.float64)
    if true.shape != test.shape or true.ndim != 2:
        raise ValueError(f"Two images of the same shape (Y, X) are compared, found {true.shape} and {test.shape}.")
    return true, test


def _ssim_terms(
    true: NDArray[np.float64], test: NDArray[np.float64], window: NDArray[np.float64], data_range: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the luminance and the contrast-structure map at the window's valid positions."""
    margin = len(window) // 2
    inside = (slice(margin, -margin),) * 2

    def local_mean(image: NDArray[np.float64]) -> NDArray[np.float64]:
        return ndimage.correlate1d(ndimage.correlate1d(image, window, axis=0), window, axis=1)[inside]

    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_true, mean_test = local_mean(true), local_mean(test)
    product, squares = mean_true * mean_test, mean_true**2 + mean_test**2
    covariance = local_mean(true * test) - product
    variances = local_mean(true**2 + test**2) - squares
    return (2 * product + c1) / (squares + c1), (2 * covariance + c2) / (variances + c2)


def _halve(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average 2 x 2 pixels; an odd side repeats its last pixel first, as TensorFlow does."""
    rows, columns = image.shape
    even = np.pad(image, ((0, rows % 2), (0, columns % 2)), mode="symmetric")
    return even.reshape(even.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3))
