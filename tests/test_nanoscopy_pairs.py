"""Samples follow from their names alone, pairs are made once, and every algorithm's image has MUSICAL's size."""

import numpy as np
import pytest
import tifffile

from l2l_utils import data, nanoscope, nanoscopy_pairs
from l2l_utils.nanoscopy_pairs import Simulation

ACTIN = Simulation("actin", 1.6, 20)
NUMBERS = {"training": 2, "validation": 1, "held_out": 1}


def test_samples_follow_from_their_names():
    """The same again for the same name; another sample for another number, part or structure."""
    sample, expected = ACTIN.record("training_0001")
    again, the_same = Simulation("actin", 1.6, 20).record("training_0001")
    np.testing.assert_array_equal(sample.structure.emitters_um, again.structure.emitters_um)
    np.testing.assert_array_equal(expected, the_same)
    others = [ACTIN.record(name)[0] for name in ("training_0000", "held_out_0001")]
    others.append(Simulation("vesicles", 1.6, 20).record("training_0001")[0])
    apertures = {each.optics.numerical_aperture for each in (sample, *others)}
    assert len(apertures) == 4


def test_counts_are_those_of_the_paper():
    """A background of 100 and a signal to background of 3; photons scatter about it, other noises about their own."""
    _, expected = ACTIN.record("held_out_0000")
    assert (expected.min(), expected.max()) == (100, 300)
    counted = ACTIN.count("held_out_0000", expected)
    np.testing.assert_array_equal(counted, ACTIN.count("held_out_0000", expected))
    assert np.mean((counted - expected) ** 2 / expected) == pytest.approx(1, abs=0.1)
    for noise, variance in {"gaussian 0.01": 0.01, "speckle 0.1": 0.1}.items():
        disturbed = ACTIN.disturb("held_out_0000", expected, noise=noise)
        share = 1 if noise.startswith("gaussian") else expected / 300
        assert np.var((disturbed - expected / 300) / share) == pytest.approx(variance, rel=0.1)
    assert ACTIN.disturb("held_out_0000", expected, noise="gaussian 0.1").min() == 0


def test_pairs_are_made_once(tmp_path):
    """Source and target of each name, of one size; what is there is left alone, what is missing is made again."""
    names = nanoscopy_pairs.names(NUMBERS)
    everything = [name for part in names.values() for name in part]
    assert everything == ["training_0000", "training_0001", "validation_0000", "held_out_0000"]
    ACTIN.make(tmp_path, everything)
    pairs = nanoscopy_pairs.open_pairs(tmp_path, NUMBERS)
    assert [[pair.name for pair in part] for part in pairs] == list(names.values())
    images = {path: path.read_bytes() for path in tmp_path.glob("*/*.tif")}
    assert len(images) == 8
    (tmp_path / "source/training_0001.tif").write_bytes(b"as it was")
    (tmp_path / "target/held_out_0000.tif").unlink()
    ACTIN.make(tmp_path, everything)
    assert (tmp_path / "source/training_0001.tif").read_bytes() == b"as it was"
    target = tmp_path / "target/held_out_0000.tif"
    np.testing.assert_array_equal(tifffile.imread(target), tifffile.imread(_as_file(images[target], tmp_path)))


def _as_file(content, folder):
    path = folder / "earlier.tif"
    path.write_bytes(content)
    return path


def test_pairs_tell_their_pixel_size(tmp_path):
    """Ten sub-pixels per pixel of the camera; the maximum of each image is 1."""
    ACTIN.make(tmp_path, ["training_0000"])
    sample, expected = ACTIN.record("training_0000")
    for role in ("source", "target"):
        path = tmp_path / role / "training_0000.tif"
        image = data.read_image(path)
        assert image.shape == tuple(10 * side for side in expected.shape[1:])
        assert image.max() == 1
        assert data.pixel_size_um(path)[0] == pytest.approx(sample.optics.pixel_nm / 10000, rel=1e-6)


def test_folders_are_named_by_what_their_images_depend_on(tmp_path):
    """Structure, field, frames and the code that draws them."""
    found = {
        Simulation(*settings).folder(tmp_path)
        for settings in [("actin", 1.6, 20), ("actin", 2.5, 20), ("actin", 1.6, 30), ("vesicles", 1.6, 20)]
    }
    assert len(found) == 4
    assert ACTIN.folder(tmp_path).name.startswith("actin_1.6um_20frames_")


@pytest.mark.parametrize("algorithm", ["", "SOFI", "bSOFI"])
def test_every_algorithm_has_the_size_of_musical(algorithm):
    """Of a stack of Y x X, 10 Y x 10 X, 0 to 1."""
    sample, expected = ACTIN.record("held_out_0000")
    image = nanoscopy_pairs.reconstruct(expected, sample, algorithm=algorithm)
    assert image.shape == tuple(10 * side for side in sample.shape)
    assert (image.min() >= 0, image.max(), image.dtype) == (True, 1, np.float32)


def test_sofi_shows_the_sample_where_it_is():
    """An emitter's image lies on it: enlarging shifts nothing."""
    rows, columns = np.indices((13, 13))
    lit = np.random.default_rng(0).random(100)
    spot = np.exp(-((rows - 4) ** 2 + (columns - 7) ** 2) / 4)
    sample = nanoscope.draw_sample("actin", field_um=1.6, rng=np.random.default_rng(0))
    image = nanoscopy_pairs.reconstruct(lit[:, None, None] * spot, sample, algorithm="bSOFI")
    row, column = np.unravel_index(image.argmax(), image.shape)
    assert abs(row - 44.5) <= 2
    assert abs(column - 74.5) <= 2
