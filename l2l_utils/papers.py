"""The numbers that the papers report, to be shown beside ours."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def reported(*tables: str, paper: str = "label2label") -> pd.DataFrame:
    """Return what a paper reports in some of its tables, a row per number.

    Parameters
    ----------
    *tables : str
        Of Kölln et al. (2022) ``Table 1``, ``Table S1`` or ``Results text``, where the contrast of the labels is.
    paper : {"label2label", "nanoscopy"}
        Kölln et al. (2022), or Jadhav et al. (2020), which has a ``Table 1``.

    Returns
    -------
    pandas.DataFrame
        Columns ``dataset``, ``method``, ``loss``, ``metric``, ``value``, and ``sd`` where the paper gives a standard
        deviation. The data sets sytox and cd44 are nucleus and membrane.

    References
    ----------
    https://doi.org/10.1242/jcs.258994 and https://arxiv.org/abs/2009.02617
    """
    everything = pd.read_csv(Path(__file__).with_name("paper_tables.csv"), keep_default_na=False)
    chosen = everything[(everything.paper == paper) & everything.table.isin(tables)]
    is_spread = chosen.metric.str.endswith("_sd")
    spread = chosen[is_spread].assign(metric=chosen.metric.str.removesuffix("_sd")).rename(columns={"value": "sd"})
    keys = ["dataset", "method", "loss", "metric"]
    return chosen[~is_spread].merge(spread[[*keys, "sd"]], on=keys, how="left")[[*keys, "value", "sd"]]


def beside_paper(scores: pd.DataFrame) -> pd.DataFrame:
    """Return what the paper reports of its labels beside the mean and standard deviation over images here.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, columns ``dataset``, ``method``, ``metric``, ``value``: the labels of pairs, not restored images.

    Returns
    -------
    pandas.DataFrame
        Texts, ``paper | mean ± standard deviation``: a row per data set and method, a column per metric that the paper
        has too.
    """
    keys = ["dataset", "method", "metric"]
    here = scores.groupby(keys, sort=False).value.agg(["mean", "std"])
    here["paper"] = reported("Table 1", "Results text").query("loss == ''").set_index(keys).value
    texts = here.dropna(subset="paper").apply("{0[paper]:.3g} | {0[mean]:.3g} ± {0[std]:.2g}".format, axis=1)
    rows = ["dataset", "method"]
    table = texts.reset_index(name="text").pivot_table("text", rows, "metric", aggfunc="first", sort=False)
    return table.fillna("")


def restored_beside_paper(summary: pd.DataFrame, table: str, *, paper: str = "label2label") -> pd.DataFrame:
    """Return the scores in a table of the paper beside those of the same methods here.

    Parameters
    ----------
    summary : pandas.DataFrame
        Of `intervals.summarise`, with one reference and condition.
    table, paper : str
        As in `reported`.

    Returns
    -------
    pandas.DataFrame
        Texts, ``paper | mean ± standard deviation over seeds``: a row per data set, method and loss, in the paper's
        order, a column per metric.
    """
    keys = ["dataset", "method", "loss", "metric"]
    both = reported(table, paper=paper)[[*keys, "value"]].merge(summary, on=keys, suffixes=("_paper", ""))
    texts = both.value_paper.map("{:.3g} | ".format) + both.value.map("{:.3g}".format)
    both["text"] = texts + both.sd.map(" ± {:.1g}".format).where(both.sd.notna(), "")
    return both.pivot_table("text", keys[:3], "metric", aggfunc="first", sort=False)
