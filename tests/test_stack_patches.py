"""Lazy patches of stacks: parts of the stacks, turned in the plane in eight ways, and never along z."""

import json
from collections import Counter

import numpy as np
import pytest
from csbdeep.data import no_background_patches
from csbdeep.data.generate import sample_patches_from_multiple_stacks
from csbdeep.models import CARE, Config
from drawn_pairs import PAPER, cut, draw_images, normalised, write_pairs

from l2l_utils import patches

SHAPE = (13, 40, 44)
CODE = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)
SIZE = {"patch_px": (6, 12, 12)}
EIGHT_FOLD = patches.Augmentation(zooms=(), flips=True, every=1)


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    """Return pairs of stacks whose source says where a pixel is, and the targets."""
    targets = draw_images(2, shape=SHAPE)
    folder = tmp_path_factory.mktemp("coded")
    return write_pairs(folder, [CODE, CODE], targets, photometric="minisblack"), targets


def places(patch):
    """Return plane, row and column in the stack of each pixel of a patch of the code."""
    return np.unravel_index(np.rint(patch[..., 0] * (CODE.size - 1)).astype(int), SHAPE)


def test_patches_are_parts_of_the_normalised_stacks(coded):
    """Each is the box of both normalised stacks that begins where the code says; percentiles are the stack's."""
    pairs, targets = coded
    part = cut(pairs, pmin=0, pmax=100, n_per_image=20, **SIZE)
    assert part.source.shape == part.target.shape == (40, 6, 12, 12, 1)
    assert (part.ndim, part.axes) == (5, "ZYX")
    corners = set()
    for i, (source, target) in enumerate(zip(part.source, part.target, strict=True)):
        z, row, column = (int(axis[0, 0, 0]) for axis in places(source))
        box = np.s_[z : z + 6, row : row + 12, column : column + 12]
        np.testing.assert_allclose(source[..., 0], normalised(CODE)[box], atol=1e-6)
        np.testing.assert_allclose(target[..., 0], normalised(targets[i // 20])[box], atol=1e-6)
        corners.add((z, row, column))
    assert len({z for z, _, _ in corners}) > 3


def test_any_index_gives_what_the_array_gives(coded):
    """Numbers, slices and arrays, in any epoch."""
    part = cut(coded[0], augmentation=EIGHT_FOLD, **SIZE).at_epoch(2).target
    whole = part[:]
    assert (part.shape, part.dtype, len(part)) == (whole.shape, whole.dtype, len(whole))
    for index in (0, -1, slice(3, 12, 2), np.array([5, 5, 1]), whole[:, 0, 0, 0, 0] > 0.1):
        np.testing.assert_array_equal(part[index], whole[index])


@pytest.mark.parametrize("patch_px", [(4, 16, 16), (5, 11, 11), (13, 16, 16)])
def test_centres_are_those_of_csbdeep(tmp_path, rng, patch_px):
    """Asked for as many patches as there are centres by CSBDeep's rule, it gives each of CSBDeep's patches once."""
    target = rng.integers(0, 50, SHAPE).astype(np.uint16)
    target[2:5, 10:14, 12:16] = 900
    scaled, rule = normalised(target).astype(np.float32), no_background_patches()
    inside = tuple(slice(p // 2, n - p + p // 2 + 1) for p, n in zip(patch_px, SHAPE, strict=True))
    n_centres = np.count_nonzero(rule((scaled,), patch_px)[inside])
    assert 20 < n_centres < 2 * scaled[inside].size / 3
    _, expected = sample_patches_from_multiple_stacks((scaled, CODE), patch_px, n_centres, patch_filter=rule)
    pairs = write_pairs(tmp_path, [CODE], [target], photometric="minisblack")
    found = cut(pairs, patch_px=patch_px, n_per_image=n_centres, pmin=0, pmax=100).source[:] * (CODE.size - 1)
    np.testing.assert_array_equal(np.sort(np.rint(found[:, 0, 0, 0, 0])), np.sort(expected[:, 0, 0, 0]))


def test_all_eight_ways_occur_equally_often_and_planes_keep_their_order(coded):
    """Every patch is a box laid in one of eight ways in the plane, each as often; its planes are those of the box."""
    part = cut(coded[0], pmin=0, pmax=100, n_per_image=400, augmentation=EIGHT_FOLD, **SIZE)
    ways = Counter()
    for source in part.source:
        z, row, column = places(source)
        np.testing.assert_array_equal(z, z[:1] + np.arange(6)[:, None, None])
        for axis in (row, column):
            np.testing.assert_array_equal(axis, axis[:1].repeat(6, axis=0))
        down = row[0, 1, 0] - row[0, 0, 0], column[0, 1, 0] - column[0, 0, 0]
        right = row[0, 0, 1] - row[0, 0, 0], column[0, 0, 1] - column[0, 0, 0]
        ways[tuple(int(step) for step in (*down, *right))] += 1
    # 100 expected, standard deviation 9.4
    assert len(ways) == 8
    assert all(60 < n < 140 for n in ways.values())


def test_source_and_target_are_treated_alike_and_anew_each_epoch(tmp_path):
    """With target = 3 x source + 7 both patches are equal; another epoch turns them otherwise, in the same places."""
    stacks = draw_images(2, shape=SHAPE)
    part = cut(write_pairs(tmp_path, stacks, 3 * stacks + 7, photometric="minisblack"), augmentation=PAPER, **SIZE)
    for epoch in range(3):
        now = part.at_epoch(epoch)
        np.testing.assert_allclose(now.source[:], now.target[:], atol=1e-6)
    first, second = (part.at_epoch(epoch).source[1::2] for epoch in (0, 1))
    assert not np.array_equal(first, second)
    np.testing.assert_allclose(*(np.sort(p.reshape(len(p), -1), axis=1) for p in (first, second)), atol=1e-6)


def test_zoom_is_in_the_plane(coded):
    """At zoom 0.5 a pixel is the mean of 2 x 2 in its own plane."""
    pairs, targets = coded
    zoomed = patches.Augmentation(zooms=(0.5,), every=1)
    part = cut(pairs[:1], pmin=0, pmax=100, augmentation=zoomed, **SIZE)
    for source, target in zip(part.source, part.target, strict=True):
        middle = source[0, ..., 0].mean() * (CODE.size - 1)
        z, row, column = np.unravel_index(int(middle - 11.5 * (SHAPE[2] + 1) + 1e-2), SHAPE)
        box = normalised(targets[0])[z : z + 6, row : row + 24, column : column + 24]
        means = box.reshape(6, 12, 2, 12, 2).mean(axis=(2, 4))
        assert any(np.allclose(np.rot90(means, n, axes=(1, 2)), target[..., 0], atol=1e-5) for n in range(4))


def test_they_say_what_they_were_made_from(coded):
    """Size and augmentation survive JSON; that every second patch is augmented goes without saying, as before."""
    eight, paper = (cut(coded[0], augmentation=a, **SIZE).description() for a in (EIGHT_FOLD, PAPER))
    assert json.loads(json.dumps(eight))["patch_px"] == [6, 12, 12]
    assert eight["augmentation"] == {"zooms": (), "flips": True, "every": 1}
    assert paper["augmentation"] == {"zooms": PAPER.zooms, "flips": True}


def test_csbdeep_trains_with_them(coded):
    """CSBDeep's own `train` takes them for X and Y of a network of stacks, as it takes the arrays."""
    size = {"patch_px": (4, 8, 8)}
    part, validation = cut(coded[0], augmentation=EIGHT_FOLD, **size), cut(coded[0][:1], seed=8, **size)
    config = Config("ZYX", unet_n_depth=1, unet_n_first=2, train_epochs=1, train_steps_per_epoch=3, train_batch_size=4)
    start, results = CARE(config, name="start", basedir=None).keras_model.get_weights(), []
    for x, y in ((part.source, part.target), (part.source[:], part.target[:])):
        model = CARE(config, name="trained", basedir=None)
        model.keras_model.set_weights(start)
        np.random.seed(0)  # noqa: NPY002 - CSBDeep draws the order of the patches from the global state
        model.train(x, y, validation_data=(validation.source[:], validation.target[:]))
        results.append(np.concatenate([weights.ravel() for weights in model.keras_model.get_weights()]))
    np.testing.assert_allclose(*results, atol=1e-6)
    assert not np.allclose(results[0], np.concatenate([weights.ravel() for weights in start]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_px": (14, 12, 12)}, r"target_0\.tif: .*at least 14 x 12 x 12 px.*found 13 x 40 x 44 px"),
        ({"patch_px": (6, 12, 10)}, r"the last two equal, found \(6, 12, 10\)"),
        ({"patch_px": (2, 6, 12, 12)}, r"three for planes, rows and columns"),
        ({"patch_px": (12,)}, r"three for planes, rows and columns.*found \(12,\)"),
        ({"patch_px": (0, 12, 12)}, r"of 1 or more, found \(0, 12, 12\) and 8"),
        ({"patch_px": 12}, r"source_0\.tif: expected one plane"),
        ({"augmentation": patches.Augmentation(every=0)}, "every=0. Give 1 or more"),
    ],
)
def test_sizes_that_do_not_fit_are_explained(coded, options, message):
    """Too many planes for the stack, oblong patches, squares for stacks: what is wrong, and where."""
    with pytest.raises(ValueError, match=message):
        cut(coded[0], **SIZE | options)
