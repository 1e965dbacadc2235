"""Drift that was imposed is found and undone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from l2l_utils import registration, simulation
from l2l_utils.detector import average_image
from l2l_utils.specimen import make_specimen

MARGIN = 40
# Single frames of caveolae have less than a photon where they are brightest.
BRIGHT = [structure for structure in simulation.STRUCTURES if structure != "caveolae"]


def texture(seed, shape):
    """Return a smooth random image of about 100 to 1000 counts."""
    image = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 2)
    return (100 + 900 * (image - image.min()) / np.ptp(image)).astype(np.uint16)


def displaced(image, drift, *, side=100):
    """Return frames of `side` px, cut from one image so that its content is displaced by `drift`, whole px."""
    corners = MARGIN - np.asarray(drift)
    return np.stack([image[row : row + side, column : column + side] for row, column in corners])


def wandering(drift, *, seed=0, side=100):
    """Return frames with noise of their own whose content is displaced by `drift`, whole px."""
    frames = displaced(texture(seed, (side + 2 * MARGIN,) * 2), drift, side=side)
    return np.random.default_rng(seed).poisson(frames)


def estimate(stack, *, n_patches=20, **options):
    return registration.estimate_drift(stack, n_patches=n_patches, rng=np.random.default_rng(5), **options)


def frames_found(structure, drift):
    """Tell for each frame of a series, each with its own noise, whether the paper's method finds its drift exactly."""
    rng = np.random.default_rng(11)
    stack = simulation.simulate_series(structure, (512, 512), drift_px=drift, rng=rng)
    return (registration.estimate_drift(stack, rng=rng) == drift).all(axis=1)


@pytest.mark.parametrize("structure", BRIGHT)
def test_whole_drift_of_noisy_cells(structure):
    """The drift of a few noisy frames is found exactly."""
    assert frames_found(structure, [(0, 0), (3, -2), (-1, 1)]).all()


@pytest.mark.slow
@pytest.mark.parametrize("structure", BRIGHT)
def test_99_of_100_whole_shifts_of_noisy_cells(structure):
    """Of 100 random shifts of up to 5 px, 99 or more are found exactly."""
    shifts = np.random.default_rng(100).integers(-5, 6, (100, 2))
    # From frame to frame the stage moves little.
    drift = [(0, 0), *sorted(shifts.tolist(), key=lambda shift: (shift[0], shift[1] * (-1) ** shift[0]))]
    assert frames_found(structure, drift).sum() >= 1 + 99


def test_averages_of_few_photons(rng):
    """Single frames of caveolae do not tell their place to a pixel; averages of 20, smoothed more, do."""
    row, drift = simulation.STRUCTURES["caveolae"], [(0, 0), (3, -2)]
    photons = simulation.expected_photons(make_specimen(row, (522, 522), rng=rng), rng=rng)["source"]
    windows = [np.s_[5 - down : 517 - down, 5 - right : 517 - right] for down, right in drift]
    stack = [average_image(photons[window], row.detector, rng=rng) for window in windows]
    found = registration.estimate_drift(stack, smoothing_px=4, patch_px=90, rng=rng)
    np.testing.assert_array_equal(found, drift)


@pytest.mark.parametrize("shift", [(-5, 4), (0, 5)])
def test_second_recording_of_a_cell(shift, rng):
    """Windows cut from two recordings of one cell, shifted up to the limit of the search, are matched."""
    cell = simulation.simulate_cell("tubulin", (266, 266), rng=rng)
    row, column = 5 - np.asarray(shift)
    pair = [cell["source"][5:261, 5:261], cell["source_repeat"][row : row + 256, column : column + 256]]
    np.testing.assert_array_equal(registration.estimate_drift(pair, rng=rng), [(0, 0), shift])


@pytest.mark.parametrize("structure", BRIGHT)
def test_fractions_of_a_pixel_in_noisy_cells(structure, rng):
    """Cross correlation finds shifts to 0.1 px in the median."""
    drift = np.concatenate([[(0, 0)], rng.uniform(-5, 5, (10, 2))])
    stack = simulation.simulate_series(structure, (320, 320), drift_px=drift, rng=rng)
    error = np.abs(registration.estimate_subpixel_drift(stack) - drift)
    assert np.median(error[1:]) <= 0.1


@pytest.mark.parametrize("shift", [(0, 0), (0.3, -0.7), (3.25, 4.6), (-12.4, 7.1)])
def test_fraction_of_a_pixel_closed_form(shift):
    """Two Gaussian spots, drawn anew at their displaced places, are found displaced to the resolution of 1/20 px."""
    rows, columns = np.indices((128, 140))
    places = np.array([(60, 66), (74, 80)])
    frames = [
        sum(np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 18) for row, column in places + moved)
        for moved in ((0, 0), shift)
    ]
    drift = registration.estimate_subpixel_drift(frames)
    np.testing.assert_allclose(drift, [(0, 0), shift], atol=0.05)


def test_slow_drift_is_followed_beyond_the_search():
    """A stage that creeps 18 px in steps of 3 is followed without a wider search, and without a warning."""
    drift = np.outer(np.arange(7), (3, -2))
    np.testing.assert_array_equal(estimate(wandering(drift)), drift)


def test_jump_is_found_by_a_wider_search():
    """A jump of 9 px is found, and the frame named; the frame after it is not searched more widely again."""
    drift = [(0, 0), (9, -7), (10, -8)]
    with pytest.warns(UserWarning, match=r"^Frames 1 moved by more than 5 px"):
        np.testing.assert_array_equal(estimate(wandering(drift)), drift)


@pytest.mark.parametrize(("side", "jump_px", "patch_px"), [(160, 30, 60), (30, 8, 30)])
def test_jump_beyond_every_search_is_not_passed_over(side, jump_px, patch_px):
    """A broad structure that moved by 30 px, or by 8 px in an image without room for a wider search, is not found."""
    broad = ndimage.gaussian_filter(texture(0, (side + 2 * MARGIN,) * 2).astype(float), 12)
    stack = displaced(broad, [(0, 0), (jump_px, 0)], side=side)
    with pytest.warns(UserWarning, match=r"frames 1 is doubtful: the best position lies on the edge"):
        estimate(stack, patch_px=patch_px)


def test_frames_without_resemblance_are_named():
    """Between frames of noise there is no drift to be found, and the message says which frames these are."""
    stack = wandering([(0, 0), (1, 2), (0, 0)], side=300)
    stack[2] = np.random.default_rng(3).poisson(300, stack[2].shape)
    with pytest.warns(UserWarning, match=r"frames 2 is doubtful") as record:
        drift = estimate(stack, search_px=2, n_patches=100)
    assert drift[1].tolist() == [1, 2]
    assert all(warning.filename == __file__ for warning in record)


def test_small_images_get_smaller_patches():
    """Images of 30 x 45 px hold no patch of 60 px; the drift is found with smaller ones, and the message says so."""
    drift = [(0, 0), (2, -3)]
    stack = wandering(drift)[:, 20:50, 30:75]
    with pytest.warns(UserWarning, match=r"\(30, 45\) px have no room for patches of 60 px, so 30 px were compared"):
        np.testing.assert_array_equal(estimate(stack), drift)


@settings(deadline=None, max_examples=10)
@given(gain=st.floats(0.01, 10), offset=st.floats(-50, 1e4), row=st.integers(-4, 4), column=st.integers(-4, 4))
def test_exposure_does_not_matter(gain, offset, row, column):
    """Bleaching and another offset of the camera change neither estimate."""
    stack = wandering([(0, 0), (row, column)]).astype(float)
    other = np.stack([stack[0], gain * stack[1] + offset])
    assert estimate(other)[1].tolist() == [row, column]
    np.testing.assert_allclose(*map(registration.estimate_subpixel_drift, (stack, other)), atol=0.051)


def test_same_numbers_same_drift_and_inputs_stay():
    """Equal generators choose equal patches; the stack is left as it was."""
    stack = wandering([(0, 0), (1, 1)])
    before = stack.copy()
    np.testing.assert_array_equal(estimate(stack), estimate(stack))
    registration.estimate_subpixel_drift(stack)
    registration.correct_drift(stack, [(0, 0), (0.5, 1)])
    np.testing.assert_array_equal(stack, before)


