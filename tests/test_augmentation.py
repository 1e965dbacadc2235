"""Augmentation: zoom, turns and mirroring of every second patch, the same for both images of a pair."""

import numpy as np
import pytest
from drawn_pairs import CAVEOLAE, PAPER, SHAPE, TURNED, cut, normalised

from l2l_utils import patches


def decode(patch, side_px):
    """Return upper left corner, right angles and mirroring of a patch of the code, cut from a window of `side_px`."""
    values, middle = patch[..., 0] * (np.prod(SHAPE) - 1), len(patch) // 2
    for n_turns in range(4):
        for mirrored in (False, True):
            turned = np.rot90(values[::-1] if mirrored else values, -n_turns)
            at, below, right = turned[middle, middle], turned[middle + 1, middle], turned[middle, middle + 1]
            if below - at > SHAPE[1] / 4 and 0 < right - at < SHAPE[1] / 4:
                row, column = divmod(turned.mean() - (side_px - 1) / 2 * (SHAPE[1] + 1) + 1e-2, SHAPE[1])
                return int(row), int(column), n_turns, mirrored
    raise AssertionError(values)


def resample(window, n):
    """Return a square window at the centres of n x n pixels, between its own linearly."""
    side_px = len(window)
    places = (np.arange(n) + 0.5) * side_px / n - 0.5
    weights = np.stack([np.interp(places, np.arange(side_px), unit) for unit in np.eye(side_px)], axis=1)
    return weights @ window @ weights.T


def turns(plain, turned):
    """Return by how many right angles each second patch was turned."""
    return [
        next(n for n in range(4) if np.array_equal(np.rot90(before, n), after))
        for before, after in zip(plain.target[1::2], turned.target[1::2], strict=True)
    ]


def test_every_second_patch_is_turned(pairs):
    """Without zoom, even patches are as they were, odd ones one of their four right-angle turns, and all four occur."""
    plain, part = cut(pairs, n_per_image=40), cut(pairs, n_per_image=40, augmentation=TURNED)
    np.testing.assert_array_equal(part.target[::2], plain.target[::2])
    # 15 expected, standard deviation 3.4
    assert all(2 <= n <= 28 for n in np.bincount(turns(plain, part), minlength=4))


def test_turns_depend_on_the_seed(pairs):
    """Another state of the generator turns the patches otherwise, not only takes them from elsewhere."""
    seeds = 3, 4
    first, second = (turns(cut(pairs, seed=seed), cut(pairs, seed=seed, augmentation=TURNED)) for seed in seeds)
    assert first != second


def test_zoom_to_the_same_size_is_none(pairs):
    """A zoom whose window is as large as the patch leaves the pixels alone."""
    part = cut(pairs, augmentation=patches.Augmentation(zooms=(1.01, 0.99)))
    np.testing.assert_array_equal(part.source[:], cut(pairs, augmentation=TURNED).source[:])


def test_zoom_by_half_is_the_mean_of_four(coded):
    """A patch at zoom 0.5 is the 2 x 2 mean of a window of twice its size."""
    pairs, targets = coded
    part = cut(pairs, pmin=0, pmax=100, augmentation=patches.Augmentation(zooms=(0.5,)))
    for i in range(1, len(part), 2):
        row, column, n_turns, _ = decode(part.source[i], 32)
        window = normalised(targets[i // 8])[row : row + 32, column : column + 32]
        expected = np.rot90(window.reshape(16, 2, 16, 2).mean(axis=(1, 3)), n_turns)
        np.testing.assert_allclose(part.target[i][..., 0], expected, atol=1e-5)


@pytest.mark.parametrize("augmentation", [PAPER, CAVEOLAE])
def test_zooms_turns_and_flips(coded, augmentation):
    """Each zoom in turn, linear between pixel centres, turned and mirrored in all eight ways, half of the patches."""
    pairs, targets = coded
    part, ways = cut(pairs, n_per_image=80, pmin=0, pmax=100, augmentation=augmentation), set()
    for i, (source, target) in enumerate(zip(part.source, part.target, strict=True)):
        zoom = augmentation.zooms[i % 80 // 2 % 4] if i % 2 else 1
        side_px = round(16 / zoom)
        row, column, n_turns, mirrored = decode(source, side_px)
        expected = resample(normalised(targets[i // 80])[row : row + side_px, column : column + side_px], 16)
        expected = np.rot90(expected, n_turns)
        np.testing.assert_allclose(target[..., 0], expected[::-1] if mirrored else expected, atol=1e-5)
        if i % 2:
            ways.add((n_turns, mirrored))
        else:
            assert (n_turns, mirrored) == (0, False)
    assert len(ways) == 8


@pytest.mark.parametrize("augmentation", [None, TURNED, PAPER, CAVEOLAE])
def test_both_images_of_a_pair_are_treated_alike(pairs, augmentation):
    """With target = 3 x source + 7 both patches are equal, float32 and within 0..1, in every epoch."""
    for epoch in range(3):
        part = cut(pairs, augmentation=augmentation).at_epoch(epoch)
        source, target = part.source[:], part.target[:]
        np.testing.assert_allclose(source, target, atol=1e-6)
        assert source.dtype == target.dtype == np.float32
        assert 0 <= source.min() < 0.1
        assert 0.9 < source.max() <= 1


def test_epochs_turn_patches_but_leave_their_places(pairs):
    """From epoch to epoch half of the patches are the same, the others show the same pixels in another order."""
    epochs = [cut(pairs, n_per_image=20, augmentation=PAPER).at_epoch(epoch).target[:] for epoch in range(4)]
    for later in epochs[1:]:
        np.testing.assert_array_equal(later[::2], epochs[0][::2])
        assert not np.array_equal(later[1::2], epochs[0][1::2])
        pixels = [np.sort(epoch.reshape(len(epoch), -1), axis=1) for epoch in (epochs[0], later)]
        np.testing.assert_allclose(*pixels, atol=1e-6)
