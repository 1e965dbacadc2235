"""Restored files: scale, pixel size, origin, and what is never overwritten."""

import numpy as np
import pytest
import tifffile

from l2l_utils import care, data, patches, restoration


def test_restore_files(model, tmp_path, rng):
    """Results carry pixel size and origin; a second call keeps them; another file is not overwritten."""
    raw, restored = tmp_path / "raw", tmp_path / "restored"
    raw.mkdir()
    for name in ("a.tif", "b.tif"):
        image = rng.integers(100, 900, (40, 44)).astype(np.uint16)
        tifffile.imwrite(raw / name, image, imagej=True, resolution=(10, 10), metadata={"unit": "um"})
    outputs = restoration.restore_files(model, sorted(raw.iterdir()), restored)
    assert [path.name for path in outputs] == ["a.tif", "b.tif"]
    np.testing.assert_allclose(tifffile.imread(outputs[0]), care.restore(model, tifffile.imread(raw / "a.tif")))
    assert data.pixel_size_um(outputs[0]) == pytest.approx((0.1, 0.1))
    origin = data.read_provenance(outputs[0])
    assert origin["source"] == "a.tif"
    assert origin["model_sha256"] == care.weights_sha256(model)
    assert "Not for intensity measurement" in origin["note"]

    times = [path.stat().st_mtime_ns for path in outputs]
    restoration.restore_files(model, sorted(raw.iterdir()), restored)
    assert [path.stat().st_mtime_ns for path in outputs] == times

    with pytest.raises(FileExistsError, match=r"a.tif: expected no file"):
        restoration.restore_files(model, sorted(raw.iterdir()), raw)


def test_restored_integers_are_grey_values(model, tmp_path, rng):
    """As uint16, 0 and 1 are back at the raw image's percentiles."""
    raw = tmp_path / "raw"
    raw.mkdir()
    image = rng.integers(100, 900, (40, 44)).astype(np.uint16)
    tifffile.imwrite(raw / "a.tif", image)
    (output,) = restoration.restore_files(model, [raw / "a.tif"], tmp_path / "restored", dtype="uint16")
    low, high = patches.percentile_range(image)
    expected = np.clip(np.rint(care.restore(model, image) * (high - low) + low), 0, 65535)
    np.testing.assert_allclose(tifffile.imread(output), expected, atol=1)
    assert tifffile.imread(output).dtype == np.uint16


@pytest.mark.parametrize(("scale", "dtype"), [(1, "uint8"), (1 / 900, "uint16")])
def test_values_that_do_not_fit_fill_the_range(scale, dtype, model, tmp_path, rng):
    """A 16-bit image as uint8, or a raw image of fractions as uint16, spreads 0 to 1 over all grey values."""
    image = (rng.integers(300, 900, (40, 44)) * scale).astype(np.uint16 if scale == 1 else np.float32)
    (tmp_path / "raw").mkdir()
    tifffile.imwrite(tmp_path / "raw" / "a.tif", image)
    (output,) = restoration.restore_files(model, [tmp_path / "raw" / "a.tif"], tmp_path / "restored", dtype=dtype)
    largest = np.iinfo(dtype).max
    expected = np.clip(care.restore(model, image), 0, 1) * largest
    np.testing.assert_allclose(tifffile.imread(output), expected, atol=1)
    assert data.read_provenance(output)["written_0_and_1"] == [0, largest]


def test_another_raw_image_of_the_same_name_is_restored_anew(model, tmp_path, rng):
    """When a raw image has changed, an older result does not stand in for it."""
    raw = tmp_path / "a.tif"
    for _ in range(2):
        image = rng.integers(100, 900, (40, 44)).astype(np.uint16)
        tifffile.imwrite(raw, image)
        (output,) = restoration.restore_files(model, [raw], tmp_path / "restored")
        np.testing.assert_allclose(tifffile.imread(output), care.restore(model, image))
