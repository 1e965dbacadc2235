"""Chapter 11's figures: images whose debris can be seen, and what PSNR does not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from l2l_utils import intervals, nanoscope, nanoscopy_measures, papers, plot
from l2l_utils.nanoscopy_claims import STRUCTURES, UNTRAINED, VGG

DECADES: Final = 3
LONG: Final = 20  # letters in a title above one image
NETWORK_COLOURS: Final = {"input": "grey", "UNet-R34": "C0", "UNet-R50": "C1", "FPN-R34": "C2"}


def in_decades(image: ArrayLike) -> NDArray[np.float64]:
    """Return the logarithm of an image (Y, X), 0 to 1: 1 for its maximum, 0 for a thousandth of it and less."""
    image = np.asarray(image, np.float64)
    return 1 + np.log10(np.maximum(image / image.max(), 10.0**-DECADES)) / DECADES


def recording(sample: nanoscope.Sample, frames: NDArray) -> dict[str, NDArray[np.float64]]:
    """Return what is to be seen of a recording, on the grid of its nanoscopy image (Y, X), 0 to 1.

    Parameters
    ----------
    sample : Sample
        What was recorded.
    frames : ndarray of shape (T, Y, X)
        The recording, counts.

    Returns
    -------
    dict of str to ndarray
        The molecules from above, the first frame, and the mean of all; these two share their scale.
    """
    block = np.ones((nanoscopy_measures.SUBPIXELS, nanoscopy_measures.SUBPIXELS))
    molecules = nanoscope.true_emitters(sample, subpixels=nanoscopy_measures.SUBPIXELS)
    darkest, brightest = np.percentile(frames[0], [0.1, 99.9])
    seen = {"one frame": frames[0], f"mean of {len(frames)} frames": frames.mean(axis=0)}
    scaled = {name: np.clip((image - darkest) / (brightest - darkest), 0, 1) for name, image in seen.items()}
    return {"molecules": np.minimum(molecules, 1)} | {name: np.kron(image, block) for name, image in scaled.items()}


def linear_and_log(images: Mapping[str, ArrayLike], *, pixel_um: float) -> Figure:
    """Show nanoscopy images of one sample, above on a linear scale, below over three decades.

    Parameters
    ----------
    images : mapping of str to array_like of shape (Y, X)
        Title and image, 0 to 1.
    pixel_um : float
        Side of a pixel in um.

    Returns
    -------
    matplotlib.figure.Figure
        A column per image.
    """
    columns = {
        name.replace(" ", "\n", 1) if len(name) > LONG else name: {"linear": image, "three decades": in_decades(image)}
        for name, image in images.items()
    }
    return plot.gallery(columns, pixel_um=dict.fromkeys(columns, pixel_um))


def psnr_and_debris(summary: pd.DataFrame) -> Figure:
    """Draw how much debris each network leaves over its PSNR, an axis per data set.

    Parameters
    ----------
    summary : pandas.DataFrame
        Of `intervals.summarise`: the metrics ``psnr`` and ``debris`` of the noisy images and of networks with losses;
        other methods, and structures that no network is trained on, are left out.

    Returns
    -------
    matplotlib.figure.Figure
        A colour per network, a number per loss; if PSNR saw debris, the numbers would lie on a falling line.
    """
    networks = summary[summary.method.isin(list(NETWORK_COLOURS)) & summary.dataset.isin(STRUCTURES)]
    table = networks.pivot_table("value", ["dataset", "method", "loss"], "metric", sort=False).reset_index()
    datasets, losses = list(dict.fromkeys(table.dataset)), list(dict.fromkeys(table.loss[table.loss != ""]))
    size = 3.2 * len(datasets) + 1.8, 3.4
    fig, axes = plt.subplots(1, len(datasets), figsize=size, squeeze=False, layout="constrained")
    for ax, dataset in zip(axes[0], datasets, strict=True):
        for row in table[table.dataset == dataset].itertuples():
            marker = f"${losses.index(row.loss) + 1}$" if row.loss else "x"
            ax.plot(row.psnr, row.debris, marker=marker, markersize=8, color=NETWORK_COLOURS[row.method])
        ax.set(title=dataset, xlabel="PSNR (dB)", ylim=(0, None))
    axes[0, 0].set_ylabel("share of light where nothing is")
    handles = [plt.Line2D([], [], marker="o", ls="", color=c, label=name) for name, c in NETWORK_COLOURS.items()]
    handles += [plt.Line2D([], [], marker=f"${i}$", ls="", color="grey", label=n) for i, n in enumerate(losses, 1)]
    fig.legend(handles=handles, loc="outside right upper")
    return fig


def disagreement(scores: pd.DataFrame, held_out: Mapping[str, tuple[list, Mapping]]) -> Figure:
    """Show the sample in which the network with the higher PSNR leaves most debris in comparison with another one.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, of two networks or more.
    held_out : mapping of str to (list of Field, mapping of (str, str, int) to list of ndarray)
        Of `nanoscopy_study.Study.score`.

    Returns
    -------
    matplotlib.figure.Figure
        The image with the higher PSNR, the one with less debris and the one without noise, with their numbers, on a
        linear scale and over three decades.
    """
    first = scores[~(scores.seed > 0)]
    dataset, image, *two = nanoscopy_measures.clearest_disagreement(first)
    fields, images = held_out[dataset]
    number = [field.name for field in fields].index(image)
    here = first[(first.dataset == dataset) & (first.image == image)].assign(
        name=lambda table: (table.method + " " + table.loss.fillna("")).str.strip()
    )
    values = here.pivot_table("value", "name", "metric")
    shown = {}
    for key, found in images.items():
        name = " ".join(filter(None, key[:2]))
        if name in two and not key[2]:
            psnr, share = values.loc[name, ["psnr", "debris"]]
            shown[name] = f"{name}\n{psnr:.1f} dB, debris {share:.2f}", found[number]
    ordered = dict(shown[name] for name in two) | {f"{dataset}\nwithout noise": fields[number].reference}
    return linear_and_log(ordered, pixel_um=_pixel_um(fields[number]))


def table_1(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the PSNR of each network and loss beside the paper's Table 1, in dB.

    Parameters
    ----------
    summary : pandas.DataFrame
        Of `intervals.summarise`: the metric ``psnr`` without condition.

    Returns
    -------
    pandas.DataFrame
        Texts, ``paper | mean ± standard deviation over seeds``: a row per data set and network, a column per loss.
    """
    named = summary.replace({"loss": {VGG: "VGG"}})
    texts = papers.restored_beside_paper(named, "Table 1", paper="nanoscopy").reset_index()
    table = texts.pivot_table("psnr", ["dataset", "method"], "loss", aggfunc="first", sort=False)
    return table.fillna("").rename(columns={"VGG": VGG}).rename_axis(columns=None)


