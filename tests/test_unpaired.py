"""Patches of two kinds cut by themselves, and measures of two sets of intensities."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import threshold_otsu

from l2l_utils import data, unpaired


@pytest.fixture
def files(tmp_path, rng):
    """Return three sources and two targets of other sizes."""
    shapes = {"source": [(96, 80)] * 3, "target": [(72, 88), (100, 70)]}
    for kind, sizes in shapes.items():
        for i, shape in enumerate(sizes):
            image = ndimage.gaussian_filter(rng.random(shape), 2)
            data.write_image(tmp_path / kind / f"{i}.tif", (1e4 * image).astype(np.uint16), dtype="uint16")
    return [sorted((tmp_path / kind).iterdir()) for kind in shapes]


def test_kinds_may_differ_in_number_and_size(files, rng):
    """Each kind is cut from its own images; turning changes with the epoch, and the files are written down."""
    cut = unpaired.cut(*files, patch_px=48, n_per_image=4, rng=rng)
    assert [part.shape for part in cut] == [(12, 48, 48, 1), (8, 48, 48, 1)]
    assert 0 <= cut.source[:].min() < cut.source[:].max() <= 1
    assert cut.description()["source"]["sha256"] != cut.description()["target"]["sha256"]


def test_no_field_is_seen_by_both_labels():
    """Every second pair gives its source, the others their target."""
    pairs = [data.Pair(str(i), f"source/{i}.tif", f"target/{i}.tif") for i in range(5)]
    sources, targets = unpaired.apart(pairs)
    assert sources == ["source/0.tif", "source/2.tif", "source/4.tif"]
    assert targets == ["target/1.tif", "target/3.tif"]


def test_smoothing_stays_within_a_patch(rng):
    """A batch is smoothed patch by patch, as scipy does an image."""
    batch = rng.random((3, 20, 24, 1))
    smooth = unpaired.smooth(batch, 2)
    for patch, expected in zip(smooth, batch, strict=True):
        np.testing.assert_allclose(patch[..., 0], ndimage.gaussian_filter(expected[..., 0], 2))
    np.testing.assert_allclose(unpaired.smooth(batch[0, ..., 0], 2), smooth[0, ..., 0])
    assert unpaired.smooth(batch, 0) is batch


def test_threshold_is_otsus(files, rng):
    """Where the sample holds all patches, it is scikit-image's threshold of them."""
    part = unpaired.cut(*files, patch_px=48, n_per_image=4, rng=rng).source
    assert unpaired.threshold(part, sigma_px=0, rng=rng) == pytest.approx(threshold_otsu(part[:]))


def test_distance_of_a_set_from_itself_moved(rng):
    """0 for the same patches in another order, and the offset itself for patches that are brighter by it."""
    patches = rng.random((4, 32, 32, 1))
    assert unpaired.domain_distance(patches, patches[::-1]) == pytest.approx(0, abs=1e-12)
    assert unpaired.domain_distance(patches, patches + 0.25) == pytest.approx(0.25)
    assert unpaired.domain_distance(patches, 1 - patches) < 0.05  # places and signs do not matter, only how often


def test_noise_of_pixels_hardly_counts(rng):
    """A smooth image with strong noise is nearer to itself without than one of half the contrast is."""
    smooth = ndimage.gaussian_filter(rng.random((1, 128, 128, 1)), (0, 4, 4, 0))
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    noisy = smooth + rng.normal(0, 0.2, smooth.shape)
    assert unpaired.domain_distance(smooth, noisy) < unpaired.domain_distance(smooth, 0.25 + smooth / 2)


def test_intensities_by_hand():
    """Distance of an offset is the offset; saturated is what rounds to 65535 or above."""
    image = np.linspace(0, 1, 11)[None]
    found = unpaired.judge_intensities(image, image[:, ::-1] + 0.1)
    assert found["histogram_distance"] == pytest.approx(0.1)
    assert found["saturated"] == pytest.approx(2 / 11)
    edge = np.array([[1 - 0.6 / 65535, 1 - 0.4 / 65535, 2, -1]])
    assert unpaired.judge_intensities(edge, edge)["saturated"] == 0.5
