"""Hard and harmful images are found where they were planted, and not where there are none."""

import numpy as np
import pandas as pd
import pytest

from l2l_utils import folds, hard_images


def sweep(rng, *, hard=(), harmful=(), noise=1.0, training_noise=0.0):
    """Return a sweep of made-up changes: some images score 5 lower, trainings with some others score 5 lower."""
    rows = []
    fields = [[type("Pair", (), {"name": f"i{i:02d}"})] for i in range(12)]
    for n_pairs, repetition in ((4, 0), (4, 1), (4, 2), (8, 0), (8, 1), (8, 2), (8, 3)):
        drawn = folds.draw_folds(fields, n_fields=n_pairs, n_folds=4, rng=rng)
        for number, fold in enumerate(drawn):
            trained_on, luck = {pair.name for pair in fold.training}, training_noise * rng.standard_normal()
            for pair in fold.training + fold.test:
                value = luck + n_pairs - 5 * (pair.name in hard) - 5 * len(trained_on & set(harmful))
                labels = {"dataset": "a", "n_pairs": n_pairs, "repetition": repetition, "fold": number}
                labels |= {"image": pair.name, "seen": pair.name in trained_on}
                rows.append(labels | {"ms_ssim_5_change": value + noise * rng.standard_normal()})
    return pd.DataFrame(rows)


def test_difficulty_leaves_out_n(rng):
    """Without noise or hard images, every test lies at the mean of its N."""
    found = hard_images.difficulty(sweep(rng, noise=0), "ms_ssim_5_change")
    assert found.deviation.abs().max() == 0
    assert len(found) == 3 * 4 + 4 * 8


def test_a_hard_image_is_found(rng):
    """An image that scores 5 lower has the lowest mean, and the spread between images is beyond chance."""
    deviations = hard_images.difficulty(sweep(rng, hard=["i03"], noise=0.5), "ms_ssim_5_change")
    assert deviations.groupby("image").deviation.mean().idxmin() == "i03"
    found = hard_images.spreads(deviations)
    assert found.p < 0.001
    assert found.between_images > found.between_trainings


def test_equal_images_are_told_as_equal():
    """In 300 sweeps without hard images, about 5 % have a p below 0.05, and the spread of trainings is the noise."""
    rng = np.random.default_rng(4)
    groups = np.repeat([f"i{i}" for i in range(6)], [1, 2, 3, 3, 4, 2])
    found = [
        hard_images.spreads(pd.DataFrame({"image": groups, "deviation": 2 * rng.standard_normal(len(groups))}))
        for _ in range(300)
    ]
    # standard deviation 1.3 %
    assert 0.01 < np.mean([each.p < 0.05 for each in found]) < 0.1
    assert np.sqrt(np.mean([each.between_trainings**2 for each in found])) == pytest.approx(2, rel=0.1)


def test_spreads_need_repetitions():
    """Where no image was tested twice, nothing can be told apart."""
    with pytest.raises(ValueError, match=r"found 2 tests of 2 images. Repeat"):
        hard_images.spreads(pd.DataFrame({"image": ["a", "b"], "deviation": [0.0, 1.0]}))


def test_a_harmful_image_is_found_and_a_hard_one_is_not_blamed(rng):
    """Only the image whose trainings are worse has an influence below 0 for certain, of about the size planted."""
    found = hard_images.influence(sweep(rng, hard=["i03"], harmful=["i07"], noise=0.3), "ms_ssim_5_change")
    by_image = found.set_index("image")
    assert by_image.value.idxmin() == "i07"
    assert by_image.value["i07"] == pytest.approx(-5, abs=1.5)
    assert by_image.high["i07"] < 0
    assert hard_images.outside_chance(found).certain["a"] == 1
    assert by_image.low["i03"] < 0 < by_image.high["i03"]


def test_innocent_images_are_rarely_blamed():
    """In 60 sweeps where trainings differ by luck, about 5 % of the intervals exclude 0, and few stay after Holm's."""
    rng = np.random.default_rng(6)
    found = [hard_images.influence(sweep(rng, hard=["i03"], training_noise=2), "ms_ssim_5_change") for _ in range(60)]
    outside = np.mean(np.concatenate([each.p < 0.05 for each in found]))
    # intervals of one sweep depend on each other: standard deviation over seeds 1 %
    assert 0.02 < outside < 0.08
    assert np.mean([hard_images.outside_chance(each).certain["a"] > 0 for each in found]) < 0.15


def test_chance_is_named():
    """Intervals that exclude 0 are counted beside those expected by chance; Holm's correction goes by rank."""
    found = pd.DataFrame({"dataset": "a", "image": list("abcd"), "value": 1.0, "p": [0.012, 0.2, 0.02, 0.01]})
    row = hard_images.outside_chance(found).loc["a"]
    # 0.01 * 4 and 0.012 * 3 and 0.02 * 2 pass, 0.2 * 1 does not
    assert row.to_dict() == {"images": 4, "outside": 3, "expected by chance": 0.2, "certain": 3}
