"""What is recorded of the filters' sweep agrees with the scores it was made from."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from l2l_utils import scores

SCRIPT = Path(__file__).resolve().parents[1] / "workflow" / "collect_filters.py"


@pytest.fixture
def paths(tmp_path, rng):
    """Return score files of two structures: L2L above the Gaussian above the input, on every image, in any measure."""
    of_image, paths = rng.normal(0, 0.1, 8), []
    for dataset, loss in {"tubulin": "3S-SSIM", "paxillin": "L1"}.items():
        rows = [
            {"dataset": dataset, "method": method, "loss": used, "seed": seed, "image": f"cell_{i:03d}"}
            | {"reference": reference, "metric": metric, "value": level + of_image[i] + 0.001 * rng.normal()}
            for method, used, level in (("input", None, 1), ("gaussian", None, 2), ("L2L", loss, 3))
            for seed in (range(3) if used else [None])
            for reference, metric in (("benchmark", "ms_ssim_3"), ("truth", "dice"), ("none", "fwhm_failed"))
            for i in range(len(of_image))
        ]
        paths.append(tmp_path / dataset / "scores.csv")
        paths[-1].parent.mkdir()
        pd.DataFrame(rows).reindex(columns=scores.COLUMNS).to_csv(paths[-1], index=False)
    return paths


def test_records_say_what_the_scores_say(paths, tmp_path):
    """Means over trainings and images, the paper's orderings, and the claims that these scores can decide."""
    runpy.run_path(str(SCRIPT))["main"](tmp_path, paths)
    summary, orders, claims = (
        pd.read_csv(tmp_path / f"{name}.csv", comment="#") for name in ("filters", "filter_orderings", "filter_claims")
    )
    assert set(summary.metric) == {"ms_ssim_3", "dice"}
    everything = pd.concat(map(pd.read_csv, paths))
    expected = everything[(everything.method == "L2L") & (everything.metric == "dice")].groupby("dataset").value.mean()
    found = summary[(summary.method == "L2L") & (summary.metric == "dice")].set_index("dataset").value
    np.testing.assert_allclose(found, expected[found.index], rtol=1e-4)
    assert len(orders) == 2 * 3
    assert (orders.verdict == "holds").all()
    assert set(claims.claim) == {"L09", "L36"}
    assert claims.holds.all()
    assert "# seeds: 0 1 2" in (tmp_path / "filters.csv").read_text("utf-8")
