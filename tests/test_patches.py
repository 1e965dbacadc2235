"""Lazy patches: where they come from, and how they are asked for."""

import hashlib
import json
import pickle

import numpy as np
import pytest
import tifffile
from csbdeep.data import no_background_patches
from csbdeep.data.generate import sample_patches_from_multiple_stacks
from csbdeep.models import CARE, Config
from drawn_pairs import CODE, PAPER, SHAPE, TURNED, cut, draw_images, normalised, write_pairs
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import patches


@settings(deadline=None, max_examples=40)
@given(picked=st.data())
def test_indexing_is_that_of_an_array(pairs, picked):
    """Any index gives what the array of all patches gives for it."""
    part = cut(pairs, augmentation=PAPER).target
    whole, numbers = part[:], st.integers(-len(part), len(part) - 1)
    assert (part.shape, part.dtype, part.ndim, len(part)) == (whole.shape, whole.dtype, whole.ndim, len(whole))
    assert part.shape == (24, 16, 16, 1)
    kinds = numbers, st.slices(len(part)), st.lists(numbers), st.lists(numbers).map(lambda some: np.array(some, int))
    index = picked.draw(st.one_of(*kinds, st.lists(st.booleans(), min_size=24, max_size=24).map(np.array)))
    if isinstance(index, list) and not index:
        index = np.array(index, int)
    found = part[index]
    assert found.dtype == whole.dtype
    np.testing.assert_array_equal(found, whole[index])


def test_an_index_outside_is_an_error(pairs):
    """As with an array, so that a loop over the patches ends."""
    part = cut(pairs).source
    for index in (24, -25, [3, 24]):
        with pytest.raises(IndexError):
            part[index]
    assert len(list(part)) == 24


