"""Whether treated and control cells differ as much in one kind of image as in another, by the shapes in them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from l2l_utils import treatment
from l2l_utils.claims import compare
from l2l_utils.luminescence_measures import SHAPES

RESTORED: Final = "restored to fluorescence"
FLUORESCENT: Final = "fluorescence"
N_RESAMPLES: Final = 1000
FEWEST_IMAGES: Final = 4  # of each kind; of fewer, one image would often be drawn again and again


def effects(scores: pd.DataFrame, *, rng: np.random.Generator) -> pd.DataFrame:
    """Return by how much treated cells differ from control cells, by method and measure.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form; images whose names begin with ``control`` and ``treated``, measures ``circularity`` and
        ``aspect_ratio``.
    rng : numpy.random.Generator
        Draws images again for the interval.

    Returns
    -------
    pandas.DataFrame
        A row per method and measure: ``method``, ``metric``, ``value``, Cohen's d of treated minus control, with its
        95 % interval ``low`` and ``high`` for other images, and the number of ``images``. An image of several trainings
        counts once, by their mean. Methods that have fewer than four images of either kind are left out.
    """
    rows = []
    for (metric, method), part in scores[scores.metric.isin(SHAPES)].groupby(["metric", "method"], sort=False):
        control, treated = _by_condition(part)
        if min(len(control), len(treated)) >= FEWEST_IMAGES:
            value, low, high = _bootstrapped(treatment.cohens_d, [control, treated], rng)
            found = {"value": value, "low": low, "high": high, "images": len(control) + len(treated)}
            rows.append({"method": method, "metric": metric} | found)
    return pd.DataFrame(rows)


def compare_effects(scores: pd.DataFrame, *, rng: np.random.Generator) -> pd.DataFrame:
    """Compare the effect of the treatment in restored images with that in fluorescent ones, claim U06.

    Parameters
    ----------
    scores, rng
        As for `effects`.

    Returns
    -------
    pandas.DataFrame
        Rows as `scorecard.judge` makes them. ``value`` is Cohen's d in restored images minus that in fluorescent images
        of the same fields, positive where the restored ones separate better; the claim holds if its 95 % interval,
        which is for other fields, includes 0.
    """
    rows = []
    for metric in SHAPES:
        part = scores[scores.metric == metric]
        both = [_by_condition(part[part.method == name]) for name in (RESTORED, FLUORESCENT)]
        control, treated = (np.stack([groups[i] for groups in both], axis=-1) for i in (0, 1))
        if min(len(control), len(treated)) < FEWEST_IMAGES:
            continue
        sign = np.sign(treatment.cohens_d(control[:, 1], treated[:, 1]))
        value, low, high = _bootstrapped(partial(_advantage, sign=sign), [control, treated], rng)
        said = compare(f"effect on {metric}", RESTORED, FLUORESCENT, "not clearly other", reference="none")
        found = {"value": value, "low": low, "high": high, "holds": low <= 0 <= high}
        rows.append({"claim": "U06"} | said._replace(dataset="tomm20")._asdict() | found)
    return pd.DataFrame(rows)


def _advantage(control: NDArray, treated: NDArray, *, sign: float) -> float:
    """Return by how much the effect in the first column exceeds that in the second, both taken as positive."""
    first, second = (treatment.cohens_d(control[:, i], treated[:, i]) for i in (0, 1))
    return sign * (first - second)


def _by_condition(scores: pd.DataFrame) -> list[NDArray[np.float64]]:
    """Return the values of control and of treated images, means over trainings, in the order of their names."""
    means = scores.groupby("image").value.mean()
    return [means[means.index.str.startswith(name)].to_numpy() for name in ("control", "treated")]


def _bootstrapped(
    measure: Callable[[NDArray, NDArray], float], groups: list[NDArray], rng: np.random.Generator
) -> tuple[float, float, float]:
    """Return a measure of two groups, and its percentile interval when the members of each are drawn again."""
    places = [np.arange(len(group)) for group in groups]

    def of_places(*drawn: NDArray) -> float:
        return measure(*(group[chosen] for group, chosen in zip(groups, drawn, strict=True)))

    options = {"n_resamples": N_RESAMPLES, "method": "percentile", "vectorized": False, "rng": rng}
    found = stats.bootstrap(places, of_places, **options).confidence_interval
    return of_places(*places), float(found.low), float(found.high)
