"""How similar patches of two images are at every whole shift of one against the other."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import numpy as np
from csbdeep.data import no_background_patches
from numpy.typing import NDArray
from scipy import linalg

from l2l_utils.metrics import FILTER_SIZES, K1, K2, gaussian_window

WINDOW: Final = gaussian_window(FILTER_SIZES[1])
SMALLEST_PATCH_PX: Final = 16
# Where the best lies on the edge of the search, it is widened to these multiples, one after the other.
WIDENINGS: Final = (1, 2, 4)
# So few that what is computed of them stays in the processor's cache.
PATCHES_AT_ONCE: Final = 10


class Found(NamedTuple):
    """Where an image is most similar to the reference, and how clearly."""

    position: NDArray[np.intp]  # (row, column) in px
    step_px: int  # distance from where it was expected, along the longer axis
    on_edge: bool  # of the widest search
    rise: float  # of the best above the mean of the similarities, as a share of what is left to 1


class PatchSearch:
    """Finds where patches of a reference are most similar to another image.

    Parameters
    ----------
    reference : ndarray of shape (Y, X)
        Image, 0 to 1. Patches are centred where it shows more than background within a quarter of `patch_px`, by
        CSBDeep's rule.
    patch_px : int
        Side of a patch with a margin of `search_px` on each side; only what is within the margins is compared. Where
        the image leaves no room for that, the patch is smaller.
    search_px : int
        The margin.
    n_patches : int
        Number of patches, fewer if there are not as many places.
    rng : numpy.random.Generator
        Chooses the patches, anew for each search.
    """

    def __init__(
        self,
        reference: NDArray[np.float32],
        *,
        patch_px: int,
        search_px: int,
        n_patches: int,
        rng: np.random.Generator,
    ) -> None:
        self.reference, self.n_patches, self.rng = reference, n_patches, rng
        self.patch_px, self.search_px = patch_px, search_px
        self._bright = no_background_patches()((reference,), (patch_px, patch_px))

    def find(self, image: NDArray[np.float32], around: NDArray[np.intp]) -> Found:
        """Return the most similar position within `search_px` of `around`, or further where the best is on the edge.

        Parameters
        ----------
        image : ndarray of shape (Y, X)
            Image of the reference's shape, 0 to 1.
        around : ndarray of shape (2,)
            Position in the middle of the search, (row, column) in px.

        Raises
        ------
        ValueError
            As `similarity`.
        """
        for reach_px in (factor * self.search_px for factor in WIDENINGS):
            if reach_px > self.search_px and not self.has_room(around, reach_px):
                break
            surface = self.similarity(image, around, reach_px)
            step = np.array(np.unravel_index(surface.argmax(), surface.shape)) - reach_px
            step_px = int(np.abs(step).max())
            rise = (surface.max() - surface.mean()) / (1 - surface.mean())
            found = Found(around + step, step_px, step_px == reach_px, rise)
            if not found.on_edge:
                break
        return found

    def has_room(self, around: NDArray[np.intp], reach_px: int) -> bool:
        """Tell whether patches of a useful size fit in for shifts within `reach_px` of `around`."""
        return self.side_px(around, reach_px) >= SMALLEST_PATCH_PX

    def side_px(self, around: NDArray[np.intp], reach_px: int) -> int:
        """Return the side of the patches for shifts within `reach_px` of `around`; it may be too small, or negative."""
        return min(
            self.patch_px - 2 * self.search_px,
            *np.subtract(self.reference.shape, np.sum(_margins(around, reach_px), axis=0)),
        )

    def similarity(self, image: NDArray[np.float32], around: NDArray[np.intp], reach_px: int) -> NDArray[np.float64]:
        """Return the mean SSIM index of the patches at all shifts within `reach_px` of `around`.

        Parameters
        ----------
        image : ndarray of shape (Y, X)
            Image of the reference's shape, 0 to 1.
        around : ndarray of shape (2,)
            Shift in the middle of the search, (row, column) in px.
        reach_px : int
            Largest distance from it, along each axis.

        Returns
        -------
        ndarray of shape (2 * reach_px + 1, 2 * reach_px + 1)
            As `similarity_by_shift`; ``around`` is in the middle.

        Raises
        ------
        ValueError
            If so shifted images share too little, or nothing bright.
        """
        side, (before, after) = self.side_px(around, reach_px), _margins(around, reach_px)
        if not self.has_room(around, reach_px):
            raise ValueError(
                f"Expected images that share {SMALLEST_PATCH_PX} px or more per side at every shift within "
                f"{reach_px} px of {tuple(map(int, around))}, found images of {self.reference.shape} px. Search less "
                "far, or use larger images."
            )
        bright = self._bright[tuple(map(slice, before + side // 2, self.reference.shape - after - (side - 1) // 2))]
        places = np.argwhere(bright) + before
        if not len(places):
            raise ValueError(
                "Expected bright structure away from the border of the first frame, to place patches on, found none. "
                "Use larger images, or smaller patches."
            )
        corners = self.rng.choice(places, min(self.n_patches, len(places)), replace=False)
        fixed = _cut(self.reference, corners, side)
        return similarity_by_shift(fixed, _cut(image, corners + around - reach_px, side + 2 * reach_px))


def similarity_by_shift(reference: NDArray[np.floating], moving: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the mean SSIM index of patches at every whole shift, as scikit-image computes it one by one.

    Parameters
    ----------
    reference : ndarray of shape (patch, Y, X)
        Patches, 0 to 1.
    moving : ndarray of shape (patch, Y + 2 * R, X + 2 * R)
        The same places of another image, with R px more on each side; float64 for full precision, float32 for speed.

    Returns
    -------
    ndarray of shape (2 * R + 1, 2 * R + 1)
        Mean over the patches, -1 to 1; at ``[R + row, R + column]`` for content that is displaced by (row, column) px.

    References
    ----------
    Wang et al. (2004), https://doi.org/10.1109/TIP.2003.819861
    """
    parts = [slice(first, first + PATCHES_AT_ONCE) for first in range(0, len(reference), PATCHES_AT_ONCE)]
    return sum(_summed_similarity(reference[part], moving[part]) for part in parts) / len(reference)


