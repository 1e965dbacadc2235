"""What is wrong with a nanoscopy image, counted against the emitters that it shows."""

from __future__ import annotations

import itertools
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage.metrics import mean_squared_error

from l2l_utils import judging, metrics, nanoscope

SUBPIXELS: Final = 10
IN_FOCUS_UM: Final = 0.25
WALL_UM: Final = (0.1, 0.2)  # from the centre line; the tubes' radius is 0.15
CENTRE_UM: Final = 0.05
ASIDE_UM: Final = (0.15, 0.25)
SHOWN: Final = 3.0  # times as bright as what lies aside
SMALLEST_BACKGROUND: Final = 0.02
DISAGREE: Final = "higher_psnr_more_debris"


class Field(NamedTuple):
    """A held-out sample: its name and structure, what was imaged, and its image without noise (Y, X), 0 to 1."""

    name: str
    structure: str
    sample: nanoscope.Sample
    reference: NDArray[np.float32]


def judge(field: Field, image: ArrayLike) -> judging.Measures:
    """Compare a nanoscopy image with the one without noise, and with the emitters.

    Parameters
    ----------
    field : Field
        The sample.
    image : array_like of shape (Y, X)
        Noisy or restored image of it, 0 to 1, ten sub-pixels per pixel of the camera.

    Returns
    -------
    dict of (str, str) to float
        With the reference benchmark ``psnr`` (dB, of images whose maximum is 1) and ``ssim``; with the reference truth
        `debris`, of mitochondria `boundary_contrast` and of microtubules `continuity`.
    """
    error = mean_squared_error(field.reference, np.asarray(image))
    psnr = -10 * np.log10(error) if error else np.inf
    measures = {("benchmark", "psnr"): float(psnr), ("benchmark", "ssim"): metrics.ssim(field.reference, image)}
    against_truth = {"debris": debris} | OF_STRUCTURE.get(field.structure, {})
    of_emitters = {("truth", name): measure(field.sample, image) for name, measure in against_truth.items()}
    return measures | {key: value for key, value in of_emitters.items() if np.isfinite(value)}


def debris(sample: nanoscope.Sample, image: ArrayLike) -> float:
    """Return the share of an image's light that lies where there are no emitters, at no depth.

    Parameters
    ----------
    sample : Sample
        The emitters.
    image : array_like of shape (Y, X)
        Not negative, ten sub-pixels per pixel of the camera.

    Returns
    -------
    float
        0 to 1: the light farther from all emitters than half of Rayleigh's distance. 0 for an empty
        image, NaN where less than 2 % of it is as far as that.
    """
    image = np.asarray(image, np.float64)
    step_nm = sample.optics.pixel_nm / SUBPIXELS
    distance_nm = step_nm * ndimage.distance_transform_edt(nanoscope.true_emitters(sample, subpixels=SUBPIXELS) == 0)
    background = distance_nm > sample.optics.rayleigh_nm / 2
    if background.mean() < SMALLEST_BACKGROUND:
        return np.nan
    return float(image[background].sum() / max(image.sum(), np.finfo(float).tiny))


def boundary_contrast(sample: nanoscope.Sample, image: ArrayLike) -> float:
    """Return how much brighter the walls of tubes are than what they enclose.

    Parameters are those of `debris`, of a sample of mitochondria.

    Returns
    -------
    float
        Michelson's contrast, (wall - centre) / (wall + centre), -1 to 1, of the mean profile across the tubes in focus:
        the wall is its brightest place 100 to 200 nm from the centre line, the mean of both sides; the centre its mean
        within 50 nm. 0 for an empty image, NaN where no tube is in focus.
    """
    offsets = np.linspace(-WALL_UM[1], WALL_UM[1], 41)
    profiles = [_across(sample, image, line, offsets) for line in sample.structure.axes_um]
    across = np.concatenate(profiles)
    if not len(across):
        return np.nan
    profile = across.mean(axis=0)
    wall = np.mean([profile[side >= WALL_UM[0]].max() for side in (offsets, -offsets)])
    centre = profile[np.abs(offsets) <= CENTRE_UM].mean()
    return float((wall - centre) / max(wall + centre, np.finfo(float).tiny))


