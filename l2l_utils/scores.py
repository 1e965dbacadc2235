"""Scores of restored image files, in the long form of every chapter's `scores.csv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from csbdeep.utils import normalize_minmse
from numpy.typing import NDArray

from l2l_utils import against_truth, data, metrics, pairs, patches, progress

COLUMNS: Final = ["claim", "dataset", "method", "loss", "seed", "image", "condition", "reference", "metric", "value"]


class Compared(NamedTuple):
    """A method's image, the same on the benchmark's scale, and the benchmark label, 0 to 1: float arrays (Y, X)."""

    image: NDArray[np.floating]
    matched: NDArray[np.floating]
    benchmark: NDArray[np.float32]


def score_files(
    files: Mapping[str, Path],
    held_out: Sequence[data.Pair],
    images: data.Folders,
    *,
    scale: str,
    pmin: float = 1.0,
    pmax: float = 99.9,
    **labels: object,
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
    images : data.Folders
        Where the truth lies, and the resolution in px.
    scale : {"raw", "normalised", "unknown"}
        Intensities of the files: grey values to be normalised, normalised already, or of another tool.
    pmin, pmax : float
        Percentiles of grey values that are scaled to 0 and 1, those of the benchmark label included.
    **labels
        Values of the columns ``method``, ``loss``, ``seed``, ``claim``, ``condition``, where they apply.

    Returns
    -------
    pandas.DataFrame
        Long form, columns `COLUMNS`.

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
        image, matched, benchmark = read_compared(files[pair.name], pair.target, scale=scale, pmin=pmin, pmax=pmax)
        scores = {("benchmark", metric): value for metric, value in metrics.evaluate(benchmark, matched).items()}
        if images.truth:
            truth = data.read_image(images.truth / pair.source.name)
            errors = against_truth.structure_errors(truth, image, resolution_px=images.resolution_px)
            to_truth = metrics.evaluate(truth, normalize_minmse(image, truth)) | errors
            scores |= {("truth", metric): value for metric, value in to_truth.items()}
        rows += [
            labels | {"dataset": images.name, "image": pair.name, "reference": ref, "metric": metric, "value": value}
            for (ref, metric), value in scores.items()
        ]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def score_methods(
    files: Mapping[tuple[str, int | None, str], Mapping[str, Path]],
    held_out: Sequence[data.Pair],
    images: data.Folders,
    *,
    loss: str,
    pmin: float = 1.0,
    pmax: float = 99.9,
) -> pd.DataFrame:
    """Score the images of several methods and trainings, each as by `score_files`.

    Parameters
    ----------
    files : mapping of (str, int or None, str) to mapping
        By method, seed and scale, the files as for `score_files`; what no network made has no seed.
    held_out, images, pmin, pmax
        As for `score_files`.
    loss : str
        That of the trainings.

    Returns
    -------
    pandas.DataFrame
        Long form, columns `COLUMNS`.
    """
    tables = []
    for (method, seed, scale), found in files.items():
        labels = {"method": method, "loss": "" if seed is None else loss, "seed": seed}
        tables.append(score_files(found, held_out, images, scale=scale, pmin=pmin, pmax=pmax, **labels))
    return pd.concat(tables)


def read_compared(path: data.PathLike, target: data.PathLike, *, scale: str, pmin: float, pmax: float) -> Compared:
    """Read a method's image and the benchmark label of the field, on the scale on which they are compared.

    Parameters
    ----------
    path, target : path
        File of the image and of the benchmark label.
    scale : {"raw", "normalised", "unknown"}
        Intensities of the image, see `score_files`.
    pmin, pmax : float
        Percentiles of grey values that are scaled to 0 and 1.
    """
    read = partial(patches.read_normalized, pmin=pmin, pmax=pmax)
    image = (read if scale == "raw" else data.read_image)(path).astype(np.float32)
    benchmark = read(target)
    return Compared(image, normalize_minmse(image, benchmark) if scale == "unknown" else image, benchmark)


def score_labels(
    image_pairs: Sequence[data.Pair],
    *,
    dataset: str,
    pmin: float = 1.0,
    pmax: float = 99.9,
    sample_percent: float = 10.0,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Measure the contrast of both labels of each pair, and how well the input label agrees with the benchmark.

    Parameters
    ----------
    image_pairs : sequence of Pair
        Raw images, at least 129 px per side.
    dataset : str
        What the column of that name says.
    pmin, pmax : float
        Percentiles of each image that are scaled to 0 and 1, for the agreement.
    sample_percent : float
        Share of the pixels that are the sample, for the contrast.
    rng : numpy.random.Generator
        Chooses the patches on which the agreement is measured.

    Returns
    -------
    pandas.DataFrame
        Long form, columns `COLUMNS`: the measures of `metrics.contrast` for the methods ``input`` and ``benchmark``
        without reference, and those of `pairs.compare_labels` for the input with the benchmark as reference.
    """
    rows = []
    for pair in progress.bar(image_pairs, desc=f"Measuring {dataset}", unit="pair"):
        source, target = data.read_image(pair.source), data.read_image(pair.target)
        agreement = pairs.compare_labels(source, target, pmin=pmin, pmax=pmax, rng=rng)
        measured = {("input", "benchmark", "L23", metric): value for metric, value in agreement.items()}
        for method, image in (("input", source), ("benchmark", target)):
            contrast = metrics.contrast(image, sample_percent=sample_percent)
            measured |= {(method, "none", "L01", metric): value for metric, value in contrast.items()}
        rows += [
            {"claim": claim, "dataset": dataset, "method": method, "image": pair.name}
            | {"reference": reference, "metric": metric, "value": value}
            for (method, reference, claim, metric), value in measured.items()
        ]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def overview(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over images and, where a method was trained several times, its spread over seeds.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, columns `COLUMNS`; what a chapter writes as ``scores.csv``.

    Returns
    -------
    pandas.DataFrame
        Texts, ``mean`` or ``mean ± standard deviation``: a row per reference and metric (and data set or condition, if
        there are several), a column per method and loss, both in the order of `scores`.
    """
    scores = scores.fillna({"dataset": "", "method": "", "loss": "", "seed": "", "condition": "", "reference": "none"})
    varied = [name for name in ("dataset", "condition") if len(set(scores[name])) > 1]
    rows = [*varied, "reference", "metric"]
    per_seed = scores.pivot_table("value", [*rows, "seed"], ["method", "loss"], sort=False)
    over_seeds = per_seed.groupby(level=rows, sort=False)
    texts = over_seeds.mean().map("{:.3f}".format) + over_seeds.std().map(" ± {:.3f}".format)
    return texts.replace("^nan.*| ± nan$", "", regex=True)


def score_table(scores: pd.DataFrame, reference: str, *, names: Sequence[str]) -> pd.DataFrame:
    """Return the part of the `overview` of one data set that a reader wants to see at once.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, columns `COLUMNS`.
    reference : {"benchmark", "truth"}
        What the images were compared with.
    names : sequence of str
        Metrics to show, in order.

    Returns
    -------
    pandas.DataFrame
        A row per method, in the order of `scores`, a column per metric.
    """
    chosen = scores[(scores.reference == reference) & scores.metric.isin(names)]
    table = overview(chosen).loc[reference].loc[list(names)].T.droplevel("loss")
    return table.rename_axis(index=None, columns=f"against the {reference}")
