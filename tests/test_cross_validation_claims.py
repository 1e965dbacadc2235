"""The criteria of L32 to L35 hold on sweeps made as the paper describes, and fail where the opposite was built in."""

import numpy as np
import pandas as pd
import pytest

from l2l_utils import cross_validation_claims, scorecard


def sweep(
    *, dataset="tubulin", gains=(0.2, 0.3, 0.31), errors=(-0.1, -0.2, -0.3), spread=(0.08, 0.02, 0.01), seen=0.02
):
    """Return a sweep over 8, 16 and 32 pairs; `gains` and `errors` by N, `spread` between trainings by N."""
    rng, rows = np.random.default_rng(3), []
    for n_pairs, gain, error, sd in zip((8, 16, 32), gains, errors, spread, strict=True):
        for repetition in range(3):
            for fold, image in np.ndindex(4, n_pairs):
                is_seen = image % 4 != fold
                noise, flattery = sd * rng.standard_normal(), seen * is_seen
                labels = {"dataset": dataset, "n_pairs": n_pairs, "repetition": repetition, "fold": fold}
                changes = {"nrmse_change": error - flattery, "ms_ssim_5_change": gain + flattery + noise}
                changes["nrmse_change"] += 0.002 * rng.standard_normal()
                rows.append(labels | {"image": f"i{image}", "seen": is_seen} | changes)
    return pd.DataFrame(rows)


def holds(table):
    """Return by claim whether each of its comparisons holds."""
    judged = cross_validation_claims.judge(table)
    return {claim: part.holds.tolist() for claim, part in judged.groupby("claim")}


def test_what_the_paper_describes():
    """Gains from few pairs on, levelling off, NRMSE still falling, seen images better: all of it holds."""
    assert holds(sweep()) == {"L32": [True, True], "L33": [True, True], "L35": [True, True]}


@pytest.mark.parametrize(
    ("change", "claim", "expected"),
    [
        ({"gains": (-0.2, 0.3, 0.31)}, "L32", [False, True]),
        ({"spread": (0.02, 0.02, 0.02)}, "L32", [True, False]),
        ({"gains": (0.1, 0.2, 0.4)}, "L33", [False, True]),
        ({"errors": (-0.1, -0.3, -0.3)}, "L33", [True, False]),
        ({"seen": -0.02}, "L35", [False, False]),
    ],
)
def test_the_opposite_fails(change, claim, expected):
    """What was built in the other way does not hold."""
    assert holds(sweep(**change))[claim] == expected


def test_caveolae_have_a_claim_of_their_own():
    """No trend of NRMSE holds where there is none, and fails where there is one; L33 leaves NRMSE out."""
    flat = {"dataset": "caveolae", "errors": (-0.1, -0.1, -0.1)}
    assert holds(sweep(**flat))["L34"] == [True]
    assert holds(sweep(dataset="caveolae"))["L34"] == [False]
    assert len(holds(sweep(**flat))["L33"]) == 1


def test_the_scorecard_knows_these_claims():
    """The verdicts are those of every other chapter's claims."""
    table = scorecard.verdicts(cross_validation_claims.judge(sweep(seen=-0.02)))
    assert table["verdict in simulation"].to_dict() == {
        "L32": "reproduced",
        "L33": "reproduced",
        "L35": "not reproduced",
    }
    assert table["what the paper says"]["L35"] == cross_validation_claims.WORDS["L35"]


def test_one_n_has_no_trend():
    """A sweep of a single N is judged by what it can tell."""
    table = sweep()
    assert set(holds(table[table.n_pairs == 8])) == {"L32", "L35"}
