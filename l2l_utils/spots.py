"""Spots in a cell: caveolae, a point each."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from l2l_utils.cells import Cell

PER_UM2: Final = (5.0, 0.8)
CLUSTER_UM: Final = 0.2
MARGIN_UM: Final = 1.3
SHARE_ANYWHERE: Final = 1


def caveolae(
    cell: Cell, *, step_um: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scatter caveolae over the cell's membrane, a part of them in clusters.

    Returns
    -------
    position_um : ndarray of shape (N, 2)
        One point per caveola, whatever the step.
    brightness : ndarray of shape (N,)
        1 everywhere.
    """
    outline, area_um2 = cell.outline, np.pi * cell.outline.radius_um**2
    n_single, n_clusters = rng.poisson(np.multiply(PER_UM2, area_um2))
    n = n_single + n_clusters
    size = 2 + rng.poisson(1.5, n_clusters)
    anywhere = rng.uniform(size=n) < SHARE_ANYWHERE
    reach = np.where(anywhere, np.sqrt(rng.uniform(size=n)), 1 - rng.uniform(0.1, MARGIN_UM, n) / outline.radius_um)
    centre_um = rng.permutation(outline.position_um(reach, rng.uniform(0, 2 * np.pi, n)))
    members_um = np.repeat(centre_um[n_single:], size, axis=0) + rng.normal(0, CLUSTER_UM, (size.sum(), 2))
    position_um = np.concatenate([centre_um[:n_single], members_um])
    return position_um, np.ones(len(position_um))
