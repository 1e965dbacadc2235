"""Chapter 09's figures of single images: how hard each is, and what it does to the restoration of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from l2l_utils import hard_images
from l2l_utils.cross_validation_charts import BLUE, GREY


def difficulty(table: pd.DataFrame, change: str = "ms_ssim_5_change") -> Figure:
    """Draw each image's tests as distances from the mean at their N, the hardest image first.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cross_validation.score`, of a sweep.
    change : str
        One of both changes.

    Returns
    -------
    matplotlib.figure.Figure
        An axis per data set; a dot per test, a bar at the image's mean.
    """
    deviations = hard_images.difficulty(table, change)
    fig, axes = _stack(table, "distance from the mean\nof all images")
    for ax, dataset in axes:
        here = deviations[deviations.dataset == dataset]
        means = here.groupby("image").deviation.mean().sort_values(ascending=change != "nrmse_change")
        ax.plot([means.index.get_loc(name) for name in here.image], here.deviation, "o", color=BLUE, alpha=0.6)
        ax.plot(range(len(means)), means, "_", color="black", markersize=11, markeredgewidth=2)
        _name_images(ax, means.index)
    return fig


def influence(table: pd.DataFrame, change: str = "ms_ssim_5_change") -> Figure:
    """Draw what each image does to the restoration of others when it trains, with 95 % intervals, the worst first.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cross_validation.score`, of a sweep.
    change : str
        One of both changes.

    Returns
    -------
    matplotlib.figure.Figure
        An axis per data set.
    """
    found = hard_images.influence(table, change)
    fig, axes = _stack(table, "trainings with it\nminus trainings without")
    for ax, dataset in axes:
        here = found[found.dataset == dataset].sort_values("value", ascending=change != "nrmse_change")
        errors = np.abs(here[["low", "high"]].sub(here.value, axis=0)).to_numpy().T
        ax.errorbar(range(len(here)), here.value, errors, fmt="o", color=BLUE, ecolor=GREY)
        _name_images(ax, here.image)
    return fig


def _stack(table: pd.DataFrame, label: str) -> tuple[Figure, Iterator[tuple[Axes, str]]]:
    """Return a figure with an axis per data set, one above the other on one scale, and its axes with the names."""
    datasets = list(dict.fromkeys(table.dataset))
    size = 8.5, 0.5 + 2.5 * len(datasets)
    fig, grid = plt.subplots(len(datasets), 1, figsize=size, sharey=True, squeeze=False, layout="constrained")
    for ax, name in zip(grid[:, 0], datasets, strict=True):
        ax.set(title=name, ylabel=label)
        ax.axhline(0, color=GREY, linewidth=1)
        ax.yaxis.set_major_formatter(PercentFormatter(1))
    return fig, zip(grid[:, 0], datasets, strict=True)


def _name_images(ax: Axes, names: Sequence[str]) -> None:
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize="small")
