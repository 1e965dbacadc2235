"""Chapter 07's figures show what they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from l2l_utils import records, unpaired_charts


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_histograms_hold_every_pixel(rng):
    """The shares add up to 1, and what is above 1 is in the last step, as it would be in a file."""
    bright = np.full((10, 10), 3.0)
    fig = unpaired_charts.histograms({"raw": rng.random((40, 50)), "bright": bright}, n_bins=10)
    shares = [patch.get_data()[0] for patch in fig.axes[0].patches]
    np.testing.assert_allclose([share.sum() for share in shares], 1)
    assert shares[1][-1] == 1
    assert [text.get_text() for text in fig.axes[0].get_legend().texts] == ["raw", "bright"]


def test_the_chosen_epoch_is_ringed():
    """A line per method with its means over images, and a ring at the epoch with the lowest criterion."""
    rows = [
        {"method": method, "epoch": epoch, "criterion": criterion, "seed": seed, "ms_ssim_3": epoch / 10 + seed}
        for method, criteria in {"CycleGAN": (0.3, 0.1, 0.2), "c2GAN": (0.3, 0.2, 0.1)}.items()
        for epoch, criterion in enumerate(criteria, 1)
        for seed in range(2)
    ]
    fig = unpaired_charts.epochs(pd.DataFrame(rows), measures={"criterion": "criterion", "ms_ssim_3": "3S-SSIM"})
    lines = fig.axes[1].lines
    np.testing.assert_allclose(lines[0].get_ydata(), [0.6, 0.7, 0.8])
    assert [line.get_xdata()[0] for line in lines[1::2]] == [2, 3]


def test_the_record_is_drawn_for_all_structures():
    """An axis per structure, whose dots are the recorded means."""
    fig = unpaired_charts.recorded(["L2L", "CycleGAN"], "ms_ssim_3", label="similarity")
    record = records.read("unpaired").query("metric == 'ms_ssim_3' and reference == 'truth' and condition == ''")
    means = record.set_index(["dataset", "method"]).value
    assert {ax.get_title() for ax in fig.axes} == set(record.dataset)
    for ax in fig.axes:
        drawn = [bars[0].get_xdata()[0] for bars in ax.containers]
        assert drawn == [means[ax.get_title(), method] for method in ("L2L", "CycleGAN")]
