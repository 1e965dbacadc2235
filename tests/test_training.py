"""One training by recipe: found again when finished, refused when the recipe is another."""

import json
from dataclasses import replace

import numpy as np
import pytest
from drawn_pairs import draw_images, write_pairs

from l2l_utils import care, data, patches, training

RECIPE = training.Recipe(
    epochs=1,
    steps_per_epoch=2,
    batch_size=2,
    learning_rate=1e-3,
    patch_px=64,
    n_patches_per_image=2,
    unet_n_first=4,
    unet_kern_size=3,
    precision="float32",
)


@pytest.fixture(scope="module")
def split():
    """Return two pairs to train on and one for validation."""
    folder = data.fetch("virtual/tubulin-small")
    pairs = data.pair_images(folder / "source", folder / "target")[:3]
    return patches.Split(pairs[:2], pairs[2:], [])


def test_a_training_is_found_again_and_differs_by_seed(split, tmp_path):
    """The same call opens the same network; another seed trains another, under its own name."""
    known = {"method": "L2L", "loss": "L1", "folder": tmp_path, "recipe": RECIPE}
    first = training.train_network(split, seed=0, **known)
    written = {path: path.stat().st_mtime_ns for path in first.logdir.iterdir()}
    again = training.train_network(split, seed=0, **known)
    assert first.logdir == tmp_path / "models" / "L2L_L1_seed0"
    assert {path: path.stat().st_mtime_ns for path in again.logdir.iterdir()} == written
    assert care.weights_sha256(again) == care.weights_sha256(first)
    assert care.weights_sha256(training.train_network(split, seed=1, **known)) != care.weights_sha256(first)
    with pytest.raises(FileExistsError, match="train_epochs"):
        training.train_network(split, seed=0, **{**known, "recipe": replace(RECIPE, epochs=2)})


def test_stacks_are_trained_by_the_same_recipe(split, tmp_path):
    """Three numbers for a patch make a network of stacks, found again by the same call; planes are recorded as ever."""
    stacks = draw_images(3, shape=(9, 40, 44))
    pairs = write_pairs(tmp_path / "pairs", stacks, stacks, photometric="minisblack")
    known = {"method": "CARE", "seed": 0, "folder": tmp_path}
    recipe = replace(RECIPE, patch_px=(4, 16, 16), augmentation=patches.Augmentation((), flips=True, every=1))
    of_stacks = {"loss": "Laplace", "recipe": recipe, **known}
    model = training.train_network(patches.Split(pairs[:2], pairs[2:], []), **of_stacks)
    assert (model.config.axes, model.config.probabilistic) == ("ZYXC", True)
    again = training.train_network(patches.Split(pairs[:2], pairs[2:], []), **of_stacks)
    assert care.weights_sha256(again) == care.weights_sha256(model)
    assert care.restore_with_scale(model, stacks[0], axes="ZYX").scale.shape == stacks[0].shape
    of_planes = training.train_network(split, loss="L1", recipe=RECIPE, **known)
    assert "axes" not in json.loads((of_planes.logdir / "training.json").read_text())["config"]


def test_label_orders_pair_the_same_files(split):
    """Swapped, every source is a target; in both orders there are twice as many pairs, all with their own names."""
    swapped, both = patches.swap_labels(split), patches.both_orders(split)
    assert [(p.source, p.target) for p in swapped.training] == [(p.target, p.source) for p in split.training]
    assert both.training[: len(split.training)] == split.training
    assert len({pair.name for pair in both.training}) == 2 * len(split.training)
    first = patches.LazyPatches(swapped.training, patch_px=64, n_per_image=1, rng=np.random.default_rng(0))
    assert first.source[0].shape == (64, 64, 1)


def test_augmentation_is_read_from_text():
    """A list of zooms as in a form; nothing for an empty one."""
    assert patches.Augmentation.parse("0.5, 1.25").zooms == (0.5, 1.25)
    assert patches.Augmentation.parse("") is None
