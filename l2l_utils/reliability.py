"""How well an alarm finds false structure, judged where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from l2l_utils import against_truth, examination, intervals, progress

FEWEST_PX: Final = 20  # of false structure, from which an alarm can be judged
MOST_PX: Final = 500  # of true structure, that are kept of each image


class Places(NamedTuple):
    """The pixels where an image shows structure, and those of them where there is none; both of shape (Y, X)."""

    shown: NDArray[np.bool_]
    false: NDArray[np.bool_]


def places(truth: ArrayLike, restored: ArrayLike, *, resolution_px: float) -> Places:
    """Return where a restoration shows structure, and where it is false: farther from any true one than the resolution.

    Parameters
    ----------
    truth, restored : array_like of shape (Y, X)
        True structure, 0 to 1, and the restoration, thresholded as `against_truth.found_structure` does.
    resolution_px : float
        Optical resolution.

    Raises
    ------
    ValueError
        If the truth holds no structure, or nothing but structure.
    """
    shown = against_truth.found_structure(truth, restored)
    far = against_truth.distance_px(against_truth.true_structure(truth)) > resolution_px
    return Places(shown, shown & far)


def judge_images(
    images: Mapping[str, tuple[NDArray, NDArray]],
    restorers: Sequence[examination.Restore],
    *,
    resolution_px: float,
    rng: np.random.Generator,
    **options: object,
) -> pd.DataFrame:
    """Restore images, compute the alarms, and collect their values where the restoration is false and where it is true.

    Parameters
    ----------
    images : mapping of str to (ndarray, ndarray), both of shape (Y, X)
        Raw image and truth by name; those without any true structure are left out.
    restorers : sequence of callable
        Networks trained with different seeds; each one's restoration is examined in turn, beside the others.
    resolution_px : float
        Optical resolution.
    rng : numpy.random.Generator
        Source of the noise that is added, and of the choice of places.
    **options
        Of `examination.examine`.

    Returns
    -------
    pandas.DataFrame
        A row per network, image and alarm: ``seed``, ``image``, ``alarm``, ``false_share``, the share of the drawn
        pixels that are false, and two arrays of the alarm's values: ``false``, all of these, and ``true``, of up to 500
        of the others.
    """
    rows = []
    for name, (raw, truth) in progress.bar(images.items(), desc="judging", unit="image"):
        if not (np.asarray(truth) >= against_truth.STRUCTURE).any():
            continue
        known = [restore(raw) for restore in restorers]
        for seed in range(len(restorers)):
            order = [partial(_restore_once, raw, known[i], restorers[i]) for i in _from(seed, len(restorers))]
            examined = examination.examine(raw, order, resolution_px=resolution_px, rng=rng, **options)
            found = places(truth, examined.restored, resolution_px=resolution_px)
            share = float(found.false.sum() / max(found.shown.sum(), 1))
            for alarm, image in examined.maps.items():
                false, true = split_values(image, found)
                true = rng.choice(true, min(MOST_PX, len(true)), replace=False)
                row = {"seed": seed, "image": name, "alarm": alarm, "false_share": share}
                rows.append(row | {"false": false, "true": true})
    return pd.DataFrame(rows)


def summarise(judged: pd.DataFrame) -> pd.DataFrame:
    """Return the area under the ROC curve of each alarm with its interval, from what `judge_images` returns.

    Returns
    -------
    pandas.DataFrame
        Columns ``alarm``, ``auc``, ``low``, ``high``, ``n_seeds``, ``n_images``, ``false_share``.
    """
    rows = []
    for alarm, part in judged.groupby("alarm", sort=False):
        values = part.set_index(["seed", "image"])
        area = auc_interval(values.false.to_dict(), values.true.to_dict())
        row = {"alarm": alarm} | dict(zip(("auc", "low", "high"), area, strict=True))
        number = {"n_seeds": part.seed.nunique(), "n_images": part.image.nunique()}
        rows.append(row | number | {"false_share": part.false_share.mean()})
    return pd.DataFrame(rows)


def split_values(alarm: NDArray, found: Places) -> tuple[NDArray, NDArray]:
    """Return an alarm's values at the false and at the true pixels of the structure that is shown."""
    return alarm[found.false], alarm[found.shown & ~found.false]


