"""Particles: known values of ImageJ, independent references, and what turning does to them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage
from skimage.measure import label, regionprops

from l2l_utils import particles

CORNER_PX = 2 - np.sqrt(2)
MASKS = arrays.arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)))


def box(rows, columns):
    """Return a mask with one rectangle, away from the border."""
    return np.pad(np.ones((rows, columns), bool), 2)


def one_particle(mask):
    """Return the largest particle of a mask, or a single pixel where there is none."""
    labels = label(mask, connectivity=2)
    sizes = np.bincount(labels.ravel())[1:]
    return labels == 1 + sizes.argmax() if sizes.size else np.ones((1, 1), bool)


@pytest.mark.parametrize(
    ("mask", "perimeter", "circularity", "aspect_ratio"),
    [
        (box(1, 1), 4 - 2 * CORNER_PX, 1, 1),
        (box(2, 2), 8 - 4 * CORNER_PX, 1, 1),
        (box(10, 4), 28 - 4 * CORNER_PX, 0.7636, 2.5),
        (box(4, 10), 28 - 4 * CORNER_PX, 0.7636, 2.5),
        (box(1, 20), 42 - 3 * CORNER_PX, 0.1552, 20),
        (box(20, 1), 42 - 2 * CORNER_PX, 0.1508, 20),
    ],
    ids=["1x1", "2x2", "10x4", "4x10", "1x20", "20x1"],
)
def test_known_values(mask, perimeter, circularity, aspect_ratio):
    """Rectangles and lines have the values that ImageJ 1.53t gives; an upright line has one corner less."""
    (particle,) = particles.measure(mask).itertuples()
    assert particle.area == mask.sum()
    assert particle.perimeter == pytest.approx(perimeter)
    assert particle.circularity == pytest.approx(circularity, abs=5e-5)
    assert particle.aspect_ratio == pytest.approx(aspect_ratio)


def test_rows_follow_the_image():
    """A row for each particle by its first pixel; one that touches at a corner is no other, and one in a hole is."""
    mask = np.zeros((12, 20), bool)
    mask[1, 15], mask[2, 16] = True, True
    mask[3:10, 2:9] = True
    mask[4:9, 3:8] = False
    mask[6, 5] = True
    measured = particles.measure(mask)
    assert list(measured.columns) == ["area", "perimeter", "circularity", "aspect_ratio"]
    assert list(measured.area) == [2, 24, 1]
    assert measured.perimeter[1] == pytest.approx(28 - 4 * CORNER_PX)


def test_particles_at_the_border_are_measured_alike():
    """Nothing is lost at the border of the image."""
    inner = particles.measure(np.pad(np.ones((5, 3), bool), 4))
    pd.testing.assert_frame_equal(particles.measure(np.ones((5, 3), bool)), inner)


@given(MASKS)
def test_area_and_ellipse_agree_with_scikit_image(mask):
    """Areas are its areas; axes are its second moments, with the variance of a pixel added."""
    regions = regionprops(label(mask, connectivity=2))
    measured = particles.measure(mask)
    assert list(measured.area) == [region.area for region in regions]
    for region, aspect_ratio in zip(regions, measured.aspect_ratio, strict=True):
        longer, shorter = np.array(region.inertia_tensor_eigvals) + 1 / 12
        assert aspect_ratio == pytest.approx(np.sqrt(longer / shorter))


@given(MASKS)
def test_perimeter_counts_edges_and_corners(mask):
    """The outline has as many edges as there are between the filled particle and what is around; corners are whole."""
    particle = one_particle(mask)
    filled = np.pad(ndimage.binary_fill_holes(particle), 1)
    n_edges = np.count_nonzero(np.diff(filled, axis=0)) + np.count_nonzero(np.diff(filled, axis=1))
    n_corners = (n_edges - particles.measure(particle).perimeter[0]) / CORNER_PX
    assert n_corners == pytest.approx(round(n_corners), abs=1e-6)
    assert 2 <= round(n_corners) <= n_edges / 2 + 2


@given(MASKS, st.integers(0, 3), st.booleans())
def test_turned_and_mirrored_particles(mask, n_turns, mirrored):
    """The aspect ratio stays. The perimeter does but for one corner, as in ImageJ, and the circularity with it."""
    particle = one_particle(mask)
    turned = np.rot90(particle[::-1] if mirrored else particle, n_turns)
    before, after = (particles.measure(each).iloc[0] for each in (particle, turned))
    assert after.area == before.area
    assert after.aspect_ratio == pytest.approx(before.aspect_ratio)
    corners = abs(after.perimeter - before.perimeter) / CORNER_PX
    assert min(corners, abs(corners - 1)) == pytest.approx(0, abs=1e-6)
    assert after.circularity == pytest.approx(min(4 * np.pi * after.area / after.perimeter**2, 1))


def test_large_outlines_keep_their_values_when_turned(rng):
    """A corner more or less hardly matters: the means over many smooth objects agree to half a percent."""
    smooth = ndimage.gaussian_filter(rng.random((200, 200)), 3)
    mask = particles.keep_large(smooth > np.percentile(smooth, 70), smallest_px=20)
    straight, turned = particles.mean_shape(mask), particles.mean_shape(np.rot90(mask))
    assert turned["circularity"] == pytest.approx(straight["circularity"], rel=5e-3)
    assert turned["aspect_ratio"] == pytest.approx(straight["aspect_ratio"])


def test_small_particles_go():
    """Of 19, 20 and 21 px those of 20 and more stay; a hole does not count, a touching corner does."""
    mask = np.zeros((40, 40), bool)
    mask[1, 1:20], mask[3, 1:21], mask[5, 1:22] = True, True, True
    mask[10:15, 1:6] = True
    mask[11:14, 2:5] = False
    mask[20, 1:11], mask[21, 11:21] = True, True
    kept = particles.keep_large(mask, smallest_px=20)
    assert list(particles.measure(kept).area) == [20, 21, 20]
    assert not kept[1].any()
    assert not kept[10:15].any()
    assert particles.keep_large(mask, smallest_px=16)[10:15].any()


def test_mean_shape():
    """The mean is over the particles, whatever their area."""
    mask = np.zeros((20, 30), bool)
    mask[2:12, 2:6], mask[15, 20] = True, True
    shape = particles.mean_shape(mask)
    assert shape["area"] == (40 + 1) / 2
    assert shape["aspect_ratio"] == pytest.approx((2.5 + 1) / 2)
    assert shape["circularity"] == pytest.approx((0.763595 + 1) / 2, abs=1e-6)


def test_empty_and_other_masks():
    """An empty mask has an empty table and no mean; what is no plane of yes and no is refused."""
    empty = np.zeros((5, 6), bool)
    assert particles.measure(empty).empty
    with pytest.raises(ValueError, match="at least one particle, found an empty mask"):
        particles.mean_shape(empty)
    for mask in (empty.astype(np.uint8), empty[None]):
        with pytest.raises(ValueError, match=r"boolean mask of shape \(Y, X\), found"):
            particles.measure(mask)
