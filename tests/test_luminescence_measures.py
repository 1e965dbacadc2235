"""Read-outs of the luminescence paper: masks, intensities under a mask, shapes."""

import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import data, metrics, particles
from l2l_utils import luminescence_measures as measures


@pytest.fixture
def discs():
    """Return an image of five bright discs on a dark ground, float32, 0 to 1."""
    rows, columns = np.mgrid[:128, :128]
    image = np.zeros((128, 128), np.float32)
    for row, column in ((30, 30), (30, 90), (64, 60), (100, 30), (95, 95)):
        image[np.hypot(rows - row, columns - column) < 12] = 0.9
    return image


def test_a_mask_knows_no_scale(discs):
    """The same image is found without error on any scale; with a cell missing, the error is that cell's area."""
    field = measures.Field("a", discs)
    assert measures.judge_cells(field, 300 * discs + 20)["benchmark", "mask_error"] == 0
    missing = discs.copy()
    missing[:60, 75:] = 0
    found = measures.judge_cells(field, missing)
    assert found["benchmark", "mask_error"] == np.count_nonzero(discs[:60, 75:]) / discs.size
    assert found["benchmark", "ssim"] == metrics.ssim(discs, missing)


def test_a_speck_is_no_cell(discs):
    """A bright particle of less than 100 px changes no mask."""
    speck = discs.copy()
    speck[2:11, 2:11] = 0.9
    assert measures.judge_cells(measures.Field("a", discs), speck)["benchmark", "mask_error"] == 0


def test_nuclei_are_compared_inside_only(discs, rng):
    """What lies between the nuclei has no say; inside, the correlation is that of the numbers."""
    texture = (discs * rng.uniform(0.5, 1, discs.shape)).astype(np.float32)
    field = measures.Field("a", texture)
    other = np.where(discs > 0.01, 5 * texture + 3, rng.uniform(0, 9, discs.shape))
    assert measures.judge_nuclei(field, other)["benchmark", "correlation"] == pytest.approx(1)
    assert measures.judge_similarity(field, texture)["benchmark", "ssim"] == pytest.approx(1)
    assert measures.judge_similarity(field, -texture)["benchmark", "correlation"] == pytest.approx(-1)


def test_shapes_are_those_of_the_particles(discs, rng):
    """A classifier that has seen discs finds discs, of the circularity and aspect ratio that their mask has."""
    noisy = [np.clip(discs + rng.normal(0, 0.02, discs.shape), 0, 1).astype(np.float32) for _ in range(3)]
    small = [np.where(ndimage.binary_erosion(discs > 0.45, iterations=7), image, 0.02 * image) for image in noisy]
    classifier = measures.train_classifier(small[:2], small[:2], rng=np.random.default_rng(0))
    found = measures.shapes_by(classifier)(measures.Field("a", small[2]), small[2])
    expected = particles.mean_shape(ndimage.binary_erosion(discs > 0.45, iterations=7))
    for name in measures.SHAPES:
        assert found["none", name] == pytest.approx(expected[name], rel=0.15)
    assert measures.shapes_by(classifier)(measures.Field("a", discs), np.zeros_like(discs)) == {}


def test_bicubic_undoes_the_blocks():
    """A slow wave that was averaged over blocks comes back nearly whole, and is displaced by nothing."""
    wave = np.tile(np.sin(2 * np.pi * np.arange(128) / 64).astype(np.float32), (128, 1))
    blocks = np.kron(wave.reshape(16, 8, 16, 8).mean(axis=(1, 3)), np.ones((8, 8), np.float32))
    inside = np.s_[:, 16:-16]
    assert np.abs(blocks - wave)[inside].max() > 0.3
    np.testing.assert_allclose(measures.bicubic(blocks, 8)[inside], wave[inside], atol=0.1)


def test_the_middle_plane_is_read(tmp_path):
    """Of a stack the plane in the middle, normalised by the percentiles of the whole; of a plane the plane."""
    stack = np.arange(5 * 70 * 80, dtype=np.uint16).reshape(5, 70, 80)
    data.write_image(tmp_path / "stack.tif", stack, axes="ZYX", dtype="uint16")
    data.write_image(tmp_path / "plane.tif", stack[2], dtype="uint16")
    np.testing.assert_array_equal(measures.read_plane(tmp_path / "stack.tif", axes="ZYX"), stack[2])
    np.testing.assert_array_equal(measures.read_plane(tmp_path / "plane.tif", axes="YX"), stack[2])
    plane = measures.read_normalized_plane(tmp_path / "stack.tif", axes="ZYX", pmin=0, pmax=100)
    np.testing.assert_allclose(plane, stack[2] / stack.max(), atol=1e-6)
