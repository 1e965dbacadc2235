"""The figures: what they claim about contrast, scale and place is true."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from l2l_utils import plot


@pytest.fixture(autouse=True)
def _close_figures():
    """Leave no figure open."""
    yield
    plt.close("all")


def scale_bars(fig):
    """Return length in px and text of each scale bar."""
    bars = [artist for ax in fig.axes for artist in ax.artists if isinstance(artist, AnchoredSizeBar)]
    return [(bar.size_bar.get_children()[0].get_width(), bar.txt_label.get_children()[0].get_text()) for bar in bars]


def test_images_share_one_contrast(rng):
    """A dim and a bright image are drawn on the same scale, and their pixels are untouched."""
    images = {"dim": rng.random((50, 60)) / 10, "bright": rng.random((50, 60)) * 3}
    fig = plot.panel(images, limits=(0, 1))
    for ax, (title, image) in zip(fig.axes, images.items(), strict=True):
        assert ax.get_title() == title
        assert ax.images[0].get_clim() == (0, 1)
        np.testing.assert_array_equal(ax.images[0].get_array(), image)


@pytest.mark.parametrize(
    ("width_px", "pixel_um", "text"),
    [(512, 0.045, "5 µm"), (100, None, "20 px"), (2048, 0.1, "50 µm"), (64, 0.02, "0.2 µm")],
)
def test_scale_bar_is_as_long_as_it_says(width_px, pixel_um, text):
    """The bar's length in px times the pixel size is the number beside it, about a fifth of the image's width."""
    ((length_px, label),) = scale_bars(plot.panel({"a": np.zeros((64, width_px))}, pixel_um=pixel_um))
    assert label == text
    assert length_px * (pixel_um or 1) == pytest.approx(float(text.split()[0]))
    assert 0.1 < length_px / width_px < 0.4


def test_detail_is_the_marked_square(rng):
    """The second row shows exactly the square that the first row marks, with a scale bar of its own."""
    image = rng.random((90, 100))
    fig = plot.panel({"a": image, "b": 1 - image}, zoom=(10, 20, 30))
    np.testing.assert_array_equal(fig.axes[2].images[0].get_array(), image[10:40, 20:50])
    assert fig.axes[0].patches[0].get_bbox().bounds == (20, 10, 30, 30)
    assert len(scale_bars(fig)) == 2


def test_busiest_square_finds_the_texture(rng):
    """In a flat image with one textured place, that place is chosen."""
    image = np.zeros((128, 160))
    image[64:96, 96:128] = rng.normal(0, 1, (32, 32))
    assert plot.busiest_square(image) == (64, 96, 32)


def test_differences_are_symmetric_around_zero(rng):
    """Red and blue of equal strength mean equal amounts, in all images."""
    fig = plot.differences({"a": rng.normal(0, 1, (40, 40)), "b": rng.normal(0, 3, (40, 40))})
    limits = {ax.images[0].get_clim() for ax in fig.axes if ax.images}
    ((low, high),) = limits
    assert low == -high
    assert 5 < high < 9


def test_training_curves_show_the_logs():
    """Epochs count from 1; training and validation of two methods are four curves on each axis."""
    log = pd.DataFrame({"epoch": [0, 1], "loss": [0.5, 0.4], "val_loss": [0.6, 0.5]})
    fig = plot.training_curves({"N2N 0": log, "L2L 0": log + 0.1})
    for ax, scale in zip(fig.axes, ("linear", "log"), strict=True):
        assert ax.get_yscale() == scale
        np.testing.assert_allclose(
            [line.get_ydata() for line in ax.lines], [[0.5, 0.4], [0.6, 0.5], [0.6, 0.5], [0.7, 0.6]]
        )
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), [1, 2])
    assert [text.get_text() for text in fig.axes[0].get_legend().get_texts()] == [
        "N2N, training", "N2N, validation", "L2L, training", "L2L, validation"
    ]  # fmt: skip


def test_strips_show_every_image_and_what_is_expected():
    """Each axis holds its metric's values, a colour per method, and the expected mean and spread at its data set."""
    rows = [
        {"dataset": dataset, "method": method, "metric": metric, "value": value}
        for dataset in ("actin", "tubulin")
        for method, values in (("input", (0.4, 0.5)), ("benchmark", (0.8, 0.9)))
        for metric in ("michelson", "rms_contrast")
        for value in values
    ]
    expected = pd.DataFrame(
        [{"dataset": "tubulin", "method": "input", "metric": "michelson", "value": 0.45, "sd": 0.1}]
    )
    fig = plot.strips(pd.DataFrame(rows), {"michelson": "M", "rms_contrast": "R"}, expected=expected)
    first, second = fig.axes
    assert [label.get_text() for label in first.get_xticklabels()] == ["actin", "tubulin"]
    for ax in fig.axes:
        dots = [line for line in ax.lines if line.get_marker() in "os"]
        assert [tuple(line.get_ydata()) for line in dots] == [(0.4, 0.5), (0.8, 0.9)] * 2
        assert len({line.get_color() for line in dots}) == 2
    assert len(second.containers) == 0
    (bar,) = first.containers
    assert bar.lines[0].get_ydata() == [0.45]
    assert round(bar.lines[0].get_xdata()[0]) == 1


def test_drift_has_rows_and_columns_of_every_method():
    """The left axis shows the rows and the right axis the columns, of each method over all frames."""
    drifts = {"true": [(0, 0), (1, -2), (3, -4)], "found": [(0, 0), (1, -2), (2, -4)]}
    fig = plot.drift(drifts)
    for i, ax in enumerate(fig.axes):
        np.testing.assert_array_equal([line.get_ydata() for line in ax.lines], np.array(list(drifts.values()))[:, :, i])
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0, 1, 2])
    assert [text.get_text() for text in fig.axes[0].get_legend().get_texts()] == ["true", "found"]


def test_overlay_is_white_where_both_are_bright(rng):
    """Only the first is magenta, only the second is green, and equal images are grey."""
    pixels = plot.overlay([[1, 0, 1, 0.5, 2]], [[0, 1, 1, 0.5, -1]])
    assert pixels[0].tolist() == [[1, 0, 1], [0, 1, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 1]]
    image = rng.random((20, 30))
    shown = plot.panel({"both": plot.overlay(image, image)}).axes[0].images[0].get_array()
    np.testing.assert_allclose(shown, np.repeat(image[..., None], 3, axis=-1), atol=1e-6)
    two = plot.panel({"both": np.stack([image, image], axis=-1)}).axes[0].images[0].get_array()
    np.testing.assert_array_equal(two, shown)


def test_gallery_has_a_column_per_set(rng):
    """Images stand in their set's column and their name's row, at one contrast, with a scale bar per set."""
    columns = {name: {"input": rng.random((50, 60)), "truth": rng.random((50, 60))} for name in ("actin", "tubulin")}
    fig = plot.gallery(columns, pixel_um={"actin": 0.1, "tubulin": None})
    shown = [ax.images[0].get_array() for ax in fig.axes]
    order = [columns[name][row] for row in ("input", "truth") for name in ("actin", "tubulin")]
    np.testing.assert_array_equal(shown, order)
    assert {ax.images[0].get_clim() for ax in fig.axes} == {(0, 1)}
    assert [text for _, text in scale_bars(fig)] == ["1 µm", "10 px"]
    assert [ax.texts[0].get_text() for ax in (fig.axes[0], fig.axes[2])] == ["input", "truth"]
