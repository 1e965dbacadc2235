"""Chapter 09's figures show what they are given."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt
from test_cross_validation_claims import sweep

from l2l_utils import cross_validation_charts, cross_validation_claims, data, folds, hard_image_charts, learning_curves


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_folds_show_each_image_tested_once():
    """Filled and open squares of a row make up all images, and each column has one filled square."""
    pairs = [data.Pair(name, Path(name), Path(name)) for name in "abcdef"]
    drawn = folds.draw_folds(folds.by_field(pairs), n_fields=6, n_folds=3, rng=np.random.default_rng(0))
    ax = cross_validation_charts.folds_of(drawn).axes[0]
    filled = [line for line in ax.lines if line.get_markerfacecolor() != "none"]
    assert sorted(np.concatenate([line.get_xdata() for line in filled])) == list(range(6))
    assert [text.get_text() for text in ax.get_xticklabels()] == [pair.name for fold in drawn for pair in fold.test]


def test_dots_are_means_of_unseen_images():
    """In the box plot, each cross-validation is a dot at the mean over its test images."""
    table = sweep()
    expected = learning_curves.points(table[~table.seen]).query("n_pairs == 8").nrmse_change
    ax = cross_validation_charts.boxes(table).axes[0]
    dots = [line.get_ydata() for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots[0], expected)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["8", "16", "32"]


def test_flattery_is_the_difference():
    """Seen minus unseen, which was built in as 0.02, is at 0.02 for 5S-SSIM and at -0.02 for NRMSE."""
    fig = cross_validation_charts.flattery(sweep(spread=(0, 0, 0)))
    for ax, expected in zip(fig.axes, (-0.02, 0.02), strict=True):
        dots = np.concatenate([line.get_ydata() for line in ax.lines if line.get_marker() == "o"])
        np.testing.assert_allclose(dots, expected, atol=0.002)


def test_the_curve_passes_its_band():
    """The line lies inside its band, and the axis is marked where there were cross-validations."""
    ax = cross_validation_charts.curves(sweep()).axes[1]
    (line,) = [line for line in ax.lines if len(line.get_xdata()) == 50]
    band = ax.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() < line.get_ydata().min()
    assert band[:, 1].max() > line.get_ydata().max()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["8", "16", "32"]


@pytest.mark.parametrize("draw", [hard_image_charts.difficulty, hard_image_charts.influence])
def test_the_worst_image_is_first(draw):
    """Images are named, and their means rise from left to right."""
    ax = draw(sweep()).axes[0]
    means = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) == len(ax.get_xticks())][-1]
    assert (np.diff(means) >= 0).all()
    assert all(text.get_text().startswith("i") for text in ax.get_xticklabels())


def test_verdicts_lie_in_or_beside_the_band():
    """A filled dot is right of the band, where the interval excludes 0, and reads as a sentence."""
    judged = cross_validation_claims.judge(sweep(spread=(0.02, 0.02, 0.02)))
    ax = cross_validation_charts.verdicts(judged).axes[0]
    for line, row in zip(ax.lines, judged.itertuples(), strict=True):
        assert (line.get_markerfacecolor() != "white") == (line.get_xdata()[0] > 1) == row.holds
    assert ax.get_yticklabels()[0].get_text() == "L32 tubulin, 5S-SSIM: restored N=8 higher than input"
