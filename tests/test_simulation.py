"""The virtual microscope shows what it says it shows, and looks like the paper's tubulin by its numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from csbdeep.data import no_background_patches
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.optimize import curve_fit

from l2l_utils import metrics, simulation
from l2l_utils.simulation import FWHM_PER_SIGMA, STEP_PX, STRUCTURES

TUBULIN = STRUCTURES["tubulin"]
SHAPE = (256, 320)
# Value and tolerance; Kölln et al. (2022), Table 1 and Results.
PAPER = {
    "psnr": (17.20, 1.0),
    "ms_ssim_5": (0.540, 0.15 * 0.540),
    "ms_ssim_3": (0.359, 0.15 * 0.359),
    "ssim": (0.135, 0.020),
    "michelson_source": (0.45, 0.08),
    "michelson_target": (0.90, 0.08),
    "rms_contrast_source": (0.13, 0.02),
    "rms_contrast_target": (0.17, 0.02),
}
# None of these served to tune the table of structures.
UNUSED_SEEDS = range(2000, 2012)


@pytest.fixture(scope="module")
def cell():
    """Make one small virtual cell."""
    return simulation.simulate_cell("tubulin", SHAPE, rng=np.random.default_rng(7))


def bare(label):
    """Return the label without anything unspecific and with even binding."""
    return replace(label, binding=0, cytosol=0, puncta_per_um2=0, haze=0)


def straight(*, tilt=0.0, shape=SHAPE, structure=TUBULIN):
    """Return a specimen of one straight filament through the middle of the field, and each pixel's distance from it."""
    centre, direction = np.divide(shape, 2) + 0.2, np.array([np.cos(tilt), np.sin(tilt)])
    points = centre + np.arange(-600, 600, STEP_PX)[:, None] * direction
    distance = (np.moveaxis(np.indices(shape), 0, -1) - centre) @ (-direction[1], direction[0])
    dark, even = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    return simulation.Specimen(structure, points.astype(np.float32), dark, even), distance


def gaussian(distance, height, fwhm):
    return height * np.exp(-((distance * FWHM_PER_SIGMA / fwhm) ** 2) / 2)


def look(specimen, label, seed=0):
    """Return the optical image of one label."""
    density = simulation.label_specimen(specimen, label, rng=np.random.default_rng(seed))
    return simulation.optical_image(density, label, pixel_size_nm=specimen.structure.pixel_size_nm)


def test_images_have_the_promised_form(cell):
    """Counts are uint16, the truth is float32 from 0 to 1 and reaches both, and every image has the shape asked for."""
    assert {name: image.dtype for name, image in cell.items()} == {
        "source": np.uint16,
        "source_repeat": np.uint16,
        "target": np.uint16,
        "truth": np.float32,
    }
    assert {image.shape for image in cell.values()} == {SHAPE}
    assert (cell["truth"].min(), cell["truth"].max()) == (0, 1)


def test_equal_generators_give_equal_images(cell):
    """The generator decides everything: the same one repeats each image, another changes each."""
    again, other = (simulation.simulate_cell("tubulin", SHAPE, rng=np.random.default_rng(seed)) for seed in (7, 8))
    for name, image in cell.items():
        np.testing.assert_array_equal(image, again[name])
        assert not np.array_equal(image, other[name])


def test_global_random_state_is_neither_read_nor_changed():
    """NumPy's global random state has no part in it."""
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    simulation.simulate_cell("tubulin", (64, 64), rng=np.random.default_rng(0))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("photons", [0.0, 0.3, 4.0, 60.0])
def test_counts_follow_the_closed_forms(photons):
    """Mean = gain x photons + offset; variance = gain^2 x photons + read noise^2 (+ 1/12 for whole counts)."""
    detector, n = TUBULIN.detector, 600
    counts = simulation.digital_image(np.full((n, n), photons, np.float32), detector, rng=np.random.default_rng(1))
    variance = detector.gain**2 * photons + detector.read_noise**2 + 1 / 12
    assert counts.mean() == pytest.approx(detector.gain * photons + detector.offset, abs=5 * np.sqrt(variance) / n)
    # Four standard errors of a variance; Poisson noise has a fourth moment larger than a Gaussian's.
    error = np.sqrt(2 * variance**2 + detector.gain**4 * photons) / n
    assert counts.var() == pytest.approx(variance, abs=4 * error)


