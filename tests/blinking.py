"""Simulated stacks of emitters that switch on and off, for the tests of fluctuation-based nanoscopy."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from l2l_utils.musical_points import airy
from l2l_utils.optics import Optics


def telegraph(n_emitters: int, n_frames: int, *, on: float, off: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which emitters glow in which frame, (T, n): a chain that leaves each state with 1 / its mean length."""
    glows = np.empty((n_frames, n_emitters), bool)
    glows[0] = rng.random(n_emitters) < on / (on + off)
    for before, now in itertools.pairwise(glows):
        now[:] = np.where(before, rng.random(n_emitters) >= 1 / on, rng.random(n_emitters) < 1 / off)
    return glows


def images(places_px: NDArray[np.floating], shape: tuple[int, int], optics: Optics) -> NDArray[np.float64]:
    """Return each emitter's image, (n, Y, X), of height 1; places are rows and columns, whole at pixel centres."""
    rows, columns = np.indices(shape)
    distance = np.hypot(*(grid - at[:, None, None] for grid, at in zip((rows, columns), places_px.T, strict=True)))
    return airy(optics, distance)


def with_background(light: NDArray[np.floating], *, background: float, ratio: float) -> NDArray[np.float64]:
    """Return expected counts: light scaled to its largest, on a background, ``ratio`` times that at its brightest."""
    return background * ((ratio - 1) * light / light.max() + 1)
