"""Two channels summed, and split so that no place is both trained on and judged."""

import numpy as np
import pytest

from l2l_utils import data, patches, superposition

PERCENTILES = {"pmin": 2.0, "pmax": 99.8}


def write(folder, names, rng, shape=(40, 90)):
    """Write images of two structures, 8 bit and 16 bit, whose pixels are all different."""
    for name in names:
        for role, dtype, top in (("nucleus", "uint16", 60000), ("membrane", "uint8", 250)):
            image = rng.integers(0, top, shape).astype(dtype)
            data.write_image(folder / role / f"{name}.tif", image, dtype=dtype)
    return folder / "nucleus", folder / "membrane"


def test_the_sum_weighs_both_alike(tmp_path, rng):
    """The source is the sum of both images on their own scales, whatever their grey values."""
    folders = write(tmp_path, ["b", "a"], rng)
    pairs = superposition.superpose(*folders, tmp_path / "sum", **PERCENTILES)
    assert [pair.name for pair in pairs] == ["a", "b"]
    for pair in pairs:
        assert pair.target == (folders[0] / f"{pair.name}.tif", folders[1] / f"{pair.name}.tif")
        expected = sum(patches.read_normalized(file, **PERCENTILES) for file in pair.target)
        np.testing.assert_array_equal(data.read_image(pair.source), expected)


@pytest.mark.parametrize("shape", [(40, 90), (91, 41)])
@pytest.mark.parametrize("names", [["one"], [f"stack_z{i:03d}" for i in range(6)]])
def test_one_image_or_stack_is_split_by_place(names, shape, tmp_path, rng):
    """The pieces put together are the image again, half of it for training; so no pixel is in two of them."""
    folders = write(tmp_path, names, rng, shape)
    pairs = superposition.superpose(*folders, tmp_path / "sum", **PERCENTILES)
    split = superposition.split_places(pairs, tmp_path / "places")
    along = int(np.argmax(shape))
    for i, pair in enumerate(pairs):
        for whole, pieces in zip(
            (pair.source, *pair.target), zip(*((p[i].source, *p[i].target) for p in split), strict=True), strict=True
        ):
            images = [data.read_image(piece) for piece in pieces]
            np.testing.assert_array_equal(np.concatenate(images, axis=along), data.read_image(whole))
            assert images[0].shape[along] == pytest.approx(max(shape) / 2, abs=1)
            assert images[2].shape[along] == pytest.approx(max(shape) / 4, abs=1)


def test_many_fields_are_split_by_field(tmp_path, rng):
    """Ten fields: two held out, one to choose the weights, seven to train on, none twice, none cut."""
    pairs = superposition.superpose(
        *write(tmp_path, [f"f{i}" for i in range(10)], rng), tmp_path / "sum", **PERCENTILES
    )
    split = superposition.split_places(pairs, tmp_path / "places")
    assert [len(part) for part in split] == [7, 1, 2]
    assert sorted(pair for part in split for pair in part) == sorted(pairs)
    assert not (tmp_path / "places").exists()
