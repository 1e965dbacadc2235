"""Rows displaced on purpose are displaced as told, and found again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from l2l_utils import data, jitter


@settings(max_examples=30, deadline=None)
@given(image=hnp.arrays(np.uint16, (4, 12)), by=hnp.arrays(int, 4, elements=st.integers(-5, 5)))
def test_rows_are_displaced_by_whole_pixels(image, by):
    """Inside, every pixel is found so many px to the right; at the ends the last one is repeated."""
    moved = jitter.displace_rows(image, by)
    assert moved.dtype == image.dtype
    for line, found, shift in zip(image, moved, by, strict=True):
        np.testing.assert_array_equal(found, np.pad(line, 5, mode="edge")[5 - shift : 17 - shift])


@pytest.mark.parametrize("sd", [0.0, 1.0, 2.0])
def test_displacements_are_measured(sd, rng):
    """Row by row to half a pixel, despite noise; the standard deviation to a tenth."""
    image = ndimage.gaussian_filter(rng.normal(size=(120, 300)), 3)
    image /= image.std()
    by = np.rint(rng.normal(0, sd, 120)).astype(int).clip(-5, 5)
    moved = jitter.displace_rows(image, by) + rng.normal(0, 0.1, image.shape)
    np.testing.assert_allclose(jitter.row_displacements(moved, image), by, atol=0.5)
    assert jitter.jitter_px(moved, image) == pytest.approx(by.std(), abs=0.12)


def test_rows_without_contrast_are_left_out(rng):
    """A row in which the reference is flat has no displacement."""
    image = ndimage.gaussian_filter(rng.normal(size=(20, 200)), 3)
    image[7] = 0.3
    found = jitter.row_displacements(image, image)
    assert np.isnan(found[7])
    assert np.isfinite(found).sum() >= 15


def test_jittered_copies(tmp_path, rng):
    """Every image gets its own displacements; the same generator gives the same files; originals stay as they are."""
    image = rng.integers(0, 60000, (40, 50)).astype(np.uint16)
    for role in ("source", "nucleus"):
        data.write_image(tmp_path / role / "a.tif", image, dtype="uint16")
    before = (tmp_path / "source" / "a.tif").read_bytes()
    folders = [tmp_path / "source", tmp_path / "nucleus"]
    found = [
        jitter.write_jittered(folders, tmp_path / to, sd_px=1.5, rng=np.random.default_rng(3)) for to in ("one", "two")
    ]
    assert found[0] == [tmp_path / "one" / "source", tmp_path / "one" / "nucleus"]
    source, nucleus = (data.read_image(folder / "a.tif") for folder in found[0])
    assert source.dtype == np.uint16
    assert (source != nucleus).any()
    assert (found[0][0] / "a.tif").read_bytes() == (found[1][0] / "a.tif").read_bytes()
    assert (tmp_path / "source" / "a.tif").read_bytes() == before
