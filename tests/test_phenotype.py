"""The effect of a treatment, and whether two kinds of images show it alike."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from l2l_utils import phenotype, scores, treatment

N = 12


def table(rng, *, restored_shift):
    """Return shapes of 12 control and 12 treated fields: fluorescent, and of two trainings that shift the treated."""
    own = {name: rng.normal(0.5, 0.05, N) for name in ("control", "treated")}
    rows = []
    for metric, sign in {"circularity": 1, "aspect_ratio": -1}.items():
        for name, values in own.items():
            for i, value in enumerate(values):
                treated = sign * 0.1 * (name == "treated")
                extra = sign * restored_shift * (name == "treated")
                image = {"dataset": "tomm20", "image": f"{name}_{i:03d}", "metric": metric, "reference": "none"}
                rows.append(image | {"method": phenotype.FLUORESCENT, "value": value + treated})
                for seed, off in enumerate((-0.02, 0.02)):
                    restored = {"method": phenotype.RESTORED, "loss": "Laplace", "seed": seed}
                    rows.append(image | restored | {"value": value + treated + extra + off})
    return pd.DataFrame(rows).reindex(columns=scores.COLUMNS)


def test_effects_are_cohens_d_of_the_means_over_trainings(rng):
    """The value is Cohen's d; trainings count as one; the interval holds it, and excludes 0 where it is so clear."""
    found = phenotype.effects(table(rng, restored_shift=0), rng=rng).set_index(["method", "metric"])
    assert set(found.images) == {2 * N}
    for metric, sign in {"circularity": 1, "aspect_ratio": -1}.items():
        both = found.xs(metric, level="metric").value
        np.testing.assert_allclose(both[phenotype.RESTORED], both[phenotype.FLUORESCENT])
        assert sign * both[phenotype.RESTORED] > 0
    assert (found.low < found.value).all()
    assert (found.value < found.high).all()
    assert (np.sign(found.low) == np.sign(found.high)).all()


def test_the_interval_is_that_of_two_samples(rng):
    """For two normal samples the bootstrap's interval is about as wide as that of d by its large-sample variance."""
    control, treated = rng.normal(0, 1, 80), rng.normal(1, 1, 80)
    names = [f"control_{i:03d}" for i in range(80)] + [f"treated_{i:03d}" for i in range(80)]
    values = {"value": np.concatenate([control, treated]), "image": names, "metric": "circularity", "method": "x"}
    (found,) = phenotype.effects(pd.DataFrame(values), rng=rng).itertuples()
    d = treatment.cohens_d(control, treated)
    assert found.value == pytest.approx(d)
    width = 2 * stats.norm.ppf(0.975) * np.sqrt(2 / 80 + d**2 / (4 * 80))
    assert found.high - found.low == pytest.approx(width, rel=0.2)


@pytest.mark.parametrize(("shift", "holds"), [(0, True), (0.3, False), (-0.09, False)])
def test_equal_effects_hold_and_others_do_not(rng, shift, holds):
    """The claim holds where restored images show the same effect; a larger or a lost one is told from it."""
    found = phenotype.compare_effects(table(rng, restored_shift=shift), rng=rng)
    assert list(found.claim) == ["U06", "U06"]
    assert list(found.holds) == [holds, holds]
    assert (np.sign(found.value.round(6)) == np.sign(shift)).all()


def test_too_few_images_are_left_out(rng):
    """Three fields of each kind are too few to be drawn again."""
    few = table(rng, restored_shift=0)
    few = few[few.image.str[-3:].astype(int) < 3]
    assert phenotype.effects(few, rng=rng).empty
    assert phenotype.compare_effects(few, rng=rng).empty
