"""Batches in their order, and the same training steps as CSBDeep's own loop."""

import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from csbdeep.models import CARE, Config
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import care, data, fitting, patches


def numbered(n_patches):
    """Return patches of one pixel, which holds their number; targets have the negative one."""
    numbers = np.arange(n_patches, dtype=np.float32).reshape(-1, 1, 1, 1)
    return patches.Patches(numbers, -numbers)


def configure(**config):
    """Return a configuration of one channel."""
    return Config("YX", 1, 1, **config)


def test_twenty_steps_are_those_of_csbdeep(tmp_path, cut, tiny, monkeypatch):
    """With L1 in float32, from equal weights and in equal order, the weights are those of CARE.train."""
    config = tiny | {"train_epochs": 4, "train_steps_per_epoch": 5, "train_checkpoint": "best.h5"}
    ours = care.create(name="ours", basedir=tmp_path, loss="L1", **config)
    stock = CARE(ours.config, name="stock", basedir=None)
    stock.keras_model.set_weights(ours.keras_model.get_weights())

    monkeypatch.setattr(np.random, "permutation", np.random.default_rng(7).permutation)
    stock.train(*cut[0], validation_data=tuple(cut[1]))
    monkeypatch.undo()

    care.train(ours, *cut, seed=7, precision="float32")
    ours.load_weights("weights_last.h5")
    for weights, expected in zip(ours.keras_model.get_weights(), stock.keras_model.get_weights(), strict=True):
        np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(
    n_patches=st.integers(1, 40),
    batch_size=st.integers(1, 12),
    steps=st.integers(1, 7),
    epochs=st.integers(1, 6),
    seed=st.integers(0, 9),
)
def test_a_later_epoch_begins_where_it_would_have(n_patches, batch_size, steps, epochs, seed):
    """From epoch k on, batches are those of the whole training from there; each round shows every patch once."""
    config = configure(train_batch_size=batch_size, train_steps_per_epoch=steps, train_epochs=epochs)
    training = numbered(n_patches)
    whole = list(fitting.TrainingBatches(training, config=config, seed=seed).from_epoch(0))
    assert len(whole) == steps * epochs
    for epoch in range(epochs + 1):
        tail = list(fitting.TrainingBatches(training, config=config, seed=seed).from_epoch(epoch))
        np.testing.assert_array_equal([batch[0] for batch in tail], [batch[0] for batch in whole[epoch * steps :]])
    order = np.concatenate([source.ravel() for source, _ in whole])
    assert all(np.array_equal(source, -target) for source, target in whole)
    for start in range(0, len(order) - n_patches + 1, n_patches):
        assert sorted(order[start : start + n_patches]) == list(range(n_patches))


@settings(deadline=None, max_examples=30)
@given(n_patches=st.integers(1, 40), batch_size=st.integers(1, 12))
def test_validation_shows_every_patch_once_in_order(n_patches, batch_size):
    """The last batch may be smaller, and nothing comes after it."""
    batches = fitting.ValidationBatches(numbered(n_patches), batch_size)
    assert len(batches) == math.ceil(n_patches / batch_size)
    shown = [batches[i] for i in range(len(batches))]
    np.testing.assert_array_equal(np.concatenate([source.ravel() for source, _ in shown]), np.arange(n_patches))
    np.testing.assert_array_equal(np.concatenate([target.ravel() for _, target in shown]), -np.arange(n_patches))
    assert max(len(source) for source, _ in shown) <= batch_size


def test_both_patches_of_a_pair_are_from_one_place_and_epoch(tmp_path, rng):
    """With equal images source and target stay equal in every epoch, while turned patches differ between epochs."""
    tifffile.imwrite(tmp_path / "a.tif", rng.integers(0, 900, (64, 70)).astype(np.uint16))
    pair = data.Pair("a", tmp_path / "a.tif", tmp_path / "a.tif")
    lazy = patches.LazyPatches(
        [pair], patch_px=16, n_per_image=8, augmentation=patches.Augmentation(flips=True), rng=rng
    )
    config = configure(train_batch_size=8, train_steps_per_epoch=1, train_epochs=4)
    batches = list(fitting.TrainingBatches(lazy, config=config, seed=0).from_epoch(0))
    for source, target in batches:
        np.testing.assert_array_equal(source, target)
    sums = [np.sort(source.sum(axis=(1, 2, 3))) for source, _ in batches]
    np.testing.assert_allclose(sums, np.broadcast_to(sums[0], np.shape(sums)), rtol=1e-5)
    places = [source[np.argsort(source.sum(axis=(1, 2, 3)))] for source, _ in batches]
    assert any(not np.array_equal(places[0], other) for other in places[1:])


def parts(source_shape, target_shape=None):
    """Return empty patches of these shapes."""
    return patches.Patches(np.zeros(source_shape, np.float32), np.zeros(target_shape or source_shape, np.float32))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (parts((3, 16, 16)), r"one shape \(patch, Y, X, channel\), found \(3, 16, 16\)"),
        (parts((0, 16, 16, 1)), r"Expected training patches.*\(0, 16, 16, 1\).*Cut both"),
        (parts((3, 16, 16, 1), (3, 16, 20, 1)), r"\(3, 16, 16, 1\) for the source and \(3, 16, 20, 1\)"),
        (parts((3, 16, 16, 1), (2, 16, 16, 1)), r"\(2, 16, 16, 1\) for the target"),
        (parts((3, 16, 16, 2)), r"1 source and 1 target channels.*found 2 and 2.*n_channel_in"),
        (parts((3, 18, 16, 1)), r"a multiple of 4 px; found 18 x 16 px in the training patches"),
        (parts((3, 0, 16, 1)), r"Expected training patches"),
    ],
)
def test_patches_that_do_not_fit(part, message):
    """The message says what was expected, what was found, in which part, and what to do."""
    with pytest.raises(ValueError, match=message):
        fitting.check_patches(configure(), part, parts((3, 16, 16, 1)), loss="L1")


def test_validation_patches_that_do_not_fit():
    """Validation patches are named as such, and a loss of many scales says how large patches must be."""
    good = parts((3, 128, 128, 1))
    fitting.check_patches(configure(), good, good, loss="5S-SSIM")
    with pytest.raises(ValueError, match=r"5S-SSIM needs patches of at least 97 px.*in the validation patches"):
        fitting.check_patches(configure(), good, parts((3, 64, 64, 1)), loss="5S-SSIM")


def test_patches_of_two_channels_fit_their_network():
    """A network with other numbers of channels takes patches with these."""
    config = Config("YXC", 2, 1)
    part = parts((3, 16, 16, 2), (3, 16, 16, 1))
    fitting.check_patches(config, part, part, loss="L2")


TRAINING = """
import re, sys
from pathlib import Path
import numpy as np
from l2l_utils import care, data, patches

folder, n_pairs = Path(sys.argv[1]), int(sys.argv[2])
pairs, rng = data.pair_images(folder / "source", folder / "target")[:n_pairs], np.random.default_rng(0)
training = patches.LazyPatches(pairs, patch_px=64, n_per_image=20, augmentation=patches.Augmentation(), rng=rng)
validation = patches.LazyPatches(pairs[:1], patch_px=64, n_per_image=8, rng=rng)
config = dict(unet_n_first=8, unet_kern_size=3, train_epochs=2, train_steps_per_epoch=15, train_batch_size=16)
model = care.create(name=f"with_{n_pairs}", basedir=folder, loss="L1", **config)
care.train(model, training, validation, precision="float32")
# unlike getrusage's, this peak is not that of the process which started this one
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_images():
    """Ten times as many pairs, 320 MB of images, need no tenth more memory."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for role in ("source", "target"):
            (Path(folder) / role).mkdir()
            for i in range(80):
                image = rng.integers(0, 900, (1024, 1024), np.uint16)
                tifffile.imwrite(Path(folder) / role / f"{i:02d}.tif", image)
        peaks = [
            int(
                subprocess.run(
                    [sys.executable, "-c", TRAINING, folder, str(n_pairs)], check=True, capture_output=True, text=True
                ).stdout.split()[-1]
            )
            for n_pairs in (8, 80)
        ]
    assert peaks[1] <= 1.1 * peaks[0]
