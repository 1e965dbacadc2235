"""Tiles: as few as the memory allows, without a seam, and the same result as CSBDeep's own prediction."""

import functools
import itertools
import math
import re
import subprocess
import sys

import numpy as np
import pytest
from csbdeep.internals.predict import Tiling, tile_overlap
from csbdeep.models import CARE, Config
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import care, patches, tiling

KERNELS = [3, 5]
DTYPES = ["uint8", "uint16", "int16", "float32", "float64"]


def network(basedir, name, *, kernel=3, n_in=1, n_out=1):
    """Return an untrained network with biases, so that a border shows."""
    config = Config("YXC", n_in, n_out, unet_n_first=4, unet_kern_size=kernel, train_tensorboard=False)
    model = CARE(config, name=name, basedir=str(basedir))
    rng = np.random.default_rng(0)
    weights = [w + 0.1 * rng.standard_normal(w.shape) * (w.ndim == 1) for w in model.keras_model.get_weights()]
    model.keras_model.set_weights(weights)
    return model


@pytest.fixture(scope="module", params=KERNELS)
def one_channel(request, tmp_path_factory):
    """Return a network of one channel."""
    return network(tmp_path_factory.mktemp("one"), "one", kernel=request.param)


def draw_image(shape, dtype, seed):
    """Return noise with the lowest and highest values of its type where it is an integer."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(3, 40, shape).astype(dtype)
    ends = np.iinfo(dtype)
    image = rng.integers(ends.min, ends.max, shape, dtype, endpoint=True)
    image.flat[0], image.flat[-1] = ends.min, ends.max
    return image


def budget_gb(model, shape, dtype, side_px):
    """Return the memory that tiles of about this side and an image of this shape need."""
    block = 2**model.config.unet_n_depth
    n_px = math.prod(math.ceil(side / block) * block for side in shape)
    image_bytes = n_px * (model.config.n_channel_in * np.dtype(dtype).itemsize + 4 * model.config.n_channel_out)
    return (image_bytes + side_px**2 * tiling.BYTES_PER_PX_AND_FILTER * model.config.unet_n_first) / 2**30


@settings(deadline=None, max_examples=8)
@given(
    rows=st.integers(1, 300),
    columns=st.integers(2, 300),
    dtype=st.sampled_from(DTYPES),
    overlaps=st.floats(4.5, 6),
    seed=st.integers(0, 9),
)
def test_tiles_leave_no_seam(one_channel, rows, columns, dtype, overlaps, seed):
    """Any size and number type: in tiles as in one piece, which is as csbdeep predicts; the image is left as it is."""
    image = draw_image((rows, columns), dtype, seed)
    before = image.copy()
    whole = care.restore(one_channel, image, memory_gb=8)
    assert (whole.dtype, whole.shape) == (np.float32, image.shape)
    expected = one_channel.predict(patches.normalize(image), "YX", normalizer=None)
    np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-6)
    overlap_px = tile_overlap(one_channel.config.unet_n_depth, one_channel.config.unet_kern_size)
    little = budget_gb(one_channel, image.shape, dtype, overlaps * overlap_px)
    np.testing.assert_allclose(care.restore(one_channel, image, memory_gb=little), whole, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_pixel_wide(kernel, tmp_path, rng):
    """A line of pixels is an image, too."""
    model = network(tmp_path, "line", kernel=kernel)
    for shape in ((1, 9), (9, 1), (2, 1)):
        image = rng.random(shape)
        expected = model.predict(patches.normalize(image), "YX", normalizer=None)
        np.testing.assert_allclose(care.restore(model, image), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("axes", "n_out"), [("YXC", 1), ("YXC", 2), ("CYX", 1), ("CYX", 2)])
def test_two_channels(axes, n_out, tmp_path, rng):
    """Each channel is normalised by itself; in tiles as in one piece, which is as csbdeep predicts."""
    model = network(tmp_path, "two", n_in=2, n_out=n_out)
    image = rng.integers(0, 200, (161, 118, 2)).astype(np.uint16) * np.array([1, 300], np.uint16)
    normalised = np.stack([patches.normalize(image[..., i]) for i in range(2)], axis=-1)
    if axes == "CYX":
        image, normalised = np.moveaxis(image, -1, 0), np.moveaxis(normalised, -1, 0)
    expected = model.predict(normalised, axes, normalizer=None)
    whole = care.restore(model, image, axes=axes)
    assert whole.shape == expected.shape
    assert whole.shape[axes.find("C")] == n_out
    np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-6)
    little = budget_gb(model, (161, 118), "uint16", 80)
    assert tiling.choose_n_tiles(
        (164, 120), tiling.Demands.of_care(model.config), 80**2 * tiling.BYTES_PER_PX_AND_FILTER * 4
    ) != (1, 1)
    np.testing.assert_allclose(care.restore(model, image, axes=axes, memory_gb=little), whole, rtol=0, atol=1e-5)


def test_two_channels_from_one(tmp_path, rng):
    """Where the image has no channels and the result has two, they come last."""
    model = network(tmp_path, "split", n_out=2)
    image = rng.random((40, 33))
    expected = model.predict(patches.normalize(image)[..., None], "YXC", normalizer=None)
    np.testing.assert_allclose(care.restore(model, image), expected, rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    blocks=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    kernel=st.sampled_from([3, 5, 7]),
    depth=st.integers(1, 2),
    n_first=st.sampled_from([4, 32]),
    overlaps=st.floats(4.5, 20),
)
def test_tiles_fit_the_memory_and_leave_least_to_do(blocks, kernel, depth, n_first, overlaps):
    """CSBDeep's tiles are within the budget, and no others that are make clearly fewer pixels in all."""
    config = Config("YX", 1, 1, unet_n_first=n_first, unet_kern_size=kernel, unet_n_depth=depth)
    block_px, overlap_px = 2**depth, tile_overlap(depth, kernel)
    budget_px = (overlaps * overlap_px) ** 2

    @functools.cache
    def tiles(n_blocks, n_tiles):
        tiling_of_csbdeep = Tiling.for_n_tiles(n_blocks, n_tiles, math.ceil(overlap_px / block_px))
        return len(tiling_of_csbdeep), tiling_of_csbdeep.tiles[0].size * block_px

    def pixels(n_tiles):
        (n_rows, height), (n_columns, width) = map(tiles, blocks, n_tiles)
        return (n_rows * height * n_columns * width) if height * width <= budget_px else math.inf

    # An odd pixel or two are padded to a whole block.
    shape = [block_px * n - odd for n, odd in zip(blocks, (0, 1), strict=True)]
    chosen = tiling.choose_n_tiles(
        shape, tiling.Demands.of_care(config), budget_px * tiling.BYTES_PER_PX_AND_FILTER * n_first
    )
    assert pixels(chosen) <= 1.1 * min(map(pixels, itertools.product(range(1, 13), repeat=2)))


@pytest.mark.parametrize("memory_gb", [-1, 0, 1e-6])
def test_too_little_memory(one_channel, memory_gb, rng):
    """The message says for which image, how much more is needed, and what to do."""
    with pytest.raises(ValueError, match=r"200 x 204 px .* at least [0-9.]+ GiB more.*larger memory_gb"):
        care.restore(one_channel, rng.random((200, 204)), memory_gb=memory_gb)


def test_what_the_message_lacks_is_enough():
    """With as much more memory as the message asks for there is a way to tile."""
    config = Config("YX", 1, 1, unet_n_first=256, unet_kern_size=5)
    with pytest.raises(ValueError, match="GiB more") as error:
        tiling.choose_n_tiles((2000, 3000), tiling.Demands.of_care(config), 0)
    lacking_gb = float(re.search(r"at least ([0-9.]+) GiB", str(error.value))[1])
    assert (
        math.prod(tiling.choose_n_tiles((2000, 3000), tiling.Demands.of_care(config), (lacking_gb + 0.005) * 2**30))
        > 100
    )


RESTORING = """
import re, sys
from pathlib import Path
import numpy as np
from csbdeep.models import CARE, Config
from l2l_utils import care

def peak_gb():  # unlike getrusage's, this peak is not that of the process which started this one
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 2**20

memory_gb, side = float(sys.argv[1]), int(sys.argv[2])
model = CARE(Config("YX", 1, 1, unet_n_first=32, train_tensorboard=False), name="m", basedir=sys.argv[3])
image = np.random.default_rng(0).integers(0, 900, (side, side), np.uint16)
care.restore(model, image[:96, :96])
before = peak_gb()
care.restore(model, image, memory_gb=memory_gb)
print(peak_gb() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("memory_gb", "side_px"), [(0.3, 2000), (0.6, 2000)])
def test_restoring_stays_within_its_memory(memory_gb, side_px, tmp_path):
    """With the default network the peak of the process grows by less than was allowed, and by some of it."""
    command = [sys.executable, "-c", RESTORING, str(memory_gb), str(side_px), str(tmp_path)]
    grown_gb = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
    assert 0.3 * memory_gb < grown_gb <= memory_gb
