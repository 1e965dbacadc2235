"""Orderings of the paper's tables are found in planted scores."""

import numpy as np
import pandas as pd
import pytest

from l2l_utils import orderings, papers


@pytest.fixture
def planted():
    """Return scores that follow the paper's Table 1 for tubulin, but for L1, which is put above all by SSIM."""
    rng, rows = np.random.default_rng(0), []
    reported = papers.reported("Table 1").query("dataset == 'tubulin' and metric in ['psnr', 'ssim']")
    of_image = {f"cell_{i}": rng.normal(0, 3) for i in range(20)}
    for row in reported.itertuples():
        value = 0.9 if (row.metric, row.loss) == ("ssim", "L1") else row.value
        for seed in range(3) if row.loss else [None]:
            key = {"dataset": row.dataset, "method": row.method, "loss": row.loss, "metric": row.metric, "seed": seed}
            rows += [
                key | {"image": image, "value": value + effect + rng.normal(0, 1e-5)}
                for image, effect in of_image.items()
            ]
    return pd.DataFrame(rows)


def test_planted_orderings_hold_and_the_exception_is_named(planted):
    """All ten orderings by PSNR hold; by SSIM, the four with L1, which the paper has last, are the other way round."""
    compared = orderings.compare(planted, "Table 1")
    assert compared.groupby("metric").size().to_dict() == {"psnr": 10, "ssim": 10}
    verdicts = compared.groupby(["metric", "verdict"]).size()
    assert verdicts.to_dict() == {("psnr", "holds"): 10, ("ssim", "holds"): 6, ("ssim", "reversed"): 4}
    sentences = orderings.sentences(compared).set_index("metric").sentence
    assert sentences["psnr"] == "10 of the paper's 10 orderings hold."
    assert sentences["ssim"].startswith("6 of the paper's 10 orderings hold; the other way round: input above L2L L1;")


def test_what_lies_within_the_spread_is_open(planted):
    """Seeds that scatter more than methods differ decide nothing."""
    noisy = planted.assign(value=np.random.default_rng(1).normal(size=len(planted)))
    compared = orderings.compare(noisy, "Table 1")
    assert (compared.verdict == "open").mean() > 0.7
    assert "within the spread" in orderings.sentences(compared).sentence[0]
