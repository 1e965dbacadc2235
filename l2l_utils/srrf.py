"""SRRF by NanoPyx: radial symmetry of intensity gradients, from frame to frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def reconstruct(stack: NDArray, *, magnification: int = 5, ring_radius: float = 2.0) -> NDArray[np.float32]:
    """Reconstruct a stack of frames as one image on a finer grid: the mean over time of NanoPyx's radiality.

    Parameters
    ----------
    stack : ndarray of shape (T, Y, X)
        Frames of equal exposure.
    magnification : int
        Sub-pixels per pixel and axis.
    ring_radius : float
        Radius, in px, of the ring on which gradients are taken.

    Returns
    -------
    ndarray of shape (Y * magnification, X * magnification), float32
        Radiality times intensity, 0 or more.

    Raises
    ------
    ImportError
        NanoPyx is not installed.
    ValueError
        The stack has not three axes.

    References
    ----------
    Gustafsson et al. (2016), https://doi.org/10.1038/ncomms12471: SRRF. Saraiva et al. (2025),
    https://doi.org/10.1038/s41592-024-02562-6: NanoPyx.
    """
    if stack.ndim != 3 or not len(stack):
        raise ValueError(f"stack: expected frames (T, Y, X), found the shape {stack.shape}. Give a stack.")
    radiality, over_time = _nanopyx()
    frames = radiality(np.asarray(stack, np.float32), magnification=magnification, ringRadius=ring_radius)
    return np.asarray(over_time(np.asarray(frames), 1), np.float32)


def _nanopyx() -> tuple[Any, Any]:
    """Return NanoPyx's SRRF of every frame, and what makes one image of them."""
    try:
        from nanopyx.core.transform.sr_temporal_correlations import calculate_SRRF_temporal_correlations
        from nanopyx.methods import SRRF
    except ImportError as error:
        raise ImportError(
            "SRRF: expected NanoPyx, found none. Install it with `pip install nanopyx==2.1.5`, in an "
            "environment of its own: it brings opencv-python, which shares its folder with opencv-python-headless."
        ) from error
    return SRRF, calculate_SRRF_temporal_correlations
