"""MUSICAL by plain loops over singular value decompositions, by MusiJ's known answer, and by emitters it must find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from blinking import images, telegraph, with_background
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, special

from l2l_utils import musical, musical_points, musical_windows
from l2l_utils.musical import noise_level, reconstruct, singular_values
from l2l_utils.musical_windows import window_px
from l2l_utils.optics import Optics

REAL = Path(__file__).parents[2] / "shared" / "data" / "musij"
OPTICS = Optics(1.4, 80, 660)


@pytest.fixture(scope="module")
def blinking():
    """Return expected and drawn counts of a dozen emitters on 14 x 12 px, 60 frames."""
    rng = np.random.default_rng(0)
    places = rng.uniform(2, 10, (12, 2))
    light = np.tensordot(telegraph(12, 60, on=3, off=10, rng=rng), images(places, (14, 12), OPTICS), 1)
    expected = with_background(light, background=100, ratio=3)
    return {"noise-free": expected, "noisy": rng.poisson(expected).astype(np.uint16)}


def by_plain_loops(stack, optics, *, signal_weights, alpha, subpixels):
    """Return the image by the formulas, window by window, with singular vectors and every sub-pixel's image."""
    width, radius = window_px(optics), window_px(optics) // 2
    pixels = np.arange(-radius, radius + 1)
    points = (np.arange(width * subpixels) + 0.5) / subpixels - width / 2
    mask = np.exp(-(pixels[:, None] ** 2 + pixels**2) / (2 * radius))
    distance = np.hypot(pixels[:, None, None, None] - points[:, None], pixels[:, None, None] - points)
    phase = 2 * np.pi * optics.numerical_aperture * optics.pixel_nm * distance / optics.emission_nm
    disks = np.ones_like(phase)
    disks[phase > 0] = (2 * special.j1(phase[phase > 0]) / phase[phase > 0]) ** 2
    g = (disks * mask[..., None, None]).reshape(width**2, -1)
    stack, side = stack / stack.max(), width * subpixels
    total, count = np.zeros((2, *np.multiply(stack.shape[1:], subpixels)))
    for row, column in np.ndindex(*np.subtract(stack.shape[1:], width - 1)):
        window = stack[:, row : row + width, column : column + width] * mask
        u, s, _ = np.linalg.svd(window.reshape(len(stack), -1).T)
        weights = signal_weights(np.pad(s, (0, len(u) - len(s))))[:, None]
        shares = (u.T @ g) ** 2
        f = ((weights * shares).sum(0) / ((1 - weights) * shares).sum(0)) ** (alpha / 2)
        place = np.s_[row * subpixels : row * subpixels + side, column * subpixels : column * subpixels + side]
        total[place] += f.reshape(side, side)
        count[place] += 1
    return total / count


def noise_by_plain_loops(stack, width):
    """Return half the median singular value of the window with the largest sum of squares, or of its 1000th part."""
    mask, stack = musical_windows.soft_window(width), stack / stack.max()
    corners = list(np.ndindex(*np.subtract(stack.shape[1:], width - 1)))
    windows = [mask * stack[:, row : row + width, column : column + width] for row, column in corners]
    brightest = max(windows, key=lambda window: (window**2).sum())
    s = np.linalg.svd(brightest.reshape(len(stack), -1), compute_uv=False)
    return max(np.median(s), 1e-3 * s.max()) / 2


@pytest.mark.parametrize("kind", ["noisy", "noise-free"])
@pytest.mark.parametrize(
    ("optics", "threshold"),
    [(OPTICS, None), (OPTICS, -0.5), (OPTICS, -1), (Optics(1.2, 80), None), (Optics(1.2, 80), -0.5)],
)
def test_equals_plain_loops(kind, optics, threshold, blinking):
    """Batches, pair products, and interpolated forms give what loops over SVDs give."""
    level = noise_by_plain_loops(blinking[kind], window_px(optics))
    assert noise_level(blinking[kind], optics) == pytest.approx(level)

    def weights(s):
        return s**2 / (s**2 + level**2) if threshold is None else (s >= 10**threshold).astype(float)

    for alpha, subpixels in ((4, 5), (2, 1), (3, 2)):
        options = {"alpha": alpha, "subpixels": subpixels}
        expected = by_plain_loops(blinking[kind], optics, signal_weights=weights, **options)
        found = reconstruct(blinking[kind], optics, threshold=threshold, **options)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_batches_meet_without_a_seam(blinking, monkeypatch):
    """However many windows and rows are worked on at once, the image is the same."""
    expected = reconstruct(blinking["noisy"], OPTICS, subpixels=3)
    monkeypatch.setattr(musical_windows, "STRIP", 3)
    monkeypatch.setattr(musical_windows, "BATCH", 4)
    np.testing.assert_allclose(reconstruct(blinking["noisy"], OPTICS, subpixels=3), expected, rtol=1e-6)


@pytest.mark.skipif(not REAL.is_dir(), reason="MusiJ's stacks are not beside the checkout")
def test_singular_values_of_musij():
    """The first four singular values at pixel (3, 3) of SynEx1 are those of MusiJ's own test."""
    values = singular_values(tifffile.imread(REAL / "SynEx1.tiff"), OPTICS)
    assert values.shape == (7, 7, 49)
    np.testing.assert_allclose(values[3, 3, :4], [6.281886667, 0.350726213, 0.272332283, 0.034065967], atol=2e-9)


def test_singular_values_are_those_of_the_padded_windows(blinking):
    """At every pixel, the border too, they are numpy's of the weighted window of the stack with zeros around it."""
    stack = blinking["noisy"]
    values = singular_values(stack, OPTICS)
    padded = np.pad(stack / stack.max(), [(0, 0), (3, 3), (3, 3)])
    for row, column in ((0, 0), (0, 5), (13, 11), (6, 6)):
        window = padded[:, row : row + 7, column : column + 7] * musical_windows.soft_window(7)
        expected = np.linalg.svd(window.reshape(len(stack), -1), compute_uv=False)
        np.testing.assert_allclose(values[row, column], expected, atol=1e-7 * expected[0])


@pytest.mark.parametrize(
    ("aperture", "pixel_nm", "width"), [(1.2, 65, 11), (1.49, 65, 9), (1.4, 80, 7), (1.49, 120, 7)]
)
def test_windows_of_the_papers_optics(aperture, pixel_nm, width):
    """Windows reach to the first dark ring, and are 7 px at least."""
    assert window_px(Optics(aperture, pixel_nm, 660)) == width


def test_two_emitters_are_told_apart():
    """Two blinking emitters 120 nm apart, one blob in the mean image at a ratio of 3, are both within 10 nm."""
    rng = np.random.default_rng(1)
    places = np.array([[8.1, 7.3], [8.1, 7.3 + 120 / 80]])
    light = np.tensordot(telegraph(2, 200, on=3, off=10, rng=rng), images(places, (17, 17), OPTICS), 1)
    stack = rng.poisson(with_background(light, background=100, ratio=3))
    assert len(peaks(stack.mean(0) - 100, 0.5)) == 1
    for threshold in (None, -0.5):
        found = peaks(reconstruct(stack, OPTICS, threshold=threshold), 0.2)
        assert len(found) == 2
        found_px = (found[found[:, 1].argsort()] + 0.5) / 10 - 0.5
        assert np.hypot(*(found_px - places).T).max() * 80 < 10


def peaks(image, share):
    """Return the places of the local maxima above a share of the largest."""
    is_peak = (ndimage.maximum_filter(image, 5) == image) & (image > share * image.max())
    return np.argwhere(is_peak)


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(1e-3, 1e4), threshold=st.sampled_from([None, -0.5]))
def test_intensity_units_do_not_matter(scale, threshold, blinking):
    """A stack in other units gives the same image."""
    stack = blinking["noisy"][:, :9, :8]
    expected = reconstruct(stack, OPTICS, threshold=threshold, subpixels=2)
    np.testing.assert_allclose(
        reconstruct(scale * stack, OPTICS, threshold=threshold, subpixels=2), expected, rtol=1e-5
    )


@settings(max_examples=10, deadline=None)
@given(thresholds=st.tuples(st.floats(-1.5, 0.5), st.floats(-1.5, 0.5)))
def test_a_higher_cut_leaves_less_signal(thresholds, blinking):
    """The indicator falls, everywhere, as the cut rises: fewer vectors are signal, more are noise."""
    low, high = sorted(thresholds)
    more, less = (reconstruct(blinking["noisy"], OPTICS, threshold=t, subpixels=2) for t in (low, high))
    assert (more >= less * (1 - 1e-5)).all()


def test_the_noise_level_is_that_of_shot_noise():
    """Where nothing blinks, the level is half the median of the weights times the root of a pixel's counts."""
    counts = np.random.default_rng(0).poisson(100, (2000, 14, 14))
    expected = np.median(musical_windows.soft_window(7)) * np.sqrt(2000 * 100) / counts.max() / 2
    assert noise_level(counts, OPTICS) == pytest.approx(expected, rel=0.03)


