"""What the luminescence paper reads from its images: masks of cells, intensities of nuclei, shapes of mitochondria."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.transform import resize

from l2l_utils import data, imagej_thresholds, judging, mask_measures, metrics, normalization, particles
from l2l_utils import pixel_classifier as pixels

SMALLEST_CELL_PX: Final = 100
SMALLEST_NUCLEUS_PX: Final = 5
SMALLEST_MITOCHONDRION_PX: Final = 20
FILLING_PX: Final = 1.5
SHAPES: Final = ("circularity", "aspect_ratio")


class Field(NamedTuple):
    """A held-out field of view: its name, and the image (Y, X), normalised, 0 to 1, that others are judged by."""

    name: str
    reference: NDArray[np.float32]


def read_plane(path: data.PathLike, *, axes: str) -> NDArray:
    """Return the plane of a file that is judged and shown: the image (Y, X) itself, or the middle of a stack."""
    image = data.read_image(path, axes=axes)
    return image[len(image) // 2] if axes == "ZYX" else image


def read_normalized_plane(path: data.PathLike, *, axes: str, pmin: float, pmax: float) -> NDArray[np.float32]:
    """Return the same plane (Y, X), normalised by the percentiles of the whole file, 0 to 1."""
    image = normalization.read_normalized(path, axes=axes, pmin=pmin, pmax=pmax)
    return image[len(image) // 2] if axes == "ZYX" else image


def bicubic(image: ArrayLike, n: int) -> NDArray[np.float32]:
    """Return a binned image (Y, X) that was enlarged without interpolation, enlarged by bicubic interpolation instead.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Blocks of n x n equal pixels.
    n : int
        Their side in px.
    """
    image = np.asarray(image, np.float32)
    return resize(image[::n, ::n], image.shape, order=3, mode="edge", preserve_range=True).astype(np.float32)


def judge_cells(field: Field, image: ArrayLike) -> judging.Measures:
    """Compare the mask of the cells in an image with that of the reference, as the paper's Fig. 1 does.

    Parameters
    ----------
    field : Field
        The field.
    image : array_like of shape (Y, X)
        Raw or restored image of it, on any scale.

    Returns
    -------
    dict of (str, str) to float
        With the reference benchmark ``mask_error``, the share of pixels on which both masks differ: ImageJ's threshold
        "Mean", particles of 100 px and more; and ``ssim`` of the normalised images.

    References
    ----------
    Boothe, Ivanković, Grohme and Rink, "Content-aware image restoration improves spatiotemporal resolution in
    luminescence microscopy", Image analysis.
    """
    images = field.reference, np.asarray(image)
    masks = [_mask(each, method="Mean", smallest_px=SMALLEST_CELL_PX) for each in images]
    return {
        ("benchmark", "mask_error"): mask_measures.mask_error(*masks),
        ("benchmark", "ssim"): metrics.ssim(field.reference, np.asarray(image, np.float32)),
    }


def _mask(image: NDArray, *, method: str, smallest_px: int) -> NDArray[np.bool_]:
    """Return the particles above a threshold, of the image as 16 bit, which the paper converts all images to."""
    mask = imagej_thresholds.binarize(imagej_thresholds.to_16_bit(image), method=method)
    return particles.keep_large(mask, smallest_px=smallest_px)


def judge_nuclei(field: Field, image: ArrayLike) -> judging.Measures:
    """Correlate intensities under the mask of the nuclei, as the paper's Fig. 2a does.

    Parameters are as those of `judge_cells`; the result is ``correlation`` with the reference benchmark. The mask is
    the reference's, by ImageJ's threshold "Triangle", particles of 5 px and more.
    """
    mask = _mask(field.reference, method="Triangle", smallest_px=SMALLEST_NUCLEUS_PX)
    return {("benchmark", "correlation"): mask_measures.correlation(field.reference, image, mask)}


def judge_similarity(field: Field, image: ArrayLike) -> judging.Measures:
    """Return SSIM and Pearson's correlation over the whole image, with the reference benchmark."""
    image = np.asarray(image, np.float32)
    everywhere = np.ones(image.shape, bool)
    return {
        ("benchmark", "ssim"): metrics.ssim(field.reference, image),
        ("benchmark", "correlation"): mask_measures.correlation(field.reference, image, everywhere),
    }


def train_classifier(
    images: Sequence[ArrayLike], truths: Sequence[ArrayLike], *, rng: np.random.Generator
) -> pixels.Classifier:
    """Train the classifier that finds mitochondria, on images whose structure is known.

    Parameters
    ----------
    images : sequence of array_like of shape (Y, X)
        Normalised images, 0 to 1.
    truths : sequence of array_like of shape (Y, X)
        The structure itself, outer membranes. Blurred by a Gaussian of 1.5 px, so that they enclose no hole, it is
        mitochondrion above Otsu's threshold. That takes the place of the paper's annotation by hand, and OpenCV's
        forest that of ilastik.
    rng : numpy.random.Generator
        Draws the pixels that train.
    """
    filled = [ndimage.gaussian_filter(np.asarray(truth, np.float32), FILLING_PX) for truth in truths]
    masks = [image > threshold_otsu(image) for image in filled]
    return pixels.train([_prepared(image) for image in images], masks, rng=rng)


def shapes_by(classifier: pixels.Classifier) -> Callable[[Field, ArrayLike], judging.Measures]:
    """Return what measures the mitochondria of an image.

    Parameters
    ----------
    classifier : Classifier
        Of `train_classifier`.

    Returns
    -------
    callable
        Called with a field and an image (Y, X) on the scale of the reference, it returns ``circularity`` and
        ``aspect_ratio``, means over particles of 20 px and more, with the reference none; nothing where there are none.
    """

    def judge_shapes(_field: Field, image: ArrayLike) -> judging.Measures:
        mask = pixels.segment(classifier, _prepared(image))
        mask = particles.keep_large(mask, smallest_px=SMALLEST_MITOCHONDRION_PX)
        found = particles.mean_shape(mask) if mask.any() else {}
        return {("none", name): found[name] for name in SHAPES if name in found}

    return judge_shapes


def _prepared(image: ArrayLike) -> NDArray[np.float32]:
    """Subtract the background as the paper does, from an image that may leave the range from 0 to 1 a little."""
    return pixels.prepare(np.clip(np.asarray(image, np.float32), 0, 1)[np.newaxis])
