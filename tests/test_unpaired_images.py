"""Real images: which of them train, which choose the epoch, and which are restored."""

import numpy as np
import pytest

from l2l_utils import data, metrics, normalization, tiff, unpaired_images


def test_planes_are_far_apart(tmp_path, rng):
    """Sources lie below the middle of the stack, targets above it; between them is what is restored."""
    for role in ("source", "target"):
        for z in range(19):
            data.write_image(tmp_path / role / f"z{z:02d}.tif", rng.random((8, 8), np.float32))
    real = unpaired_images.far_apart(tmp_path)
    planes = [[int(path.stem[1:]) for path in paths] for paths in (*real.training, *real.validation, real.to_restore)]
    assert planes == [[3, 4, 5, 6, 7], [11, 12, 13, 14, 15], [1, 2], [16, 17], [9, 8, 10]]
    assert real.reference == tmp_path / "target" / "z09.tif"
    assert unpaired_images.far_apart(None) is None


def test_the_first_plane_is_compared_with_its_sharp_image(tmp_path, rng):
    """Raw, restored and sharp in this order; the measures are those of `metrics.evaluate` on normalised images."""
    size = tiff.PixelSize(0.5, 0.5, "um")
    for role in ("source", "target"):
        for z in range(17):
            image = (1000 * rng.random((120, 130))).astype(np.uint16)
            data.write_image(tmp_path / role / f"z{z:02d}.tif", image, like=size, dtype="uint16")
    real = unpaired_images.far_apart(tmp_path)
    assert real.pixel_um == pytest.approx(0.5)
    restored = rng.random((120, 130))
    shown = real.beside({"CycleGAN": restored})
    assert list(shown) == ["raw", "CycleGAN", "sharp image"]
    sharp = normalization.read_normalized(tmp_path / "target" / "z08.tif", pmin=2, pmax=99.8)
    table = unpaired_images.compare(shown)
    assert list(table.index) == ["raw", "CycleGAN"]
    assert table.loc["CycleGAN"].to_dict() == pytest.approx(metrics.evaluate(sharp, restored))
    without = real._replace(reference=None)
    assert unpaired_images.compare(without.beside({"CycleGAN": restored})).empty


def test_own_folders_need_not_match(tmp_path, rng):
    """The first source is seen by no training; of each kind the last image chooses the epoch; all are restored."""
    for role, n in (("source", 4), ("target", 3)):
        for i in range(n):
            data.write_image(tmp_path / role / f"{role}{i}.tif", rng.random((8, 8), np.float32))
    real = unpaired_images.own_images(tmp_path / "source", tmp_path / "target")
    names = [[path.stem for path in paths] for paths in (*real.training, *real.validation, real.to_restore)]
    sources, targets = ([f"{role}{i}" for i in range(n)] for role, n in (("source", 4), ("target", 3)))
    assert names == [sources[1:3], targets[:2], sources[3:], targets[2:], sources]


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_folders_without_images_are_named(tmp_path, folder):
    """A folder that is missing or empty is reported with what to do."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=f"{folder}: expected a folder of TIFF images"):
        unpaired_images.own_images(tmp_path / folder, tmp_path)


def test_too_few_images_are_named(tmp_path, rng):
    """Two sources leave none to train on."""
    for role in ("source", "target"):
        for i in range(2):
            data.write_image(tmp_path / role / f"{i}.tif", rng.random((8, 8), np.float32))
    with pytest.raises(ValueError, match="source: expected at least 3 TIFF images, found 2"):
        unpaired_images.own_images(tmp_path / "source", tmp_path / "target")
