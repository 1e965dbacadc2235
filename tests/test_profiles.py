"""Widths of drawn filaments come back, and failures are counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from l2l_utils import profiles, resolving
from l2l_utils.drawing import FWHM_PER_SIGMA


def straight_line(angle, *, fwhm_px, side=128):
    """Return a Gaussian ridge of height 1 through the middle."""
    rows, columns = np.mgrid[:side, :side] - side / 2
    return np.exp(-((rows * np.cos(angle) + columns * np.sin(angle)) ** 2) / (2 * (fwhm_px / FWHM_PER_SIGMA) ** 2))


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, np.pi / 2, 2.5])
def test_the_width_of_a_line_comes_back_at_any_angle(angle):
    """A ridge of 4 px measures 4 px wherever it points, in an image with another gain and offset."""
    image = straight_line(angle, fwhm_px=4)
    lines = profiles.across_single_filaments(image, n=5, rng=np.random.default_rng(0))
    assert len(lines) == 5
    found = profiles.measure(300 + 50 * image, lines, pixel_nm=45)
    assert found["fwhm_nm"] == pytest.approx(4 * 45, rel=0.03)
    assert found["fwhm_failed"] == 0


@settings(deadline=None, max_examples=30)
@given(
    fwhm_px=st.floats(1.5, 12),
    centre=st.floats(-3, 3),
    height=st.floats(1e-3, 1e3),
    base=st.floats(-100, 100),
)
def test_a_gaussian_profile_has_its_width(fwhm_px, centre, height, base):
    """The fit is exact for any position, height and background."""
    position = np.arange(29) - 14
    profile = base + height * np.exp(-((position - centre) ** 2) / (2 * (fwhm_px / FWHM_PER_SIGMA) ** 2))
    assert profiles.fwhm_px(profile) == pytest.approx(fwhm_px, rel=2e-3)


@pytest.mark.parametrize(
    "profile",
    [np.ones(29), np.arange(29.0), np.random.default_rng(0).normal(size=29), np.eye(29)[0], -np.hanning(29)],
    ids=["constant", "slope", "noise", "peak at the end", "valley"],
)
def test_what_is_no_peak_is_a_failure(profile):
    """There is no width where there is no peak in the middle."""
    assert np.isnan(profiles.fwhm_px(profile))


def test_failures_are_counted_and_not_averaged():
    """Of lines across an empty and a good half, half fail, and the mean is that of the others."""
    image = straight_line(0, fwhm_px=4)
    lines = [profiles.Line((50, x), (78, x)) for x in (40, 60)] + [profiles.Line((10, x), (38, x)) for x in (40, 60)]
    found = profiles.measure(image * (np.arange(128)[:, None] > 45), lines, pixel_nm=10)
    assert found["fwhm_failed"] == 0.5
    assert found["fwhm_nm"] == pytest.approx(40, rel=0.02)


def test_crowded_and_bent_places_are_avoided():
    """Where a second filament runs beside, no line is laid."""
    image = straight_line(0, fwhm_px=4)
    beside = np.roll(image, 9, axis=0) * (np.arange(128) > 64)
    lines = profiles.across_single_filaments(np.maximum(image, beside), n=50, rng=np.random.default_rng(0))
    assert lines
    assert all(line.start[1] < 60 for line in lines)


def test_filament_pairs_are_resolved_by_their_distance():
    """The truth shows two from 180 nm on, a blur of 400 nm only the widest, and a single filament is never two."""
    images, pairs = resolving.simulate_filament_pairs("tubulin", (320, 320), rng=np.random.default_rng(0))
    found = resolving.resolved(images["truth"], pairs, pixel_nm=45)
    assert {distance: share for distance, share in found.items() if distance >= 180} == pytest.approx(
        dict.fromkeys(resolving.DISTANCES_NM[2:], 1)
    )
    assert found[0] == 0
    blurred = resolving.resolved(
        ndimage.gaussian_filter(images["truth"], 400 / 45 / FWHM_PER_SIGMA), pairs, pixel_nm=45
    )
    assert blurred[225] == 0
    assert blurred[600] == 1
    assert {"source", "target", "sted", "truth"} <= images.keys()
