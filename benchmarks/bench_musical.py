"""Time of MUSICAL on whole fields of 5 um, and as a share of the same image by a plain loop over windows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import measuring
import numpy as np
from numpy.typing import NDArray

from l2l_utils import musical, musical_points, musical_windows
from l2l_utils.optics import Optics

FIELD_NM: Final = 5000
N_FRAMES: Final = 200
SUBPIXELS: Final = 10
HARD_CUT: Final = -0.5
# The paper's pixels, with the apertures that give the largest and the smallest windows
OPTICS: Final = (Optics(1.49, 120), Optics(1.4, 108), Optics(1.4, 80), Optics(1.49, 65), Optics(1.2, 65))
Reconstruction = Callable[..., NDArray]


def draw_stack(side_px: int, n_frames: int) -> NDArray[np.uint16]:
    """Return counts of a background on which squares blink at random."""
    rng = np.random.default_rng(0)
    blinking = np.kron(rng.random((n_frames, -(-side_px // 4), -(-side_px // 4))) < 0.2, np.ones((1, 4, 4)))
    return rng.poisson(100 + 200 * blinking[:, :side_px, :side_px]).astype(np.uint16)


def plain_loop(stack: NDArray, optics: Optics, *, threshold: float | None) -> NDArray[np.float64]:
    """Return MUSICAL's image by one singular value decomposition per window, and all vectors times all sub-pixels."""
    width = musical_windows.window_px(optics)
    side, mask = width * SUBPIXELS, musical_windows.soft_window(width)
    points = (np.arange(side) + 0.5) / SUBPIXELS - width / 2
    images = musical_points.point_images(optics, width, points).reshape(width**2, -1)
    level, scaled = musical.noise_level(stack, optics), stack / stack.max()
    total, count = np.zeros((2, *np.multiply(stack.shape[1:], SUBPIXELS)))
    for row, column in np.ndindex(*np.subtract(stack.shape[1:], width - 1)):
        window = scaled[:, row : row + width, column : column + width] * mask
        vectors, values, _ = np.linalg.svd(window.reshape(len(stack), -1).T)
        values = np.pad(values, (0, len(vectors) - len(values)))
        share = values**2 / (values**2 + level**2) if threshold is None else 1.0 * (values >= 10**threshold)
        parts = (vectors.T @ images) ** 2
        indicator = (share @ parts / ((1 - share) @ parts)) ** 2
        first = row * SUBPIXELS, column * SUBPIXELS
        place = tuple(slice(start, start + side) for start in first)
        total[place] += indicator.reshape(side, side)
        count[place] += 1
    return total / count


def timed(function: Reconstruction, *arguments: object, **options: object) -> tuple[float, NDArray]:
    """Return the seconds of one call, and its result."""
    start = time.perf_counter()
    result = function(*arguments, **options)
    return time.perf_counter() - start, result


def whole_fields(smoke: bool) -> None:
    """Print the time of a field of 5 um for the paper's pixels."""
    n_rounds, rows = (1, []) if smoke else (3, [])
    for optics in OPTICS[:1] if smoke else OPTICS:
        stack = draw_stack(16 if smoke else int(FIELD_NM / optics.pixel_nm + 0.5), N_FRAMES)
        for threshold in (None, HARD_CUT):
            options = {"threshold": threshold, "subpixels": SUBPIXELS}
            seconds = [timed(musical.reconstruct, stack, optics, **options)[0] for _ in range(n_rounds)]
            rows.append(
                [
                    f"{optics.pixel_nm} nm, {optics.numerical_aperture}",
                    f"{stack.shape[1]} x {stack.shape[2]} px",
                    musical_windows.window_px(optics),
                    "soft" if threshold is None else f"10^{threshold}",
                    measuring.spread(seconds),
                    measuring.spread((N_FRAMES / s for s in seconds), 0),
                    measuring.spread((stack[0].size / s for s in seconds), 0),
                ]
            )
    columns = ("pixel, aperture", "field", "window, px", "threshold", "s", "frames per s", "pixels per s")
    measuring.table(f"MUSICAL: {N_FRAMES} frames, {SUBPIXELS} sub-pixels, {n_rounds} rounds", columns, rows)


def against_loop(smoke: bool) -> None:
    """Alternate with a plain loop on the same small stacks; print the ratio of times and the largest difference."""
    n_rounds, side_px, rows = (1, 12, []) if smoke else (3, 24, [])
    for optics in (OPTICS[0], OPTICS[-1]):
        stack = draw_stack(side_px, N_FRAMES)
        for threshold in (None, HARD_CUT):
            task = {"threshold": threshold}
            rounds = [
                [timed(f, stack, optics, **task) for f in (plain_loop, musical.reconstruct)] for _ in range(n_rounds)
            ]
            plain, ours = zip(*[[seconds for seconds, _ in one] for one in rounds], strict=True)
            expected, found = (image for _, image in rounds[0])
            rows.append(
                [
                    musical_windows.window_px(optics),
                    "soft" if threshold is None else f"10^{threshold}",
                    measuring.spread(plain),
                    measuring.spread(ours),
                    measuring.spread((a / b for a, b in zip(plain, ours, strict=True)), 1),
                    f"{np.abs(found / expected - 1).max():.1e}",
                ]
            )
    columns = ("window, px", "threshold", "plain loop, s", "ours, s", "plain / ours", "largest relative difference")
    measuring.table(f"MUSICAL: {side_px} x {side_px} px, {n_rounds} rounds, median (range)", columns, rows)


def report(smoke: bool) -> None:
    """Print both tables."""
    whole_fields(smoke)
    against_loop(smoke)


if __name__ == "__main__":
    measuring.run(report, dict)