def _summed_similarity(reference: NDArray[np.floating], moving: NDArray[np.floating]) -> NDArray[np.float64]:
    """Take all that depends on one image out of the loop over the shifts, which is left with the mean product."""
    rows, columns = reference.shape[1:]
    c1, c2 = K1**2, K2**2
    mean, squares = _local_mean(reference), _local_mean(reference**2)
    moving_mean, moving_squares = _local_mean(moving), _local_mean(moving**2)
    energy, variance = mean**2 + c1, squares - mean**2 + c2
    moving_energy, moving_variance = moving_mean**2, moving_squares - moving_mean**2
    inner_rows, inner_columns = mean.shape[1:]
    surface = np.empty(np.subtract(moving.shape, reference.shape)[1:] + 1)
    for row, column in np.ndindex(*surface.shape):
        inside = np.s_[:, row : row + inner_rows, column : column + inner_columns]
        covariance = _local_mean(reference * moving[:, row : row + rows, column : column + columns])
        product = mean * moving_mean[inside]
        covariance -= product
        covariance += c2 / 2
        product += c1 / 2
        covariance *= product
        covariance /= (energy + moving_energy[inside]) * (variance + moving_variance[inside])
        surface[row, column] = 4 * covariance.mean(axis=(1, 2), dtype=float).sum()
    return surface


def _local_mean(images: NDArray[np.floating]) -> NDArray[np.floating]:
    """Average the last two axes under SSIM's window, where it fits; products with band matrices are fastest."""
    over_rows, over_columns = (_band_matrix(side, images.dtype) for side in images.shape[1:])
    return over_rows @ (images @ over_columns.T)


@cache
def _band_matrix(side_px: int, dtype: np.dtype) -> NDArray[np.floating]:
    return linalg.convolution_matrix(WINDOW, side_px - len(WINDOW) + 1).T.astype(dtype)


def _margins(around: NDArray[np.intp], reach_px: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return how many rows and columns of the reference may lack a counterpart, at the beginning and at the end."""
    return np.maximum(reach_px - around, 0), np.maximum(reach_px + around, 0)


def _cut(image: NDArray[np.float32], corners: NDArray[np.intp], side_px: int) -> NDArray[np.float32]:
    return np.stack([image[row : row + side_px, column : column + side_px] for row, column in corners])
