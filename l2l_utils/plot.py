"""The book's figures: images side by side at one contrast, and training curves."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from numpy.typing import ArrayLike, NDArray

# The lengths that a scale bar may have.
ROUND_LENGTHS = np.array([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])


def panel(
    images: Mapping[str, ArrayLike],
    *,
    pixel_um: float | None = None,
    zoom: tuple[int, int, int] | None = None,
    limits: tuple[float, float] = (0.0, 1.0),
    cmap: str = "gray",
) -> Figure:
    """Show images of one field side by side, all at the same contrast.

    Parameters
    ----------
    images : mapping of str to array_like of shape (Y, X), (Y, X, 2) or (Y, X, 3)
        Title and image; intensities on one scale, two channels of 0 to 1 for an `overlay`, or colours of 0 to 1.
    pixel_um : float, optional
        Side of a pixel in um, for the scale bar; without it the bar is in pixels.
    zoom : (int, int, int), optional
        Row and column of the upper left corner, and side, in px, of a square that a second row shows enlarged.
    limits : (float, float)
        Intensities shown black and white.
    cmap : str
        Matplotlib colour map.

    Returns
    -------
    matplotlib.figure.Figure
        One column per image.
    """
    n_rows = 1 if zoom is None else 2
    fig, grid = plt.subplots(
        n_rows, len(images), figsize=(2.6 * len(images), 2.75 * n_rows), squeeze=False, layout="constrained"
    )
    for column, (title, image) in enumerate(images.items()):
        _show(grid[0, column], image, pixel_um, limits, cmap, with_bar=column == 0)
        grid[0, column].set_title(title)
        if zoom is not None:
            row, left, side = zoom
            grid[0, column].add_patch(plt.Rectangle((left, row), side, side, fill=False, color="gold", linewidth=1.2))
            detail = np.asarray(image)[row : row + side, left : left + side]
            _show(grid[1, column], detail, pixel_um, limits, cmap, with_bar=column == 0)
    return fig


def differences(images: Mapping[str, ArrayLike], *, pixel_um: float | None = None) -> Figure:
    """Show differences of images side by side, all on one scale around 0.

    Parameters
    ----------
    images : mapping of str to array_like of shape (Y, X)
        Title and difference; the scale reaches to the 99.5th percentile of all absolute values.
    pixel_um : float, optional
        Side of a pixel in um, for the scale bar; without it the bar is in pixels.

    Returns
    -------
    matplotlib.figure.Figure
        One column per image, with a colour bar.
    """
    span = float(np.percentile([np.abs(image) for image in images.values()], 99.5))
    fig = panel(images, pixel_um=pixel_um, limits=(-span, span), cmap="berlin")
    fig.colorbar(fig.axes[-1].images[0], ax=fig.axes, shrink=0.8, label="normalised intensity")
    return fig


def busiest_square(image: ArrayLike) -> tuple[int, int, int]:
    """Return the square, of a quarter of the image's shorter side, where an image varies most.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Image, any intensity scale.

    Returns
    -------
    row, column, side : int
        Upper left corner and side, in px, as `panel` takes them for its enlarged detail.
    """
    image = np.asarray(image)
    side = max(min(image.shape) // 4, 1)
    rows, columns = (range(0, size - side + 1, max(side // 2, 1)) for size in image.shape)
    corners = [(row, column) for row in rows for column in columns]
    spread = [image[row : row + side, column : column + side].std() for row, column in corners]
    return *corners[int(np.argmax(spread))], side


def training_curves(logs: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the loss of several trainings over their epochs, for training and validation patches.

    Parameters
    ----------
    logs : mapping of str to pandas.DataFrame
        Name and log of each training, as `care.train` returns it; the name's first word chooses the colour.

    Returns
    -------
    matplotlib.figure.Figure
        Linear axis left, logarithmic axis right.
    """
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    groups = list(dict.fromkeys(name.split()[0] for name in logs))
    for ax, scale in zip(axes, ("linear", "log"), strict=True):
        for name, log in logs.items():
            colour = f"C{groups.index(name.split()[0])}"
            ax.plot(log.epoch + 1, log.loss, color=colour, alpha=0.7, label=f"{name.split()[0]}, training")
            ax.plot(log.epoch + 1, log.val_loss, "--", color=colour, alpha=0.7, label=f"{name.split()[0]}, validation")
        ax.set(xlabel="epoch", ylabel=f"loss ({scale} axis)", yscale=scale)
    handles, labels = axes[0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    axes[0].legend(unique.values(), unique.keys())
    return fig


def gallery(columns: Mapping[str, Mapping[str, ArrayLike]], *, pixel_um: Mapping[str, float | None]) -> Figure:
    """Show images of several data sets, a column each, all at the same contrast.

    Parameters
    ----------
    columns : mapping of str to mapping of str to array_like of shape (Y, X)
        By data set, the images from top to bottom by name, 0 black and 1 white; the names are those of the first.
    pixel_um : mapping of str to float or None
        Side of a pixel in um of each data set, for a scale bar of its own.

    Returns
    -------
    matplotlib.figure.Figure
        A row per image, with the row's name at its left.
    """
    names = list(next(iter(columns.values())))
    fig, grid = plt.subplots(
        len(names), len(columns), figsize=(2.6 * len(columns), 2.7 * len(names)), squeeze=False, layout="constrained"
    )
    for axes, (title, images) in zip(grid.T, columns.items(), strict=True):
        for ax, image in zip(axes, images.values(), strict=True):
            _show(ax, image, pixel_um[title], (0.0, 1.0), "gray", with_bar=ax is axes[0])
        axes[0].set_title(title)
    for ax, name in zip(grid[:, 0], names, strict=True):
        ax.text(-0.04, 0.5, name, transform=ax.transAxes, rotation="vertical", ha="right", va="center")
    return fig


def drift(drifts: Mapping[str, ArrayLike]) -> Figure:
    """Draw drift over the frames, rows and columns on an axis each.

    Parameters
    ----------
    drifts : mapping of str to array_like of shape (T, 2)
        Name of a method, or of the truth, and its drift of each frame, (row, column) in px.

    Returns
    -------
    matplotlib.figure.Figure
        Two axes; names differ in colour and in the shape of the dot.
    """
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharex=True, layout="constrained")
    for i, (ax, direction) in enumerate(zip(axes, ("down", "right"), strict=True)):
        for j, (name, values) in enumerate(drifts.items()):
            ax.plot(np.asarray(values)[:, i], f"{'os^D'[j % 4]}-", color=f"C{j}", markersize=4, alpha=0.7, label=name)
        ax.set(xlabel="frame", ylabel=f"drift {direction} (px)")
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0].legend()
    return fig


