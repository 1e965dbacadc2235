"""What a restoration gained over the raw image: a table of images, and maps of where each agrees with the benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from l2l_utils import __version__, data, files, metrics, progress, scores

FILE: Final = "quality.csv"
MEASURES: Final = ("nrmse", "psnr", "si_psnr", "ssim", "ms_ssim_3", "ms_ssim_5")
KEYS: Final = ("method", "loss", "seed", "image")
# What is written into each map, beside where it came from.
MAPS: Final = {
    "ssim": "Structural similarity to the benchmark label, -1 to 1, in a Gaussian window of 1.5 px.",
    "error": "|image - benchmark label|, both scaled so that their percentiles are 0 and 1.",
}

Method = tuple[str, int | None, str]


class Judged(NamedTuple):
    """What is known of the held-out images: scores in long form, the table, images and maps by method and name.

    `shown` are the methods whose maps there are: the first training of each, with the scale of its images as for
    `scores.score_files`. `maps` is by method, then by kind of map, then by name of the image.
    """

    scores: pd.DataFrame
    table: pd.DataFrame
    held_out: list[data.Pair]
    shown: dict[str, tuple[str, Mapping[str, Path]]]
    maps: dict[str, dict[str, dict[str, Path]]]
    percentiles: dict[str, float]


def write(
    table: pd.DataFrame,
    images: Mapping[Method, Mapping[str, Path]],
    held_out: Sequence[data.Pair],
    output_dir: data.PathLike,
    *,
    pmin: float = 1.0,
    pmax: float = 99.9,
) -> Judged:
    """Write `quality.csv`, and for every held-out image maps of its similarity and its error as 32-bit TIFFs.

    Maps are made of the raw image (``input``) and of the first training of each method, on the scale on which the
    scores are computed: percentiles of raw images and benchmark become 0 and 1, restored images have that scale, and
    those of an unknown tool are first fitted to the benchmark by least squares. A second call makes what is missing,
    or was made from other images.

    Parameters
    ----------
    table : pandas.DataFrame
        Scores in long form, of `scores.score_files`.
    images : mapping of (str, int or None, str) to mapping of str to Path
        By method, seed and scale, the image file of each field; ``input`` is the raw image, ``benchmark`` gets no maps.
    held_out : sequence of Pair
        The fields.
    output_dir : path
        Folder of ``quality.csv``; the maps are in ``maps/<method>/<ssim or error>/<file name of the raw image>``, with
        its pixel size.
    pmin, pmax : float
        Percentiles that are scaled to 0 and 1.

    Returns
    -------
    Judged
        What `report.write` needs.

    Raises
    ------
    FileExistsError
        If a file with the name of a map is there that is none.
    ValueError
        If an image cannot be read or compared.
    """
    output_dir, percentiles = Path(output_dir), {"pmin": pmin, "pmax": pmax}
    wide = widen(table)
    with files.whole_file(output_dir / FILE) as unfinished:
        wide.to_csv(unfinished, index=False)
    shown: dict[str, tuple[str, Mapping[str, Path]]] = {}
    for (method, _, scale), found in images.items():
        if method != "benchmark":
            shown.setdefault(method, (scale, found))
    maps = {}
    for method, (scale, found) in shown.items():
        folder = output_dir / "maps" / method.replace(" ", "_")
        maps[method] = {kind: {} for kind in MAPS}
        for pair in progress.bar(held_out, desc=f"maps of {method}", unit="image"):
            paths = {kind: folder / kind / f"{pair.name}.tif" for kind in MAPS}
            write_maps(paths, found[pair.name], pair, scale=scale, percentiles=percentiles)
            for kind, path in paths.items():
                maps[method][kind][pair.name] = path
    return Judged(table, wide, list(held_out), shown, maps, percentiles)


def widen(table: pd.DataFrame) -> pd.DataFrame:
    """Return scores against the benchmark in wide form, with what each image gained over the raw one.

    Parameters
    ----------
    table : pandas.DataFrame
        Long form, columns `scores.COLUMNS`.

    Returns
    -------
    pandas.DataFrame
        A row per image, method and seed, ``input`` among the methods, without ``benchmark``, which is the reference.
        Columns `KEYS`, `MEASURES`, and ``gain_<measure>``: the measure minus the input's, for ``nrmse`` the input's
        minus the measure, so that above 0 is always better.
    """
    chosen = table[(table.reference == "benchmark") & (table.method != "benchmark") & table.metric.isin(MEASURES)]
    seeds = ["" if pd.isna(seed) else int(seed) for seed in chosen.seed]
    chosen = chosen.assign(loss=chosen.loss.fillna(""), seed=seeds)
    wide = chosen.pivot_table("value", list(KEYS), "metric", sort=False)[list(MEASURES)]
    raw = wide.xs("input", level="method").droplevel(["loss", "seed"])
    gain = wide - raw.reindex(wide.index.get_level_values("image")).to_numpy()
    gain["nrmse"] = 0.0 - gain["nrmse"]
    return wide.join(gain.add_prefix("gain_")).rename_axis(columns=None).reset_index()


def maps_of(compared: scores.Compared) -> dict[str, NDArray[np.float32]]:
    """Return the maps of an image, by the names in `MAPS`: float32 of shape (Y, X)."""
    similarity = metrics.difference_maps(compared.benchmark, compared.matched)["ssim"]
    error = np.abs(compared.matched - compared.benchmark)
    return {"ssim": similarity.astype(np.float32), "error": error.astype(np.float32)}


def write_maps(
    paths: Mapping[str, Path], image: Path, pair: data.Pair, *, scale: str, percentiles: Mapping[str, float]
) -> None:
    """Write the maps of one image, unless they are there and of the same images.

    Parameters
    ----------
    paths : mapping of str to Path
        File to make of each of `MAPS`.
    image : Path
        The image to compare with the benchmark label.
    pair : Pair
        Its field; pixel size is taken from the source.
    scale : {"raw", "normalised", "unknown"}
        Intensities of the image, see `scores.score_files`.
    percentiles : mapping
        ``pmin`` and ``pmax``.

    Raises
    ------
    FileExistsError
        If a file is there that is no map.
    """
    made_from = {"image_sha256": data.checksum(image), "benchmark_sha256": data.checksum(pair.target)}
    made_from |= {"scale": scale, "percentiles": dict(percentiles)}
    missing = [kind for kind, path in paths.items() if not made_from.items() <= _origin(path).items()]
    if not missing:
        return
    maps = maps_of(scores.read_compared(image, pair.target, scale=scale, **percentiles))
    for kind in missing:
        about = {"note": MAPS[kind], "image": image.name, "benchmark": Path(pair.target).name, "map": kind}
        origin = about | made_from | {"software": f"l2l_utils {__version__}"}
        data.write_image(paths[kind], maps[kind], like=pair.source, provenance=origin)


def _origin(path: Path) -> dict[str, Any]:
    """Return what a map says about itself; nothing where there is no file."""
    if not path.exists():
        return {}
    try:
        origin = data.read_provenance(path)
    except ValueError:
        origin = {}
    if origin.get("map") not in MAPS:
        raise FileExistsError(
            f"{path}: expected no file or a map that this book wrote, found another file. "
            "Choose another output folder, or move the file away."
        )
    return origin