@pytest.mark.parametrize(("pmin", "pmax"), [(0, 100), (1, 99.9), (3, 90)])
def test_patches_are_parts_of_the_normalised_images(coded, pmin, pmax):
    """Cutting on access equals cutting from the whole image, normalised by percentiles and clipped."""
    pairs, targets = coded
    part = cut(pairs, pmin=pmin, pmax=pmax, n_per_image=40)
    low, high = np.percentile(CODE, (pmin, pmax))
    for i, (source, target) in enumerate(zip(part.source, part.target, strict=True)):
        row, column = divmod(round(float(source[8, 8, 0] * (high - low) + low)), SHAPE[1])
        window = np.s_[row - 8 : row + 8, column - 8 : column + 8]
        np.testing.assert_allclose(source[..., 0], normalised(CODE, pmin, pmax)[window], atol=1e-6)
        np.testing.assert_allclose(target[..., 0], normalised(targets[i // 40], pmin, pmax)[window], atol=1e-6)


@pytest.mark.parametrize("patch_px", [15, 16])
def test_centres_are_those_of_csbdeep(tmp_path, rng, patch_px):
    """Asked for as many patches as there are centres by CSBDeep's rule, it gives each of CSBDeep's patches once."""
    target = rng.integers(0, 50, (48, 56)).astype(np.uint16)
    target[[0, 10, 30, 42], [50, 12, 20, 50]] = 900
    target[[20, 40], [40, 8]] = 400, 320
    code = np.arange(target.size, dtype=np.uint16).reshape(target.shape)
    pairs = write_pairs(tmp_path, [code], [target])
    scaled = normalised(target).astype(np.float32)
    size, rule = (patch_px, patch_px), no_background_patches()
    half = patch_px // 2
    inside = np.s_[half : 48 - patch_px + half + 1, half : 56 - patch_px + half + 1]
    n_centres = np.count_nonzero(rule((scaled,), size)[inside])
    assert 100 < n_centres < scaled[inside].size / 2
    _, expected = sample_patches_from_multiple_stacks((scaled, code), size, n_centres, patch_filter=rule)
    found = cut(pairs, patch_px=patch_px, n_per_image=n_centres, pmin=0, pmax=100).source[:] * (code.size - 1)
    np.testing.assert_array_equal(np.sort(np.rint(found[:, 0, 0, 0])), np.sort(expected[:, 0, 0]))


def test_patches_depend_on_rng_epoch_and_index_alone(pairs):
    """Neither the order of access nor what was asked before matters; another seed or a second draw gives others."""
    first, same = (cut(pairs, augmentation=PAPER).at_epoch(5).source for _ in range(2))
    backwards = np.stack([same[i] for i in reversed(range(len(same)))])[::-1]
    np.testing.assert_array_equal(first[:], backwards)
    assert not np.array_equal(first[:], cut(pairs, seed=4, augmentation=PAPER).at_epoch(5).source[:])
    rng = np.random.default_rng(3)
    once, twice = (patches.LazyPatches(pairs, patch_px=16, n_per_image=8, rng=rng) for _ in range(2))
    assert not np.array_equal(once.source[:], twice.source[:])


@pytest.mark.parametrize(
    "options", [{"compression": "zlib"}, {"compression": "lzw", "tile": (16, 32)}, {"byteorder": ">"}]
)
def test_compressed_files_give_equal_patches(pairs, tmp_path, options):
    """How the pixels are stored makes no difference."""
    images = [[tifffile.imread(path) for path in role] for role in zip(*(pair[1:] for pair in pairs), strict=True)]
    stored = write_pairs(tmp_path, *images, **options)
    for part, again in ((cut(these, augmentation=PAPER) for these in (pairs, stored)),):
        np.testing.assert_array_equal(part.source[:], again.source[:])
        np.testing.assert_array_equal(part.target[:], again.target[:])


def test_they_say_what_they_were_made_from(pairs):
    """The description survives JSON, has the files' checksums, and differs where the patches do."""
    described = cut(pairs, pmin=2, augmentation=PAPER).description()
    described = json.loads(json.dumps(described))
    expected = {"patch_px": 16, "n_per_image": 8, "pmin": 2, "pmax": 99.9}
    assert described.items() >= expected.items()
    checksum = hashlib.sha256(pairs[1].target.read_bytes()).hexdigest()
    assert described["sha256"]["cell_1"]["target"] == checksum
    for other in ({}, {"pmin": 2}, {"pmin": 2, "augmentation": TURNED}):
        assert json.loads(json.dumps(cut(pairs, **other).description())) != described


def test_images_are_untouched(pairs):
    """Reading patches, and writing into them, leaves the files as they were."""

    def sums():
        return [hashlib.sha256(path.read_bytes()).hexdigest() for pair in pairs for path in pair[1:]]

    before = sums()
    for part in (cut(pairs), cut(pairs, augmentation=PAPER)):
        part.source[:][:] = 0
        part.target[3][:] = 0
    assert sums() == before


def test_no_image_is_kept(tmp_path):
    """The object has a few bytes per patch, however large the images are and however often they were read."""
    sizes = []
    for name, shape in {"small": (96, 112), "large": (384, 448)}.items():
        images = draw_images(2, shape=shape)
        part = cut(write_pairs(tmp_path / name, images, images), n_per_image=1000, augmentation=PAPER)
        assert len(part.source[::50]) == 40
        sizes.append(len(pickle.dumps(part)))
    assert sizes[1] - sizes[0] < 100
    assert sizes[1] < 32 * 2000


def test_csbdeep_trains_with_them(pairs):
    """CSBDeep's own `train` takes them for X and Y, and comes to the weights that it gets from the arrays."""
    part, validation = cut(pairs, augmentation=PAPER), cut(pairs[:1], seed=8)
    config = Config("YX", unet_n_depth=1, unet_n_first=2, train_epochs=2, train_steps_per_epoch=3, train_batch_size=4)
    start, results = CARE(config, name="start", basedir=None).keras_model.get_weights(), []
    for x, y in ((part.source, part.target), (part.source[:], part.target[:])):
        model = CARE(config, name="trained", basedir=None)
        model.keras_model.set_weights(start)
        np.random.seed(0)  # noqa: NPY002 - CSBDeep draws the order of the patches from the global state
        history = model.train(x, y, validation_data=(validation.source[:], validation.target[:]))
        assert np.isfinite(history.history["val_loss"]).all()
        results.append(np.concatenate([weights.ravel() for weights in model.keras_model.get_weights()]))
    np.testing.assert_allclose(*results, atol=1e-6)
    assert not np.allclose(results[0], np.concatenate([weights.ravel() for weights in start]))
