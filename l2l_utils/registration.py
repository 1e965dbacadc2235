"""Drift between the images of one field: estimate it, list it, undo it.

Drift is the displacement of a frame's content relative to the first frame, (row, column) in px: what lies at ``p`` in
the first frame lies at ``p + drift`` in the other.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from l2l_utils import data, metrics, progress
from l2l_utils.normalization import normalize
from l2l_utils.shifts import Found, PatchSearch

SMOOTHING_PX: Final = 2.0
PMIN: Final = 2.0
PMAX: Final = 99.8
# How far the best rises above the mean of the searched similarities, as a share of what is left to 1. Images of 512 px
# with nothing in common reach 0.03, single frames of virtual caveolae 0.02, two labels of any other structure 0.2.
LEAST_RISE: Final = 0.05


def estimate_drift(
    stack: ArrayLike,
    *,
    search_px: int = 5,
    patch_px: int = 60,
    n_patches: int = 100,
    smoothing_px: float = SMOOTHING_PX,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Estimate drift in whole px: where patches of a frame are most similar (SSIM) to those of the first frame.

    Frames are normalised to their percentiles 2 and 99.8 and smoothed. Patches are cut where the first frame shows more
    than background, by CSBDeep's rule. The SSIM index (window of 11 px, sigma 1.5 px) is averaged over them at every
    shift within `search_px` of where the frame before lay. If the best lies on the edge, shifts within twice and then
    four times that distance are searched, with a warning where the frame moved so far.

    Parameters
    ----------
    stack : array_like of shape (T, Y, X)
        Images of one field, any intensity unit; two labels or recordings are a stack of two.
    search_px : int
        How far the content may move from one frame to the next without a wider search.
    patch_px : int
        Side of a patch, of which all but a margin of `search_px` is compared. Small images get smaller patches.
    n_patches : int
        Number of patches, fewer if there are not as many places.
    smoothing_px : float
        Sigma of the Gaussian filter; the paper's 2 px are too little where a pixel has less than a photon.
    rng : numpy.random.Generator
        Chooses the patches.

    Returns
    -------
    ndarray of shape (T, 2)
        Drift of each frame, (row, column) in whole px; that of the first is 0.

    Raises
    ------
    ValueError
        If the stack has another shape, a frame is constant or has NaN, the first frame has no structure to place a
        patch on, or a frame shares too little with it.

    Warns
    -----
    UserWarning
        If a wider search was needed, the result is doubtful, or patches are smaller.

    References
    ----------
    Kölln et al. (2022), https://doi.org/10.1242/jcs.258994, Image drift correction.
    """
    stack = check_stack(stack)
    reference = _prepared(stack, 0, smoothing_px)
    patches = PatchSearch(reference, patch_px=patch_px, search_px=search_px, n_patches=n_patches, rng=rng)
    drift = np.zeros((len(stack), 2), np.intp)
    found, expected = {}, drift[0]
    for frame in progress.bar(range(1, len(stack)), desc="drift", unit="frame", mininterval=1, delay=3):
        with data.naming(f"Frame {frame}"):
            found[frame] = patches.find(_prepared(stack, frame, smoothing_px), expected)
        drift[frame] = found[frame].position
        if not found[frame].on_edge:
            expected = drift[frame]
    for message in _doubts(patches, found):
        warnings.warn(message, stacklevel=2)
    return drift


def estimate_subpixel_drift(
    stack: ArrayLike, *, upsample_factor: int = 20, smoothing_px: float = SMOOTHING_PX
) -> NDArray[np.float64]:
    """Estimate drift in fractions of a px: where a frame correlates most with the first frame.

    Frames are prepared as by `estimate_drift` and faded out towards their border. scikit-image's correlation without
    normalisation, which noise disturbs less than that of the phase alone, is taken twice: of whole frames, then of what
    they share.

    Parameters
    ----------
    stack : array_like of shape (T, Y, X)
        Images of one field, any intensity unit.
    upsample_factor : int
        Drift is resolved to ``1 / upsample_factor`` px.
    smoothing_px : float
        Sigma of the Gaussian filter.

    Returns
    -------
    ndarray of shape (T, 2)
        Drift of each frame, (row, column) in px; that of the first is 0.

    Raises
    ------
    ValueError
        If the stack has another shape, or a frame is constant or has NaN.

    References
    ----------
    Guizar-Sicairos et al. (2008), https://doi.org/10.1364/OL.33.000156
    """
    stack = check_stack(stack)
    reference = _prepared(stack, 0, smoothing_px)
    drift = np.zeros((len(stack), 2))
    for frame in progress.bar(range(1, len(stack)), desc="sub-pixel drift", unit="frame", mininterval=1, delay=3):
        with data.naming(f"Frame {frame}"):
            both = np.stack([reference, _prepared(stack, frame, smoothing_px)])
            whole = _displacement(*both, upsample_factor=1)
            shared = correct_drift(both, [(0, 0), whole])
            drift[frame] = whole + _displacement(*shared, upsample_factor=upsample_factor)
    return drift


