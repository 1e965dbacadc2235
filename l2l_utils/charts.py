"""Figures of measurements: means with their intervals, shares over a distance, and where structure was invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from l2l_utils import against_truth, plot

MARKERS = "os^Dv"


def by_loss(summary: pd.DataFrame, *, losses: Sequence[str], label: str) -> Figure:
    """Draw one measure over the training losses, an axis per data set, with intervals.

    Parameters
    ----------
    summary : pandas.DataFrame
        Of `intervals.summarise`: one metric, reference and condition.
    losses : sequence of str
        Losses along the axis.
    label : str
        What the measure is.

    Returns
    -------
    matplotlib.figure.Figure
        Methods that have losses differ in colour and marker; those without are dashed lines.
    """
    datasets = list(dict.fromkeys(summary.dataset))
    fig, grid = plt.subplots(
        1, len(datasets), figsize=(2.9 * len(datasets) + 1, 3.3), squeeze=False, layout="constrained"
    )
    trained = list(dict.fromkeys(summary.method[summary.loss != ""]))
    for ax, dataset in zip(grid[0], datasets, strict=True):
        here = summary[summary.dataset == dataset]
        for i, method in enumerate(trained):
            part = here[here.method == method].set_index("loss").reindex(losses)
            across = np.arange(len(losses)) + 0.15 * (i - (len(trained) - 1) / 2)
            errors = np.abs(part[["low", "high"]].sub(part.value, axis=0)).to_numpy().T
            ax.errorbar(across, part.value, errors, fmt=MARKERS[i], color=f"C{i}", capsize=3, label=method)
        for style, row in zip(("--", ":", "-."), here[here.loss == ""].itertuples(), strict=False):
            ax.axhline(row.value, linestyle=style, color="grey", label=row.method)
        ax.set(title=dataset, xticks=range(len(losses)), xticklabels=losses, ylim=(0, None))
        ax.tick_params(axis="x", rotation=45)
    grid[0, 0].set_ylabel(label)
    grid[0, -1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def dots(
    summary: pd.DataFrame, *, names: Sequence[str], label: str, lines: Mapping[str, float] | None = None
) -> Figure:
    """Draw one measure of many methods, one under the other, with intervals; an axis per data set.

    Parameters
    ----------
    summary : pandas.DataFrame
        Of `intervals.summarise`: one metric, reference and condition.
    names : sequence of str
        Methods with their losses, such as ``L2L SSIM``, from top to bottom; those without values are left out.
    label : str
        What the measure is.
    lines : mapping of str to float, optional
        Values to mark by a vertical line, by name.

    Returns
    -------
    matplotlib.figure.Figure
        A dot and a bar per method.
    """
    table = summary.assign(name=(summary.method + " " + summary.loss).str.strip())
    names = [name for name in names if name in set(table.name)]
    part = table[table.name.isin(names)].sort_values("name", key=lambda column: column.map(names.index))
    methods, datasets = list(dict.fromkeys(part.method)), list(dict.fromkeys(summary.dataset))
    size = 4.9 + 1.6 * len(datasets), 0.8 + 0.28 * len(names)
    fig, axes = plt.subplots(1, len(datasets), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for ax, dataset in zip(axes[0], datasets, strict=True):
        for row in part[part.dataset == dataset].itertuples():
            number, errors = methods.index(row.method), [[row.value - row.low], [row.high - row.value]]
            marker = {"fmt": MARKERS[number % len(MARKERS)], "color": f"C{number % 10}"}
            ax.errorbar(row.value, names.index(row.name), xerr=errors, capsize=3, **marker)
        for style, (name, value) in zip(("--", ":", "-."), (lines or {}).items(), strict=False):
            ax.axvline(value, linestyle=style, color="grey", label=name)
        ax.set(title=dataset if len(datasets) > 1 else "")
        ax.locator_params(axis="x", nbins=5)
    fig.supxlabel(label, fontsize="medium")
    axes[0, 0].set(yticks=range(len(names)), yticklabels=names)
    axes[0, 0].invert_yaxis()
    if lines:
        axes[0, -1].legend()
    return fig


def over_distance(summary: pd.DataFrame, *, names: Sequence[str]) -> Figure:
    """Draw the share of filament pairs that are shown as two over their distance.

    Parameters
    ----------
    summary : pandas.DataFrame
        Of `intervals.summarise`: the metric ``resolved``, whose condition is ``distance=...`` in nm.
    names : sequence of str
        Methods with their losses.

    Returns
    -------
    matplotlib.figure.Figure
        A curve per method; its band is the interval.
    """
    table = summary.assign(name=(summary.method + " " + summary.loss).str.strip())
    table["distance"] = table.condition.str.removeprefix("distance=").astype(float)
    fig, ax = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
    for i, name in enumerate(names):
        part = table[table.name == name].sort_values("distance")
        ax.plot(part.distance, part.value, f"{MARKERS[i % len(MARKERS)]}-", color=f"C{i}", label=name)
        ax.fill_between(part.distance, part.low.clip(0, 1), part.high.clip(0, 1), color=f"C{i}", alpha=0.15)
    ax.set(xlabel="distance of the two filaments (nm)", ylabel="share shown as two", ylim=(-0.03, 1.03))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def maps(
    found: Mapping[str, Mapping[str, ArrayLike]], window: tuple[slice, slice], *, pixel_um: float | None
) -> Figure:
    """Show where images differ from the raw one.

    Parameters
    ----------
    found : mapping of str to dict
        Title, and the maps of `metrics.difference_maps`.
    window : (slice, slice)
        Rows and columns to show.
    pixel_um : float or None
        Side of a pixel in um, for the scale bar.

    Returns
    -------
    matplotlib.figure.Figure
        Two maps per image, with their colour bars.
    """
    scales = {"rms": ("change of intensity", "viridis", 0, 0.5), "ssim": ("structural similarity", "berlin_r", -1, 1)}
    fig, grid = plt.subplots(1, 2 * len(found), figsize=(5.2 * len(found), 3.2), squeeze=False, layout="constrained")
    for i, (kind, (label, cmap, low, high)) in enumerate(scales.items()):
        axes = grid[0, i * len(found) : (i + 1) * len(found)]
        for ax, (title, both) in zip(axes, found.items(), strict=True):
            image = ax.imshow(np.asarray(both[kind])[window], cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
            ax.set(title=title)
            ax.set_axis_off()
            plot.add_scale_bar(ax, image.get_array().shape[1], pixel_um)
        fig.colorbar(image, ax=axes, location="bottom", shrink=0.7, label=label)
    return fig


def inventions(
    images: Mapping[str, ArrayLike],
    truth: ArrayLike,
    *,
    resolution_px: float,
    window: tuple[int, int, int],
    pixel_um: float | None,
) -> Figure:
    """Show what each image draws of the true structure, what it invents and what it misses, at equal contrast.

    Parameters
    ----------
    images : mapping of str to array_like of shape (Y, X)
        Title and image, normalised.
    truth : array_like of shape (Y, X)
        True structure, 0 to 1.
    resolution_px : float
        Distance up to which two places count as the same.
    window : (int, int, int)
        Row and column of the upper left corner, and side, in px, of the square to show.
    pixel_um : float or None
        Side of a pixel in um, for the scale bar.

    Returns
    -------
    matplotlib.figure.Figure
        A column per image: above the image, below the same with invented structure in orange and missed one in blue.
    """
    row, column, side = window
    here = np.s_[row : row + side, column : column + side]
    coloured = {name: _coloured(np.asarray(image), truth, resolution_px)[here] for name, image in images.items()}
    columns = {
        name: {"image": _grey(np.asarray(image)[here]), "invented and missed": coloured[name]}
        for name, image in images.items()
    }
    fig = plot.gallery(columns, pixel_um=dict.fromkeys(columns, pixel_um))
    handles = [Patch(color="#e69f00", label="invented"), Patch(color="#56b4e9", label="missed")]
    fig.legend(handles=handles, loc="outside lower center", ncols=2)
    return fig


def _grey(image: NDArray) -> NDArray[np.float64]:
    return np.repeat(np.clip(image, 0, 1)[..., None], 3, axis=-1)


def _coloured(image: NDArray, truth: ArrayLike, resolution_px: float) -> NDArray[np.float64]:
    """Return an image in grey, (Y, X, 3), with invented structure orange and missed structure blue."""
    structure, found = against_truth.true_structure(truth), against_truth.found_structure(truth, image)
    colours = _grey(image)
    colours[found & (against_truth.distance_px(structure) > resolution_px)] = (0.90, 0.62, 0.0)
    colours[structure & (against_truth.distance_px(found) > resolution_px)] = (0.34, 0.71, 0.91)
    return colours
