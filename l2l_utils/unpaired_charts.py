"""Chapter 07's figures: methods on all structures, how often each intensity occurs, what every epoch is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from l2l_utils import charts, records

STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))


def recorded(methods: Sequence[str], measure: str, *, label: str) -> Figure:
    """Draw a measure against the truth, of the methods of the recorded sweep, an axis per structure.

    Parameters
    ----------
    methods : sequence of str
        Methods, from top to bottom.
    measure : str
        Which measure.
    label : str
        What it is.

    Returns
    -------
    matplotlib.figure.Figure
        As `charts.dots`.
    """
    table = records.read("unpaired")
    chosen = table[(table.reference == "truth") & (table.condition == "") & (table.metric == measure)]
    return charts.dots(chosen.assign(loss=""), names=methods, label=label)


def histograms(images: Mapping[str, ArrayLike], *, n_bins: int = 120) -> Figure:
    """Draw how often each intensity occurs in images of one field.

    Parameters
    ----------
    images : mapping of str to array_like of shape (Y, X)
        Title and normalised image; what is below 0 or above 1 counts as 0 or 1, as it does when written as uint16.
    n_bins : int
        Steps of intensity.

    Returns
    -------
    matplotlib.figure.Figure
        A line per image, the share of its pixels on a logarithmic axis.
    """
    fig, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
    edges = np.linspace(0, 1, n_bins + 1)
    for i, (name, image) in enumerate(images.items()):
        counts, _ = np.histogram(np.clip(image, 0, 1), edges)
        share = counts / np.size(image)
        ax.stairs(share, edges, baseline=None, color=f"C{i}", linestyle=STYLES[i % len(STYLES)], label=name)
    ax.set(xlabel="intensity (normalised)", ylabel="share of the pixels", yscale="log", xlim=(0, 1.005))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def epochs(table: pd.DataFrame, *, measures: Mapping[str, str]) -> Figure:
    """Draw what the epochs of trainings are worth, a line per method and an axis per measure.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `unpaired_study.over_epochs`, of one data set.
    measures : mapping of str to str
        Columns to draw, and the label of each one's axis.

    Returns
    -------
    matplotlib.figure.Figure
        Means over trainings; the ring marks the epoch with the lowest criterion.
    """
    fig, axes = plt.subplots(1, len(measures), figsize=(4.2 * len(measures), 3.3), squeeze=False, layout="constrained")
    means = table.groupby(["method", "epoch"], sort=False).mean(numeric_only=True)
    for ax, (measure, label) in zip(axes[0], measures.items(), strict=True):
        for i, (method, part) in enumerate(means.groupby(level="method", sort=False)):
            line, chosen = part[measure].droplevel("method"), part.criterion.idxmin()[1]
            ax.plot(line.index, line, f"{'os^D'[i % 4]}-", color=f"C{i}", label=method)
            ax.plot(chosen, line[chosen], "o", markersize=13, markerfacecolor="none", color=f"C{i}")
        ax.set(xlabel="epoch", ylabel=label)
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].legend()
    return fig