def in_columns(found: Mapping[str, tuple[Sequence, Mapping]]) -> Figure:
    """Show the first sample's noisy, restored and noise-free image in several cases, over three decades.

    Parameters
    ----------
    found : mapping of str to (sequence of Field, mapping of (str, str, int) to sequence of ndarray of shape (Y, X))
        By case, fields and images of `nanoscopy_study.Study.score_otherwise`; the last network is shown.

    Returns
    -------
    matplotlib.figure.Figure
        A column per case, with the scale bar of its own sample.
    """
    columns, pixels = {}, {}
    for case, (fields, images) in found.items():
        *_, network = (key for key in images if key[1])
        rows = {"noisy": images["input", None, None], "restored": images[network]}
        rows["without noise"] = images["without noise", None, None]
        columns[case] = {name: in_decades(each[0]) for name, each in rows.items()}
        pixels[case] = _pixel_um(fields[0])
    return plot.gallery(columns, pixel_um=pixels)


def elsewhere(summary: pd.DataFrame) -> pd.DataFrame:
    """Return what became of images that the networks were not trained for, a row per case and measure.

    Parameters
    ----------
    summary : pandas.DataFrame
        Of `intervals.summarise`.

    Returns
    -------
    pandas.DataFrame
        Texts, ``mean [low, high]``, a column per method.
    """
    cases = summary[(summary.condition != "") | (summary.dataset == UNTRAINED)]
    chosen = cases[cases.metric.isin(["psnr", "debris", "boundary_contrast", "continuity"])]
    name = (chosen.method + " " + chosen.loss).str.strip()
    texts = [str(intervals.Interval(row.value, row.low, row.high)) for row in chosen.itertuples()]
    rows = ["dataset", "condition", "metric"]
    table = chosen.assign(name=name, text=texts).pivot_table("text", rows, "name", aggfunc="first", sort=False)
    return table.fillna("").rename_axis(columns=None)


def _pixel_um(field: nanoscopy_measures.Field) -> float:
    return field.sample.optics.pixel_nm / nanoscopy_measures.SUBPIXELS / 1000
