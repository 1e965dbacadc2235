"""Figures of alarms: where a restoration deserves less trust, how often an alarm is right, and measured effects."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from l2l_utils import alarms, plot, reliability
from l2l_utils.examination import Examined

MARKERS = "os^Dv<>"
STYLES = ("-", "--", "-.", ":")
# Outside the drawn structure the restoration is shown at this share of its brightness.
DIMMED = 0.35
# Ranks below this share one colour, for half of all places would look doubtful otherwise.
LOWEST_RANK = 0.6


def alarm_maps(examined: Examined, *, pixel_um: float | None = None, zoom: tuple[int, int, int]) -> Figure:
    """Show every alarm map in the colours of its ranks, where the restoration draws structure.

    Parameters
    ----------
    examined : Examined
        Of `examination.examine`.
    pixel_um : float, optional
        Side of a pixel in um, for the scale bar.
    zoom : (int, int, int)
        Row, column and side, in px, of the square that is shown enlarged.

    Returns
    -------
    matplotlib.figure.Figure
        A column per alarm, dark blue where the drawn structure is trusted most and yellow where least.
    """
    colours = {
        name: drawn_in_colour(examined.restored, examined.drawn, alarms.highest_rank([image], examined.drawn))
        for name, image in examined.maps.items()
    }
    fig = plot.panel(colours, pixel_um=pixel_um, zoom=zoom)
    bar = plt.cm.ScalarMappable(plt.Normalize(LOWEST_RANK, 1), "cividis")
    fig.colorbar(bar, ax=fig.axes, shrink=0.6, extend="min", label="rank among the drawn places")
    return fig


def drawn_in_colour(restored: ArrayLike, drawn: NDArray[np.bool_], rank: ArrayLike) -> NDArray[np.float64]:
    """Return a restoration as an image of shape (Y, X, 3), coloured by rank, 0 to 1, where structure is drawn."""
    grey = DIMMED * np.clip(np.asarray(restored, dtype=np.float64), 0, 1)
    colours = plt.get_cmap("cividis")(plt.Normalize(LOWEST_RANK, 1, clip=True)(rank))[..., :3]
    return np.where(np.asarray(drawn)[..., None], colours, grey[..., None])


def false_in_colour(restored: ArrayLike, found: reliability.Places) -> NDArray[np.float64]:
    """Return a restoration as an image of shape (Y, X, 3): true structure white, false structure orange."""
    grey = DIMMED * np.clip(np.asarray(restored, dtype=np.float64), 0, 1)
    image = np.repeat(grey[..., None], 3, axis=-1)
    image[found.shown] = 1.0
    image[found.false] = to_rgb("#ff7f0e")
    return image


def roc_curves(judged: pd.DataFrame) -> Figure:
    """Draw the ROC curve of each alarm, over all networks and images.

    Parameters
    ----------
    judged : pandas.DataFrame
        Of `reliability.judge_images`.

    Returns
    -------
    matplotlib.figure.Figure
        A curve per alarm; alarms without a false or a true place are left out.
    """
    fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for i, (name, part) in enumerate(judged.groupby("alarm", sort=False)):
        false, true = (np.concatenate(list(part[kind])) for kind in ("false", "true"))
        if len(false) and len(true):
            style = {
                "linestyle": STYLES[i % len(STYLES)],
                "color": f"C{i}",
                "linewidth": 3 if name == "combined" else 1.6,
            }
            ax.plot(*reliability.roc(false, true), label=f"{name}: {reliability.auc(false, true):.2f}", **style)
    ax.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    ax.set(xlabel="false alarms (share of true places flagged)", ylabel="hits (share of false places flagged)")
    ax.set(aspect="equal", xlim=(0, 1), ylim=(0, 1))
    ax.legend(title="alarm: area", loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def effects(table: pd.DataFrame, *, titles: Mapping[str, str]) -> Figure:
    """Draw measured differences between treated and control cells.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``treatment``, ``measure``, ``ratio`` and ``what``, the images that were measured; a row per training.
    titles : mapping of str to str
        Measures to draw, an axis each, with their names.

    Returns
    -------
    matplotlib.figure.Figure
        Treatments along each axis; kinds of images differ in colour and marker, trainings are dots of one kind.
    """
    treatments, kinds = (list(dict.fromkeys(table[name])) for name in ("treatment", "what"))
    fig, axes = plt.subplots(1, len(titles), figsize=(4.2 * len(titles) + 1.6, 3.6), sharey=True, layout="constrained")
    step = 0.7 / len(kinds)
    for ax, (measure, title) in zip(np.atleast_1d(axes), titles.items(), strict=True):
        for j, kind in enumerate(kinds):
            here = table[(table.measure == measure) & (table.what == kind)]
            across = here.treatment.map(treatments.index) + (j - (len(kinds) - 1) / 2) * step
            style = {"color": "black" if kind == "truth" else f"C{j}", "alpha": 0.7}
            ax.plot(across, here.ratio, MARKERS[j % len(MARKERS)], label=kind, **style)
        ax.axhline(1, color="grey", linewidth=0.8)
        ax.set(title=title, xticks=range(len(treatments)), xticklabels=treatments, xlim=(-0.5, len(treatments) - 0.5))
    np.atleast_1d(axes)[0].set(ylabel="treated / control", ylim=(0, None))
    np.atleast_1d(axes)[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig
