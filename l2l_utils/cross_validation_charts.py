"""Chapter 09's figures of whole cross-validations: folds, results over N, what a pair is worth, verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from pandas.core.groupby import SeriesGroupBy

from l2l_utils import folds, learning_curves
from l2l_utils.relative_change import CHANGES

LABELS: Final = {"nrmse_change": "change of NRMSE\n(lower is better)"}
LABELS |= {"ms_ssim_5_change": "change of 5S-SSIM\n(higher is better)"}
BLUE, GREY = "C0", "0.5"


def folds_of(drawn: Sequence[folds.Fold]) -> Figure:
    """Show which image trains and which tests in each fold.

    Parameters
    ----------
    drawn : sequence of Fold
        Folds of one cross-validation.

    Returns
    -------
    matplotlib.figure.Figure
        A row per fold and a column per image; a filled square tests, an open one trains.
    """
    names = [pair.name for fold in drawn for pair in fold.test]
    fig, ax = plt.subplots(figsize=(1.9 + 0.33 * len(names), 1.3 + 0.3 * len(drawn)), layout="constrained")
    for number, fold in enumerate(drawn):
        for part, label, face in ((fold.training, "trains", "none"), (fold.test, "tests", BLUE)):
            across = [names.index(pair.name) for pair in part]
            label = label if number == 0 else None
            ax.plot(across, [number + 1] * len(part), "s", markersize=11, color=BLUE, mfc=face, label=label)
    ax.set(xticks=range(len(names)), yticks=range(1, len(drawn) + 1), ylabel="fold")
    ax.set(xlim=(-0.6, len(names) - 0.4), ylim=(len(drawn) + 0.6, 0.4))
    ax.set_xticklabels(names, rotation=90)
    fig.legend(loc="outside upper center", ncols=2, frameon=False)
    return fig


def boxes(table: pd.DataFrame) -> Figure:
    """Draw the cross-validations over N as the paper's Fig. 5 does.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cross_validation.score`, of a sweep.

    Returns
    -------
    matplotlib.figure.Figure
        A column per data set, a row per measure. A dot is the mean of a cross-validation over its test images; boxes
        reach from the 25th to the 75th percentile, with the median, and whiskers to one standard deviation.
    """
    means = learning_curves.points(table[~table.seen])
    fig, axes = _grid(table)
    for ax, dataset, change in axes:
        by_n = means[means.dataset == dataset].groupby("n_pairs")[change]
        summary = by_n.describe()
        drawn = [
            {"med": row["50%"], "q1": row["25%"], "q3": row["75%"], "fliers": []}
            | {"whislo": row["mean"] - row["std"], "whishi": row["mean"] + row["std"]}
            for _, row in summary.fillna({"std": 0}).iterrows()
        ]
        ax.bxp(drawn, positions=range(len(drawn)), widths=0.5, showfliers=False, medianprops={"color": "black"})
        _draw_dots(ax, by_n)
        ax.set_xticks(range(len(drawn)), summary.index)
    return fig


def flattery(table: pd.DataFrame) -> Figure:
    """Draw how much better each cross-validation looks on images that its networks have seen.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cross_validation.score`, of a sweep.

    Returns
    -------
    matplotlib.figure.Figure
        A column per data set, a row per measure; a dot is the mean over seen images minus that over unseen ones, of the
        same networks and the same images.
    """
    means = learning_curves.points(table).pivot_table(list(CHANGES), learning_curves.CROSS_VALIDATION, "seen")
    fig, axes = _grid(table)
    for ax, dataset, change in axes:
        by_n = (means[change, True] - means[change, False]).loc[dataset].groupby("n_pairs")
        _draw_dots(ax, by_n)
        ax.set_xticks(range(len(by_n)), by_n.groups)
        ax.set_xlim(-0.5, len(by_n) - 0.5)
    for ax, change in zip(fig.axes[:: len(fig.axes) // 2], CHANGES, strict=True):
        ax.set_ylabel(f"seen minus unseen\n{LABELS[change].splitlines()[0]}")
    return fig


def curves(table: pd.DataFrame) -> Figure:
    """Draw the learning curve: unseen images over N, with a line over log N and its 95 % interval.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cross_validation.score`, of a sweep.

    Returns
    -------
    matplotlib.figure.Figure
        A column per data set, a row per measure.
    """
    means = learning_curves.points(table[~table.seen])
    fig, axes = _grid(table)
    for ax, dataset, change in axes:
        here = means[means.dataset == dataset]
        fit = learning_curves.trend(here.n_pairs, here[change])
        ax.fill_between(fit.n_pairs, fit.low, fit.high, color=BLUE, alpha=0.2, linewidth=0)
        ax.plot(fit.n_pairs, fit.mean, color=BLUE)
        ax.plot(here.n_pairs, here[change], "o", color=BLUE, alpha=0.7)
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes := sorted(set(here.n_pairs)), sizes)
        ax.xaxis.set_minor_locator(NullLocator())
    return fig


def verdicts(judged: pd.DataFrame) -> Figure:
    """Draw what each claim stands on: to the right of the grey band lies what holds, but for a claim of no trend.

    Parameters
    ----------
    judged : pandas.DataFrame
        Of `cross_validation_claims.judge`.

    Returns
    -------
    matplotlib.figure.Figure
        A dot per comparison, at the difference divided by its distance from the end of its 95 % interval that is
        nearer to 0; filled if it holds.
    """
    fig, ax = plt.subplots(figsize=(9, 1.2 + 0.28 * len(judged)), layout="constrained")
    ax.axvspan(-1, 1, color=GREY, alpha=0.25, linewidth=0, label="within the spread")
    for place, row in enumerate(judged.itertuples()):
        margin = row.value - row.low if row.value > 0 else row.high - row.value
        across = (-1 if row.says == "lower" else 1) * row.value / margin
        ax.plot(across, place, "o", markersize=8, color=BLUE, mfc=BLUE if row.holds else "white")
    says = judged["first"] + " " + judged.says + " than " + judged["second"]
    measures = judged.metric.str.replace("nrmse_change", "NRMSE").str.replace("ms_ssim_5_change", "5S-SSIM")
    texts = judged.claim + " " + judged.dataset + ", " + measures + ": " + says
    ax.set(yticks=range(len(judged)), yticklabels=texts, xlabel="difference as claimed, in margins of error")
    ax.invert_yaxis()
    ax.set_xscale("symlog", linthresh=2)
    ax.set_xticks(ticks := (-5, -1, 0, 1, 5, 20), ticks)
    ax.margins(x=0.05)
    fig.legend(loc="outside upper right")
    return fig


def _grid(table: pd.DataFrame) -> tuple[Figure, Iterator[tuple[Axes, str, str]]]:
    """Return a figure with a row per measure and a column per data set, and its axes with both names."""
    datasets = list(dict.fromkeys(table.dataset))
    size = 1.5 + 2.9 * len(datasets), 5.2
    fig, grid = plt.subplots(
        len(CHANGES), len(datasets), figsize=size, sharey="row", squeeze=False, layout="constrained"
    )
    for ax, name in zip(grid[0], datasets, strict=True):
        ax.set_title(name)
    for ax, change in zip(grid[:, 0], CHANGES, strict=True):
        ax.set_ylabel(LABELS[change])
    for ax in grid.flat:
        ax.axhline(0, color=GREY, linewidth=1)
        ax.yaxis.set_major_formatter(PercentFormatter(1))
    fig.supxlabel("number of image pairs N", fontsize="medium")
    return fig, ((grid[i, j], name, change) for i, change in enumerate(CHANGES) for j, name in enumerate(datasets))


def _draw_dots(ax: Axes, by_n: SeriesGroupBy) -> None:
    """Draw the values of each group side by side, the first group at 0."""
    for place, (_, values) in enumerate(by_n):
        ax.plot(place + np.linspace(-0.1, 0.1, len(values)), values, "o", color=BLUE, alpha=0.7)