def correct_drift(stack: ArrayLike, drift: ArrayLike) -> NDArray:
    """Undo drift, and crop all frames to the area that they share.

    Parameters
    ----------
    stack : array_like of shape (T, Y, X)
        Images, any intensity unit.
    drift : array_like of shape (T, 2)
        Drift of each frame, (row, column) in px.

    Returns
    -------
    ndarray of shape (T, Y, X)
        The shared area. Where all drift is whole px, with the pixels and the number format of `stack`; else float32,
        interpolated by cubic splines, which smooths the noise and spreads it to neighbours.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the frames share no area.
    """
    stack, drift = check_stack(stack), np.asarray(drift, dtype=float)
    if drift.shape != (len(stack), 2) or not np.isfinite(drift).all():
        expected = f"a row and a column for each of {len(stack)} frames"
        raise data.problem("Drift", expected, f"an array of shape {drift.shape}", "Estimate it from this stack.")
    whole = np.floor(drift).astype(int)
    rest = drift - whole
    # A fraction of a px takes the last row or column, whose other neighbour is not in the image.
    shape = np.array(stack.shape[1:]) - rest.any(axis=0) - np.ptp(whole, axis=0)
    if shape.min() < 1:
        found = f"drift of {np.ptp(drift[:, 0]):g} x {np.ptp(drift[:, 1]):g} px"
        raise data.problem("Drift", f"less than the images' {stack.shape[1:]} px", found, "Leave the odd frames out.")
    corners = whole - whole.min(axis=0)
    windows = [tuple(map(slice, corner, corner + shape)) for corner in corners]
    if rest.any():
        moved = (ndimage.shift(f.astype(np.float32), -r, mode="nearest") for f, r in zip(stack, rest, strict=True))
        return np.stack([frame[window] for frame, window in zip(moved, windows, strict=True)])
    return np.stack([frame[window] for frame, window in zip(stack, windows, strict=True)])


def drift_table(stack: ArrayLike, drift: ArrayLike) -> pd.DataFrame:
    """List the drift of each frame, and how similar the frame is to the first when the drift is undone.

    Parameters
    ----------
    stack : array_like of shape (T, Y, X)
        Images, any intensity unit.
    drift : array_like of shape (T, 2)
        Drift of each frame, (row, column) in px.

    Returns
    -------
    pandas.DataFrame
        A row per frame: ``frame``, counted from 0; ``row_px`` and ``column_px``; ``similarity``, the SSIM index of the
        area that all frames share, smoothed and normalised, 1 for equal frames. Errors as `correct_drift`.
    """
    shared = correct_drift(stack, drift)
    reference = _prepared(shared, 0)
    similarity = [metrics.ssim(reference, _prepared(shared, frame)) for frame in range(len(shared))]
    row_px, column_px = np.asarray(drift).T
    return pd.DataFrame(
        {"frame": range(len(shared)), "row_px": row_px, "column_px": column_px, "similarity": similarity}
    )


def check_stack(stack: ArrayLike) -> NDArray:
    """Return a stack of two or more greyscale images of shape (T, Y, X) as an array; ValueError where it is no such."""
    stack = np.asarray(stack)
    if stack.ndim != 3 or len(stack) < 2 or stack.dtype.kind not in "uif":
        expected = "two or more greyscale images, axes (T, Y, X)"
        raise data.problem("Stack", expected, f"{stack.dtype} of shape {stack.shape}", "Give one plane and channel.")
    return stack


def _doubts(patches: PatchSearch, found: dict[int, Found]) -> Iterator[str]:
    search_px = patches.search_px
    side_px = patches.side_px(np.zeros(2, int), search_px) + 2 * search_px
    if side_px < patches.patch_px:
        shape = patches.reference.shape
        yield f"Images of {shape} px have no room for patches of {patches.patch_px} px, so {side_px} px were compared."
    if frames := [frame for frame, f in found.items() if f.step_px > search_px and not f.on_edge]:
        yield f"Frames {_listed(frames)} moved by more than {search_px} px at once; a wider search found them."
    if frames := [frame for frame, f in found.items() if f.on_edge or f.rise < LEAST_RISE]:
        reason = "the best position lies on the edge of the search, or is hardly better than all others"
        yield f"The drift of frames {_listed(frames)} is doubtful: {reason}."


def _listed(frames: list[int], limit: int = 8) -> str:
    more = f" and {len(frames) - limit} more" if len(frames) > limit else ""
    return ", ".join(map(str, frames[:limit])) + more


def _prepared(stack: NDArray, frame: int, smoothing_px: float = SMOOTHING_PX) -> NDArray[np.float32]:
    with data.naming(f"Frame {frame}"):
        return ndimage.gaussian_filter(normalize(stack[frame], pmin=PMIN, pmax=PMAX), smoothing_px)


def _displacement(
    reference: NDArray[np.float32], image: NDArray[np.float32], *, upsample_factor: int
) -> NDArray[np.float64]:
    window = np.outer(*map(np.hanning, reference.shape))
    faded = [window * (frame - frame.mean()) for frame in (reference, image)]
    return -phase_cross_correlation(*faded, upsample_factor=upsample_factor, normalization=None)[0]