@settings(deadline=None, max_examples=50)
@given(
    drift=st.lists(st.tuples(st.integers(-MARGIN, MARGIN), st.integers(-MARGIN, MARGIN)), min_size=2, max_size=5),
    dtype=st.sampled_from(["uint8", "uint16", "int32", "float32", "float64"]),
)
def test_whole_drift_is_undone_pixel_for_pixel(drift, dtype):
    """Frames cut from one image become equal, in their own number format, and lose no more than they must."""
    stack = displaced(texture(0, (180, 180)).astype(dtype), drift)
    corrected = registration.correct_drift(stack, drift)
    assert corrected.dtype == dtype
    assert corrected.shape[1:] == tuple(100 - np.ptp(drift, axis=0))
    np.testing.assert_array_equal(corrected, np.broadcast_to(corrected[0], corrected.shape))


@settings(deadline=None, max_examples=20)
@given(drift=st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=3))
def test_fractional_drift_is_undone(drift):
    """Frames of one wave, sampled at displaced places, become equal to a thousandth of its height, float32."""
    rows, columns = np.indices((60, 70))
    drift = [(0, 0), *drift]
    stack = [np.sin((rows - row) / 5) * np.cos((columns - column) / 7) for row, column in drift]
    corrected = registration.correct_drift(stack, drift)[:, 12:-12, 12:-12]
    assert corrected.dtype in (np.float32, np.float64)
    np.testing.assert_allclose(corrected, np.broadcast_to(corrected[0], corrected.shape), atol=2e-3)


def test_nothing_is_left_to_correct(rng):
    """What is estimated, undone and estimated again is 0."""
    stack = wandering([(0, 0), *rng.integers(-2, 3, (5, 2))])
    corrected = registration.correct_drift(stack, estimate(stack))
    assert not estimate(corrected).any()


def test_table_lists_every_frame(tmp_path):
    """Each frame has its drift, and the similarity that undoing it restores; the table survives a CSV file."""
    drift = np.array([(0, 0), (4, -3), (-2, 5)])
    stack = displaced(texture(0, (180, 180)), drift)
    table = registration.drift_table(stack, drift)
    assert list(table.columns) == ["frame", "row_px", "column_px", "similarity"]
    assert table.similarity.tolist() == pytest.approx([1, 1, 1])
    assert registration.drift_table(stack, 0 * drift).similarity.tolist()[1:] < [0.5, 0.5]
    table.to_csv(tmp_path / "drift.csv", index=False)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "drift.csv"), table, check_dtype=False)
    np.testing.assert_array_equal(table[["row_px", "column_px"]], drift)


STACK = wandering([(0, 0), (1, 2)])
CONSTANT = np.stack([STACK[0], np.full_like(STACK[0], 7)])
NOT_A_NUMBER = np.where(np.indices(STACK.shape)[0] * np.indices(STACK.shape)[1] == 50, np.nan, STACK)


@pytest.mark.parametrize(
    ("stack", "message"),
    [
        (STACK[0], r"axes \(T, Y, X\), found int64 of shape \(100, 100\)"),
        (STACK[:1], r"two or more greyscale images.*found int64 of shape \(1, 100, 100\)"),
        (STACK.astype(complex), "found complex128"),
        (CONSTANT, "Frame 1: .*constant or nearly empty"),
        (CONSTANT[::-1], "Frame 0: .*constant or nearly empty"),
        (NOT_A_NUMBER, "Frame 1: .*found NaN"),
    ],
)
def test_unusable_stacks_are_refused(stack, message):
    """The message says what was expected, what was found, and in which frame."""
    for function in (estimate, registration.estimate_subpixel_drift):
        with pytest.raises(ValueError, match=message):
            function(stack)


def test_images_too_small_are_refused():
    """Below 26 px, 16 px and a margin of 5 on each side, there is nothing to search in."""
    with pytest.raises(ValueError, match=r"share 16 px or more.*found images of \(25, 100\) px"):
        estimate(STACK[:, :25])


@pytest.mark.parametrize(
    ("drift", "message"),
    [
        ([(0, 0)], r"a row and a column for each of 2 frames, found an array of shape \(1, 2\)"),
        ([(0, 0), (np.nan, 0)], "a row and a column for each"),
        ([(0, 0), (0, 100)], r"less than the images' \(100, 100\) px, found drift of 0 x 100 px"),
        ([(0, 0), (-99.5, 0)], "less than the images'"),
    ],
)
def test_unusable_drift_is_refused(drift, message):
    """Drift for another number of frames, or as large as the image, cannot be undone."""
    with pytest.raises(ValueError, match=message):
        registration.correct_drift(STACK, drift)
