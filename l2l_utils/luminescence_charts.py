"""Chapter 10's figure: whether predicted intervals are as wide as they should be."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from l2l_utils.charts import MARKERS


def calibration(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how often the intervals of each network hold what they state.

    Parameters
    ----------
    curves : mapping of str to pandas.DataFrame
        Of `uncertainty.calibration`, by the name of the network.

    Returns
    -------
    matplotlib.figure.Figure
        A line per network, the mean of its images; the grey diagonal is a network that knows how far off it is.
    """
    fig, ax = plt.subplots(figsize=(5.5, 4), layout="constrained")
    ax.plot([0, 1], [0, 1], color="grey", linestyle="--", label="as stated")
    for i, (name, table) in enumerate(curves.items()):
        means = table.groupby("stated").inside.mean()
        ax.plot(means.index, means, marker=MARKERS[i % len(MARKERS)], color=f"C{i}", label=name)
    ax.set(xlabel="probability that the interval states", ylabel="share of pixels inside", xlim=(0, 1), ylim=(0, 1))
    fig.legend(loc="outside right upper")
    return fig