def auc(false: ArrayLike, true: ArrayLike) -> float:
    """Return the area under the ROC curve: the chance that an alarm is higher at a false place than at a true one.

    Parameters
    ----------
    false, true : array_like
        The alarm's values at places of both kinds, one of each at least.

    Returns
    -------
    float
        0.5 for an alarm that knows nothing, 1 for one that is always right; ties count half.

    References
    ----------
    Fawcett (2006), https://doi.org/10.1016/j.patrec.2005.10.010
    """
    return float(_placements(np.ravel(false), np.sort(np.ravel(true))).mean())


def auc_interval(
    false: Mapping[tuple[int, str], ArrayLike], true: Mapping[tuple[int, str], ArrayLike]
) -> intervals.Interval:
    """Return the area under the ROC curve over several trainings and images, with its interval for others of both.

    All false places together are compared with all true ones; many images have too few false places for an area of
    their own. The interval is that of `intervals.interval`, of the area as a ratio of sums over the images.

    Parameters
    ----------
    false, true : mapping of (seed, image) to array_like
        The alarm's values at places of both kinds; each image counts for as many as it has.

    Returns
    -------
    Interval
        NaN with fewer than 20 false places, or fewer than two images that have any.
    """
    pooled = np.sort(np.concatenate([np.ravel(values) for values in true.values()]))
    hits = pd.Series({key: _placements(np.ravel(values), pooled).sum() for key, values in false.items()})
    number = pd.Series({key: np.size(values) for key, values in false.items()})
    if number.sum() < FEWEST_PX or (number.groupby(level=1).sum() > 0).sum() < 2:
        return intervals.Interval(np.nan, np.nan, np.nan)
    area = hits.sum() / number.sum()
    influence = (area + (hits - area * number) / number.mean()).rename_axis(["seed", "image"]).reset_index(name="area")
    mean, low, high = intervals.interval(influence.pivot_table("area", "seed", "image").dropna(axis="columns"))
    return intervals.Interval(mean, max(low, 0.0), min(high, 1.0))


def roc(false: ArrayLike, true: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ROC curve of an alarm: rates of false alarms and of hits, from no warning to warning everywhere.

    Parameters
    ----------
    false, true : array_like
        The alarm's values at places of both kinds, one of each at least.

    Returns
    -------
    false_alarms, hits : ndarray
        Shares, 0 to 1, of the true and of the false places at which the alarm exceeds each of 201 thresholds.
    """
    false, true = np.sort(np.ravel(false)), np.sort(np.ravel(true))
    thresholds = np.concatenate([[np.inf], np.quantile(true, np.linspace(1, 0, 200)), [-np.inf]])
    return tuple(1 - np.searchsorted(values, thresholds, side="right") / len(values) for values in (true, false))


def _from(first: int, n: int) -> list[int]:
    """Return the numbers below n in their order, beginning with one of them."""
    return [(first + i) % n for i in range(n)]


def _restore_once(
    raw: NDArray, restored: NDArray[np.float32], restore: examination.Restore, image: NDArray
) -> NDArray[np.float32]:
    """Return the restoration that is known of the raw image itself; restore any other image."""
    return restored if image is raw else restore(image)


def _placements(false: NDArray, true_sorted: NDArray) -> NDArray[np.float64]:
    """Return for each false place the share of the true places that the alarm puts below it."""
    below, up_to = (np.searchsorted(true_sorted, false, side=side) for side in ("left", "right"))
    return (below + up_to) / 2 / len(true_sorted)
