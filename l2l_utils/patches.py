"""From image pairs to training patches: normalise, split by image, cut."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from typing import NamedTuple

import numpy as np
from csbdeep.data import no_background_patches
from csbdeep.utils import normalize_mi_ma
from numpy.typing import ArrayLike, NDArray

from l2l_utils import data


class Patches(NamedTuple):
    """Training patches: two float32 arrays of shape (patch, Y, X, 1), intensities 0 to 1."""

    source: NDArray[np.float32]
    target: NDArray[np.float32]


class Split(NamedTuple):
    """Image pairs by what they serve; no image is in two of the lists."""

    training: list[data.Pair]
    validation: list[data.Pair]
    held_out: list[data.Pair]


def percentile_range(image: ArrayLike, *, pmin: float = 1.0, pmax: float = 99.9) -> tuple[float, float]:
    """Return the intensities that `normalize` maps to 0 and 1.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Image, any intensity unit.
    pmin, pmax : float
        Percentiles, 0 to 100.

    Returns
    -------
    low, high : float
        Intensities at both percentiles, in the image's unit.

    Raises
    ------
    ValueError
        If both intensities are equal, as in an image that is empty or nearly so.
    """
    low, high = (float(value) for value in np.percentile(image, (pmin, pmax)))
    if not high > low:
        raise ValueError(
            f"The {pmin:g}th and the {pmax:g}th percentile of an image must differ to normalise it, found {low:g} for "
            "both: the image is constant or nearly empty. Leave it out, or move the percentiles apart."
        )
    return low, high


def normalize(image: ArrayLike, *, pmin: float = 1.0, pmax: float = 99.9) -> NDArray[np.float32]:
    """Scale an image so that its percentiles become 0 and 1, and clip what lies outside.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Image, any intensity unit.
    pmin, pmax : float
        Percentiles, 0 to 100; the defaults are those of Kölln et al. (2022), Table 2.

    Returns
    -------
    ndarray of shape (Y, X)
        float32, 0 to 1.

    Raises
    ------
    ValueError
        If the percentiles fall on the same intensity.
    """
    return normalize_mi_ma(np.asarray(image), *percentile_range(image, pmin=pmin, pmax=pmax), clip=True)


def split_images(
    pairs: Sequence[data.Pair],
    *,
    n_validation: int,
    n_held_out: int = 0,
    held_out_names: Sequence[str] = (),
    rng: np.random.Generator,
) -> Split:
    """Split pairs by image, so that no image is both trained on and judged.

    Parameters
    ----------
    pairs : sequence of Pair
        All pairs.
    n_validation : int
        Number of pairs, drawn at random, that choose the best weights during training.
    n_held_out : int
        Number of pairs, drawn at random, that the result is judged on; unused if names are given.
    held_out_names : sequence of str
        Patterns (``z03*``) of the held-out pairs' names.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Split
        The three lists, each in the order of `pairs`.

    Raises
    ------
    ValueError
        If a pattern matches no file, or nothing is left to train on.
    """
    for pattern in held_out_names:
        if not any(fnmatch(pair.name, pattern) for pair in pairs):
            raise ValueError(
                f"Expected file names that match the held-out pattern {pattern!r}, found none among {_names(pairs)}. "
                "Correct the pattern; names are given without .tif."
            )
    shuffled = [pairs[i] for i in rng.permutation(len(pairs))]
    if held_out_names:
        held_out = [pair for pair in shuffled if any(fnmatch(pair.name, pattern) for pattern in held_out_names)]
    else:
        held_out = shuffled[:n_held_out]
    rest = [pair for pair in shuffled if pair not in held_out]
    validation, training = rest[:n_validation], rest[n_validation:]
    if not training or len(validation) < n_validation:
        raise ValueError(
            f"Expected at least {len(held_out) + n_validation + 1} image pairs for {len(held_out)} held out, "
            f"{n_validation} for validation and one to train on, found {len(pairs)}. Hold out fewer or add pairs."
        )
    return Split(*(sorted(part, key=pairs.index) for part in (training, validation, held_out)))


def cut_patches(
    pairs: Sequence[data.Pair],
    *,
    patch_px: int,
    n_per_image: int,
    pmin: float = 1.0,
    pmax: float = 99.9,
    rng: np.random.Generator,
) -> Patches:
    """Cut patches where the target shows more than background.

    Each image is normalised as a whole. Centres are drawn by CSBDeep's rule: near a pixel brighter than 40 % of the
    target's 99.9th percentile.

    Parameters
    ----------
    pairs : sequence of Pair
        Image files, axes YX.
    patch_px : int
        Side of the square patches.
    n_per_image : int
        Patches per pair.
    pmin, pmax : float
        Percentiles that are scaled to 0 and 1.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Patches
        Of ``len(pairs) * n_per_image`` patches, in the order of the pairs.

    Raises
    ------
    ValueError
        If an image is smaller than a patch or cannot be normalised; the message names the file.
    """
    source = np.empty((len(pairs), n_per_image, patch_px, patch_px, 1), np.float32)
    target = np.empty_like(source)
    for i, pair in enumerate(pairs):
        images = [read_normalized(path, pmin=pmin, pmax=pmax) for path in (pair.source, pair.target)]
        try:
            corners = _draw_corners(images[1], patch_px, n_per_image, rng)
        except ValueError as error:
            raise ValueError(f"{pair.target}: {error}") from error
        for j, (row, column) in enumerate(corners):
            window = np.s_[row : row + patch_px, column : column + patch_px]
            source[i, j, ..., 0], target[i, j, ..., 0] = images[0][window], images[1][window]
    shape = (-1, patch_px, patch_px, 1)
    return Patches(source.reshape(shape), target.reshape(shape))


def read_normalized(path: data.PathLike, *, pmin: float = 1.0, pmax: float = 99.9) -> NDArray[np.float32]:
    """Read an image file and normalise it.

    Parameters
    ----------
    path : path
        TIFF file, axes YX.
    pmin, pmax : float
        Percentiles that are scaled to 0 and 1.

    Returns
    -------
    ndarray of shape (Y, X)
        float32, 0 to 1.

    Raises
    ------
    ValueError
        If the image cannot be read or normalised; the message names the file.
    """
    try:
        return normalize(data.read_image(path), pmin=pmin, pmax=pmax)
    except ValueError as error:
        raise error if str(path) in str(error) else ValueError(f"{path}: {error}") from error


def _draw_corners(
    target: NDArray[np.float32], patch_px: int, n_patches: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the upper left corners of patches, (patch, 2); one comes twice only if there are too few."""
    if min(target.shape) < patch_px:
        raise ValueError(
            f"Expected an image of at least {patch_px} x {patch_px} px, the size of a patch, found "
            f"{target.shape[0]} x {target.shape[1]} px. Use smaller patches or leave this pair out."
        )
    eligible = no_background_patches()((target,), (patch_px, patch_px))
    half = patch_px // 2
    inside = np.s_[half : target.shape[0] - patch_px + half + 1, half : target.shape[1] - patch_px + half + 1]
    corners = np.argwhere(eligible[inside])
    if not len(corners):
        raise ValueError(
            f"Expected bright structure at least {half} px from the border, to centre a patch on, found none. "
            "Use smaller patches or leave this pair out."
        )
    return corners[rng.choice(len(corners), n_patches, replace=len(corners) < n_patches)]


def _names(pairs: Sequence[data.Pair]) -> str:
    names = [pair.name for pair in pairs]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
