"""Widefield optics in 3-D by closed forms: light is kept, width is known, what is off focus becomes haze."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from l2l_utils.widefield import Objective, blur_um, focal_stack

OIL = Objective(aperture=1.3, refractive_index=1.38, pixel_um=0.13)
AIR = Objective(aperture=0.8, refractive_index=1.36, pixel_um=0.65)
BLUE_UM = 0.46


def imaged(light, planes=None, objective=OIL, plane_um=0.13):
    planes = range(len(light)) if planes is None else planes
    return focal_stack(light, planes, plane_um=plane_um, objective=objective, wavelength_um=BLUE_UM)


def point(n_planes=9, side=96):
    light = np.zeros((n_planes, side, side), np.float32)
    light[n_planes // 2, side // 2, side // 2] = 1
    return light


@pytest.mark.parametrize("objective", [OIL, AIR])
def test_focus_is_an_airy_disk_and_distance_a_cone(objective):
    """In focus 0.225 wavelength / aperture; one Rayleigh length off, sqrt(2) wider; far off, in proportion."""
    waist = 0.225 * BLUE_UM / objective.aperture
    rayleigh = 4 * np.pi * objective.refractive_index * waist**2 / BLUE_UM
    assert blur_um(0, objective, wavelength_um=BLUE_UM) == pytest.approx(waist)
    assert blur_um(rayleigh, objective, wavelength_um=BLUE_UM) == pytest.approx(np.sqrt(2) * waist)
    far = blur_um([500, -1000], objective, wavelength_um=BLUE_UM)
    assert far[1] / far[0] == pytest.approx(2, rel=1e-4)
    # A Gaussian beam opens to exp(-2) of its crest at the angle wavelength / (pi n beam radius), twice the deviation.
    opening = BLUE_UM / (np.pi * objective.refractive_index * 2 * waist)
    assert 2 * far[0] / 500 == pytest.approx(opening, rel=1e-4)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), rows=st.integers(16, 40), columns=st.integers(16, 40))
def test_every_plane_gets_all_the_light(seed, rows, columns):
    """Whatever glows, each image of a stack holds all its photons, and none holds less than none."""
    light = np.random.default_rng(seed).exponential(size=(5, rows, columns)).astype(np.float32)
    light[np.random.default_rng(seed).uniform(size=light.shape) < 0.5] = 0
    stack = imaged(light, range(1, 4))
    np.testing.assert_allclose(stack.sum(axis=(1, 2), dtype=float), light.sum(dtype=float), rtol=1e-5)
    assert stack.min() >= 0


def test_a_point_has_the_width_of_the_formula():
    """In every image the variance of a point is that of `blur_um`, along both axes."""
    stack, side = imaged(point()), 96
    for plane, image in enumerate(stack):
        width_px = blur_um((plane - 4) * 0.13, OIL, wavelength_um=BLUE_UM) / OIL.pixel_um
        offset = np.arange(side) - side // 2
        for axis in (0, 1):
            assert (image.sum(axis=axis, dtype=float) * offset**2).sum() == pytest.approx(width_px**2, rel=5e-3)


def test_a_wide_blur_is_a_gaussian_filter():
    """Far off focus the image is that of SciPy's Gaussian filter with the same width."""
    light = np.zeros((24, 64, 64), np.float32)
    light[0] = np.random.default_rng(0).random((64, 64))
    width_px = blur_um(23 * 0.13, OIL, wavelength_um=BLUE_UM) / OIL.pixel_um
    expected = ndimage.gaussian_filter(light[0].astype(float), width_px, mode="wrap", truncate=8)
    np.testing.assert_allclose(imaged(light, range(23, 24))[0], expected, rtol=1e-3)


@pytest.mark.parametrize("objective", [OIL, AIR])
def test_haze_grows_with_defocus(objective):
    """The crest of a point falls and the light outside its focused image rises, plane by plane, alike on both sides."""
    stack = imaged(point(), objective=objective, plane_um=0.5)
    crest = stack.max(axis=(1, 2))
    near = np.hypot(*(np.indices((96, 96)) - 48)) < 3
    haze = stack[:, ~near].sum(axis=1)
    for side in (slice(4, None), slice(4, None, -1)):
        assert (np.diff(crest[side]) < 0).all()
        assert (np.diff(haze[side]) > 0).all()
    np.testing.assert_allclose(crest, crest[::-1], rtol=1e-5)


def test_light_adds_up():
    """Two specimens at once are imaged as the sum of both, and empty planes change nothing."""
    rng = np.random.default_rng(1)
    one, other = rng.random((2, 4, 32, 32), dtype=np.float32)
    one[1] = 0
    np.testing.assert_allclose(imaged(one) + imaged(other), imaged(one + other), rtol=1e-5)
    framed = np.concatenate([np.zeros((2, 32, 32), np.float32), one])
    np.testing.assert_allclose(imaged(framed, range(2, 6)), imaged(one), rtol=1e-6)


def test_darkness_stays_dark():
    """Where nothing glows no light arrives."""
    assert not imaged(np.zeros((3, 16, 16), np.float32)).any()
