"""Labels and optics show a structure as the table of structures says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.optimize import curve_fit
from specimens import SHAPE, bare, gaussian, look, specimen, straight

from l2l_utils import drawing, simulation
from l2l_utils.drawing import FWHM_PER_SIGMA
from l2l_utils.labels import Optics
from l2l_utils.specimen import Specimen, make_specimen, true_image
from l2l_utils.structures import STRUCTURES

TUBULIN, PAXILLIN, CAVEOLAE = (STRUCTURES[name] for name in ("tubulin", "paxillin", "caveolae"))
FULL_CELL = np.ones((400, 400), np.float32)


def fitted(image, distance, guess):
    (height, width_px), _ = curve_fit(gaussian, distance.ravel(), image.ravel(), p0=(image.max(), guess))
    return height, width_px


@pytest.mark.parametrize("tilt", [0.1, 0.6, 1.3])
@pytest.mark.parametrize("name", ["source", "target"])
def test_filament_has_the_width_and_height_of_the_table(name, tilt):
    """A straight filament is a Gaussian line: FWHM^2 = structure^2 + PSF^2, crest = the label's photons."""
    label = bare(TUBULIN.labels[name])
    one, distance = straight(TUBULIN, tilt=tilt)
    height, width_px = fitted(look(one, label), distance, 5)
    assert width_px * TUBULIN.pixel_size_nm == pytest.approx(np.hypot(label.width_nm, label.optics.psf_nm), rel=0.02)
    assert height == pytest.approx(label.photons, rel=0.02)


def test_sted_is_about_three_times_sharper():
    """The STED image shows the same filament with the width of its own optics, circa a third of the confocal one."""
    label, sted = bare(TUBULIN.labels["source"]), replace(TUBULIN.sted, haze=0)
    one, distance = straight(TUBULIN, tilt=0.4)
    _, width_px = fitted(look(one, replace(label, optics=sted)), distance, 3)
    width_nm = width_px * TUBULIN.pixel_size_nm
    assert width_nm == pytest.approx(np.hypot(label.width_nm, sted.psf_nm), rel=0.05)
    assert 2.3 < np.hypot(label.width_nm, label.optics.psf_nm) / width_nm < 3.5


def test_spot_has_the_height_of_the_table():
    """A single caveola's peak is the label's photons, wherever it lies between the pixels."""
    label = replace(bare(CAVEOLAE.labels["target"]), binding=1e-4)
    for position in ((60.0, 70.0), (60.5, 70.5), (60.2, 70.7)):
        assert look(specimen(CAVEOLAE, [position]), label).max() == pytest.approx(label.photons, rel=0.03)


def test_even_area_is_rendered_evenly():
    """Lattice points that fill an area give the label's photons everywhere inside, and a truth of 1."""
    points_px = np.moveaxis(np.indices((60, 60)), 0, -1).reshape(-1, 2) + 100
    label = bare(PAXILLIN.labels["target"])
    plate = specimen(PAXILLIN, points_px)
    inside = np.s_[115:145, 115:145]
    np.testing.assert_allclose(look(plate, label)[inside], label.photons, rtol=1e-3)
    np.testing.assert_allclose(true_image(plate)[inside], 1, rtol=1e-4)


@pytest.mark.parametrize("truth_nm", [TUBULIN.truth_nm, 2 * TUBULIN.truth_nm])
def test_truth_has_the_width_of_the_table(truth_nm):
    """The truth shows a filament with the FWHM of the table and a crest of 1, wherever it lies between the pixels."""
    one, distance = straight(replace(TUBULIN, truth_nm=truth_nm), tilt=0.3)
    height, width_px = fitted(true_image(one), distance, 3)
    assert width_px * TUBULIN.pixel_size_nm == pytest.approx(truth_nm, rel=0.03)
    assert height == pytest.approx(1, rel=0.03)


def test_crossings_do_not_exceed_one():
    """Where filaments cross, the truth stays at 1."""
    positions = [straight(TUBULIN, tilt=tilt)[0].drawn["truth"].position_px for tilt in (0.2, 1.2)]
    assert true_image(specimen(TUBULIN, np.concatenate(positions))).max() == 1


@settings(max_examples=40, deadline=None)
@given(row=st.floats(15, 45), column=st.floats(15, 45), fwhm_px=st.floats(1, 6))
def test_a_point_keeps_its_brightness_and_its_place(row, column, fwhm_px):
    """Drawing conserves the brightness and the centre of mass of a point, between pixels too."""
    image = drawing.render(np.array([[row, column]]), np.array([3.0]), (61, 61), fwhm_px=fwhm_px)
    assert image.sum() == pytest.approx(3, rel=1e-5)
    assert ndimage.center_of_mass(image) == pytest.approx((row, column), abs=1e-3)


def test_a_line_does_not_depend_on_its_sampling():
    """Four times as many points of a quarter of the weight draw the same line."""
    images = []
    for spacing_px in (0.4, 0.1):
        along = np.arange(-100, 200, spacing_px)
        points = np.stack([10.3 + 0.37 * along, 5.1 + 0.8 * along], axis=1)
        images.append(drawing.render(points, np.full(len(points), spacing_px), (64, 64), fwhm_px=2))
    np.testing.assert_allclose(*images, atol=0.01 * images[0].max())