def test_too_much_light_saturates():
    """Beyond 65535 counts the detector saturates, it does not start again at zero."""
    photons = np.full((64, 64), 1e5, np.float32)
    assert (simulation.digital_image(photons, TUBULIN.detector, rng=np.random.default_rng(0)) == 65535).all()


@pytest.mark.parametrize("tilt", [0.1, 0.6, 1.3])
@pytest.mark.parametrize("name", ["source", "target"])
def test_filament_has_the_width_and_height_of_the_table(name, tilt):
    """A straight filament is a Gaussian line: FWHM^2 = structure^2 + PSF^2, crest = the label's photons."""
    label = bare(getattr(TUBULIN, name))
    specimen, distance = straight(tilt=tilt)
    (height, width_px), _ = curve_fit(gaussian, distance.ravel(), look(specimen, label).ravel(), p0=(1, 5))
    assert width_px * TUBULIN.pixel_size_nm == pytest.approx(np.hypot(label.width_nm, label.psf_nm), rel=0.02)
    assert height == pytest.approx(label.photons, rel=0.02)


@pytest.mark.parametrize("truth_nm", [TUBULIN.truth_nm, 2 * TUBULIN.truth_nm])
def test_truth_has_the_width_of_the_table(truth_nm):
    """The truth shows a filament with the FWHM of the table and a crest of 1, wherever it lies between the pixels."""
    specimen, distance = straight(tilt=0.3, structure=replace(TUBULIN, truth_nm=truth_nm))
    truth = simulation.true_image(specimen)
    (height, width_px), _ = curve_fit(gaussian, distance.ravel(), truth.ravel(), p0=(1, 3))
    assert width_px * TUBULIN.pixel_size_nm == pytest.approx(truth_nm, rel=0.03)
    assert height == pytest.approx(1, rel=0.03)


def test_crossings_do_not_exceed_one():
    """Where filaments cross, the truth stays at 1."""
    (first, _), (second, _) = straight(tilt=0.2), straight(tilt=1.2)
    both = replace(first, points_px=np.concatenate([first.points_px, second.points_px]))
    assert simulation.true_image(both).max() == 1


@settings(max_examples=40, deadline=None)
@given(row=st.floats(15, 45), column=st.floats(15, 45), fwhm_px=st.floats(1, 6))
def test_a_point_keeps_its_brightness_and_its_place(row, column, fwhm_px):
    """Drawing conserves the brightness and the centre of mass of a point, between pixels too."""
    image = simulation.render(np.array([[row, column]]), np.array([3.0]), (61, 61), fwhm_px=fwhm_px)
    assert image.sum() == pytest.approx(3, rel=1e-5)
    assert ndimage.center_of_mass(image) == pytest.approx((row, column), abs=1e-3)


def test_a_line_does_not_depend_on_its_sampling():
    """Four times as many points of a quarter of the weight draw the same line."""
    images = []
    for spacing_px in (0.4, 0.1):
        along = np.arange(-100, 200, spacing_px)
        points = np.stack([10.3 + 0.37 * along, 5.1 + 0.8 * along], axis=1)
        images.append(simulation.render(points, np.full(len(points), spacing_px), (64, 64), fwhm_px=2))
    np.testing.assert_allclose(*images, atol=0.01 * images[0].max())


def test_optics_lose_no_light():
    """In-focus light stays in sum; haze adds its share of it."""
    density = np.random.default_rng(0).random((128, 128), dtype=np.float32)
    label = replace(TUBULIN.source, haze=0.5)
    image = simulation.optical_image(density, label, pixel_size_nm=45)
    assert image.sum(dtype=float) == pytest.approx(1.5 * density.sum(dtype=float), rel=1e-4)


