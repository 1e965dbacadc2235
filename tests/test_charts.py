"""Charts show the numbers they are given, and colour what is invented and missed."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from l2l_utils import charts


@pytest.fixture(autouse=True)
def no_figures_left():
    """Close what a test draws."""
    yield
    plt.close("all")


@pytest.fixture
def summary():
    """Return a summary of one measure for two structures."""
    rows = [
        {"dataset": dataset, "method": method, "loss": loss, "value": value, "low": value - 0.1, "high": value + 0.2}
        for dataset in ("tubulin", "actin")
        for method, loss, value in (("input", "", 0.5), ("L2L", "L1", 1.0), ("L2L", "SSIM", 2.0), ("N2N", "L1", 3.0))
    ]
    return pd.DataFrame(rows)


def test_measures_stand_at_their_loss(summary):
    """A dot per loss at its value, a line for what has no loss, nothing where there is no value."""
    fig = charts.by_loss(summary, losses=["L1", "SSIM"], label="errors")
    assert [ax.get_title() for ax in fig.axes] == ["tubulin", "actin"]
    l2l, n2n = (bars[0].get_ydata() for bars in fig.axes[0].containers)
    np.testing.assert_array_equal(l2l, [1, 2])
    np.testing.assert_array_equal(np.array(n2n, float), [3, np.nan])
    assert any(set(line.get_ydata()) == {0.5} for line in fig.axes[0].lines)


def test_dots_follow_the_order_of_names(summary):
    """Names without values are left out; the others stand from top to bottom."""
    part = summary[summary.dataset == "actin"]
    fig = charts.dots(part, names=["L2L SSIM", "absent L1", "input"], label="width", lines={"truth": 1.5})
    ax = fig.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["L2L SSIM", "input"]
    assert [bars[0].get_xdata()[0] for bars in ax.containers] == [2.0, 0.5]
    assert ax.yaxis_inverted()


def test_dots_of_several_data_sets_stand_side_by_side(summary):
    """An axis per data set with its name, in which a method without a value leaves its row empty."""
    missing = summary[(summary.dataset == "actin") | (summary.method != "input")]
    fig = charts.dots(missing, names=["input", "L2L SSIM"], label="width")
    assert [ax.get_title() for ax in fig.axes] == list(dict.fromkeys(summary.dataset))
    heights = {ax.get_title(): [bars[0].get_ydata()[0] for bars in ax.containers] for ax in fig.axes}
    assert heights.pop("actin") == [0, 1]
    assert set(map(tuple, heights.values())) == {(1,)}


def test_shares_are_drawn_over_the_distance():
    """Distances are read from the condition and sorted."""
    rows = [
        {"method": "input", "loss": "", "condition": f"distance={d}", "value": v, "low": v - 0.1, "high": v + 0.1}
        for d, v in ((360, 1.0), (90, 0.0), (225, 0.4))
    ]
    line = charts.over_distance(pd.DataFrame(rows), names=["input"]).axes[0].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), [90, 225, 360])
    np.testing.assert_array_equal(line.get_ydata(), [0, 0.4, 1])


def test_invented_and_missed_structure_are_coloured():
    """Orange where structure was invented, blue where it was missed, grey elsewhere."""
    truth, image = np.zeros((2, 64, 64))
    truth[10:13] = truth[50:53] = 1
    image[10:13] = image[30:33] = 1
    fig = charts.inventions({"L2L": image}, truth, resolution_px=3, window=(0, 0, 64), pixel_um=0.1)
    above, below = (ax.images[0].get_array() for ax in fig.axes)
    np.testing.assert_allclose(below[31, 5], (0.90, 0.62, 0.0))
    np.testing.assert_allclose(below[51, 5], (0.34, 0.71, 0.91))
    np.testing.assert_allclose(below[11, 5], 1)
    np.testing.assert_allclose(above[31, 5], 1)


def test_maps_share_their_scales():
    """Each kind of map has one colour scale for all images, and shows the window that was asked for."""
    maps = {name: {"rms": np.full((64, 64), v), "ssim": np.full((64, 64), -v)} for name, v in (("a", 0.1), ("b", 0.9))}
    fig = charts.maps(maps, np.s_[:32, :16], pixel_um=None)
    images = [ax.images[0] for ax in fig.axes if ax.images]
    assert [image.get_clim() for image in images] == [(0, 0.5)] * 2 + [(-1, 1)] * 2
    assert images[0].get_array().shape == (32, 16)
