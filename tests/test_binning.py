"""Blocks of pixels: sums, Fiji's averages, and back to full size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import block_reduce

from l2l_utils.binning import average_blocks, enlarge, sum_blocks

blocks = st.sampled_from([1, 2, 3, 4, 8])
stacks = hnp.arrays(np.uint16, st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 3)))


@settings(max_examples=40, deadline=None)
@given(small=stacks, n=blocks, seed=st.integers(0, 9))
def test_blocks_are_those_of_scikit_image(small, n, seed):
    """Sums are scikit-image's, averages its means with halves rounded up; both lose no light."""
    full = np.random.default_rng(seed).permuted(enlarge(small, n), axis=-1)
    sums = block_reduce(full.astype(np.int64), (1, n, n), np.sum)
    np.testing.assert_array_equal(sum_blocks(full, n), sums)
    np.testing.assert_array_equal(average_blocks(full, n), np.floor(sums / n**2 + 0.5).astype(np.uint16))
    assert sums.sum() == full.sum(dtype=np.int64)


@settings(max_examples=40, deadline=None)
@given(small=stacks, n=blocks)
def test_enlarging_repeats_pixels(small, n):
    """It is the Kronecker product with ones, and averaging takes it back."""
    full = enlarge(small, n)
    np.testing.assert_array_equal(full, np.kron(small, np.ones((1, n, n), np.uint16)))
    np.testing.assert_array_equal(average_blocks(full, n), small)


def test_averages_do_not_overflow():
    """Blocks at the limit of 16 bit stay there."""
    assert (average_blocks(np.full((16, 16), 65535, np.uint16), 8) == 65535).all()


@pytest.mark.parametrize(("shape", "n"), [((16, 17), 2), ((3, 12, 16), 8), ((16, 16), 0)])
def test_blocks_that_do_not_fit_are_refused(shape, n):
    """An image that blocks do not fill is refused, with both sizes."""
    with pytest.raises(ValueError, match=rf"found {n} x {n} px"):
        average_blocks(np.zeros(shape, np.uint16), n)
