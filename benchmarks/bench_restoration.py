"""Restoring: a 4096 x 4096 image against CSBDeep's own method at its best, and the memory that 7730 x 7730 takes."""

from __future__ import annotations

import tempfile
import time
from typing import Final

import measuring
import numpy as np

N_TILES: Final = (2, 3, 4)
N_ROUNDS: Final = 2
LIMIT_GIB: Final = 2.5


def measure(*, engine: str, side_px: int, n_tiles: int = 1) -> measuring.Measured:
    """Normalise and restore one uint16 image with the default network.

    Parameters
    ----------
    engine : {"ours", "stock"}
        Who restores.
    side_px, n_tiles : int
        Side of the image; tiles along each side, for stock CSBDeep only.

    Returns
    -------
    dict
        ``seconds``.
    """
    from l2l_utils import care, patches

    rng = np.random.default_rng(0)
    image = rng.poisson(100, (side_px, side_px)).astype(np.uint16)
    with tempfile.TemporaryDirectory() as basedir:
        model = care.create(name="default", basedir=basedir)
        start = time.perf_counter()
        if engine == "ours":
            restored = care.restore(model, image)
        else:
            restored = model.predict(patches.normalize(image), "YX", normalizer=None, n_tiles=(n_tiles, n_tiles))
        seconds = time.perf_counter() - start
    if restored.shape != image.shape or not np.isfinite(restored).all():
        raise RuntimeError(f"restored to {restored.shape} with values that are no numbers")
    return {"seconds": seconds}


def report(smoke: bool) -> None:
    """Try CSBDeep's numbers of tiles, then alternate its best with this engine."""
    side_px, large_px = (512, 1024) if smoke else (4096, 7730)
    tried = {n: measuring.run_alone(__file__, engine="stock", side_px=side_px, n_tiles=n) for n in N_TILES}
    rows = [[f"stock, {n} x {n} tiles", f"{one['seconds']:.1f}", f"{one['peak_gib']:.2f}"] for n, one in tried.items()]
    best = min(tried, key=lambda n: tried[n]["seconds"])
    stock, ours = [], []
    for _ in range(1 if smoke else N_ROUNDS):
        stock.append(measuring.run_alone(__file__, engine="stock", side_px=side_px, n_tiles=best))
        ours.append(measuring.run_alone(__file__, engine="ours", side_px=side_px))
    for name, rounds in {f"stock, {best} x {best} tiles, alternating": stock, "ours, alternating": ours}.items():
        rows.append([name, measuring.values(rounds, "seconds", 1), measuring.values(rounds, "peak_gib")])
    rows.append(["ours / stock", measuring.ratios(ours, stock, "seconds"), measuring.ratios(ours, stock, "peak_gib")])
    title = f"Restoring {side_px} x {side_px} px, uint16, default network"
    measuring.table(title, ("engine", "s, median (lowest to highest)", "peak GiB, TensorFlow included"), rows)
    large = measuring.run_alone(__file__, engine="ours", side_px=large_px)
    row = [f"{large['seconds']:.1f}", f"{large['peak_gib']:.2f}", f"{LIMIT_GIB}"]
    measuring.table(f"Restoring {large_px} x {large_px} px, ours", ("s", "peak GiB, TensorFlow included", "aim"), [row])


if __name__ == "__main__":
    measuring.run(report, measure)
