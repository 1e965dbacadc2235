"""The paper's claims about the separation of two structures, fixed before anything was measured."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from l2l_utils.claims import LOSSES, Claim, compare, each

BOTH: Final = ("nucleus", "membrane")
JITTER: Final = "jitter"
OURS: Final = "separation 3S-SSIM"  # the loss of the paper's figure

SEPARATION_CLAIMS: Final = {
    "L28": Claim(
        "One superposed image can be separated into nucleus and membrane",
        each(BOTH, *(compare("psnr", f"separation {loss}", "input", reference="benchmark") for loss in LOSSES)),
    ),
    "L29": Claim(
        "Separation depends on the overlap of the structures: the error rises with it",
        each(BOTH, *(compare("overlap_correlation", f"separation {loss}", "none") for loss in LOSSES)),
    ),
    "L30": Claim(
        "Separation also removes noise and jitter, and blurs a little",
        [
            *each(BOTH, compare("noise", OURS, "benchmark", "lower")),
            *each(BOTH, compare("jitter_px", OURS, "benchmark", "lower", condition=JITTER)),
            *each(("nucleus",), compare("edge_nm", OURS, "benchmark")),
        ],
    ),
    "L31": Claim("No loss is clearly the best for separation", []),
}


def compare_losses(scores: pd.DataFrame) -> pd.DataFrame:
    """Set the spread between losses against that between seeds, claim L31.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form; without two losses, and two trainings of each, nothing is compared.

    Returns
    -------
    pandas.DataFrame
        Rows as `scorecard.judge` makes them, for PSNR and 5S-SSIM of each structure. ``value`` is the standard
        deviation of the losses' means divided by the one that seeds alone would give; ``low`` and ``high`` are the ends
        of its 95 % interval by Fisher's distribution, and the claim holds if 1 or less is among them.
    """
    chosen = scores[(scores.method == "separation") & (scores.reference == "benchmark") & scores.condition.isna()]
    rows = []
    for dataset in BOTH:
        for metric in ("psnr", "ms_ssim_5"):
            part = chosen[(chosen.dataset == dataset) & (chosen.metric == metric)]
            means = part.pivot_table("value", "loss", "seed")
            n_losses, n_seeds = means.shape
            if min(means.shape) < 2:
                continue
            ratio = np.sqrt(n_seeds * means.mean(axis=1).var() / means.var(axis=1).mean())
            quantiles = stats.f.ppf([0.975, 0.025], n_losses - 1, n_losses * (n_seeds - 1))
            low, high = ratio / np.sqrt(quantiles)
            first, second = "spread between losses", "spread that seeds alone give"
            said = compare(metric, first, second, "not higher", reference="benchmark")._replace(dataset=dataset)
            found = {"value": ratio, "low": low, "high": high, "holds": low <= 1}
            rows.append({"claim": "L31"} | said._asdict() | found)
    return pd.DataFrame(rows)