@pytest.mark.parametrize("sigma", [0, 2, 9, 40])
def test_noise_has_variance_one_and_its_grain(sigma):
    """Smooth noise has the variance 1 and the correlation exp(-d^2 / 4 sigma^2), on a coarser lattice too."""
    rng = np.random.default_rng(0)
    fields = np.array([drawing.smooth_noise((256, 300), sigma, rng) for _ in range(60)])
    assert fields.shape[1:] == (256, 300)
    independent = 60 * max(1, 256 * 300 / (4 * np.pi * max(sigma, 0.3) ** 2))
    assert fields.var() == pytest.approx(1, abs=5 * np.sqrt(2 / independent) + 0.01)
    distance = max(sigma, 1)
    correlation = (fields[:, distance:] * fields[:, :-distance]).mean() / fields.var()
    assert correlation == pytest.approx(np.exp(-(distance**2) / 4 / sigma**2) if sigma else 0, abs=0.06)


@pytest.mark.parametrize("haze", [0.0, 0.5])
def test_optics_lose_no_light(haze):
    """In-focus light stays in sum; haze adds its share of it."""
    density = np.random.default_rng(0).random((128, 128), dtype=np.float32)
    image = simulation.optical_image(density, Optics(psf_nm=280, haze=haze, haze_nm=2500), pixel_size_nm=45)
    assert image.sum(dtype=float) == pytest.approx((1 + haze) * density.sum(dtype=float), rel=1e-4)


def test_unspecific_signal_has_its_mean_and_stays_in_the_cell():
    """The cytosol shines with its stated share of the photons, and nothing does outside the cell."""
    label = replace(TUBULIN.labels["source"], puncta_per_um2=0)
    cytosol = FULL_CELL.copy()
    cytosol[:, :100] = 0
    field = specimen(TUBULIN, [], cytosol.shape, cytosol=cytosol)
    density = simulation.label_specimen(field, label, rng=np.random.default_rng(0))
    assert density[:, 100:].mean() == pytest.approx(label.photons * label.cytosol, rel=0.1)
    assert not density[:, :100].any()


def test_puncta_are_spots_of_the_size_of_the_psf():
    """Unspecific spots are as many as stated, of the stated mean peak, and sharp to the limit of diffraction."""
    label = replace(bare(TUBULIN.labels["source"]), puncta_per_um2=0.05)
    field = specimen(TUBULIN, [], (700, 700), cytosol=np.ones((700, 700), np.float32))
    image = look(field, label)
    width_px = label.optics.psf_nm / TUBULIN.pixel_size_nm
    area_px2 = 2 * np.pi * (width_px / FWHM_PER_SIGMA) ** 2
    expected = label.puncta_per_um2 * image.size * (TUBULIN.pixel_size_nm / 1000) ** 2
    assert image.sum() / area_px2 / (label.photons * label.puncta) == pytest.approx(expected, abs=5 * np.sqrt(expected))
    row, column = np.unravel_index(image[20:-20, 20:-20].argmax(), (660, 660))
    spot = image[row + 20 - 3 : row + 20 + 4, column + 20 - 3 : column + 20 + 4]
    _, fitted_px = fitted(spot, np.hypot(*(np.indices(spot.shape) - 3)), width_px)
    assert fitted_px == pytest.approx(width_px, rel=0.1)


def test_binding_fluctuates_as_stated():
    """Along a filament the brightness varies by the stated relative standard deviation and keeps its mean."""
    label = replace(bare(TUBULIN.labels["target"]), binding=0.3, binding_nm=2000)
    one, _ = straight(TUBULIN, shape=(500, 40))
    even = look(one, bare(label)).max(axis=1)
    relative = np.array([look(one, label, seed).max(axis=1) / even for seed in range(40)])
    assert relative.mean() == pytest.approx(1, abs=0.03)
    assert relative.std() == pytest.approx(0.3, abs=0.04)


def test_each_caveola_binds_each_label_by_itself():
    """Amounts bound by two labels vary as stated around the same mean, and are independent."""
    position = np.stack(np.meshgrid(np.arange(20, 780, 40), np.arange(20, 780, 40)), axis=-1).reshape(-1, 2)
    label = replace(bare(CAVEOLAE.labels["source"]), binding=1.0)
    amounts = []
    for seed in (0, 1):
        amounts.append(look(specimen(CAVEOLAE, position, (800, 800)), label, seed)[tuple(position.T)] / label.photons)
    assert np.mean(amounts) == pytest.approx(1, abs=0.15)
    assert np.std(amounts) == pytest.approx(1, abs=0.2)
    assert abs(np.corrcoef(*amounts)[0, 1]) < 4 / np.sqrt(len(position))


def test_free_protein_looks_the_same_in_both_labels():
    """Paxillin free in the cytosol is in both labels with one texture, at each label's strength, and in no truth."""
    cell = make_specimen(PAXILLIN, SHAPE, rng=np.random.default_rng(0))
    empty = specimen(PAXILLIN, [], SHAPE, cytosol=cell.cytosol)
    free = Specimen(PAXILLIN, empty.drawn, cell.cytosol, cell.pool, cell.staining)
    densities = {}
    for name, label in PAXILLIN.labels.items():
        pure = replace(bare(label), pool=label.pool)
        density = simulation.label_specimen(free, pure, rng=np.random.default_rng(len(name)))
        densities[name] = density / (label.photons * label.pool)
    np.testing.assert_allclose(densities["source"], densities["target"], rtol=1e-4)
    assert densities["source"].std() > 0
    assert not true_image(free).any()
