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
