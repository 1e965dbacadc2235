"""Chapter 08's figure: how the error of a separation grows with the overlap of the structures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from l2l_utils.charts import MARKERS


def over_overlap(summary: pd.DataFrame) -> Figure:
    """Draw the relative error over the overlap, an axis per structure and a line per method and loss.

    Parameters
    ----------
    summary : pandas.DataFrame
        Of `overlap.summarise`.

    Returns
    -------
    matplotlib.figure.Figure
        Bars are the intervals. What was not trained is a dashed line.
    """
    table = summary.assign(name=(summary.method + " " + summary.loss).str.strip())
    datasets, names = list(dict.fromkeys(table.dataset)), list(dict.fromkeys(table.name))
    fig, axes = plt.subplots(
        1, len(datasets), figsize=(3.4 * len(datasets) + 1.8, 3.4), sharey=True, squeeze=False, layout="constrained"
    )
    for ax, dataset in zip(axes[0], datasets, strict=True):
        for i, name in enumerate(names):
            part = table[(table.dataset == dataset) & (table.name == name)].sort_values("overlap")
            trained = (part.loss != "").any()
            style = {"color": f"C{i}" if trained else "grey", "linestyle": "-" if trained else ("--", ":")[i % 2]}
            errors = [part.value - part.low, part.high - part.value]
            across = part.overlap + 0.012 * (i - (len(names) - 1) / 2)
            ax.errorbar(across, part.value, errors, marker=MARKERS[i % len(MARKERS)], capsize=2, label=name, **style)
        ax.set(title=dataset, xlabel="overlap (0 apart, 1 alike)", xlim=(0, 1), yscale="log")
    axes[0, 0].set_ylabel("error / intensity of the structure")
    axes[0, -1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig
