"""Tiles of stacks: bounded memory, no seam along any axis, and the same result as CSBDeep's own prediction."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from csbdeep.internals.predict import Tiling, tile_overlap
from csbdeep.models import CARE, Config
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import care, patches, tiling


def network(basedir, *, depth=1, n_in=1, n_out=1, probabilistic=True):
    """Return an untrained network of stacks with biases, so that a border shows."""
    config = Config("ZYX", n_in, n_out, probabilistic, unet_n_first=4, unet_n_depth=depth, train_tensorboard=False)
    model = CARE(config, name=f"depth_{depth}_{n_in}_{n_out}", basedir=str(basedir))
    rng = np.random.default_rng(0)
    weights = [w + 0.1 * rng.standard_normal(w.shape) * (w.ndim == 1) for w in model.keras_model.get_weights()]
    model.keras_model.set_weights(weights)
    return model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return a probabilistic network that sees 9 px around."""
    return network(tmp_path_factory.mktemp("models"))


def budget_gb(model, shape, tile_px, n_outputs):
    """Return the memory that tiles of this volume and an image of float64 of this shape need."""
    block = 2**model.config.unet_n_depth
    n_px = math.prod(math.ceil(side / block) * block for side in shape)
    image_bytes = n_px * (8 * model.config.n_channel_in + 4 * n_outputs)
    return (image_bytes + tile_px * tiling.BYTES_PER_PX_AND_FILTER * model.config.unet_n_first) / 2**30