def test_unspecific_signal_has_its_mean_and_stays_in_the_cell():
    """The cytosol shines with its stated share of the photons, and nothing does outside the cell."""
    label = replace(TUBULIN.source, puncta_per_um2=0)
    cytosol = np.zeros((400, 400), np.float32)
    cytosol[:, 100:] = 1
    specimen = simulation.Specimen(TUBULIN, np.zeros((0, 2), np.float32), cytosol, np.ones_like(cytosol))
    density = simulation.label_specimen(specimen, label, rng=np.random.default_rng(0))
    assert density[:, 100:].mean() == pytest.approx(label.photons * label.cytosol, rel=0.1)
    assert not density[:, :100].any()


def test_puncta_are_spots_of_the_size_of_the_psf():
    """Unspecific spots are as many as stated, of the stated mean peak, and sharp to the limit of diffraction."""
    label = replace(bare(TUBULIN.source), puncta_per_um2=0.05)
    cytosol = np.ones((700, 700), np.float32)
    specimen = simulation.Specimen(TUBULIN, np.zeros((0, 2), np.float32), cytosol, np.ones_like(cytosol))
    image = look(specimen, label)
    width_px = label.psf_nm / TUBULIN.pixel_size_nm
    area_px2 = 2 * np.pi * (width_px / FWHM_PER_SIGMA) ** 2
    expected = label.puncta_per_um2 * cytosol.size * (TUBULIN.pixel_size_nm / 1000) ** 2
    assert image.sum() / area_px2 / (label.photons * label.puncta) == pytest.approx(expected, abs=5 * np.sqrt(expected))
    row, column = np.unravel_index(image[20:-20, 20:-20].argmax(), (660, 660))
    spot = image[row + 20 - 3 : row + 20 + 4, column + 20 - 3 : column + 20 + 4]
    rows, columns = np.indices(spot.shape) - 3
    (_, fitted_px), _ = curve_fit(gaussian, np.hypot(rows, columns).ravel(), spot.ravel(), p0=(spot.max(), width_px))
    assert fitted_px == pytest.approx(width_px, rel=0.1)


def test_binding_fluctuates_as_stated():
    """Along a filament the brightness varies by the stated relative standard deviation and keeps its mean."""
    label = replace(bare(TUBULIN.target), binding=0.3, binding_nm=2000)
    crests = []
    for seed in range(40):
        specimen, _ = straight(shape=(500, 40))
        crests.append(look(specimen, label, seed).max(axis=1) / label.photons)
    even = look(specimen, bare(label)).max(axis=1) / label.photons
    relative = np.array(crests) / even
    assert relative.mean() == pytest.approx(1, abs=0.03)
    assert relative.std() == pytest.approx(0.3, abs=0.04)


def test_repeat_shares_the_specimen_but_not_the_noise(cell):
    """The two images of the input label differ by twice the noise variance, and by noise alone."""
    first, repeat, target = (cell[name].astype(float) for name in ("source", "source_repeat", "target"))
    detector = TUBULIN.detector
    expected = 2 * (detector.gain * (first.mean() - detector.offset) + detector.read_noise**2)
    assert ((first - repeat) ** 2).mean() == pytest.approx(expected, rel=0.03)
    noise_of_target = target - ndimage.gaussian_filter(target, 2)
    assert abs(np.corrcoef((first - repeat).ravel(), noise_of_target.ravel())[0, 1]) < 5 / np.sqrt(first.size)