def test_stacks_without_noise_are_reconstructed_too():
    """A ring of blinking emitters, from expected counts, is evenly bright all around, hollow, and in a dark field."""
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, 2 * np.pi, 300)
    places = 12 + 4 * np.stack([np.sin(angles), np.cos(angles)], 1)
    light = np.tensordot(telegraph(300, 200, on=3, off=10, rng=rng), images(places, (25, 25), OPTICS), 1)
    image = reconstruct(with_background(light, background=100, ratio=3), OPTICS, subpixels=4)
    rows, columns = (np.indices(image.shape) + 0.5) / 4 - 12.5
    distance_px, sector = np.hypot(rows, columns), np.arctan2(rows, columns) // (np.pi / 12)
    ring = abs(distance_px - 4) < 0.5
    around = ndimage.mean(image, np.where(ring, sector, 99), np.arange(-12, 12))
    assert around.min() > 0.35 * np.median(around)
    assert around.max() < 2.5 * np.median(around)
    assert image[distance_px < 2].mean() < 1e-3 * image[ring].mean()
    assert image[distance_px > 7].mean() < 1e-3 * image[ring].mean()


@pytest.mark.parametrize("turn", [np.transpose, lambda image: image[::-1], lambda image: image[:, ::-1]])
def test_turned_stacks_give_turned_images(turn, blinking):
    """Rows and columns are treated alike, and nothing is mirrored."""
    stack = blinking["noisy"]
    turned = np.stack([turn(frame) for frame in stack])
    expected = turn(reconstruct(stack, OPTICS, subpixels=3))
    np.testing.assert_allclose(reconstruct(turned, OPTICS, subpixels=3), expected, rtol=1e-5)


def test_dark_parts_stay_dark(blinking):
    """Where no light arrives in any frame the indicator is 0, and beside it finite."""
    stack = np.pad(blinking["noise-free"] - 100, [(0, 0), (0, 0), (0, 12)])
    for threshold in (None, -0.5):
        image = reconstruct(stack, OPTICS, threshold=threshold, subpixels=2)
        assert np.isfinite(image).all()
        assert image[:, -10:].max() < 1e-20
        assert image[:, :24].max() > 1


def test_shape_and_cover_at_the_border():
    """The image has the stack's size times the sub-pixels; of n windows along an axis at most `width` cover a pixel."""
    covering = musical._n_covering((9, 20), 7, 2)
    assert covering.shape == (18, 40)
    assert covering[0, 0] == 1
    assert covering.max() == 3 * 7
    assert reconstruct(np.arange(900).reshape(5, 9, 20), OPTICS, subpixels=2).shape == (18, 40)


def test_forms_are_right_at_every_subpixel():
    """Interpolated quadratic forms of random symmetric matrices are those of the points' images."""
    rng = np.random.default_rng(0)
    for optics, width in ((Optics(1.2, 65), 11), (Optics(1.49, 120), 7)):
        matrices = rng.normal(size=(2, width**2, width**2))
        matrices += np.swapaxes(matrices, 1, 2)
        points = musical_points.test_points(optics, width, 10)
        g = musical_points.point_images(optics, width, (np.arange(width * 10) + 0.5) / 10 - width / 2)
        expected = np.einsum("iyx,nij,jyx->nyx", g, matrices, g, optimize=True)
        np.testing.assert_allclose(points.forms(matrices), expected, atol=1e-11 * np.abs(expected).max())
        np.testing.assert_allclose(points.energy, (g**2).sum(0))


def test_the_airy_disk():
    """It is 1 at its centre and dark at the zeros of J1."""
    rings_px = special.jn_zeros(1, 3) * 660 / (2 * np.pi * 1.4 * 80)
    np.testing.assert_allclose(musical_points.airy(OPTICS, np.r_[0, rings_px]), [1, 0, 0, 0], atol=1e-15)


@pytest.mark.parametrize(
    ("stack", "found"),
    [
        (np.ones((9, 9)), r"the shape \(9, 9\)"),
        (np.ones((5, 6, 9)), r"at least 7 x 7 px.*found the shape \(5, 6, 9\)"),
        (np.zeros((5, 9, 9)), "found 0.0 to 0.0"),
        (np.full((5, 9, 9), np.nan), "found nan to nan"),
        (np.linspace(-1, 1, 405).reshape(5, 9, 9), "found -1.0 to 1.0"),
    ],
)
def test_stacks_that_are_none_are_refused(stack, found):
    """What cannot be reconstructed is refused, and the message says what was found."""
    for function in (reconstruct, singular_values, noise_level):
        with pytest.raises(ValueError, match=found):
            function(stack, OPTICS)
