"""What an experiment asks of its images: does a treatment change the structure, and by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from skimage.filters import threshold_otsu


class Effect(NamedTuple):
    """A measured difference: ratio of the means, treated by control; Cohen's d; p value of Welch's test."""

    ratio: float
    cohens_d: float
    p_value: float

    def __str__(self) -> str:
        """Return the ratio with d and p."""
        return f"{self.ratio:.2f} (d {self.cohens_d:+.1f}, p {self.p_value:.2g})"


def measure_groups(groups: Mapping[str, Sequence[ArrayLike]]) -> pd.DataFrame:
    """Measure the images of an experiment as one would without knowing the truth.

    The threshold between structure and background is one for all images: Otsu's of the control group.

    Parameters
    ----------
    groups : mapping of str to sequence of array_like of shape (Y, X)
        Images by group, among them ``control``; all of one kind and scale, such as raw or restored.

    Returns
    -------
    pandas.DataFrame
        A row per image: ``group``; ``area_share``, its pixels above the threshold, 0 to 1; ``mean_intensity`` above
        the image's 1st percentile, in the unit of the images.

    Raises
    ------
    ValueError
        If there is no control group.
    """
    if not groups.get("control"):
        raise ValueError(f"Expected a group named control, found {', '.join(groups) or 'none'}. Name one so.")
    threshold = threshold_otsu(np.concatenate([np.ravel(image) for image in groups["control"]]))
    rows = [
        {
            "group": group,
            "area_share": float(np.mean(np.asarray(image) > threshold)),
            "mean_intensity": float(np.mean(image) - np.percentile(image, 1)),
        }
        for group, images in groups.items()
        for image in images
    ]
    return pd.DataFrame(rows)


def effect(control: ArrayLike, treated: ArrayLike) -> Effect:
    """Compare a number between control and treated cells.

    Parameters
    ----------
    control, treated : array_like
        One value per cell, two or more of each.

    Returns
    -------
    Effect
        p is two-sided, for the mean of both kinds of cells being equal.

    References
    ----------
    Welch (1947), https://doi.org/10.1093/biomet/34.1-2.28
    """
    control, treated = (np.asarray(values, dtype=np.float64) for values in (control, treated))
    return Effect(
        float(treated.mean() / control.mean()),
        cohens_d(control, treated),
        float(stats.ttest_ind(treated, control, equal_var=False).pvalue),
    )


def cohens_d(control: ArrayLike, treated: ArrayLike) -> float:
    """Return the difference of the means, treated minus control, in units of the standard deviation within a group.

    Parameters are as those of `effect`. The variances of both groups count alike, however many cells they have.

    References
    ----------
    Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd edition, section 2.2.
    """
    control, treated = (np.asarray(values, dtype=np.float64) for values in (control, treated))
    within = np.sqrt((control.var(ddof=1) + treated.var(ddof=1)) / 2)
    return float((treated.mean() - control.mean()) / within)


def false_positive_rate(values: ArrayLike, *, n_cells: int, n_comparisons: int, rng: np.random.Generator) -> float:
    """Return how often two groups drawn from the same cells differ at p < 0.05.

    Parameters
    ----------
    values : array_like
        One value per untreated cell.
    n_cells : int
        Cells per group; both groups are drawn without replacement, so there must be twice as many.
    n_comparisons : int
        How often groups are drawn.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    float
        Share of the comparisons, 0 to 1; 0.05 is what the test promises.
    """
    values: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    drawn = np.stack([rng.choice(values, 2 * n_cells, replace=False) for _ in range(n_comparisons)])
    p_values = stats.ttest_ind(drawn[:, :n_cells], drawn[:, n_cells:], axis=1, equal_var=False).pvalue
    return float(np.mean(p_values < 0.05))
