"""The pre-flight measures find what was planted."""

import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import evidence

SHAPE = (200, 240)


def texture(rng, shape=SHAPE):
    """Return fine structure of variance 1: smoothed noise."""
    image = ndimage.gaussian_filter(rng.standard_normal(shape), 2)
    return image / image.std()


def planted(spots, height, shape=SHAPE):
    """Return spots of a Gaussian's form, each of this height."""
    image = np.zeros(shape, np.float32)
    image[tuple(np.transpose(spots))] = 1
    image = ndimage.gaussian_filter(image, 1.5)
    return height * image / image.max()


def lines(shape=SHAPE):
    """Return straight lines, one every 25 columns."""
    image = np.zeros(shape)
    image[:, 12::25] = 1
    return ndimage.gaussian_filter(image, 1.5) * 7


@pytest.mark.parametrize("drift", [(0, 0), (3, -5), (-10, 7), (1.4, -2.6)])
def test_align_gives_the_shift_that_undoes_a_displacement(drift, rng):
    """A texture that is displaced, and two different noises, come out at minus the displacement to 0.1 px."""
    large = texture(rng, (240, 280))
    source, target = (
        image[20:-20, 20:-20] + 0.3 * rng.standard_normal(SHAPE) for image in (large, ndimage.shift(large, drift))
    )
    found = evidence.align(*(evidence.detail(image) for image in (source, target)))
    np.testing.assert_allclose(found.shift_px, np.negative(drift), atol=0.11)
    assert found.correlation > 0.8


def test_common_area_brings_equal_content_together(rng):
    """After a displacement by whole pixels the common areas are equal, whatever its direction."""
    large = rng.random((60, 60))
    for row, column in [(0, 0), (4, -3), (-2, 5)]:
        source = large[10:50, 10:50]
        target = large[10 - row : 50 - row, 10 - column : 50 - column]
        first, second = evidence.common_area(source, target, np.array((-row, -column)))
        np.testing.assert_array_equal(first, second)
        assert first.shape == (40 - abs(row), 40 - abs(column))


def test_chance_level_is_that_of_wrong_pairs(rng):
    """Mirrored and foreign textures correlate far less than the right one; a foreign one that fits sets the level."""
    structure = texture(rng)
    source, target, other = (
        evidence.detail(image + 0.3 * rng.standard_normal(SHAPE)) for image in (structure, structure, texture(rng))
    )
    assert evidence.chance_correlation(source, target, [other]) < 0.2
    assert evidence.chance_correlation(source, other, [target]) > 0.8


def test_chance_level_leaves_out_what_looks_like_the_target(rng):
    """The same field once more is no wrong pair; of a symmetric field no wrong pair is left."""
    source, target = evidence.detail(texture(rng)), evidence.detail(texture(rng))
    assert evidence.chance_correlation(target, target, [target]) < 0.2
    quarter = texture(rng, (100, 120))
    symmetric = np.block([[quarter, quarter[:, ::-1]], [quarter[::-1], quarter[::-1, ::-1]]])
    assert np.isnan(evidence.chance_correlation(source, evidence.detail(symmetric), []))


@pytest.mark.parametrize("sigma", [0, 1, 2])
def test_noise_is_shared_by_copies_and_filtered_copies_only(sigma, rng):
    """A filter does not make noise independent; a second recording of the same structure does."""
    structure = 100 + 10 * texture(rng)
    first, second = rng.poisson(structure, (2, *SHAPE)).astype(np.uint16)
    assert evidence.shared_noise(first, ndimage.gaussian_filter(first * 1.0, sigma)) > 0.8
    assert evidence.shared_noise(first, second) < 0.2


def test_one_hot_pixel_is_no_shared_noise(rng):
    """A pixel that is hot in both images neither looks like a copy nor like common structure."""
    first, second = rng.normal(100, 10, (2, *SHAPE))
    first[50, 60] = second[50, 60] = 60000
    assert evidence.shared_noise(first, second) < 0.2
    assert evidence.chance_correlation(*map(evidence.detail, (first, second)), []) < 0.2
    assert abs(np.corrcoef(evidence.detail(first).ravel(), evidence.detail(second).ravel())[0, 1]) < 0.1


def test_structure_that_was_erased_is_missing(rng):
    """Of lines everywhere in the input, the share that was erased from the benchmark is found missing."""
    source, target = (20 * lines() + rng.normal(0, 2, SHAPE) for _ in range(2))
    assert evidence.missing_structure(source, target) == 0
    blind = target.copy()
    blind[: SHAPE[0] // 2] = rng.normal(0, 2, (SHAPE[0] // 2, SHAPE[1]))
    assert evidence.missing_structure(source, blind) == pytest.approx(0.5, abs=0.1)


def test_lone_spots_are_counted(rng):
    """Twelve planted spots are found, and the five that the benchmark lacks."""
    spots = [(row, column) for row in range(30, 180, 50) for column in range(30, 220, 50)]
    background = rng.normal(0, 0.1, (2, *SHAPE))
    source, target = planted(spots, 20) + background[0], planted(spots[5:], 9) + background[1] - 0.5
    assert evidence.lone_spots(source, target) == (12, 5)


@pytest.mark.parametrize(
    ("dtype", "limit", "share"),
    [(np.uint8, 255, 0.02), (np.uint16, 4095, 0.02), (np.float32, 1234.5, 0.02), (np.uint16, 3000, 0.02)],
)
def test_saturated_share_is_that_of_the_clipped_pixels(dtype, limit, share, rng):
    """Whatever the number format, the pixels that were clipped are counted."""
    image = rng.gamma(4, 1, SHAPE)
    image *= limit / np.quantile(image, 1 - share)
    assert evidence.saturated_share(np.minimum(image, limit).astype(dtype)) == pytest.approx(share, abs=2e-3)


@pytest.mark.parametrize("scale", [0.02, 1, 30])
def test_images_with_room_above_are_not_saturated(scale, rng):
    """Poisson counts, few or many, have no share at a limit."""
    image = rng.poisson(scale * rng.gamma(4, 1, SHAPE)).astype(np.uint16)
    assert evidence.saturated_share(image) < 1e-3


def test_an_empty_image_has_the_signal_of_noise_alone(rng):
    """White noise, normal or of few photons, has signal 1; structure as strong as the noise has far more."""
    assert evidence.signal_to_noise(rng.normal(100, 7, SHAPE)) == pytest.approx(1, abs=0.05)
    assert evidence.signal_to_noise(rng.poisson(5, SHAPE)) == pytest.approx(1, abs=0.1)
    assert evidence.signal_to_noise(rng.normal(100, 7, SHAPE) + 7 * texture(rng)) > 2
