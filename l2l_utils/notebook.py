"""What the chapters need around the science: the set-up report, the data of a chapter, scores, a flip viewer."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import tensorflow as tf
from csbdeep.utils import normalize_minmse
from IPython.display import HTML
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from l2l_utils import __version__, data, metrics, patches, simulation

SCORE_COLUMNS: Final = [
    "claim", "dataset", "method", "loss", "seed", "image", "condition", "reference", "metric", "value"
]  # fmt: skip


class ChapterData(NamedTuple):
    """The folders a chapter works on; what a data set does not have is None."""

    name: str
    source: Path
    target: Path
    source_repeat: Path | None
    truth: Path | None
    resolution_px: float | None


def setup_report() -> pd.DataFrame:
    """Return what this page was computed with: the device and the versions, a row each."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    packages = ("tensorflow", "keras", "csbdeep", "numpy", "scikit-image", "tifffile")
    items = {
        "device": ", ".join(names) or f"CPU, {os.cpu_count()} cores (no GPU found)",
        "Python": platform.python_version(),
        "l2l_utils": __version__,
        **{name: version(name) for name in packages},
    }
    return pd.DataFrame({"": items}).rename_axis("computed with")


def open_data(dataset: str, *, source_dir: str = "", target_dir: str = "", source_repeat_dir: str = "") -> ChapterData:
    """Choose a user's own folders, or a data set of the manifest where none is given.

    Parameters
    ----------
    dataset : str
        Name in the manifest, used if no folder is given.
    source_dir, target_dir, source_repeat_dir : str
        Folders of TIFFs with equal file names; empty where there is none.

    Returns
    -------
    ChapterData
        The folders; for a virtual data set also the truth, and the resolution of its microscope in px.

    Raises
    ------
    ValueError
        If only one of the folders of source and target is given.
    """
    own = {"source": source_dir, "target": target_dir, "source_repeat": source_repeat_dir}
    if not any(own.values()):
        folder = data.fetch(dataset)
        name = data.read_manifest()[dataset]["structure"]
        structure = simulation.STRUCTURES[name]
        resolution_px = structure.resolution_nm / structure.pixel_size_nm
        return ChapterData(name, **{role: folder / role for role in (*own, "truth")}, resolution_px=resolution_px)
    if not (source_dir and target_dir):
        raise ValueError(
            f"Expected two folders of your images, source_dir and target_dir, found source_dir={source_dir!r} and "
            f"target_dir={target_dir!r}. Fill in both, or none to use the virtual microscope; to restore images "
            "without a benchmark, give model_dir and restore_dir."
        )
    folders = {role: Path(folder) if folder else None for role, folder in own.items()}
    return ChapterData("own images", **folders, truth=None, resolution_px=None)


def pair_by_method(images: ChapterData) -> dict[str, list[data.Pair]]:
    """Return the image pairs that each method trains on.

    Parameters
    ----------
    images : ChapterData
        Folders of the images.

    Returns
    -------
    dict of str to list of Pair
        ``L2L`` pairs the two labels; ``N2N``, if there is a second recording of the input label, pairs the two
        recordings. Both list the same fields in the same order.
    """
    targets = {"N2N": images.source_repeat, "L2L": images.target}
    return {method: data.pair_images(images.source, target) for method, target in targets.items() if target}


def example_images(
    images: ChapterData, pair: data.Pair, restored: Mapping[tuple[str, int], Mapping[str, Path]]
) -> dict[str, NDArray[np.float32]]:
    """Collect what there is of one field: raw, restored by the first model of each method, benchmark, truth.

    Parameters
    ----------
    images : ChapterData
        Where the truth lies.
    pair : Pair
        The field.
    restored : mapping of (str, int) to mapping of str to Path
        Restored files by method and seed, then by the name of the pair.

    Returns
    -------
    dict of str to ndarray of shape (Y, X)
        float32, normalised, about 0 to 1.
    """
    first = {method: files for (method, seed), files in restored.items() if seed == 0}
    shown = {"raw": patches.read_normalized(pair.source)}
    shown |= {method: data.read_image(files[pair.name]) for method, files in first.items()}
    shown["benchmark"] = patches.read_normalized(pair.target)
    if images.truth:
        shown["truth"] = data.read_image(images.truth / pair.source.name)
    return shown


