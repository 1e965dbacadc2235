"""Claims without a network are judged by numbers that were planted."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from l2l_utils import papers, untrained_claims


def labels(ratio, *, n=30, scatter=0.02):
    """Return indices of images whose 5S-SSIM is `ratio` times their SSIM, up to some scatter."""
    rng = np.random.default_rng(0)
    rows = []
    for k in range(n):
        ssim = rng.uniform(0.1, 0.2)
        indices = {"ssim": ssim, "ms_ssim_5": ratio * ssim * rng.normal(1, scatter)}
        key = {"claim": "L23", "dataset": "actin", "method": "input", "reference": "benchmark", "image": str(k)}
        rows += [key | {"metric": metric, "value": value} for metric, value in indices.items()]
    return pd.DataFrame(rows)


def test_ratio_of_indices_is_set_against_the_papers():
    """A planted ratio is found with an interval around it; it holds within a fifth of the paper's."""
    table = papers.reported("Table 1").query("dataset == 'actin' and method == 'input'").set_index("metric").value
    paper = table.ms_ssim_5 / table.ssim
    (found,) = untrained_claims.compare_indices(labels(paper + 0.3)).itertuples()
    assert found.low < 0.3 < found.high
    assert found.high - found.low < 0.1
    assert found.holds
    assert not untrained_claims.compare_indices(labels(1.3 * paper)).holds[0]


@pytest.mark.parametrize(("hits", "holds"), [(100, True), (99, True), (98, False), (0, False)])
def test_drift_is_found_in_99_of_100(hits, holds):
    """The interval is Clopper and Pearson's, here by the quantiles of the beta distribution."""
    key = {"dataset": "tubulin", "metric": "found_exactly", "condition": "n=100;image_px=512;smoothing_px=2"}
    (found,) = untrained_claims.compare_drift(pd.DataFrame([key | {"value": hits / 100}])).itertuples()
    low = stats.beta.ppf(0.025, hits, 101 - hits) if hits else 0
    high = stats.beta.ppf(0.975, hits + 1, 100 - hits) if hits < 100 else 1
    assert (found.low, found.high) == pytest.approx((low - 0.99, high - 0.99))
    assert (found.value, found.holds) == (pytest.approx(hits / 100 - 0.99), holds)


def test_other_scores_say_nothing():
    """Scores of other chapters have no part in these claims."""
    scores = labels(3).assign(claim=None, condition=None)
    assert untrained_claims.compare_drift(scores).empty
    assert untrained_claims.compare_indices(scores).empty
