"""Splitting by image: a partition, by number or by name."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import data, patches


def make_pairs(n_pairs):
    """Return pairs of files that need not exist."""
    return [data.Pair(f"z{i:02d}", i, i) for i in range(n_pairs)]


@settings(deadline=None, max_examples=50)
@given(n_pairs=st.integers(1, 30), n_validation=st.integers(0, 5), n_held_out=st.integers(0, 5), seed=st.integers(0, 9))
def test_split_is_a_partition(n_pairs, n_validation, n_held_out, seed):
    """Every image is in exactly one part, or there are too few and the message says how many are needed."""
    pairs = make_pairs(n_pairs)
    rng = np.random.default_rng(seed)
    if n_pairs <= n_validation + n_held_out:
        with pytest.raises(ValueError, match="image pairs"):
            patches.split_images(pairs, n_validation=n_validation, n_held_out=n_held_out, rng=rng)
        return
    split = patches.split_images(pairs, n_validation=n_validation, n_held_out=n_held_out, rng=rng)
    assert sorted(itertools.chain(*split), key=pairs.index) == pairs
    assert (len(split.validation), len(split.held_out)) == (n_validation, n_held_out)
    assert all(sorted(part, key=pairs.index) == part for part in split)


def test_split_by_name(rng):
    """Name patterns choose exactly the held-out images, and a pattern without a match is quoted."""
    pairs = make_pairs(20)
    split = patches.split_images(pairs, n_validation=2, held_out_names=["z03*", "z1?"], rng=rng)
    assert [pair.name for pair in split.held_out] == ["z03", *[f"z{i}" for i in range(10, 20)]]
    with pytest.raises(ValueError, match=r"'z99\*'.*z00, z01"):
        patches.split_images(pairs, n_validation=2, held_out_names=["z99*"], rng=rng)


def test_names_leave_the_number_unused(rng):
    """With names given, the number of held-out pairs plays no part."""
    split = patches.split_images(make_pairs(6), n_validation=1, n_held_out=3, held_out_names=["z05"], rng=rng)
    assert [len(part) for part in split] == [4, 1, 1]


def test_split_is_drawn_at_random():
    """The same generator state draws the same split; over many, each pair is held out about equally often."""
    pairs = make_pairs(5)

    def held_out(seed):
        return patches.split_images(pairs, n_validation=1, n_held_out=1, rng=np.random.default_rng(seed)).held_out

    assert held_out(3) == held_out(3)
    counts = np.bincount([pairs.index(held_out(seed)[0]) for seed in range(500)], minlength=5)
    # 100 expected, standard deviation 9
    assert (abs(counts - 100) < 45).all()
