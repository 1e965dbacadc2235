"""The luminescence microscope returns what it promises, and what biologists would expect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import luminescence
from l2l_utils.binning import average_blocks, enlarge
from l2l_utils.luminescence import CAMERA, LUMINESCENT, expected_light, make_specimen, simulate_cell, true_stack

SHAPE = (6, 96, 104)
NAMES = {name: {*row.exposures_s, "fluorescent", "truth"} for name, row in LUMINESCENT.items()}
NAMES["cytosol"] |= {"binned_2", "binned_4", "binned_8"}


def specimen_and_light(structure, shape=SHAPE, seed=0):
    rng = np.random.default_rng(seed)
    specimen = make_specimen(LUMINESCENT[structure], shape, rng=rng)
    return specimen, expected_light(specimen, rng=rng)


@pytest.mark.parametrize("structure", LUMINESCENT)
def test_images_have_the_promised_form(structure):
    """Counts are uint16, the truth is float32 from 0 to 1; all have the shape asked for, none is saturated."""
    images = simulate_cell(structure, SHAPE, rng=np.random.default_rng(3))
    assert set(images) == NAMES[structure]
    for name, image in images.items():
        assert image.shape == SHAPE
        assert image.dtype == (np.float32 if name == "truth" else np.uint16)
        assert image.max() < 65535
    assert 0 <= images["truth"].min() < 0.01 < images["truth"].max() <= 1


@pytest.mark.parametrize("structure", LUMINESCENT)
def test_equal_generators_give_equal_images(structure):
    """The generator decides everything: the same one repeats each image, another changes each."""
    first, again, other = (simulate_cell(structure, (2, 64, 64), rng=np.random.default_rng(seed)) for seed in (7, 7, 8))
    for name, image in first.items():
        np.testing.assert_array_equal(image, again[name])
        assert name == "truth" or not np.array_equal(image, other[name])


def test_exposures_see_the_same_light():
    """Counts are the expected light times the seconds, of every exposure; repeats differ by noise alone."""
    images = simulate_cell("cytosol", SHAPE, rng=np.random.default_rng(0))
    light = specimen_and_light("cytosol")[1]["luminescent"]
    for name, seconds in LUMINESCENT["cytosol"].exposures_s.items():
        electrons = CAMERA.quantum_efficiency * light * seconds + CAMERA.dark_per_s * seconds + CAMERA.clock_induced
        counts_per_electron = CAMERA.em_gain / CAMERA.electrons_per_count
        off = images[name] - CAMERA.offset - counts_per_electron * electrons
        variance = 2 * counts_per_electron**2 * electrons + (CAMERA.read_noise / CAMERA.electrons_per_count) ** 2
        assert off.mean() == pytest.approx(0, abs=4.5 * np.sqrt(variance.mean() / off.size))
        assert (off**2).mean() == pytest.approx(variance.mean(), rel=0.06)
    first, repeat = (images[name].astype(float) for name in ("exposure_60s", "exposure_60s_repeat"))
    assert ((first - repeat) ** 2).mean() == pytest.approx(2 * variance.mean(), rel=0.05)


def test_half_a_second_shows_barely_anything_and_a_minute_a_good_image():
    """In the cells: less than a photon per pixel in 0.5 s, a few in 5 s, and dozens in 60 s."""
    photons = []
    for seed in range(4):
        specimen, light = specimen_and_light("cytosol", (8, 128, 128), seed)
        photons.append(np.median(light["luminescent"][true_stack(specimen) > 0.05]))
    typical = np.mean(photons)
    assert 0.2 < 0.5 * typical < 1
    assert 2 < 5 * typical < 10
    assert 30 < 60 * typical < 120


def test_binned_images_are_those_of_the_shortest_exposure():
    """Blocks are averages of the 0.5 s image, enlarged without interpolation."""
    images = simulate_cell("cytosol", SHAPE, rng=np.random.default_rng(5))
    for n in (2, 4, 8):
        expected = enlarge(average_blocks(images["exposure_0.5s"], n), n)
        np.testing.assert_array_equal(images[f"binned_{n}"], expected)


@pytest.mark.parametrize("structure", LUMINESCENT)
def test_both_labels_show_the_same_structure(structure):
    """Off their background both labels lie in the same places, but are no copies: expression and binding differ."""
    correlations = []
    for seed in range(3):
        _, light = specimen_and_light(structure, (4, 128, 128), seed)
        correlations.append(np.corrcoef(*(light[name].ravel() for name in ("luminescent", "fluorescent")))[0, 1])
    assert 0.85 < np.mean(correlations) < 0.999
    assert min(correlations) > 0.75


@pytest.mark.parametrize("structure", LUMINESCENT)
def test_fluorescence_is_brighter_and_on_a_background(structure):
    """A short fluorescent exposure counts many more photons than luminescence, also where there is no structure."""
    row = LUMINESCENT[structure]
    _, light = specimen_and_light(structure, (4, 128, 128), 1)
    seconds = min(row.exposures_s.values())
    fluorescent, luminescent = light["fluorescent"] * row.fluorescence_s, light["luminescent"] * seconds
    assert np.percentile(fluorescent, 99) > 20 * np.percentile(luminescent, 99)
    assert fluorescent.min() > 1 > luminescent.min()


@pytest.mark.parametrize("structure", LUMINESCENT)
def test_truth_knows_nothing_of_the_labels(structure, monkeypatch):
    """Other labels and optics change the images and leave the truth alone."""
    row = LUMINESCENT[structure]
    before = simulate_cell(structure, (2, 64, 64), rng=np.random.default_rng(7))
    brighter = replace(row.luminescent, photons=9 * row.luminescent.photons, binding=0.5)
    other = replace(row, luminescent=brighter, objective=replace(row.objective, aperture=0.5))
    monkeypatch.setitem(LUMINESCENT, structure, other)
    after = simulate_cell(structure, (2, 64, 64), rng=np.random.default_rng(7))
    for name in before:
        assert np.array_equal(before[name], after[name]) == (name == "truth")


def test_planes_show_haze_of_the_others():
    """A plane of mitochondria holds light where no structure lies in it, but does above or below."""
    specimen, light = specimen_and_light("tomm20", (8, 128, 128), 2)
    structure = specimen.labelled["luminescent"][:, specimen.inside[1], specimen.inside[2]] > 0.05
    planes = range(specimen.inside[0].start, specimen.inside[0].stop)
    elsewhere, n_compared = structure.any(axis=0), 0
    for image, plane in zip(light["luminescent"], planes, strict=True):
        near = ndimage.binary_dilation(structure[max(plane - 2, 0) : plane + 3].any(axis=0), iterations=4)
        hazy, empty = elsewhere & ~near, ~ndimage.binary_dilation(elsewhere, iterations=20)
        if hazy.sum() > 50 and empty.any():
            assert image[hazy].mean() > 1.5 * image[empty].mean()
            n_compared += 1
        assert image[structure[plane]].mean() > image[~elsewhere].mean()
    assert n_compared


def test_cells_shine_unlike():
    """Expression varies between cells: the brightest of many fields is several times as bright as the dimmest."""
    specimen, _ = specimen_and_light("h2b", (4, 256, 256), 4)
    projected = true_stack(specimen).max(axis=0)
    nuclei, n = ndimage.label(projected > 0.02)
    level = ndimage.mean(projected, nuclei, range(1, n + 1))[np.bincount(nuclei.ravel())[1:] > 60]
    assert len(level) > 5
    assert level.max() > 2.5 * level.min()


@pytest.mark.parametrize("shape", [(1, 64, 64), (4, 63, 64), (64, 64), (2, 8, 64, 64)])
def test_small_or_odd_shape_is_refused(shape):
    """A shape that is too small, or not three-dimensional, is refused with what was expected and found."""
    with pytest.raises(ValueError, match=r"\(Z, Y, X\) of at least \(2, 64, 64\), found"):
        simulate_cell("cytosol", shape, rng=np.random.default_rng(0))


def test_unknown_structure_is_refused():
    """An unknown structure is refused by name, with the known ones."""
    with pytest.raises(ValueError, match=r"'tom20'.*tomm20"):
        simulate_cell("tom20", SHAPE, rng=np.random.default_rng(0))


def test_global_random_state_is_neither_read_nor_changed():
    """NumPy's global random state has no part in it."""
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    luminescence.simulate_cell("h2b", (2, 64, 64), rng=np.random.default_rng(0))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
