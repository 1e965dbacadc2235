"""Figures of alarms show what they are given."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from l2l_utils import alarm_charts, alarms, examination, reliability


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_maps_are_coloured_by_rank_where_structure_is_drawn(rng):
    """The most doubtful drawn pixel has the brightest colour, the least the darkest; elsewhere the image is grey."""
    restored = rng.random((32, 32)).astype(np.float32)
    drawn, alarm = restored > 0.6, rng.random((32, 32))
    image = alarm_charts.drawn_in_colour(restored, drawn, alarms.highest_rank([alarm], drawn))
    assert (np.ptp(image[~drawn], axis=-1) == 0).all()
    worst, best = (np.unravel_index(np.argmax(np.where(drawn, a, -9)), alarm.shape) for a in (alarm, -alarm))
    cividis = mpl.colormaps["cividis"]
    assert image[best] == pytest.approx(cividis(0.0)[:3])
    assert image[worst] == pytest.approx(cividis(1.0)[:3], abs=0.03)
    maps = {"error map": alarm, "combined": alarm}
    examined = examination.Examined(restored, restored, drawn, maps, alarms.squirrel(alarm, restored))
    figure = alarm_charts.alarm_maps(examined, zoom=(0, 0, 8))
    assert [ax.get_title() for ax in figure.axes if ax.get_title()] == list(maps)


def test_false_structure_is_orange_and_true_structure_white():
    shown, false = np.zeros((2, 4, 4), bool)
    shown[1], false[1, :2] = True, True
    image = alarm_charts.false_in_colour(np.zeros((4, 4)), reliability.Places(shown, false))
    assert image[1, 3] == pytest.approx((1, 1, 1))
    assert image[1, 0] == pytest.approx(mpl.colors.to_rgb("#ff7f0e"))
    assert not image[0].any()


def test_roc_curves_name_their_area(rng):
    """A legend entry per alarm with its area; an alarm without false places is left out."""
    rows = [
        {"alarm": "good", "false": np.arange(10, 40.0), "true": np.arange(0, 10.0)},
        {"alarm": "useless", "false": rng.random(4000), "true": rng.random(4000)},
        {"alarm": "empty", "false": np.array([]), "true": rng.random(4)},
    ]
    figure = alarm_charts.roc_curves(pd.DataFrame(rows))
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts[0] == "good: 1.00"
    assert texts[1].startswith("useless: 0.")
    assert len(texts) == 2


def test_effects_are_drawn_per_kind_of_image():
    """Each kind of image has a dot per training at its treatment."""
    rows = [("fewer", "area", "truth", 0.5), ("fewer", "area", "L2L", 0.6), ("fewer", "area", "L2L", 0.7)]
    table = pd.DataFrame(rows, columns=["treatment", "measure", "what", "ratio"])
    figure = alarm_charts.effects(table, titles={"area": "area share"})
    lines = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].get_lines()}
    assert lines["truth"] == [0.5]
    assert lines["L2L"] == [0.6, 0.7]
