"""Memory of patches: the paper's set by its numbers, and both projections against arrays that are there."""

import numpy as np
import pytest
from csbdeep.models import Config
from drawn_pairs import cut, draw_images, write_pairs

from l2l_utils import fitting, patch_memory, patches


def test_the_mitochondria_of_the_luminescence_paper():
    """90 stacks in eight ways, 150 patches of 16 x 64 x 64 of each: 52.7 GiB as arrays, a fraction of one otherwise."""
    n_patches, size = 90 * 8 * 150, (16, 64, 64)
    assert n_patches == 108_000
    assert patch_memory.as_arrays(n_patches, size) / 2**30 == pytest.approx(52.7, abs=0.05)
    on_access = patch_memory.on_access(n_patches, size, batch_size=128, n_steps=200 * 600)
    assert on_access < patch_memory.as_arrays(n_patches, size) / 200


@pytest.mark.parametrize(("patch_px", "shape"), [(16, (40, 44)), ((4, 8, 8), (8, 30, 30))])
def test_both_projections_are_the_bytes_of_real_arrays(tmp_path, patch_px, shape):
    """What the arrays of all patches have, and what lazy patches and their batches keep by the end of a training."""
    stacks = draw_images(2, shape=shape)
    part = cut(write_pairs(tmp_path, stacks, stacks, photometric="minisblack"), patch_px=patch_px, n_per_image=30)
    everything = patches.Patches(part.source[:], part.target[:])
    assert patch_memory.as_arrays(len(part), patch_px) == everything.source.nbytes + everything.target.nbytes
    config = Config("YX", train_epochs=3, train_steps_per_epoch=11, train_batch_size=4)
    batches = fitting.TrainingBatches(part, config=config, seed=0)
    *_, last = batches.from_epoch(0)
    kept = part._corners.nbytes + sum(order.nbytes for order in batches.index_map.values())
    kept += sum(array.nbytes for array in last)
    assert patch_memory.on_access(len(part), patch_px, batch_size=4, n_steps=33) == kept
    assert np.ceil(33 * 4 / len(part)) == len(batches.index_map) == 3
