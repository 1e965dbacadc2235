"""Images of several channels: paired, cut into patches, trained on and restored as those of one."""

from pathlib import Path

import numpy as np
import pytest

from l2l_utils import care, data, patches, restoration, training

RECIPE = training.Recipe(
    epochs=1,
    steps_per_epoch=2,
    batch_size=2,
    learning_rate=1e-3,
    patch_px=32,
    n_patches_per_image=2,
    unet_n_first=4,
    unet_kern_size=3,
    precision="float32",
)
CUT = {"patch_px": 32, "n_per_image": 12, "augmentation": patches.Augmentation(zooms=(0.5, 2.0), flips=True)}


@pytest.fixture(scope="module")
def folder():
    """Return the folder of small virtual cells with two structures."""
    return data.fetch("virtual/nucleus_membrane-small")


@pytest.fixture(scope="module")
def pairs(folder):
    """Return superposed images, each with the two structures as the channels of its target."""
    return data.pair_channels(folder / "source", [folder / "nucleus", folder / "membrane"])


def copied(pairs):
    """Return the pairs with the source in both channels."""
    return [pair._replace(source=(pair.source, pair.source)) for pair in pairs]


def test_channels_are_paired_by_name(folder, pairs):
    """Every source has a file in each of the folders; one that lacks there is named."""
    assert [pair.target for pair in pairs] == [
        (folder / "nucleus" / pair.source.name, folder / "membrane" / pair.source.name) for pair in pairs
    ]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        data.pair_channels(folder / "source", [folder / "nucleus", folder / "nowhere"])


def test_patches_of_channels_are_those_of_the_images(pairs):
    """Channel by channel a patch is what the same place of the normalised image is, zoomed and turned alike."""
    lazy = patches.LazyPatches(pairs[:2], **CUT, rng=np.random.default_rng(3))
    assert lazy.source.shape == (24, 32, 32, 1)
    assert lazy.target.shape == (24, 32, 32, 2)
    for channel in range(2):
        single = [pair._replace(target=pair.target[channel]) for pair in pairs[:2]]
        alone = patches.LazyPatches(single, **CUT, rng=np.random.default_rng(3))
        alone._corners, alone._seed = lazy._corners, lazy._seed
        np.testing.assert_array_equal(lazy.target[:][..., channel], alone.target[:][..., 0])
        np.testing.assert_array_equal(lazy.source[:], alone.source[:])


def test_every_channel_has_its_own_scale(pairs):
    """Both channels reach from 0 to 1, and patches lie where either structure is, so both occur in them."""
    lazy = patches.LazyPatches(pairs, patch_px=32, n_per_image=40, rng=np.random.default_rng(0))
    assert lazy.target[:].max(axis=(0, 1, 2)) == pytest.approx([1, 1])
    brightest = lazy.target[:].max(axis=(1, 2)).argmax(axis=1)
    assert set(brightest) == {0, 1}


def test_channels_of_unlike_shape_are_refused(pairs, tmp_path):
    """The message names the file that is smaller, and what it should match."""
    small = tmp_path / "small.tif"
    data.write_image(small, data.read_image(pairs[0].target[1])[:-1], dtype="uint16")
    wrong = [pairs[0]._replace(target=(pairs[0].target[0], small))]
    with pytest.raises(ValueError, match=r"small\.tif: expected the shape of .*cell_000\.tif"):
        patches.LazyPatches(wrong, patch_px=32, n_per_image=1, rng=np.random.default_rng(0))


@pytest.mark.parametrize(("copy", "residual"), [(copied, True), (list, False)])
def test_a_network_separates_channels_into_one_file(copy, residual, pairs, tmp_path):
    """The input copied into both channels, with CSBDeep's residual, or once, without: a file of two channels."""
    pairs = copy(pairs)
    split = patches.Split(pairs[:2], pairs[2:3], pairs[3:4])
    model = training.train_network(split, method="separation", loss="L1", seed=0, folder=tmp_path, recipe=RECIPE)
    assert model.config.unet_residual is residual
    assert (model.config.n_channel_in, model.config.n_channel_out) == (2 if residual else 1, 2)
    (path,) = restoration.restore_files(model, [split.held_out[0].source], tmp_path / "restored")
    image = data.read_image(data.channel_files(split.held_out[0].source)[0])
    stacked = np.stack([image] * model.config.n_channel_in)
    expected = np.moveaxis(care.restore(model, np.moveaxis(stacked, 0, -1), axes="YXC"), -1, 0)
    np.testing.assert_allclose(data.read_image(path, axes="CYX"), expected, atol=1e-6)
    origin = data.read_provenance(path)
    assert origin["source"] == Path(path).name
    assert np.shape(origin["raw_0_and_1"]) == ((2, 2) if residual else (2,))
    written = path.stat().st_mtime_ns
    restoration.restore_files(model, [split.held_out[0].source], tmp_path / "restored")
    assert path.stat().st_mtime_ns == written
