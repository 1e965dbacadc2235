"""How emitters blink: they dwell in an on and an off state for times that are exponentially distributed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

EMITTERS_PER_BLOCK: Final = 4096


def on_times(
    n_emitters: int, n_frames: int, *, tau_on: float, tau_off: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return which share of each frame each emitter is on.

    Parameters
    ----------
    n_emitters, n_frames : int
        How many emitters, all alike, and how many frames that follow each other without a gap.
    tau_on, tau_off : float
        Mean time in each state, in frames, above 0.
    rng : numpy.random.Generator
        Source of the blinking.

    Returns
    -------
    ndarray of shape (n_emitters, n_frames)
        0 to 1, exact: the time that the on state and the frame have in common. Its mean is
        ``tau_on / (tau_on + tau_off)``.

    Raises
    ------
    ValueError
        A mean time is not above 0.

    References
    ----------
    Girsault et al. (2016), https://doi.org/10.1371/journal.pone.0161602: the model of two states.
    """
    shares = np.empty((n_emitters, n_frames), np.float32)
    for first in range(0, n_emitters, EMITTERS_PER_BLOCK):
        block = shares[first : first + EMITTERS_PER_BLOCK]
        starts_on, times = switching_times(len(block), n_frames, tau_on=tau_on, tau_off=tau_off, rng=rng)
        np.clip(_shares(starts_on, times, n_frames), 0, 1, out=block)
    return shares


def switching_times(
    n_emitters: int, duration: float, *, tau_on: float, tau_off: float, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Draw when emitters switch, from a random moment of their life on.

    An exponential dwell has no memory, so what is left of the first one is distributed as any whole one.

    Parameters
    ----------
    n_emitters : int
        How many emitters.
    duration : float
        How long each is followed, in frames.
    tau_on, tau_off : float
        Mean time in each state, in frames, above 0.
    rng : numpy.random.Generator
        Source of the blinking.

    Returns
    -------
    starts_on : ndarray of shape (n_emitters,)
        Whether an emitter is on at time 0: a share ``tau_on / (tau_on + tau_off)`` of them is.
    times : ndarray of shape (n_emitters, n)
        Rising times of the switches, in frames; each emitter's last one lies beyond the duration.

    Raises
    ------
    ValueError
        A mean time is not above 0.
    """
    if not min(tau_on, tau_off) > 0:
        raise ValueError(f"dwell times: expected frames above 0, found on {tau_on}, off {tau_off}. Give both means.")
    starts_on = rng.uniform(size=n_emitters) < tau_on / (tau_on + tau_off)
    odd_even = np.where(starts_on[:, None], (tau_on, tau_off), (tau_off, tau_on))
    expected = 2 * duration / (tau_on + tau_off)
    # Pairs of dwells: as many as nearly always suffice, and again as long as one emitter wants more.
    n_pairs = 4 + int(expected / 2 + 3 * np.sqrt(expected))
    times = np.zeros((n_emitters, 0))
    while times.shape[1] == 0 or times[:, -1].min(initial=np.inf) <= duration:
        dwells = rng.standard_exponential((n_emitters, n_pairs, 2)) * odd_even[:, None]
        last = times[:, -1:] if times.shape[1] else 0
        times = np.concatenate([times, last + dwells.reshape(n_emitters, -1).cumsum(axis=1)], axis=1)
    return starts_on, times


def _shares(starts_on: NDArray[np.bool_], times: NDArray[np.float64], n_frames: int) -> NDArray[np.float64]:
    """Return the time on within each frame, (n, n_frames), from the switches of n emitters."""
    n = len(times)
    knots = np.concatenate([np.zeros((n, 1)), np.minimum(times, n_frames)], axis=1)
    is_on = starts_on[:, None] ^ (np.arange(times.shape[1]) % 2 == 1)
    light = np.zeros_like(knots)
    np.cumsum(np.diff(knots, axis=1) * is_on, axis=1, out=light[:, 1:])
    # Laid one behind the other, all emitters need one interpolation. Between them the light starts again at 0.
    row = np.arange(n)[:, None] * (n_frames + 1.0)
    edges = np.arange(n_frames + 1)
    return np.diff(np.interp(row + edges, (row + knots).ravel(), light.ravel()), axis=1)