def score_files(
    files: Mapping[str, Path], held_out: Sequence[data.Pair], images: ChapterData, *, scale: str, **labels: object
) -> pd.DataFrame:
    """Score one method's images of the held-out fields against the benchmark label, and the truth if there is one.

    Neither the truth nor an unknown method has an intensity scale of its own, so there each image is first brought to
    the reference by the linear change of least squares; where both scales are normalised, nothing is changed.

    Parameters
    ----------
    files : mapping of str to Path
        Image file of each held-out field, by the name of its pair.
    held_out : sequence of Pair
        The fields to score.
    images : ChapterData
        Where the truth lies, and the resolution in px.
    scale : {"raw", "normalised", "unknown"}
        Intensities of the files: grey values to be normalised, normalised already, or of another tool.
    **labels
        Values of the columns ``method``, ``loss``, ``seed``, ``claim``, ``condition``, where they apply.

    Returns
    -------
    pandas.DataFrame
        Long form, columns `SCORE_COLUMNS`.

    Raises
    ------
    FileNotFoundError
        If a held-out field has no image; the message names it.
    """
    rows = []
    for pair in held_out:
        if pair.name not in files:
            raise FileNotFoundError(
                f"Expected an image of every held-out field, found none of {pair.name!r} for "
                f"{labels.get('method', 'this method')}. Restore it too, under the file name of the raw image."
            )
        image = (
            patches.read_normalized(files[pair.name]) if scale == "raw" else data.read_image(files[pair.name])
        ).astype(np.float32)
        benchmark = patches.read_normalized(pair.target)
        matched = normalize_minmse(image, benchmark) if scale == "unknown" else image
        scores = {("benchmark", metric): value for metric, value in metrics.evaluate(benchmark, matched).items()}
        if images.truth:
            truth = data.read_image(images.truth / pair.source.name)
            errors = metrics.structure_errors(truth, image, resolution_px=images.resolution_px)
            against_truth = metrics.evaluate(truth, normalize_minmse(image, truth)) | errors
            scores |= {("truth", metric): value for metric, value in against_truth.items()}
        rows += [
            labels | {"dataset": images.name, "image": pair.name, "reference": ref, "metric": metric, "value": value}
            for (ref, metric), value in scores.items()
        ]
    return pd.DataFrame(rows).reindex(columns=SCORE_COLUMNS)


def score_table(scores: pd.DataFrame, reference: str, *, names: Sequence[str]) -> pd.DataFrame:
    """Return the mean over images and, where a method was trained several times, its spread over seeds.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, columns `SCORE_COLUMNS`.
    reference : {"benchmark", "truth"}
        What the images were compared with.
    names : sequence of str
        Metrics to show, in order.

    Returns
    -------
    pandas.DataFrame
        A row per method, in the order of `scores`; a cell is ``mean`` or ``mean ± standard deviation``.
    """
    chosen = scores[(scores.reference == reference) & scores.metric.isin(names)]
    per_seed = chosen.groupby(["method", "metric", "seed"], dropna=False, sort=False).value.mean()
    stats = per_seed.groupby(["method", "metric"], sort=False).agg(["mean", "std"])
    cells = {
        key: f"{row['mean']:.3f}" if np.isnan(row["std"]) else f"{row['mean']:.3f} ± {row['std']:.3f}"
        for key, row in stats.iterrows()
    }
    rows = {method: [cells[method, name] for name in names] for method in chosen.method.unique()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(names))
    return table.rename_axis(f"against the {reference}", axis="columns")


def flip_view(images: Mapping[str, ArrayLike], *, side_px: int = 320, alt: str) -> HTML:
    """Show images of one field in the same place, to flip between them; works without a kernel and without scripts.

    Parameters
    ----------
    images : mapping of str to array_like of shape (Y, X)
        Title and image; 0 is black and 1 white.
    side_px : int
        Side of the square that is shown, cut from the middle.
    alt : str
        What the images show, for readers who do not see them.

    Returns
    -------
    IPython.display.HTML
        Radio buttons and images, in one block of HTML and CSS.
    """
    pictures = {title: _png(_middle(np.asarray(image), side_px)) for title, image in images.items()}
    group = "flip-" + hashlib.sha256(b"".join(pictures.values())).hexdigest()[:8]
    buttons, frames, rules = "", "", ""
    for i, (title, png) in enumerate(pictures.items()):
        name, label, checked = f"{group}-{i}", html.escape(title), " checked" if i == 0 else ""
        source = "data:image/png;base64," + base64.b64encode(png).decode()
        buttons += f'<input type="radio" name="{group}" id="{name}"{checked}><label for="{name}">{label}</label>'
        frames += f'<img class="{name}" src="{source}" alt="{html.escape(alt)}: {label}">'
        rules += f"#{name}:checked ~ .frames .{name} {{display: block}} "
    style = (
        f"#{group} img {{display: none; width: 100%; max-width: {2 * side_px}px; image-rendering: pixelated}} "
        f"#{group} label {{margin: 0 1em 0 .3em}} {rules}"
    )
    return HTML(f'<div id="{group}"><style>{style}</style>{buttons}<div class="frames">{frames}</div></div>')


def _middle(image: NDArray, side_px: int) -> NDArray:
    top, left = (max((size - side_px) // 2, 0) for size in image.shape)
    return image[top : top + side_px, left : left + side_px]


def _png(image: NDArray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((np.clip(image, 0, 1) * 255).round().astype(np.uint8)).save(buffer, format="png")
    return buffer.getvalue()
