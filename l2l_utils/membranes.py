"""The membrane around tubes: points on their walls and on the round caps that close their ends."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

LABELS_PER_POINT: Final = 12


def membrane(
    middle_um: NDArray[np.float64], radius_um: float, *, step_um: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scatter points over the membrane of tubes.

    Parameters
    ----------
    middle_um : ndarray of shape (N, 3)
        The middle lines of all tubes, one after the other, (z, row, column); two points or more in each.
    radius_um : float
        Of the tubes.
    step_um : float
        Distance of the points along each line; what is more than three times as far apart are two tubes.
    rng : numpy.random.Generator
        Source of the places.

    Returns
    -------
    position_um : ndarray of shape (M, 3)
        On walls and caps alike.
    area_um2 : ndarray of shape (M,)
        What each point stands for; a straight tube of length L has ``2 pi radius L + 4 pi radius**2`` in all.
    """
    step = np.diff(middle_um, axis=0)
    length_um = np.linalg.norm(step, axis=1)
    joined = length_um < 3 * step_um
    along = step[joined] / length_um[joined, None]
    wall_um = _around(middle_um[:-1][joined], along, radius_um, rng)
    wall_um2 = np.repeat(2 * np.pi * radius_um * length_um[joined] / LABELS_PER_POINT, LABELS_PER_POINT)
    is_first = joined & ~np.concatenate([[False], joined[:-1]])
    is_last = joined & ~np.concatenate([joined[1:], [False]])
    ends_um = np.concatenate([middle_um[:-1][is_first], middle_um[1:][is_last]])
    outward = np.concatenate([-along[is_first[joined]], along[is_last[joined]]])
    # As dense as the wall's.
    n = max(1, round(LABELS_PER_POINT * radius_um / step_um))
    cap_um = np.repeat(ends_um, n, axis=0) + radius_um * _half_sphere(np.repeat(outward, n, axis=0), rng)
    cap_um2 = np.full(len(cap_um), 2 * np.pi * radius_um**2 / n)
    return np.concatenate([wall_um, cap_um]), np.concatenate([wall_um2, cap_um2])


def _around(
    middle_um: NDArray[np.float64], along: NDArray[np.float64], radius_um: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return points on circles around lines of this direction, (N, 3)."""
    angle = rng.uniform(0, 2 * np.pi, (len(middle_um), LABELS_PER_POINT, 1))
    beside = np.stack([np.zeros(len(along)), -along[:, 2], along[:, 1]], axis=1)
    beside /= np.maximum(np.linalg.norm(beside, axis=1, keepdims=True), 1e-9)
    above = np.cross(along, beside)
    circle = np.cos(angle) * beside[:, None] + np.sin(angle) * above[:, None]
    return (middle_um[:, None] + radius_um * circle).reshape(-1, 3)


def _half_sphere(outward: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return unit vectors (N, 3), evenly spread over the half sphere about each direction."""
    vectors = rng.standard_normal(outward.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors * np.sign((vectors * outward).sum(axis=1, keepdims=True))
