"""Where the fluorescent molecules of actin, mitochondria, vesicles and microtubules sit, in a thin box about the focus.

What the paper gives is kept: counts, lengths, radii, densities, the box. The rest is this project's choice: filaments
wander from a random start by steps that turn by up to 40 degrees, the middle lines keep clear of the box's top and
bottom so that splines and tubes stay within, vesicles evade each other. Microtubules are not in the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate

BOX_UM: Final = 5.0  # x and y; the paper's field
DEPTH_UM: Final = 1.0
AXIS_DEPTH_UM: Final = 0.7  # leaves a tube's radius above and below
MIDDLES_UM: Final = 4.0  # side of the square in which the middles of curves lie
LONGEST_UM: Final = 5.0
SHORTEST_UM: Final = 1.5
TURN: Final = np.deg2rad(40)
TILT: Final = 0.25  # um up or down per um along
STEP_UM: Final = 0.01  # of the centre lines
ACTIN_PER_UM: Final = 100
MITOCHONDRION_RADIUS_UM: Final = 0.15
MITOCHONDRION_PER_UM2: Final = 500
VESICLE_RADIUS_UM: Final = (0.025, 0.5)
VESICLE_PER_UM2: Final = 2000
MICROTUBULE_RADIUS_UM: Final = 0.0125
MICROTUBULE_PER_UM: Final = 200
BUNDLE_SPREAD_UM: Final = 0.06
PLACES_TRIED: Final = 30  # for each vesicle

Curve = NDArray[np.float64]


class Structure(NamedTuple):
    """Molecules and the lines that they follow; rows are (z, y, x) in um from the centre of the field, in focus."""

    emitters_um: NDArray[np.float64]  # (n, 3)
    axes_um: list[NDArray[np.float64]]  # of (m, 3) each: centre lines every 10 nm, or centres of vesicles, (1, 3)


def actin(rng: np.random.Generator, *, field_um: float = BOX_UM) -> Structure:
    """Draw 3 to 10 filaments of up to 5 um, splines through 3 to 6 points, with 100 emitters per um.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    field_um : float
        Side of the field, above 0 and up to 5 um, the paper's. A smaller one is a window of a full box, so densities
        and sizes stay; it is drawn evenly from those whose middle half holds a molecule that was chosen by lot.

    Returns
    -------
    Structure
        What lies within the field and within 0.5 um of the focus.

    Raises
    ------
    ValueError
        The field is larger than the box or not above 0.
    """
    axes = [_wander(rng) for _ in range(rng.integers(3, 11))]
    return _window([_along(axis, ACTIN_PER_UM, 0.0, rng) for axis in axes], axes, field_um, rng)


def mitochondria(rng: np.random.Generator, *, field_um: float = BOX_UM) -> Structure:
    """Draw 1 to 4 tubes of radius 150 nm with open ends about splines, 500 emitters per um^2; as `actin` otherwise."""
    axes = [_wander(rng) for _ in range(rng.integers(1, 5))]
    per_um = MITOCHONDRION_PER_UM2 * 2 * np.pi * MITOCHONDRION_RADIUS_UM
    return _window([_along(axis, per_um, MITOCHONDRION_RADIUS_UM, rng) for axis in axes], axes, field_um, rng)


def vesicles(rng: np.random.Generator, *, field_um: float = BOX_UM) -> Structure:
    """Draw 10 to 30 spheres of radius 25 to 500 nm, 2000 emitters per um^2; the field as in `actin`."""
    radii_um = rng.uniform(*VESICLE_RADIUS_UM, rng.integers(10, 31))
    centres_um = _apart(radii_um, rng)
    emitters_um = []
    for centre, radius in zip(centres_um, radii_um, strict=True):
        direction = rng.standard_normal((round(VESICLE_PER_UM2 * 4 * np.pi * radius**2), 3))
        emitters_um.append(centre + radius * direction / np.linalg.norm(direction, axis=1, keepdims=True))
    return _window(emitters_um, list(centres_um[:, None]), field_um, rng)


def microtubules(rng: np.random.Generator, *, field_um: float = BOX_UM) -> Structure:
    """Draw 8 to 15 strands across the box, about half of them in bundles; the field as in `actin`.

    All numbers are this project's: tubes of radius 12.5 nm with 200 emitters per um; single ones in any direction, and
    bundles of 2 to 4 that keep about 60 nm (each coordinate's deviation) from their common line and cross the others.
    """
    n_strands, axes = rng.integers(8, 16), []
    while len(axes) < n_strands:
        # Bundles first, until half of the strands are in one.
        n = rng.integers(2, 5) if len(axes) < n_strands // 2 else 1
        course = _crossing(rng)
        for _ in range(min(n, n_strands - len(axes))):
            apart = rng.normal(0, BUNDLE_SPREAD_UM, 3) + rng.normal(0, BUNDLE_SPREAD_UM / 3, course.shape)
            axes.append(_spline(course + apart, longest_um=np.inf))
    return _window([_along(a, MICROTUBULE_PER_UM, MICROTUBULE_RADIUS_UM, rng) for a in axes], axes, field_um, rng)


STRUCTURES: Final[dict[str, Callable[..., Structure]]] = {
    "actin": actin,
    "mitochondria": mitochondria,
    "vesicles": vesicles,
    "microtubules": microtubules,
}


def _wander(rng: np.random.Generator) -> Curve:
    """Draw a filament whose middle lies well inside the box."""
    n = rng.integers(3, 7)
    step_um = rng.uniform(SHORTEST_UM, LONGEST_UM) / (n - 1)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.uniform(-TURN, TURN, n - 1))
    steps = np.column_stack([rng.uniform(-TILT, TILT, n - 1), np.sin(heading), np.cos(heading)]) * step_um
    points = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    points += rng.uniform(-0.5, 0.5, 3) * (AXIS_DEPTH_UM, MIDDLES_UM, MIDDLES_UM) - points[n // 2]
    return _spline(points, longest_um=LONGEST_UM)


def _crossing(rng: np.random.Generator) -> Curve:
    """Draw five points of a nearly straight course that runs through the box from side to side, (5, 3)."""
    heading = rng.uniform(0, 2 * np.pi)
    along = np.linspace(-BOX_UM, BOX_UM, 5)[:, None] * (0, np.sin(heading), np.cos(heading))
    middle = rng.uniform(-0.5, 0.5, 3) * (AXIS_DEPTH_UM, MIDDLES_UM, MIDDLES_UM)
    return along + middle + rng.normal(0, 1, (5, 3)) * (0.08, 0.2, 0.2)


def _spline(points_um: Curve, *, longest_um: float) -> Curve:
    """Return a curve through points, kept off top and bottom, every 10 nm of its length and up to a length."""
    points_um = np.clip(points_um, (-AXIS_DEPTH_UM / 2, -np.inf, -np.inf), (AXIS_DEPTH_UM / 2, np.inf, np.inf))
    chord = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points_um, axis=0), axis=1))])
    curve = interpolate.make_interp_spline(chord, points_um, k=min(3, len(points_um) - 1))
    fine = curve(np.linspace(0, chord[-1], 2000))
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    places = np.arange(0, min(length[-1], longest_um), STEP_UM)
    return np.column_stack([np.interp(places, length, coordinate) for coordinate in fine.T])


def _along(axis_um: Curve, per_um: float, radius_um: float, rng: np.random.Generator) -> Curve:
    """Strew emitters evenly along a centre line, at a distance from it into any direction across it."""
    knots = np.arange(len(axis_um))
    place = rng.uniform(0, knots[-1], round(per_um * knots[-1] * STEP_UM))
    centre, tangent = (
        np.column_stack([np.interp(place, knots, coordinate) for coordinate in lines.T])
        for lines in (axis_um, np.gradient(axis_um, axis=0))
    )
    # The lines lie rather flat, so the vertical is never parallel to them.
    side = np.cross(tangent, (1.0, 0.0, 0.0))
    up = np.cross(side, tangent)
    angle = rng.uniform(0, 2 * np.pi, (len(place), 1))
    side, up = (across / np.linalg.norm(across, axis=1, keepdims=True) for across in (side, up))
    return centre + radius_um * (np.cos(angle) * side + np.sin(angle) * up)


def _apart(radii_um: NDArray[np.float64], rng: np.random.Generator) -> Curve:
    """Place spheres, the largest first, each where of some places drawn by lot it keeps farthest from the others."""
    order = np.argsort(-radii_um)
    centres = np.empty((len(radii_um), 3))
    for i, sphere in enumerate(order):
        room = np.array((DEPTH_UM - 2 * radii_um[sphere], BOX_UM, BOX_UM))
        places = rng.uniform(-0.5, 0.5, (PLACES_TRIED, 3)) * room
        placed = order[:i]
        gaps = np.linalg.norm(places[:, None] - centres[placed], axis=2) - radii_um[placed]
        centres[sphere] = places[np.argmax(np.min(gaps, axis=1, initial=BOX_UM))]
    return centres


def _window(emitters_um: list[Curve], axes_um: list[Curve], field_um: float, rng: np.random.Generator) -> Structure:
    """Cut the box to a window that holds some of the emitters, and put its centre at 0."""
    if not 0 < field_um <= BOX_UM:
        raise ValueError(
            f"field: expected a side above 0 and up to {BOX_UM} um, found {field_um}. Choose a smaller one."
        )
    emitters = np.concatenate(emitters_um)
    emitters = emitters[_inside(emitters, BOX_UM)]
    chosen = emitters[rng.integers(len(emitters)), 1:]
    reach = (BOX_UM - field_um) / 2
    shift = np.array((0, *np.clip(chosen + field_um * rng.uniform(-0.25, 0.25, 2), -reach, reach)))
    emitters = emitters - shift
    pieces = [piece for axis in axes_um for piece in _pieces(axis - shift, field_um)]
    return Structure(emitters[_inside(emitters, field_um)], pieces)


def _inside(points_um: Curve, field_um: float) -> NDArray[np.bool_]:
    return (np.abs(points_um) <= np.array((DEPTH_UM, field_um, field_um)) / 2).all(axis=1)


def _pieces(axis_um: Curve, field_um: float) -> Iterator[Curve]:
    """Yield the parts of a line that lie inside."""
    inside = _inside(axis_um, field_um)
    for piece in np.split(np.arange(len(axis_um)), np.flatnonzero(np.diff(inside)) + 1):
        if inside[piece[0]]:
            yield axis_um[piece]