@pytest.mark.parametrize("shape", [(9, 90, 61), (41, 39, 40), (2, 33, 88), (1, 5, 64)])
def test_tiles_leave_no_seam(model, shape, rng):
    """Mean and scale in tiles are those in one piece, which are as csbdeep predicts; the stack is left as it is."""
    image = rng.normal(3, 40, shape)
    before = image.copy()
    whole = care.restore_with_scale(model, image, axes="ZYX", memory_gb=8)
    expected = model.predict_probabilistic(patches.normalize(image), "ZYX", normalizer=None)
    np.testing.assert_allclose(whole.mean, expected.mean(), rtol=0, atol=1e-5)
    np.testing.assert_allclose(whole.scale, expected.scale(), rtol=0, atol=1e-5)
    little = budget_gb(model, shape, 0.8 * math.prod(side + side % 2 for side in shape), 2)
    tiled = care.restore_with_scale(model, image, axes="ZYX", memory_gb=little)
    for part, of_whole in zip(tiled, whole, strict=True):
        assert (part.dtype, part.shape) == (np.float32, shape)
        np.testing.assert_allclose(part, of_whole, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(care.restore(model, image, axes="ZYX", memory_gb=8), whole.mean)
    np.testing.assert_array_equal(image, before)


def test_tiles_are_cut_along_every_axis(model, rng):
    """A cube in tiles as small as they can be is cut in all three directions, without a seam."""
    image = rng.random((56, 58, 60))
    n_tiles = tiling.choose_n_tiles(image.shape, tiling.Demands.of_care(model.config), 34**3 * 28 * 4)
    assert min(n_tiles) > 1
    tiled = care.restore(model, image, axes="ZYX", memory_gb=budget_gb(model, image.shape, 34**3, 1))
    np.testing.assert_allclose(tiled, care.restore(model, image, axes="ZYX", memory_gb=8), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("axes", "n_out"), [("ZYXC", 1), ("ZYXC", 2), ("CZYX", 2)])
def test_channels_of_stacks(axes, n_out, tmp_path, rng):
    """Each channel is normalised by itself; means and scales come as csbdeep predicts, channels where they were."""
    model = network(tmp_path, n_in=2, n_out=n_out)
    image = rng.integers(0, 200, (7, 21, 30, 2)).astype(np.uint16) * np.array([1, 300], np.uint16)
    normalised = np.stack([patches.normalize(image[..., i]) for i in range(2)], axis=-1)
    if axes == "CZYX":
        image, normalised = np.moveaxis(image, -1, 0), np.moveaxis(normalised, -1, 0)
    expected = model.predict_probabilistic(normalised, axes, normalizer=None)
    found = care.restore_with_scale(model, image, axes=axes)
    assert found.mean.shape == found.scale.shape == expected.shape
    np.testing.assert_allclose(found.mean, expected.mean(), atol=1e-5)
    np.testing.assert_allclose(found.scale, expected.scale(), atol=1e-5)


@settings(deadline=None, max_examples=40)
@given(
    blocks=st.tuples(st.integers(1, 20), st.integers(1, 100), st.integers(1, 100)),
    depth=st.integers(1, 2),
    overlaps=st.floats(4.5, 12),
)
def test_tiles_fit_the_memory_and_leave_least_to_do(blocks, depth, overlaps):
    """CSBDeep's tiles are within the budget, and no others that are make clearly fewer pixels in all."""
    config = Config("ZYX", unet_n_first=8, unet_n_depth=depth)
    block_px, overlap_px = 2**depth, tile_overlap(depth, 3)
    budget_px = (overlaps * overlap_px) ** 3

    def tiles(n_blocks, n_tiles):
        cut = Tiling.for_n_tiles(n_blocks, n_tiles, math.ceil(overlap_px / block_px))
        return len(cut), cut.tiles[0].size * block_px

    options = [{n: tiles(along, n) for n in range(1, 8)} for along in blocks]

    def pixels(n_tiles):
        numbers, sides = zip(*(option[n] for option, n in zip(options, n_tiles, strict=True)), strict=True)
        return math.prod(numbers) * math.prod(sides) if math.prod(sides) <= budget_px else math.inf

    shape = [block_px * n for n in blocks]
    chosen = tiling.choose_n_tiles(shape, tiling.Demands.of_care(config), budget_px * 28 * 8)
    numbers, sides = zip(*(tiles(along, n) for along, n in zip(blocks, chosen, strict=True)), strict=True)
    assert math.prod(sides) <= budget_px
    assert math.prod(numbers) * math.prod(sides) <= 1.1 * min(map(pixels, itertools.product(range(1, 8), repeat=3)))


def test_what_does_not_fit_is_explained(model, rng):
    """Too little memory, a plane, and axes of other networks: what was expected, and what was found."""
    image = rng.random((12, 40, 44))
    with pytest.raises(ValueError, match=r"12 x 40 x 44 px .* GiB more.*larger memory_gb"):
        care.restore(model, image, axes="ZYX", memory_gb=1e-4)
    for wrong, axes in ((image, "YX"), (image[0], "YX"), (image, "CYX"), (image[None], "ZYX")):
        with pytest.raises(ValueError, match=rf"axes ZYX, ZYXC or CZYX, found axes '{axes}'.*stacks, or planes"):
            care.restore(model, wrong, axes=axes)


RESTORING = """
import re, sys
from pathlib import Path
import numpy as np
from csbdeep.models import CARE, Config
from l2l_utils import care

def peak_gb():  # unlike getrusage's, this peak is not that of the process which started this one
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 2**20

memory_gb = float(sys.argv[1])
model = CARE(Config("ZYX", probabilistic=True, train_tensorboard=False), name="m", basedir=sys.argv[2])
image = np.random.default_rng(0).integers(0, 900, (16, 320, 320), np.uint16)
care.restore_with_scale(model, image[:, :32, :32], axes="ZYX")
before = peak_gb()
care.restore_with_scale(model, image, axes="ZYX", memory_gb=memory_gb)
print(peak_gb() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("memory_gb", [0.3, 0.6])
def test_restoring_stays_within_its_memory(memory_gb, tmp_path):
    """With the default network of stacks the peak grows by less than was allowed, and by some of it."""
    command = [sys.executable, "-c", RESTORING, str(memory_gb), str(tmp_path)]
    grown_gb = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
    assert 0.3 * memory_gb < grown_gb <= memory_gb