def test_truth_knows_nothing_of_the_labels(cell, monkeypatch):
    """Other labels change the images and leave the truth alone."""
    haze = replace(TUBULIN.source, photons=50, cytosol=2, puncta_per_um2=2, binding=0.9)
    monkeypatch.setitem(STRUCTURES, "tubulin", replace(TUBULIN, source=haze, target=haze))
    changed = simulation.simulate_cell("tubulin", SHAPE, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(changed["truth"], cell["truth"])
    assert changed["source"].mean() > 2 * cell["source"].mean()


@pytest.mark.parametrize("shape", [(512, 512), (300, 1300)])
def test_field_holds_cell_and_glass(shape):
    """Every field shows cells, glass beside them, and structure in cells only."""
    for seed in range(4):
        specimen = simulation.make_specimen(TUBULIN, shape, rng=np.random.default_rng(seed))
        share = (specimen.cytosol > 0).mean()
        assert 0.3 < share < 0.98
        truth = simulation.true_image(specimen)
        assert 0.05 < (truth >= 0.5).mean() < 0.6
        assert truth[ndimage.distance_transform_edt(specimen.cytosol == 0) > 5].max(initial=0) < 0.01


def test_smallest_field_is_made():
    """An image of the smallest size is made."""
    assert simulation.simulate_cell("tubulin", (64, 64), rng=np.random.default_rng(0))["truth"].shape == (64, 64)


@pytest.mark.parametrize("shape", [(63, 512), (512, 10), (512,), (2, 512, 512)])
def test_small_or_odd_shape_is_refused(shape):
    """A shape that is too small, or not two-dimensional, is refused with what was expected and found."""
    with pytest.raises(ValueError, match=r"\(Y, X\) of at least 64 px per side, found"):
        simulation.simulate_cell("tubulin", shape, rng=np.random.default_rng(0))


def test_unknown_structure_is_refused():
    """An unknown structure is refused by name, with the known ones."""
    with pytest.raises(ValueError, match=r"'tubuline'.*tubulin"):
        simulation.simulate_cell("tubuline", SHAPE, rng=np.random.default_rng(0))


def normalised(image):
    low, high = np.percentile(image, (1, 99.9))
    return np.clip((image - low) / (high - low), 0, 1)


def pair_scores(images, rng, size=128, n_patches=6):
    """Score the input label against the benchmark over patches that CSBDeep would cut, and each label's contrast."""
    source, target = normalised(images["source"]), normalised(images["target"])
    eligible = no_background_patches()((images["target"].astype(float),), (size, size))
    rows, columns = np.nonzero(eligible[size // 2 : 1 - size // 2, size // 2 : 1 - size // 2])
    patches = []
    for i in rng.choice(len(rows), n_patches, replace=False):
        patch = np.s_[rows[i] : rows[i] + size, columns[i] : columns[i] + size]
        patches.append(metrics.evaluate(target[patch], source[patch]))
    scores = {name: np.mean([patch[name] for patch in patches]) for name in ("psnr", "ms_ssim_5", "ms_ssim_3", "ssim")}
    for name in ("source", "target"):
        scores |= {f"{measure}_{name}": value for measure, value in metrics.contrast(images[name]).items()}
    return scores


@pytest.fixture(scope="module")
def scores():
    """Score a data set of cells that were not used for tuning."""
    rows = []
    for seed in UNUSED_SEEDS:
        rng = np.random.default_rng(seed)
        rows.append(pair_scores(simulation.simulate_cell("tubulin", (512, 512), rng=rng), rng))
    return {name: np.array([row[name] for row in rows]) for name in PAPER}


@pytest.mark.parametrize("measure", PAPER)
def test_calibration_meets_the_paper(scores, measure):
    """Averaged over a data set of unused seeds, the labels compare as the paper's tubulin labels do."""
    value, tolerance = PAPER[measure]
    assert scores[measure].mean() == pytest.approx(value, abs=tolerance)


def test_labels_keep_their_order(scores):
    """The benchmark has the higher contrast: Michelson in every cell, RMS on average."""
    assert (scores["michelson_source"] < scores["michelson_target"]).all()
    assert scores["rms_contrast_source"].mean() < scores["rms_contrast_target"].mean()
