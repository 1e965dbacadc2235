"""Which planes of a stack become the image of a field of view: one of them, a projection, or each for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l2l_utils import tiff
from l2l_utils.file_image import FileImage

Plane = int | str
PROJECTIONS: Final = ("max", "mean")


class Planes(NamedTuple):
    """One plane of an image, or several and how they become one; `suffix` tells the field of view from its sisters."""

    suffix: str
    indices: list[dict[str, int]]
    projection: str | None

    @property
    def about(self) -> dict[str, Any]:
        """What was taken, for the provenance."""
        return {"projection": self.projection, "first": self.indices[0], "last": self.indices[-1]}


def choose_planes(image: FileImage, plane: Plane | Mapping[str, Plane]) -> list[Planes]:
    """Return which planes of an image become one, for each field of view that is made of it.

    Parameters
    ----------
    image : the image.
    plane : the number of a plane, from 0; "max" or "mean" for a projection of all; "each" for a field of view of its
        own from each; or one of these for each axis, {"T": 0, "Z": "max"}. An axis left out is projected by "max".

    Raises ValueError where the image has no such plane.
    """
    stack = [axis for axis in "TZ" if axis in image.sizes]
    if not isinstance(plane, Mapping):
        if not isinstance(plane, str) and len(stack) != 1 and (stack or plane != 0):
            found = f"plane {plane} of {image.sizes.get('T', 1)} time points and {image.sizes.get('Z', 1)} z-planes"
            remedy = "Give {'T': 0, 'Z': 'max'} or the like; an image of one plane has plane 0."
            raise tiff.problem(image, "a plane for each axis", found, remedy)
        plane = dict.fromkeys(stack, plane)
    chosen = {axis: plane.get(axis, "max") for axis in stack}
    groups = [_groups(image, axis, choice) for axis, choice in chosen.items()]
    projections = [how for how in PROJECTIONS if how in chosen.values()]
    if len(projections) > 1:
        remedy = "Use one of both, or 'each' for one axis."
        raise tiff.problem(image, "one kind of projection", f"{chosen}", remedy)
    return [
        Planes(
            suffix="".join(suffix for suffix, _ in field),
            indices=[dict(zip(stack, places, strict=True)) for places in product(*(places for _, places in field))],
            projection=projections[0] if projections else None,
        )
        for field in product(*groups)
    ]


def read_planes(image: FileImage, channel: int, chosen: Planes) -> NDArray:
    """Return chosen planes of a channel as one, axes (Y, X); no more than two planes are in memory at a time.

    The number format is that of the file; a mean is float32.
    """
    index = {"C": channel} if "C" in image.sizes else {}
    planes = (image.read_plane(**place, **index) for place in chosen.indices)
    projected = next(planes)
    if chosen.projection == "mean":
        projected = projected.astype(np.float64)
        for plane in planes:
            projected += plane
        return (projected / len(chosen.indices)).astype(np.float32)
    for plane in planes:
        projected = np.maximum(projected, plane)
    return projected


def _groups(image: FileImage, axis: str, choice: Plane) -> list[tuple[str, Sequence[int]]]:
    places = range(image.sizes[axis])
    if choice == "each":
        return [(f"_{axis.lower()}{place:03d}", [place]) for place in places]
    if choice in PROJECTIONS:
        return [("", places)]
    if choice not in places:
        expected = f"'max', 'mean', 'each' or a number from 0 to {places[-1]} for axis {axis}"
        raise tiff.problem(image, expected, repr(choice), "Choose one of these.")
    return [("", [int(choice)])]