def overlay(first: ArrayLike, second: ArrayLike) -> NDArray[np.float32]:
    """Return two images as one of shape (Y, X, 3): the first magenta, the second green, white where both are bright.

    Both have one shape (Y, X), 0 to 1; the colours are 0 to 1, as `panel` shows them.
    """
    return np.clip(np.stack([first, second, first], axis=-1), 0, 1).astype(np.float32)


def strips(scores: pd.DataFrame, metrics: Mapping[str, str], *, expected: pd.DataFrame | None = None) -> Figure:
    """Draw a dot per image for each data set and method, an axis per metric.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form with the columns ``dataset``, ``method``, ``metric`` and ``value``.
    metrics : mapping of str to str
        Metrics to draw, and the label of each one's axis.
    expected : pandas.DataFrame, optional
        Columns ``dataset``, ``method``, ``metric``, ``value`` and ``sd``: drawn as a black bar beside the dots.

    Returns
    -------
    matplotlib.figure.Figure
        One axis per metric, data sets along it; methods differ in colour and in the shape of the dot.
    """
    datasets, methods = (list(dict.fromkeys(scores[name])) for name in ("dataset", "method"))
    width = 1.6 + 0.55 * len(datasets) * len(methods)
    fig, axes = plt.subplots(1, len(metrics), figsize=(width * len(metrics), 3.2), squeeze=False, layout="constrained")
    step = 0.8 / len(methods)
    for ax, (metric, label) in zip(axes[0], metrics.items(), strict=True):
        for (i, dataset), (j, method) in itertools.product(enumerate(datasets), enumerate(methods)):
            place = i + (j - (len(methods) - 1) / 2) * step
            key = {"dataset": dataset, "method": method, "metric": metric}
            values = _select(scores, key).value
            across = place + np.linspace(-step / 5, step / 5, len(values))
            ax.plot(across, values, "os^D"[j % 4], color=f"C{j}", alpha=0.6, label=method if i == 0 else None)
            if expected is not None:
                for row in _select(expected, key).itertuples():
                    ax.errorbar(place + 0.35 * step, row.value, row.sd, fmt="_", color="black", capsize=3)
        ax.set(xticks=range(len(datasets)), xticklabels=datasets, ylabel=label)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(methods))
    return fig


def _select(table: pd.DataFrame, values: Mapping[str, str]) -> pd.DataFrame:
    return table[(table[list(values)] == pd.Series(values)).all(axis=1)]


def _show(
    ax: Axes, image: ArrayLike, pixel_um: float | None, limits: tuple[float, float], cmap: str, *, with_bar: bool
) -> None:
    image = np.asarray(image)
    image = overlay(*np.moveaxis(image, -1, 0)) if image.shape[2:] == (2,) else image
    ax.imshow(image, cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    ax.set_axis_off()
    if with_bar:
        add_scale_bar(ax, image.shape[1], pixel_um)


def add_scale_bar(ax: Axes, width_px: int, pixel_um: float | None) -> None:
    """Draw a bar of a round length, about a fifth of the image's width."""
    size, unit = (pixel_um, "µm") if pixel_um else (1.0, "px")
    length = ROUND_LENGTHS[np.abs(np.log(ROUND_LENGTHS / (width_px * size / 5))).argmin()]
    bar = AnchoredSizeBar(
        ax.transData, length / size, f"{length:g} {unit}", "lower right", color="white", size_vertical=width_px / 120
    )
    bar.patch.set(facecolor="black", alpha=0.6, linewidth=0)
    ax.add_artist(bar)
