"""Normalisation, splitting by image, and cutting of patches."""

import itertools

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import data, patches


def make_pairs(folder, n_images, *, shape=(96, 112), rng):
    """Write pairs whose target is 3 x source + 7, bright in one quarter only."""
    pairs = []
    for i in range(n_images):
        source = rng.integers(0, 40, shape).astype(np.uint16)
        source[: shape[0] // 2, : shape[1] // 2] += 400
        pair = data.Pair(f"cell_{i:02d}.tif", folder / f"source_{i}.tif", folder / f"target_{i}.tif")
        tifffile.imwrite(pair.source, source)
        tifffile.imwrite(pair.target, 3 * source + 7)
        pairs.append(pair)
    return pairs


@settings(deadline=None, max_examples=30)
@given(gain=st.floats(0.01, 100), offset=st.floats(-1000, 1000), seed=st.integers(0, 99))
def test_normalize_ignores_gain_and_offset(gain, offset, seed):
    """Exposure and camera offset vanish under normalisation."""
    image = np.random.default_rng(seed).gamma(2, 50, (32, 32))
    np.testing.assert_allclose(patches.normalize(gain * (image + offset)), patches.normalize(image), atol=1e-4)


def test_normalize_known_answer():
    """Percentiles map to 0 and 1, what lies outside is clipped, integers do not overflow, the input is untouched."""
    image = np.arange(1001, dtype=np.uint16).reshape(7, 143)
    before = image.copy()
    normalised = patches.normalize(image, pmin=10, pmax=90)
    np.testing.assert_allclose(normalised.ravel(), np.clip((np.arange(1001) - 100) / 800, 0, 1), atol=1e-6)
    assert normalised.dtype == np.float32
    np.testing.assert_array_equal(image, before)


def test_normalize_refuses_an_empty_image():
    """An image without contrast between the percentiles is named as such."""
    image = np.zeros((100, 100))
    image[0, 0] = 1
    with pytest.raises(ValueError, match="constant or nearly empty"):
        patches.normalize(image)


@settings(deadline=None, max_examples=50)
@given(n_pairs=st.integers(1, 30), n_validation=st.integers(0, 5), n_held_out=st.integers(0, 5), seed=st.integers(0, 9))
def test_split_is_a_partition(n_pairs, n_validation, n_held_out, seed):
    """Every image is in exactly one part, or there are too few and the message says how many are needed."""
    pairs = [data.Pair(f"{i}.tif", i, i) for i in range(n_pairs)]
    rng = np.random.default_rng(seed)
    if n_pairs <= n_validation + n_held_out:
        with pytest.raises(ValueError, match="image pairs"):
            patches.split_images(pairs, n_validation=n_validation, n_held_out=n_held_out, rng=rng)
        return
    split = patches.split_images(pairs, n_validation=n_validation, n_held_out=n_held_out, rng=rng)
    assert sorted(itertools.chain(*split), key=pairs.index) == pairs
    assert (len(split.validation), len(split.held_out)) == (n_validation, n_held_out)


def test_split_by_name(rng):
    """Name patterns choose exactly the held-out images, and a pattern without a match is quoted."""
    pairs = [data.Pair(f"z{i:02d}", i, i) for i in range(20)]
    split = patches.split_images(pairs, n_validation=2, held_out_names=["z03*", "z1?"], rng=rng)
    assert [pair.name for pair in split.held_out] == ["z03", *[f"z{i}" for i in range(10, 20)]]
    with pytest.raises(ValueError, match=r"'z99\*'.*z00, z01"):
        patches.split_images(pairs, n_validation=2, held_out_names=["z99*"], rng=rng)


def test_patches_come_from_the_same_place(tmp_path, rng):
    """With target = 3 x source + 7 both patches of a pair are equal, of the asked size and within 0..1."""
    pairs = make_pairs(tmp_path, 2, rng=rng)
    cut = patches.cut_patches(pairs, patch_px=32, n_per_image=20, rng=rng)
    assert cut.source.shape == cut.target.shape == (40, 32, 32, 1)
    assert cut.source.dtype == np.float32
    np.testing.assert_allclose(cut.source, cut.target, atol=1e-6)
    assert (cut.source.min(), cut.source.max()) == (0, 1)


def test_patches_show_foreground(tmp_path, rng):
    """Each patch reaches into the bright quarter of the target, though three quarters are background."""
    cut = patches.cut_patches(make_pairs(tmp_path, 1, rng=rng), patch_px=32, n_per_image=100, rng=rng)
    assert (cut.target.max(axis=(1, 2, 3)) > 0.4).all()


def test_patches_are_reproducible(tmp_path):
    """The same generator state cuts the same patches, another one others."""
    pairs = make_pairs(tmp_path, 1, rng=np.random.default_rng(0))
    first, same, other = (
        patches.cut_patches(pairs, patch_px=16, n_per_image=8, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.source, same.source)
    assert not np.array_equal(first.source, other.source)


def test_image_smaller_than_patch(tmp_path, rng):
    """The message names the file, the size of the patch and of the image, and the remedy."""
    pairs = make_pairs(tmp_path, 1, shape=(96, 64), rng=rng)
    with pytest.raises(ValueError, match=r"target_0.tif.*128 x 128 px.*96 x 64 px.*smaller patches"):
        patches.cut_patches(pairs, patch_px=128, n_per_image=1, rng=rng)


def test_structure_at_the_border_only(tmp_path, rng):
    """Where no patch can be centred on structure, the message says so and names the file."""
    image = np.zeros((64, 64), np.uint16)
    image[0, :8] = 1000
    pair = data.Pair("a.tif", tmp_path / "a.tif", tmp_path / "a.tif")
    tifffile.imwrite(pair.source, image)
    with pytest.raises(ValueError, match=r"a.tif: Expected bright structure"):
        patches.cut_patches([pair], patch_px=48, n_per_image=1, rng=rng)