def continuity(sample: nanoscope.Sample, image: ArrayLike) -> float:
    """Return the share of the strands' length that an image shows.

    Parameters are those of `debris`, of a sample of microtubules.

    Returns
    -------
    float
        0 to 1: where the image, at its brightest within 50 nm across a strand in focus, is more than three times as
        bright as the mean of what lies 150 to 250 nm aside. NaN where no strand is in focus.
    """
    offsets = np.linspace(-ASIDE_UM[1], ASIDE_UM[1], 51)
    across = np.concatenate([_across(sample, image, line, offsets) for line in sample.structure.axes_um])
    crest = across[:, np.abs(offsets) <= CENTRE_UM].max(axis=1)
    aside = across[:, np.abs(offsets) >= ASIDE_UM[0]].mean(axis=1)
    return float(np.mean(crest > SHOWN * aside)) if len(across) else np.nan


def disagreements(scores: pd.DataFrame) -> pd.DataFrame:
    """Return in how many pairs of networks the one with the higher PSNR leaves more debris.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, of several networks.

    Returns
    -------
    pandas.DataFrame
        The same columns: for each data set, seed and image a row of the method ``pairs of networks`` and the metric
        ``higher_psnr_more_debris``, a share.
    """
    trained = scores[scores.loss.notna() & (scores.loss != "") & scores.condition.isna()]
    rows = []
    for (dataset, seed, image), part in trained.groupby(["dataset", "seed", "image"]):
        table = part.pivot_table("value", ["method", "loss"], "metric")
        if not {"psnr", "debris"} <= set(table):
            continue
        differences = [a - b for a, b in itertools.combinations(table[["psnr", "debris"]].dropna().to_numpy(), 2)]
        if differences:
            share = np.mean([psnr * more > 0 for psnr, more in differences])
            rows.append({"dataset": dataset, "seed": seed, "image": image, "value": float(share)})
    named = {"method": "pairs of networks", "loss": None, "metric": DISAGREE, "reference": "truth"}
    return pd.DataFrame(rows).assign(**named).reindex(columns=scores.columns)


def clearest_disagreement(scores: pd.DataFrame) -> tuple[str, str, str, str]:
    """Return where PSNR is most blind: data set and image, the network with the higher PSNR, and the cleaner one.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, of two networks or more with one seed each.

    Returns
    -------
    tuple of str
        Data set, image, and two networks with their losses; if PSNR and debris agree everywhere, where they do so
        least.
    """
    trained = scores[scores.loss.notna() & scores.condition.isna()]
    table = trained.assign(name=trained.method + " " + trained.loss).pivot_table(
        "value", ["dataset", "image", "name"], "metric"
    )
    found = []
    for (dataset, image), part in table[["psnr", "debris"]].dropna().groupby(["dataset", "image"]):
        for pair in itertools.combinations(part.reset_index("name").itertuples(), 2):
            worse, better = sorted(pair, key=lambda row: -row.psnr)
            found.append((worse.debris - better.debris, dataset, image, worse.name, better.name))
    return max(found)[1:]


def _across(sample: nanoscope.Sample, image: ArrayLike, line: NDArray, offsets_um: NDArray) -> NDArray[np.float64]:
    """Return profiles across a centre line (points, 3; z, y, x in um): (points in focus and inside, offsets)."""
    if len(line) < 2:  # the end of a line that the field cuts off
        return np.zeros((0, len(offsets_um)))
    image, along = np.asarray(image, np.float64), np.gradient(line, axis=0)
    across = np.stack([-along[:, 2], along[:, 1]], axis=1)
    length = np.linalg.norm(across, axis=1, keepdims=True)
    # Where the line runs straight up there is no direction across it.
    kept = (np.abs(line[:, 0]) < IN_FOCUS_UM) & (length[:, 0] > 0.5 * np.linalg.norm(along, axis=1))
    places = line[kept, None, 1:] + (across / np.maximum(length, 1e-12))[kept, None] * offsets_um[None, :, None]
    step_um = sample.optics.pixel_nm / SUBPIXELS / 1000
    rows_columns = places / step_um + (np.array(image.shape) - 1) / 2
    inside = ((rows_columns >= 0) & (rows_columns <= np.array(image.shape) - 1)).all(axis=(1, 2))
    return ndimage.map_coordinates(image, np.moveaxis(rows_columns[inside], -1, 0), order=1)


OF_STRUCTURE: Final = {
    "mitochondria": {"boundary_contrast": boundary_contrast},
    "microtubules": {"continuity": continuity},
}
