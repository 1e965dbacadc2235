"""The image of a point by the Airy pattern, by an integration over the pupil of its own, and by the light it keeps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, special

from l2l_utils.gibson_lanni import psf_table, radial_psf
from l2l_utils.optics import Optics

RADII_UM = np.arange(0, 2.5, 0.005)
MODERATE = Optics(numerical_aperture=0.6, pixel_nm=80)
STRONG = Optics(numerical_aperture=1.3, pixel_nm=80)
BEYOND_WATER = Optics(numerical_aperture=1.49, pixel_nm=80)


def wave(optics, radii_um):
    return 2 * np.pi * optics.numerical_aperture * np.asarray(radii_um) * 1000 / optics.emission_nm


def half_light_um(optics, heights_um):
    """Return the radius that holds half of the light within 3 um."""
    radii_um = np.arange(0, 3, 0.005)
    light = radial_psf(optics, heights_um, radii_um=radii_um) * radii_um
    share = integrate.cumulative_trapezoid(light, axis=1)
    return radii_um[np.argmax(share > share[:, -1:] / 2, axis=1)]


def test_focus_is_the_airy_pattern():
    """With a moderate aperture a point in focus is (2 J1(q) / q)^2, in shape, height and first dark ring."""
    (light,) = radial_psf(MODERATE, [0], radii_um=RADII_UM)
    q = wave(MODERATE, RADII_UM[1:])
    airy = np.append(1, (2 * special.j1(q) / q) ** 2) * np.pi * (0.6 / 0.66) ** 2
    np.testing.assert_allclose(light, airy, atol=0.002 * airy[0])
    assert np.corrcoef(light, airy)[0, 1] > 0.99999
    first_dark_nm = 1000 * RADII_UM[np.argmax(np.diff(light) > 0)]
    assert first_dark_nm == pytest.approx(MODERATE.rayleigh_nm, rel=0.01)


@pytest.mark.parametrize("optics", [STRONG, BEYOND_WATER])
def test_integration_over_the_pupil_agrees(optics):
    """Off focus too, the light is the square of the integral over rays of their path in water and oil."""
    aperture, wavenumber = min(optics.numerical_aperture, 1.33), 2 * np.pi / 0.66
    pupil = np.linspace(0, 1, 4001)
    water, oil = (np.sqrt(n**2 - (aperture * pupil) ** 2) for n in (1.33, 1.515))

    def amplitude(height_um, stage_um, radius_um):
        path = (0.5 + height_um) * water + stage_um * oil
        rays = np.exp(1j * wavenumber * path) * special.j0(wavenumber * aperture * radius_um * pupil) * pupil
        return integrate.simpson(rays, x=pupil)

    stage = optimize.minimize_scalar(lambda s: -abs(amplitude(0, s, 0)), bounds=(-1, -0.4), method="bounded").x
    heights, radii = (-0.5, -0.2, 0, 0.3, 0.5), (0, 0.1, 0.3, 0.8, 2)
    expected = [[abs(amplitude(h, stage, r)) ** 2 for r in radii] for h in heights]
    expected = np.array(expected) * (wavenumber * aperture) ** 2 / np.pi
    np.testing.assert_allclose(radial_psf(optics, heights, radii_um=radii), expected, atol=0.001 * expected.max())


@pytest.mark.parametrize("optics", [Optics(1.2, 80), STRONG, BEYOND_WATER])
def test_points_widen_with_the_distance_from_the_focus(optics):
    """A point in focus is the brightest, and below and above it the wider the farther it is."""
    heights_um = np.linspace(-0.5, 0.5, 201)
    crest = radial_psf(optics, heights_um, radii_um=[0])[:, 0]
    assert abs(heights_um[np.argmax(crest)]) <= 0.02
    widths = half_light_um(optics, np.linspace(-0.5, 0.5, 11))
    assert (np.diff(widths[:6]) <= 0).all()
    assert (np.diff(widths[5:]) >= 0).all()
    assert min(widths[0], widths[-1]) > 1.5 * widths[5]


def test_small_apertures_see_both_sides_alike():
    """Where aberration is small, a point as far below the focus as another is above it looks the same."""
    below, above = radial_psf(MODERATE, [-0.5, 0.5], radii_um=RADII_UM)
    np.testing.assert_allclose(below, above, atol=0.01 * above[0])


def test_light_within_a_radius_is_that_of_the_airy_pattern():
    """In focus the light up to a radius is 1 - J0(q)^2 - J1(q)^2 (Rayleigh)."""
    (light,) = radial_psf(MODERATE, [0], radii_um=RADII_UM)
    within = integrate.cumulative_simpson(2 * np.pi * RADII_UM * light, x=RADII_UM)
    q = wave(MODERATE, RADII_UM[1:])
    np.testing.assert_allclose(within, 1 - special.j0(q) ** 2 - special.j1(q) ** 2, atol=0.002)


@pytest.mark.parametrize("optics", [STRONG, BEYOND_WATER])
def test_light_is_kept_at_every_height(optics):
    """Whatever the height, a wide disk holds nearly all of the light, and never more."""
    radii_um = np.arange(0, 15, 0.01)
    light = radial_psf(optics, np.linspace(-0.5, 0.5, 5), radii_um=radii_um)
    total = integrate.simpson(2 * np.pi * radii_um * light, x=radii_um)
    assert (total < 1).all()
    assert (total > 0.985).all()


def test_apertures_beyond_the_critical_angle_act_alike():
    """Light that water does not let out plays no part: from 1.33 on the aperture changes nothing."""
    images = [radial_psf(Optics(a, 80), [-0.3, 0.2], radii_um=RADII_UM) for a in (1.33, 1.4, 1.49)]
    np.testing.assert_array_equal(images[0], images[1])
    np.testing.assert_array_equal(images[0], images[2])
    assert np.isfinite(images[0]).all()


@pytest.mark.parametrize("optics", [Optics(1.2, 80), BEYOND_WATER])
def test_the_table_stands_for_the_model(optics):
    """Interpolating the table misses the model by less than 1/1000 of the crest."""
    rng = np.random.default_rng(0)
    heights_um, places = rng.uniform(-0.5, 0.5, 20), rng.uniform(0, 400, 50)
    profiles = psf_table(optics, 3.0).profiles(heights_um)
    found = [np.interp(places, np.arange(profiles.shape[1]), profile) for profile in profiles]
    expected = radial_psf(optics, heights_um, radii_um=0.005 * places)
    np.testing.assert_allclose(found, expected, atol=1e-3 * radial_psf(optics, [0], radii_um=[0])[0, 0])
    assert psf_table(optics, 3.0) is psf_table(optics._replace(pixel_nm=65), 3.0)


@pytest.mark.parametrize("aperture", [0, 1.515, 1.6, np.nan])
def test_apertures_that_oil_does_not_allow_are_refused(aperture):
    """An aperture is above 0 and below the index of oil."""
    with pytest.raises(ValueError, match=r"aperture: expected 0 to 1\.515"):
        radial_psf(Optics(aperture, 80), [0], radii_um=[0])


def test_heights_out_of_reach_are_refused():
    """No point lies under the coverslip, and the table ends as far above the focus."""
    with pytest.raises(ValueError, match=r"coverslip.*found -0\.51"):
        radial_psf(STRONG, [-0.51, 0], radii_um=[0])
    with pytest.raises(ValueError, match=r"found 0\.7"):
        psf_table(STRONG, 3.0).profiles(np.array([0.1, 0.7]))
