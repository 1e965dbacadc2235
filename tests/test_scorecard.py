"""Verdicts on claims follow scores that were planted to hold or not to hold."""

import numpy as np
import pandas as pd
import pytest

from l2l_utils import scorecard
from l2l_utils.claims import CLAIMS, FILTER_CLAIMS, FILTERS, TABLE_S1_LOSS, Claim, Comparison

SAID = ("not clearly other", "at most 0.02 other")


def planted(levels, *, metric, dataset, reference="truth", scatter=0.01):
    """Return scores of methods whose means are `levels`, on images that differ much from each other."""
    rng, rows = np.random.default_rng(0), []
    of_image = rng.normal(0, 1, 20)
    of_image -= of_image.mean()
    for name, level in levels.items():
        method, _, loss = name.rpartition(" ")
        if not loss.endswith(("SSIM", "L1")):
            method, loss = name, ""
        for seed in range(3) if loss else [np.nan]:
            key = {"dataset": dataset, "reference": reference, "metric": metric, "method": method, "loss": loss}
            rows += [
                key | {"seed": seed, "image": f"cell_{i}", "value": level + effect + rng.normal(0, scatter)}
                for i, effect in enumerate(of_image)
            ]
    return pd.DataFrame(rows).reindex(columns=[*rows[0], "condition"])


def test_claims_that_hold_are_reproduced():
    """L2L above N2N in all four structures reproduces L06; in one of them equal, it does so partly and says where."""
    scores = [
        planted({"L2L 3S-SSIM": 0.6, "N2N 3S-SSIM": 0.4}, metric="ms_ssim_3", dataset=name)
        for name in ("actin", "tubulin", "caveolae")
    ]
    holds = planted({"L2L 3S-SSIM": 0.6, "N2N 3S-SSIM": 0.4}, metric="ms_ssim_3", dataset="paxillin")
    fails = planted({"L2L 3S-SSIM": 0.4, "N2N 3S-SSIM": 0.4}, metric="ms_ssim_3", dataset="paxillin", scatter=0.05)
    everywhere = scorecard.verdicts(scorecard.judge(pd.concat([*scores, holds]))).loc["L06"]
    assert tuple(everywhere[["hold", "verdict in simulation", "does not hold"]]) == ("4 of 4", "reproduced", "")
    partly = scorecard.verdicts(scorecard.judge(pd.concat([*scores, fails]))).loc["L06"]
    assert tuple(partly[["hold", "verdict in simulation"]]) == ("3 of 4", "partly")
    assert partly["does not hold"] == "paxillin, ms_ssim_3: L2L 3S-SSIM higher than N2N 3S-SSIM"


def test_every_kind_of_comparison():
    """Lower, not lower and near follow the difference that was planted; without scores nothing is said."""
    background = {"input": 0.3, "N2N 3S-SSIM": 0.2, "L2L 3S-SSIM": 0.1}
    widths = {"input": 300.0, "gaussian": 320.0, "top_hat": 250.0}
    scores = pd.concat(
        [
            planted(background, metric="background", dataset="actin", scatter=0.001),
            planted(widths, metric="fwhm_nm", dataset="tubulin", reference="none", scatter=1),
        ]
    )
    found = scorecard.judge(scores).set_index(["claim", "first"]).holds
    assert found.loc["L07"].to_dict() == {"L2L 3S-SSIM": True, "N2N 3S-SSIM": False}
    assert found.loc["L14"].to_dict() == {"gaussian": True, "top_hat": False}
    assert set(found.index.get_level_values("claim")) == {"L07", "L14"}


@pytest.mark.parametrize(("off", "other", "far"), [(0.0, False, False), (0.01, True, False), (0.03, True, True)])
def test_equality_is_a_matter_of_the_interval(off, other, far):
    """Not clearly other if the interval includes 0; at most 0.02 other if it does not reach as far."""
    claims = {says: Claim("", [Comparison("actin", "psnr", "L2L L1", "input", says)]) for says in SAID}
    scores = planted({"input": 0.5, "L2L L1": 0.5 + off}, dataset="actin", metric="psnr", scatter=0.003)
    judged = scorecard.judge(scores, claims)
    assert judged.set_index("says").holds.to_dict() == dict(zip(SAID, (not other, not far), strict=True))


def test_the_best_loss_is_chosen_and_ranks_are_correlated():
    """L02 takes each data set's best loss; PSNR that ranks losses as their errors do refutes L22."""
    levels = {"L2L L1": 0.4, "L2L 5S-SSIM": 0.7, "L2L 3S-SSIM": 0.6, "L2L SSIM": 0.5}
    similarity = planted(levels | {"input": 0.65}, metric="ms_ssim_5", dataset="actin", reference="benchmark")
    psnr = planted(levels, metric="psnr", dataset="actin", reference="benchmark")
    errors = planted({name: -value for name, value in levels.items()}, metric="false_structure", dataset="actin")
    judged = scorecard.judge(pd.concat([similarity, psnr, errors])).set_index("claim")
    assert judged.loc["L02", "holds"]
    assert judged.loc["L22", "value"] > 0.9
    assert not judged.loc["L22", "holds"]


def test_closeness_to_sted_is_measured_field_by_field():
    """The widths nearest to STED's are the nearest, whether above or below it."""
    widths = {"STED": 120.0, "L2L SSIM": 130.0, "L2L 3S-SSIM": 100.0, "L2L L1": 160.0}
    judged = scorecard.judge(planted(widths, metric="fwhm_nm", dataset="tubulin", reference="none", scatter=1))
    off = judged[judged.metric == "off_sted_nm"].set_index("second")
    assert off.holds.to_dict() == {"L2L L1": True, "L2L 3S-SSIM": True}
    assert abs(off.value["L2L 3S-SSIM"] + 10) < 1


def test_comparisons_name_what_is_measured():
    """Every claim has words and comparisons of two different methods on a structure of the paper."""
    for claim in CLAIMS.values():
        assert claim.words
        assert claim.comparisons
        for comparison in claim.comparisons:
            assert comparison.first != comparison.second
            assert comparison.dataset in ("actin", "tubulin", "caveolae", "paxillin")


def test_filters_are_claims_of_their_own():
    """Where L2L is best on every image both claims about filters are reproduced; a better filter is named."""
    others = ["input", "wiener", *(f"{tuned}{name}" for name in FILTERS for tuned in ("", "tuned "))]
    scores, ups = [], (("benchmark", "ms_ssim_3", 1), ("truth", "ms_ssim_3", 1), ("truth", "dice", 1))
    for dataset, loss in TABLE_S1_LOSS.items():
        for reference, metric, sign in (*ups, ("truth", "distance_error_px", -1)):
            levels = {f"L2L {loss}": 2 * sign, f"N2N {loss}": sign} | dict.fromkeys(others, 0)
            scores.append(planted(levels, metric=metric, dataset=dataset, reference=reference))
    scores = pd.concat(scores)
    table = scorecard.verdicts(scorecard.judge(scores, FILTER_CLAIMS))
    assert list(table["verdict in simulation"]) == ["reproduced", "reproduced"]
    scores = scores[scores.dataset == "caveolae"]
    better = (scores.method == "tuned gaussian") & (scores.metric == "ms_ssim_3")
    table = scorecard.verdicts(scorecard.judge(scores.assign(value=scores.value + 9 * better), FILTER_CLAIMS))
    assert table.loc["L09", "verdict in simulation"] == "partly"
    assert table.loc["L09", "does not hold"] == "caveolae, ms_ssim_3: L2L 3S-SSIM higher than tuned gaussian"
