"""What a restoration removed: known answers on planted structure and background."""

import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import residual


@pytest.fixture
def lines(rng):
    """Return a field of thin vertical and horizontal lines."""
    image = np.zeros((256, 256))
    image[rng.choice(256, 12, replace=False)] = 1
    image[:, rng.choice(256, 12, replace=False)] = 1
    return ndimage.gaussian_filter(image, 1.2) * 3


def background(rng):
    """Return smooth background with pixel noise."""
    return ndimage.gaussian_filter(rng.standard_normal((256, 256)), 8) * 8 + 0.2 * rng.standard_normal((256, 256))


def test_removed_ignores_the_scale_of_the_restoration(lines, rng):
    """Gain and offset of the restoration do not matter, and the difference has mean 0."""
    raw = lines + background(rng)
    removed = residual.removed(raw, lines)
    np.testing.assert_allclose(residual.removed(raw, 40 * lines + 7), removed, atol=1e-9)
    assert removed.mean() == pytest.approx(0, abs=1e-9)


def test_nothing_removed(lines):
    """An image that was only rescaled lost nothing."""
    np.testing.assert_allclose(residual.removed(lines, 2 * lines + 1), 0, atol=1e-9)


def test_background_removed_holds_no_structure(lines, rng):
    """A restoration that takes the background only leaves no correlation with the benchmark."""
    raw, benchmark = lines + background(rng), lines + background(rng)
    assert abs(residual.structure_in(residual.removed(raw, lines), benchmark)) < 0.05


def test_lost_structure_is_seen(lines, rng):
    """A restoration that loses the left half's lines is told from one that keeps them."""
    raw, benchmark = lines + background(rng), lines + background(rng)
    lossy = lines.copy()
    lossy[:, :128] = 0
    assert residual.structure_in(residual.removed(raw, lossy), benchmark) > 0.3


def test_exaggerated_structure_is_negative(lines, rng):
    """Where a restoration draws lines that the raw image lacks but the benchmark has, the sign is negative."""
    raw, benchmark = background(rng), lines + background(rng)
    assert residual.structure_in(raw - lines, benchmark) < -0.3
