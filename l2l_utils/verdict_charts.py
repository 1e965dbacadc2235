"""Chapter 12's figures: the verdict on each claim, and how clear each comparison is."""

from __future__ import annotations

from typing import Final

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch

from l2l_utils.verdict_table import VERDICTS

PAPERS: Final = {
    "label2label": "Label2label",
    "c2GAN": "c2GAN",
    "luminescence": "Luminescence",
    "nanoscopy": "Nanoscopy",
}
# Told apart without colour by their signs, and by the colour-blind: Okabe and Ito's blue, sky blue and vermilion.
FACES: Final = dict(zip(VERDICTS, ("#0072B2", "#A6D4F2", "#D55E00", "#BBBBBB", "#FFFFFF"), strict=True))
INKS: Final = dict(zip(VERDICTS, ("white", "black", "white", "black", "black"), strict=True))
PER_ROW: Final = 14
CUT: Final = 6  # margins beyond are drawn here


def tiles(table: pd.DataFrame) -> Figure:
    """Draw a tile per claim, with its name and the sign and colour of its verdict.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `verdict_table.verdicts`.

    Returns
    -------
    matplotlib.figure.Figure
        Rows of tiles under the name of each paper; below the name of a claim, how many of its comparisons hold.
    """
    places, titles, line = [], [], 0
    for paper, part in table.groupby("paper", sort=False):
        titles.append((line, PAPERS[paper]))
        line += 1
        places += [(line + k // PER_ROW, k % PER_ROW, claim) for k, claim in enumerate(part.index)]
        line = places[-1][0] + 1
    fig, ax = plt.subplots(figsize=(0.62 * PER_ROW, 0.62 * line + 0.3), layout="constrained")
    for row, column, claim in places:
        verdict = table.verdict[claim]
        box = FancyBboxPatch((column + 0.05, row + 0.05), 0.9, 0.9, boxstyle="round,pad=0,rounding_size=0.12")
        box.set(facecolor=FACES[verdict], edgecolor="0.4")
        ax.add_patch(box)
        text = {"ha": "center", "va": "center", "color": INKS[verdict]}
        ax.text(column + 0.5, row + 0.27, VERDICTS[verdict], fontsize=12, **text)
        ax.text(column + 0.5, row + 0.58, claim, fontsize=9, **text)
        n, hold = table.n[claim], table.hold[claim]
        ax.text(column + 0.5, row + 0.82, f"{hold}/{n}" if n else "", fontsize=7, **text)
    for row, title in titles:
        ax.text(0.05, row + 0.85, title, fontsize=11, weight="bold", va="bottom")
    counted = table.verdict.value_counts()
    keys = [
        Patch(facecolor=FACES[verdict], edgecolor="0.4", label=f"{sign} {verdict} ({counted.get(verdict, 0)})")
        for verdict, sign in VERDICTS.items()
    ]
    fig.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False)
    ax.set(xlim=(0, PER_ROW), ylim=(line, 0.4), aspect="equal")
    ax.axis("off")
    return fig


def margins(table: pd.DataFrame, comparisons: pd.DataFrame) -> Figure:
    """Draw how clearly each comparison speaks for or against its claim.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `verdict_table.verdicts`, whose order is kept.
    comparisons : pandas.DataFrame
        Of `verdict_table.read_comparisons`; those without a margin are not drawn.

    Returns
    -------
    matplotlib.figure.Figure
        A row per claim, a mark per comparison, across its difference in units of the margin of error. A filled circle
        meets the criterion, a cross does not. In the grey band the 95 % interval includes 0.
    """
    drawn = comparisons.dropna(subset="margin")
    claims = [claim for claim in table.index if claim in set(drawn.claim)]
    fig, ax = plt.subplots(figsize=(7.5, 1 + 0.2 * len(claims)), layout="constrained")
    ax.axvspan(-1, 1, color="0.88", label="the 95 % interval includes 0")
    kinds = {True: ("o", "C0", "meets the criterion"), False: ("x", "C1", "does not")}
    for holds, (marker, colour, label) in kinds.items():
        part = drawn[drawn.holds.astype(bool) == holds]
        across = np.clip(part.margin, -CUT, CUT)
        ax.plot(across, part.claim.map(claims.index), marker, color=colour, label=label, alpha=0.7, markersize=5)
    ax.axvline(0, color="0.3", linewidth=0.8)
    ax.set_yticks(range(len(claims)), claims)
    ax.set(ylim=(len(claims) - 0.4, -0.6), xlim=(-CUT - 0.3, CUT + 0.3))
    ax.set_xlabel("against the claim  ←  difference / margin of error  →  for the claim")
    ax.set_xticks(range(-CUT, CUT + 1, 2), [f"≤ {-CUT}", *map(str, range(2 - CUT, CUT, 2)), f"≥ {CUT}"])
    ax.grid(axis="y", color="0.92")
    fig.legend(loc="outside upper center", ncols=3, frameon=False)
    return fig
