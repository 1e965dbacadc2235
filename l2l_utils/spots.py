"""Spots in a cell: caveolae, a point each."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from l2l_utils.cells import Cell

PER_UM2: Final = (9.0, 1.5)  # single ones, and clusters
CLUSTER_UM: Final = 0.25


def caveolae(
    cell: Cell,
    *,
    step_um: float,  # noqa: ARG001 (as every draw function)
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scatter caveolae over the cell's membrane, a part of them in clusters.

    Returns
    -------
    position_um : ndarray of shape (N, 2)
        One point per caveola, whatever the step.
    brightness : ndarray of shape (N,)
        1 everywhere.
    """
    n_single, n_clusters = rng.poisson(np.multiply(PER_UM2, np.pi * cell.outline.radius_um**2))
    reach = np.sqrt(rng.uniform(size=n_single + n_clusters))
    centre_um = cell.outline.position_um(reach, rng.uniform(0, 2 * np.pi, n_single + n_clusters))
    size = 2 + rng.poisson(1, n_clusters)
    members_um = np.repeat(centre_um[n_single:], size, axis=0) + rng.normal(0, CLUSTER_UM, (size.sum(), 2))
    position_um = np.concatenate([centre_um[:n_single], members_um])
    return position_um, np.ones(len(position_um))
