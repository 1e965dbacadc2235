"""The rolling ball is opencv-rolling-ball's bit for bit on 8 bits, and the same operation on 16 bits and floats."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from l2l_utils import rolling_ball

# Written by rolling_ball_oracle.py
ORACLE = dict(np.load(Path(__file__).with_name("rolling_ball_oracle.npz")))


@pytest.mark.parametrize("radius_px", [5, 10, 20, 40])
@pytest.mark.parametrize("name", ["even", "odd"])
def test_equals_opencv_rolling_ball(name, radius_px):
    """Without shrinking, and with factors 2 and 4, on sides that are multiples of the factor and that are not."""
    subtracted = rolling_ball.subtract_background(ORACLE[name], radius_px=radius_px)
    assert subtracted.dtype == np.uint8
    np.testing.assert_array_equal(subtracted, ORACLE[f"{name}_{radius_px}"])


def test_its_options_are_a_mean_before_and_a_negative_around():
    """``do_presmooth`` is a 3 x 3 mean of the image, and ``light_background`` the same on the inverted image."""
    smoothed = rolling_ball.subtract_background(ORACLE["odd_smooth"], radius_px=10)
    np.testing.assert_array_equal(smoothed, ORACLE["odd_10_presmooth"])
    light = 255 - rolling_ball.subtract_background(255 - ORACLE["odd"], radius_px=10)
    np.testing.assert_array_equal(light, ORACLE["odd_10_light"])


@pytest.mark.parametrize("radius_px", [5, 20])
def test_smooth_background_is_that_of_the_mean(radius_px):
    """The image less the background of its 3 x 3 mean, which OpenCV gives; in 16 bits and as floats the same."""
    image = ORACLE["odd"]
    mean = cv2.blur(image.astype(float), (3, 3), borderType=cv2.BORDER_REPLICATE)
    above = np.maximum(image - rolling_ball.background(mean, radius_px=radius_px), 0)
    subtracted = rolling_ball.subtract_smooth_background(image, radius_px=radius_px)
    assert subtracted.dtype == np.uint8
    np.testing.assert_allclose(subtracted, above, atol=0.5 + 1e-6)
    wide = rolling_ball.subtract_smooth_background(image.astype(np.uint16), radius_px=radius_px)
    np.testing.assert_array_equal(wide, subtracted)
    real = rolling_ball.subtract_smooth_background(image / 255, radius_px=radius_px)
    np.testing.assert_allclose(real * 255, above, atol=1e-4)


@pytest.mark.parametrize("radius_px", [10, 20])
def test_16_bits_and_floats_continue_8_bits(radius_px):
    """The same grey levels give the same result in 16 bits, and as floats of 0 to 1 the same to half a level."""
    image = ORACLE["odd"]
    expected = rolling_ball.subtract_background(image, radius_px=radius_px)
    wide = rolling_ball.subtract_background(image.astype(np.uint16), radius_px=radius_px)
    assert wide.dtype == np.uint16
    np.testing.assert_array_equal(wide, expected)
    shifted = rolling_ball.subtract_background(image.astype(np.uint16) + 3000, radius_px=radius_px)
    np.testing.assert_array_equal(shifted, expected)
    real = rolling_ball.subtract_background(image / 255, radius_px=radius_px)
    assert real.dtype == np.float32
    np.testing.assert_allclose(real * 255, expected, atol=0.5 + 1e-4)


@settings(max_examples=25, deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(9, 24), st.integers(9, 24))))
def test_background_is_an_opening(image):
    """A ball that is not shrunk lies below the image, and rolled under its own result it changes nothing."""
    grey = image.astype(float)
    background = rolling_ball.background(grey, radius_px=6)
    assert (background <= grey + 1e-9).all()
    np.testing.assert_allclose(rolling_ball.background(background, radius_px=6), background, atol=1e-9)


def test_closed_forms():
    """A flat image is all background; a single bright pixel on it is none of it, and the input is left as it was."""
    image = np.full((40, 40), 77, np.uint8)
    assert not rolling_ball.subtract_background(image, radius_px=10).any()
    image[20, 20] = 200
    before = image.copy()
    spot = rolling_ball.subtract_background(image, radius_px=10)
    # The ball's apex rises into the gap next to the spot, but under one pixel it can rise by less than a level.
    assert spot[20, 20] == 200 - 77
    assert np.count_nonzero(spot) == 1
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("image", "radius_px", "found"),
    [
        (np.zeros((8, 8), np.int32), 5, "int32"),
        (np.zeros((8, 8, 3), np.uint8), 5, r"\(8, 8, 3\)"),
        (np.zeros((8, 8), np.uint8), 0, "found 0"),
        (np.zeros((6, 9), np.uint8), 40, r"at least 8 px"),
    ],
)
def test_what_cannot_be_done_is_said(image, radius_px, found):
    with pytest.raises(ValueError, match=found):
        rolling_ball.subtract_background(image, radius_px=radius_px)
