"""Figures of chapter 11 draw what they say, and the paper's Table 1 stands beside our numbers."""

import numpy as np
import pandas as pd
import pytest

from l2l_utils import nanoscope, nanoscopy_charts, nanoscopy_claims, papers
from l2l_utils.nanoscopy_measures import Field


def test_decades():
    """A tenth of the maximum is a third of the way down; a thousandth and less is black."""
    image = np.array([[5.0, 0.5, 0.005, 0.0]])
    np.testing.assert_allclose(nanoscopy_charts.in_decades(image), [[1, 2 / 3, 0, 0]], atol=1e-12)


def test_linear_and_log_share_their_columns():
    """Above the image, below its logarithm."""
    image = np.linspace(0, 1, 400).reshape(20, 20)
    fig = nanoscopy_charts.linear_and_log({"a": image, "b": image / 2}, pixel_um=0.01)
    above, below = (np.asarray(ax.images[0].get_array()) for ax in (fig.axes[0], fig.axes[2]))
    np.testing.assert_array_equal(above, image)
    np.testing.assert_array_equal(below, nanoscopy_charts.in_decades(image))


def test_tables_of_the_papers_are_told_apart():
    """The nanoscopy paper has a Table 1 too, of 3 structures, 3 networks and 7 losses."""
    table = papers.reported("Table 1", paper="nanoscopy")
    assert len(table) == 63
    assert set(table.method) == set(nanoscopy_claims.NETWORKS)
    assert set(table.loss) == set(nanoscopy_claims.LOSSES) - {nanoscopy_claims.VGG} | {"VGG"}
    best = table.loc[table[table.dataset == "mitochondria"].value.idxmax()]
    assert (best.method, best.loss, best.value) == ("UNet-R50", "VGG", 40.36)


@pytest.fixture
def summary():
    """Return PSNR and debris of two networks with two losses each, and of the noisy images, for one structure."""
    rows = [("input", "", "psnr", 20.0), ("input", "", "debris", 0.3), ("without noise", "", "debris", 0.0)]
    for number, (network, loss) in enumerate(
        [("UNet-R34", "L2"), ("UNet-R34", nanoscopy_claims.VGG), ("FPN-R34", "L2")]
    ):
        rows += [(network, loss, "psnr", 30.0 + number), (network, loss, "debris", 0.1 * number)]
    table = pd.DataFrame(rows, columns=["method", "loss", "metric", "value"])
    return table.assign(dataset="actin", sd=0.5)


def test_psnr_and_debris(summary):
    """A mark per network and loss, where its numbers are."""
    fig = nanoscopy_charts.psnr_and_debris(summary)
    marks = {tuple(np.concatenate(line.get_data())) for line in fig.axes[0].lines}
    assert marks == {(20.0, 0.3), (30.0, 0.0), (31.0, 0.1), (32.0, 0.2)}


def test_table_1_is_beside_the_papers(summary):
    """The paper's number, ours and the standard deviation over seeds; the paper's VGG beside ours."""
    table = nanoscopy_charts.table_1(summary[summary.metric == "psnr"])
    assert table.loc[("actin", "UNet-R34"), "L2"] == "38.3 | 30 ± 0.5"
    assert table.loc[("actin", "UNet-R34"), nanoscopy_claims.VGG] == "37.7 | 31 ± 0.5"
    assert list(table.columns) == ["L2", nanoscopy_claims.VGG]


def test_disagreement_shows_the_clearest_case(rng):
    """Of two samples the one where the network with the higher PSNR leaves more debris, that network first."""
    sample = nanoscope.draw_sample("actin", field_um=1.6, rng=rng)
    fields = [Field(name, "actin", sample, np.full((20, 20), 0.5)) for name in ("a", "b")]
    values = {("a", "L1"): (30, 0.1), ("a", "L2"): (29, 0.2), ("b", "L1"): (30, 0.1), ("b", "L2"): (31, 0.4)}
    rows = [
        {"image": image, "loss": loss, "metric": metric, "value": value}
        for (image, loss), both in values.items()
        for metric, value in zip(("psnr", "debris"), both, strict=True)
    ]
    scores = pd.DataFrame(rows).assign(dataset="actin", method="UNet-R50", seed=0, condition=None)
    levels = {"L1": (0.1, 0.2), "L2": (0.3, 0.4)}
    images = {("UNet-R50", loss, 0): [np.full((20, 20), v) for v in level] for loss, level in levels.items()}
    fig = nanoscopy_charts.disagreement(scores, {"actin": (fields, images)})
    titles = [ax.get_title().split() for ax in fig.axes[:3]]
    assert [title[:2] for title in titles[:2]] == [["UNet-R50", "L2"], ["UNet-R50", "L1"]]
    assert titles[0][2:] == ["31.0", "dB,", "debris", "0.40"]
    assert [np.asarray(ax.images[0].get_array())[0, 0] for ax in fig.axes[:3]] == [0.4, 0.2, 0.5]


def test_every_column_has_the_scale_bar_of_its_sample(rng):
    """Samples have pixels of their own, so a bar of one length in um is not one length on the page."""
    drawn = nanoscope.draw_sample("actin", field_um=1.6, rng=rng)
    found = {}
    for case, pixel_nm in {"fine": 65.0, "coarse": 120.0}.items():
        sample = drawn._replace(optics=drawn.optics._replace(pixel_nm=pixel_nm))
        keys = [("input", None, None), ("UNet-R50", "L1", 0), ("without noise", None, None)]
        images = {key: [np.full((100, 100), 0.1 * (i + 1))] for i, key in enumerate(keys)}
        found[case] = [Field("a", "actin", sample, np.ones((100, 100)))], images
    fig = nanoscopy_charts.in_columns(found)
    bars = [ax.artists[0].size_bar.get_children()[0].get_width() for ax in fig.axes[:2]]
    texts = [ax.artists[0].txt_label.get_text() for ax in fig.axes[:2]]
    lengths_um = [float(text.split()[0]) for text in texts]
    assert bars == pytest.approx([lengths_um[0] / 0.0065, lengths_um[1] / 0.012])
