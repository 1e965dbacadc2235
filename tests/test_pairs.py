"""The labels of a pair are compared as in the paper's Table 1."""

import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import metrics
from l2l_utils.normalization import normalize
from l2l_utils.pairs import compare_labels


@pytest.fixture
def labels(rng):
    """Return two noisy images of one texture, 129 x 129 px: large enough for four different patches."""
    texture = ndimage.gaussian_filter(rng.random((129, 129)), 3)
    texture = 1000 * (texture - texture.min()) / np.ptp(texture)
    return [rng.poisson(texture + background).astype(np.uint16) for background in (300, 20)]


def test_one_patch_is_evaluated_after_whole_images_are_normalised(labels, rng):
    """With one patch the scores are `metrics.evaluate` of one of the four, the benchmark as reference."""
    source, target = (normalize(image) for image in labels)
    found = compare_labels(*labels, n_patches=1, rng=rng)
    windows = [np.s_[row : row + 128, column : column + 128] for row in (0, 1) for column in (0, 1)]
    assert found in [metrics.evaluate(target[window], source[window]) for window in windows]


def test_equal_labels_agree_in_full(labels, rng):
    """An image compared with itself, at any gain and offset, has every index 1 and no error."""
    image = labels[0].astype(float)
    scores = compare_labels(image, 3 * image + 500, rng=rng)
    assert scores["nrmse"] == pytest.approx(0, abs=1e-6)
    assert [scores[name] for name in ("ssim", "ms_ssim_3", "ms_ssim_5")] == pytest.approx([1, 1, 1])


def test_patches_lie_where_the_benchmark_shows_something(rng):
    """A field that is empty but for one corner is compared there: elsewhere the labels would not agree."""
    texture = ndimage.gaussian_filter(rng.random((400, 400)), 3)
    source, target = rng.random((2, 400, 400))
    corner = np.s_[:170, :170]
    source[corner] += 2000 * (texture - texture.min())[corner]
    target[corner] += 2000 * (texture - texture.min())[corner]
    assert compare_labels(source, target, rng=rng)["ms_ssim_5"] > 0.95


def test_a_benchmark_with_signal_at_its_rim_only_can_be_compared(rng):
    """Where no patch has its centre near signal, patches are cut anywhere."""
    source, target = rng.random((2, 300, 300))
    target[0, :] = 1000
    assert np.isfinite(compare_labels(source, target, rng=rng)["nrmse"])


@pytest.mark.parametrize("shapes", [((128, 300), (128, 300)), ((200, 200), (200, 201))])
def test_small_or_unlike_images_are_refused(shapes, rng):
    """The message gives both shapes."""
    with pytest.raises(ValueError, match=r"128 px.*\(\d+, \d+\) and \(\d+, \d+\)"):
        compare_labels(*(rng.random(shape) for shape in shapes), rng=rng)
