"""The cases on which the alarms are judged are what they say, and thresholds come from other structures."""

import alarm_cases
import numpy as np
import pandas as pd
import pytest
from second_microscope import draw_style, simulate_pair, true_structure


@pytest.mark.parametrize("case", ["actin", "more haze", "no structure", alarm_cases.SECOND])
def test_each_number_is_another_image_of_the_case(case):
    """A case has a source and a truth of one shape; the same number gives the same image, another number another."""
    first, again, other = (alarm_cases.simulate("tubulin", case, number, (96, 96)) for number in (0, 0, 1))
    assert first["source"].shape == first["truth"].shape == (96, 96)
    np.testing.assert_array_equal(first["source"], again["source"])
    assert (first["source"] != other["source"]).mean() > 0.5
    assert first["truth"].any() == (case != "no structure")


def test_truth_of_the_second_microscope_lies_under_its_image():
    """The benchmark is bright on the chains that are said to be there; the images are as they were without a truth."""
    style = draw_style(np.random.default_rng(4))
    _, target = simulate_pair((128, 128), style, rng=np.random.default_rng(5))
    truth = true_structure((128, 128), style, rng=np.random.default_rng(5))
    assert 0 <= truth.min() <= truth.max() <= 1
    dark = target.min()
    assert target[truth > 0.5].mean() - dark > 2 * (target[truth < 0.05].mean() - dark)


def test_thresholds_are_set_on_other_structures():
    """The threshold is that of 10 % false alarms on the others; hits and false alarms are counted with it."""
    rows = []
    for structure, scale in (("tubulin", 1.0), ("actin", 2.0)):
        for seed in range(2):
            for image in "ab":
                values = {"false": scale * np.linspace(0.5, 2, 31), "true": scale * np.linspace(0, 1, 101)}
                rows.append({"structure": structure, "seed": seed, "image": image, "false_share": 0.1} | values)
    about = {"loss": "L1", "method": "L2L", "images": alarm_cases.NEW, "alarm": "combined"}
    table = alarm_cases.summarise(pd.DataFrame(rows).assign(**about)).set_index("structure")
    assert table.threshold.to_dict() == pytest.approx({"tubulin": 1.8, "actin": 0.9})
    assert table.false_alarms.to_dict() == pytest.approx({"tubulin": 0, "actin": 55 / 101}, abs=0.011)
    assert table.hits["tubulin"] == pytest.approx(4 / 31)
    assert table.hits["actin"] == 1
