"""Held-out virtual fields with all that is known of them, and what a restoration of one is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from csbdeep.utils import normalize_minmse
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from l2l_utils import against_truth, data, metrics, normalization, pairs, profiles, progress, unpaired, virtual_sets
from l2l_utils.scores import COLUMNS

Measures = dict[tuple[str, str], float]  # by reference (benchmark, truth or none) and metric
Key = tuple[str, str | None, int | None]  # method, loss and seed


class Field(NamedTuple):
    """A field of view of a virtual set; images have the shape (Y, X), those of labels are normalised, 0 to 1."""

    name: str
    raw: NDArray[np.float32]
    average: NDArray[np.float32]  # of 20 frames of the input label
    benchmark: NDArray[np.float32]
    truth: NDArray[np.float32]
    light: NDArray[np.float32]  # photons of the input label bound to the structure, without background and noise
    windows: list[tuple[slice, slice]]
    sted: NDArray[np.float32] | None  # of the input label, where there is one
    lines: list[profiles.Line]  # across single filaments; none in structures without filaments
    resolution_px: float
    pixel_nm: float


def read_fields(dataset: str, held_out: Sequence[data.Pair], *, rng: np.random.Generator) -> list[Field]:
    """Read the held-out fields of a virtual set.

    Parameters
    ----------
    dataset : str
        Name of a virtual set with a source and a target.
    held_out : sequence of Pair
        Its fields to read.
    rng : numpy.random.Generator
        Chooses the windows on which images are compared, six of 128 px in each field where the benchmark shows more
        than background, and where filaments are measured, up to two in each field.

    Returns
    -------
    list of Field
        In the order of `held_out`.
    """
    entry = data.read_entry(dataset)
    structure, folder = virtual_sets.simulation.STRUCTURES[entry["structure"]], held_out[0].source.parents[1]
    fields = []
    for pair in held_out:
        paths = {"raw": pair.source, "average": folder / "source_average" / pair.source.name, "benchmark": pair.target}
        paths |= {"sted": folder / "sted" / pair.source.name} if "sted" in entry["roles"] else {}
        labels = {name: normalization.read_normalized(path, **entry["percentiles"]) for name, path in paths.items()}
        truth = data.read_image(folder / "truth" / pair.source.name)
        fields.append(
            Field(
                pair.name,
                **{"sted": None, **labels},
                truth=truth,
                light=virtual_sets.bound_light(entry, int(pair.name.removeprefix("cell_"))),
                windows=pairs.bright_windows(labels["benchmark"], n=6, rng=rng),
                lines=profiles.across_single_filaments(truth, n=2, rng=rng) if structure.dimension == 1 else [],
                resolution_px=structure.resolution_nm / structure.pixel_size_nm,
                pixel_nm=structure.pixel_size_nm,
            )
        )
    return fields


def judge(field: Field, image: ArrayLike) -> Measures:
    """Compare an image of a field with its benchmark as the paper does, and with its truth.

    Parameters
    ----------
    field : Field
        The field.
    image : array_like of shape (Y, X)
        Restored, filtered or raw image of it, on the scale of the normalised labels.

    Returns
    -------
    dict of (str, str) to float
        Against the benchmark, the means of `metrics.evaluate` over the field's windows. Against the truth the same,
        after the image was brought to the truth's scale by least squares, and `against_truth.structure_errors`.

    References
    ----------
    Kölln et al. (2022), https://doi.org/10.1242/jcs.258994, Table 1 and Table S1.
    """
    image = np.asarray(image, dtype=np.float32)
    measures = compare("benchmark", field.benchmark, image, field.windows)
    measures |= compare("truth", field.truth, normalize_minmse(image, field.truth), field.windows)
    errors = against_truth.structure_errors(field.truth, image, resolution_px=field.resolution_px)
    return measures | {("truth", name): value for name, value in errors.items()}


def judge_smoothed(field: Field, image: ArrayLike, *, sigma_px: float = 1.5) -> Measures:
    """Compare an image with its benchmark after a Gaussian filter of both, as the paper's Table 1 does for caveolae.

    Parameters and result are as those of `judge`, without the truth; `sigma_px` is the filter's standard deviation.
    """
    smooth = [ndimage.gaussian_filter(np.asarray(each, np.float32), sigma_px) for each in (field.benchmark, image)]
    return compare("benchmark", *smooth, field.windows)


def judge_structure(field: Field, image: ArrayLike) -> Measures:
    """Measure what an image makes of background, of weakly labelled structure and of intensity along it.

    Parameters are as those of `judge`.

    Returns
    -------
    dict of (str, str) to float
        `against_truth.background`, `missed_by_label` and `along_structure` with the reference truth, and the image's
        own `metrics.contrast` with the reference none.
    """
    known = {"resolution_px": field.resolution_px}
    measures = {"background": against_truth.background(field.truth, image, **known)}
    measures |= against_truth.missed_by_label(field.truth, image, field.light, **known)
    measures |= against_truth.along_structure(field.truth, image, field.light)
    own = {("none", name): value for name, value in metrics.contrast(image).items()}
    return own | {("truth", name): value for name, value in measures.items()}


def judge_widths(field: Field, image: ArrayLike) -> Measures:
    """Measure the width of single filaments by `profiles.measure`, with the reference none, where there are some.

    Parameters are as those of `judge`.
    """
    found = profiles.measure(image, field.lines, pixel_nm=field.pixel_nm) if field.lines else {}
    return {("none", name): value for name, value in found.items() if np.isfinite(value)}


def judge_intensities(field: Field, image: ArrayLike) -> Measures:
    """Compare how often each intensity occurs in an image and its benchmark, and measure what became of the raw image.

    Parameters are as those of `judge`.

    Returns
    -------
    dict of (str, str) to float
        `unpaired.judge_intensities`, and with the reference none ``change``, the root mean square difference from the
        raw image.
    """
    found = unpaired.judge_intensities(field.benchmark, image)
    change = float(np.sqrt(np.mean((np.asarray(image) - field.raw) ** 2)))
    return {
        ("benchmark", "histogram_distance"): found["histogram_distance"],
        ("none", "saturated"): found["saturated"],
        ("none", "change"): change,
    }


def known_images(fields: Sequence[Field]) -> dict[Key, list[NDArray[np.float32]]]:
    """Return the images of all fields that nothing was trained for, by method, without loss and seed."""
    names = {"input": "raw", "average": "average", "benchmark": "benchmark", "STED": "sted", "truth": "truth"}
    images = {(method, None, None): [getattr(field, name) for field in fields] for method, name in names.items()}
    return {key: found for key, found in images.items() if found[0] is not None}


def describe(key: Key) -> dict[str, object]:
    """Return what a key says as the columns method, loss and seed; NaN where there is none."""
    return {name: np.nan if v is None else v for name, v in zip(("method", "loss", "seed"), key, strict=True)}


def score(
    fields: Sequence[Field],
    images: Mapping[Key, Sequence[ArrayLike | data.PathLike]],
    *,
    judges: Sequence[Callable[[Field, ArrayLike], Measures]] = (judge,),
    **labels: object,
) -> pd.DataFrame:
    """Score several methods' images of the held-out fields.

    Parameters
    ----------
    fields : sequence of Field
        The fields.
    images : mapping of (str, str or None, int or None) to sequence of array_like of shape (Y, X), or of path
        By method, loss and seed, an image of each field, on the scale of the normalised labels.
    judges : sequence of callable
        What to measure: `judge` and the like, each called with field and image.
    **labels
        Values of the other columns: ``dataset``, ``claim``, ``condition``.

    Returns
    -------
    pandas.DataFrame
        Long form, columns `scores.COLUMNS`.
    """
    rows = []
    everything = [(key, i, image) for key, found in images.items() for i, image in enumerate(found)]
    for key, i, image in progress.bar(everything, desc="scoring", unit="image"):
        pixels = data.read_image(image) if isinstance(image, (str, Path)) else image
        named = labels | describe(key) | {"image": fields[i].name}
        rows += [
            named | {"reference": reference, "metric": metric, "value": value}
            for measure in judges
            for (reference, metric), value in measure(fields[i], pixels).items()
        ]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def score_as_paper(
    fields: Sequence[Field], images: Mapping[Key, Sequence[ArrayLike | data.PathLike]], *, structure: str
) -> pd.DataFrame:
    """Score several methods' images by all judges; caveolae, as in the paper, also after a Gaussian of 1.5.

    Parameters and result are as those of `score`; rows after the Gaussian have the condition ``gaussian=1.5``.
    """
    judges = (judge, judge_structure, judge_widths)
    tables = [score(fields, images, judges=judges, dataset=structure)]
    if structure == "caveolae":
        tables.append(score(fields, images, judges=[judge_smoothed], dataset=structure, condition="gaussian=1.5"))
    return pd.concat(tables)


def compare(
    reference: str, image_true: NDArray, image_test: NDArray, windows: Sequence[tuple[slice, slice]]
) -> Measures:
    """Return the means of `metrics.evaluate` over windows of two images (Y, X), under the name of the reference."""
    scores: list[Mapping[str, float]] = [metrics.evaluate(image_true[place], image_test[place]) for place in windows]
    return {(reference, name): float(np.mean([score[name] for score in scores])) for name in scores[0]}
