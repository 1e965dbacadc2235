"""The image of many points by that of one, at sub-pixel positions, and by a loop over pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils.gibson_lanni import radial_psf
from l2l_utils.optics import Optics
from l2l_utils.point_images import centres_um, image_points

OPTICS = Optics(numerical_aperture=1.3, pixel_nm=80)


def imaged(points_um, light=None, optics=OPTICS, shape=(41, 41)):
    points_um = np.array(points_um, float)
    light = np.ones((len(points_um), 1), np.float32) if light is None else np.asarray(light, np.float32)
    return image_points(points_um, light, optics, shape=shape)


def centroid_um(image, pixel_um):
    rows, columns = (centres_um(n, pixel_um) for n in image.shape)
    # The far rings reach beyond the image; only the crest tells where a point is.
    crest = np.maximum(image - 0.3 * image.max(), 0).astype(float)
    return crest.sum(axis=1) @ rows / crest.sum(), crest.sum(axis=0) @ columns / crest.sum()


def test_pixels_hold_the_model_at_their_centres():
    """Pixel by pixel, a point's image is the model at the distance from the pixel's centre, times the pixel's area."""
    points, shape = [(0.31, 0.333, -0.1), (-0.2, -0.6, 0.47)], (12, 15)
    expected = np.zeros(shape)
    for z, y, x in points:
        distances = [np.hypot(0.08 * (row - 5.5) - y, 0.08 * (column - 7) - x) for row, column in np.ndindex(shape)]
        expected += 0.08**2 * radial_psf(OPTICS, [z], radii_um=distances).reshape(shape)
    np.testing.assert_allclose(imaged(points, shape=shape)[0], expected, atol=1e-3 * expected.max())


@settings(max_examples=15, deadline=None)
@given(y=st.floats(-0.5, 0.5), x=st.floats(-0.5, 0.5), pixel_nm=st.sampled_from([65, 80, 108, 120]))
def test_positions_finer_than_a_pixel(y, x, pixel_nm):
    """Wherever a point lies between pixels, its image is centred on it within a twelfth of a pixel."""
    (image,) = imaged([(0, y, x)], optics=OPTICS._replace(pixel_nm=pixel_nm))
    assert centroid_um(image, pixel_nm / 1000) == pytest.approx((y, x), abs=pixel_nm / 12000)


def test_two_points_are_two_images():
    """Points that lie far apart give two crests, each where its point is and in the frame in which it shines."""
    points, light = [(0, -0.613, -0.721), (0, 0.508, 0.934)], [[1, 0, 1], [0, 1, 1]]
    first, second, both = imaged(points, light)
    assert centroid_um(first, 0.08) == pytest.approx(points[0][1:], abs=0.005)
    assert centroid_um(second, 0.08) == pytest.approx(points[1][1:], abs=0.005)
    np.testing.assert_allclose(both, first + second, rtol=1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), n=st.integers(1, 40))
def test_images_are_linear_in_the_light(seed, n):
    """An image of a sum of lights is the sum of images, and twice the light is twice the image."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.5, 0.5, (n, 3))
    one, other = rng.random((2, n, 3))
    summed = imaged(points, one + 2 * other, shape=(20, 18))
    expected = imaged(points, one, shape=(20, 18)) + 2 * imaged(points, other, shape=(20, 18))
    np.testing.assert_allclose(summed, expected, rtol=1e-4)


@pytest.mark.parametrize("pixel_nm", [65, 120])
def test_light_is_kept_wherever_the_point_lies(pixel_nm):
    """Pixels of a wide image add up to the light of a point, 1, but for the far rings; between pixels as on one."""
    optics, n = OPTICS._replace(pixel_nm=pixel_nm), round(10_000 / pixel_nm)
    totals = [imaged([(0, y, x)], optics=optics, shape=(n, n)).sum() for y, x in ((0, 0), (0.03, 0.05), (0.06, 0.02))]
    np.testing.assert_allclose(totals, totals[0], rtol=1e-4)
    assert 0.985 < totals[0] < 1


def test_many_points_are_taken_in_blocks():
    """More points than one block holds give the sum of images of parts."""
    rng = np.random.default_rng(0)
    points, light = rng.uniform(-0.5, 0.5, (900, 3)), rng.random((900, 2))
    shape = (80, 80)
    parts = imaged(points[:300], light[:300], shape=shape) + imaged(points[300:], light[300:], shape=shape)
    np.testing.assert_allclose(imaged(points, light, shape=shape), parts, rtol=1e-4)


def test_no_points_are_dark():
    """Without points every pixel is 0."""
    assert not imaged(np.empty((0, 3)), np.empty((0, 4))).any()
