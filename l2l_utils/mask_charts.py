"""Figures of masks and distance maps beside the images that they were made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from l2l_utils import against_truth, binarisation, plot


def masks(
    images: Mapping[str, ArrayLike],
    truth: ArrayLike,
    recipe: binarisation.Recipe,
    *,
    zoom: tuple[int, int, int],
    pixel_um: float | None = None,
    farthest_px: float = 15,
) -> Figure:
    """Show what masks and distance maps become of the images of one field, and of its truth.

    Parameters
    ----------
    images : mapping of str to array_like of shape (Y, X)
        Title and image, normalised, 0 to 1.
    truth : array_like of shape (Y, X)
        True structure, 0 to 1.
    recipe : Recipe
        How masks are made.
    zoom : (int, int, int)
        Row and column of the upper left corner, and side, in px, of the square that is shown.
    pixel_um : float, optional
        Side of a pixel in um, for the scale bar.
    farthest_px : float
        Distance to structure that is shown white.

    Returns
    -------
    matplotlib.figure.Figure
        A column per image and one for the truth: the image; its mask, where white is right, magenta false and green
        missed; and its distance map.
    """
    row, left, side = zoom
    here = np.s_[row : row + side, left : left + side]
    structure = against_truth.true_structure(truth)
    found = {name: binarisation.binarize(image, recipe) for name, image in images.items()} | {"truth": structure}
    columns = {}
    for name, mask in found.items():
        parts = {
            "image": np.asarray({**images, "truth": truth}[name]),
            "mask": plot.overlay(mask, structure),
            "distance map": binarisation.distance_map(mask) / farthest_px,
        }
        columns[name] = {part: image[here] for part, image in parts.items()}
    return plot.gallery(columns, pixel_um=dict.fromkeys(columns, pixel_um))
