"""Thresholds, particles and rolling ball against ImageJ itself, which a macro drives on ten images and more."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from imagej_macro import needs_imagej, run_macro
from scipy import ndimage
from skimage import data, draw
from skimage.measure import label

from l2l_utils import imagej_thresholds, particles, rolling_ball

REAL = Path(__file__).parents[2] / "shared" / "data" / "neubias"
SMALLEST_PX = 5
METHODS = ("Mean", "Triangle")
pytestmark = [pytest.mark.slow, needs_imagej]
MACRO = """
setBatchMode(true);
folder = getArgument();
setOption("BlackBackground", true);
run("Set Measurements...", "area perimeter shape redirect=None decimal=9");
files = getFileList(folder + "/images");
methods = newArray("Mean", "Triangle");
for (i = 0; i < files.length; i++) {
  name = folder + "/results/" + replace(files[i], ".tif", "");
  for (m = 0; m < methods.length; m++) {
    open(folder + "/images/" + files[i]);
    setAutoThreshold(methods[m] + " dark");
    getThreshold(lower, upper);
    print(files[i] + "," + methods[m] + "," + d2s(lower, 9));
    run("Analyze Particles...", "size=SMALLEST-Infinity pixel show=Masks clear");
    saveAs("Results", name + methods[m] + ".csv");
    selectImage(nImages);
    saveAs("Tiff", name + methods[m] + "_kept.tif");
    close();
    run("Convert to Mask");
    saveAs("Tiff", name + methods[m] + "_mask.tif");
    close("*");
  }
  commands = newArray("8-bit", "16-bit");
  for (c = 0; c < commands.length; c++) {
    open(folder + "/images/" + files[i]);
    resetMinAndMax();
    run(commands[c]);
    saveAs("Tiff", name + "_" + commands[c] + ".tif");
    close("*");
  }
  options = newArray("rolling=5", "rolling=5 disable", "rolling=15", "rolling=15 disable");
  for (o = 0; o < options.length; o++) {
    open(folder + "/images/" + files[i]);
    run("Subtract Background...", options[o]);
    saveAs("Tiff", name + "_" + options[o] + ".tif");
    close("*");
  }
}
"""


def blobs(rng: np.random.Generator, sigma_px: float) -> np.ndarray:
    """Return a smooth image of 0 to 1 whose sides differ."""
    smooth = ndimage.gaussian_filter(rng.random((96, 130)), sigma_px)
    return ((smooth - smooth.min()) / np.ptp(smooth)) ** 3


def figures() -> np.ndarray:
    """Return lines, rectangles, a ring with a dot, a disc, and a ragged particle turned and mirrored in all ways."""
    ragged = np.zeros((7, 9))
    for row, (first, last) in enumerate([(2, 4), (1, 5), (0, 6), (2, 9), (3, 7), (3, 5), (4, 5)]):
        ragged[row, first:last] = 1
    ring = np.ones((9, 9))
    ring[2:7, 2:7] = 0
    ring[3:6, 3:6] = 1
    disc = np.hypot(*np.mgrid[-9:10, -9:10]) < 8
    shapes = [np.ones(size) for size in [(1, 20), (20, 1), (2, 3), (10, 4), (4, 10), (1, 5), (1, 4)]]
    shapes += [ring, disc, np.eye(9), np.eye(9)[::-1]]
    shapes += [np.rot90(each, n_turns) for each in (ragged, ragged[::-1]) for n_turns in range(4)]
    image = np.zeros((100, 125), np.uint8)
    for number, shape in enumerate(shapes):
        row, column = (25 * place for place in divmod(number, 5))
        image[row : row + shape.shape[0], column : column + shape.shape[1]] = 255 * shape
    return image


def thin_lines(rng: np.random.Generator) -> np.ndarray:
    """Return lines one pixel wide under noise, 16 bit."""
    image = np.zeros((90, 110))
    for ends in rng.integers(0, 90, (14, 4)):
        image[draw.line(*ends)] = 60
    return rng.poisson(image + 20).astype(np.uint16)


def draw_images() -> dict[str, np.ndarray]:
    """Return images of all three formats, dark and bright, and real ones."""
    rng = np.random.default_rng(10)
    images = {
        f"blobs_{photons}": rng.poisson(photons * blobs(rng, sigma_px) + 100).astype(np.uint16)
        for photons, sigma_px in ((30, 3), (300, 2), (5000, 1.5))
    }
    images["blobs_8bit"] = np.minimum(rng.poisson(180 * blobs(rng, 2) + 9), 255).astype(np.uint8)
    images["bright"] = 255 - images["blobs_8bit"]
    images["restored"] = (3 * blobs(rng, 2) - 0.4 + 0.02 * rng.standard_normal((96, 130))).astype(np.float32)
    images["speckle"] = 255 * (rng.random((80, 90)) < 0.42).astype(np.uint8)
    images["lines"] = thin_lines(rng)
    images["figures"] = figures()
    images["coins"] = data.coins()[:200, :220]
    for name in ("xy_16bit__microtubules", "xy_calibrated_16bit__cells_eres_noisy"):
        if (REAL / f"{name}.tif").exists():
            images[name] = tifffile.imread(REAL / f"{name}.tif")[:200, :220]
    return images


IMAGES = draw_images()
INTEGERS = [name for name, image in IMAGES.items() if image.dtype.kind == "u"]


@pytest.fixture(scope="module")
def imagej(tmp_path_factory) -> Path:
    """Return the folder in which ImageJ left what it made of the images."""
    folder = tmp_path_factory.mktemp("imagej")
    for name in ("images", "results"):
        (folder / name).mkdir()
    for name, image in IMAGES.items():
        tifffile.imwrite(folder / "images" / f"{name}.tif", image)
    said = run_macro(MACRO.replace("SMALLEST", str(SMALLEST_PX)), folder)
    rows = [row for row in csv.reader(said.splitlines()) if len(row) == 3]
    assert len(rows) == len(METHODS) * len(IMAGES), said
    pd.DataFrame(rows, columns=["file", "method", "lower"]).to_csv(folder / "thresholds.csv", index=False)
    return folder


def made(folder: Path, name: str) -> np.ndarray:
    """Return an image that ImageJ saved."""
    return tifffile.imread(folder / "results" / f"{name}.tif")


@pytest.mark.parametrize("name", IMAGES)
def test_conversions(imagej, name):
    """Images of 8 and 16 bits are ImageJ's, bit for bit."""
    np.testing.assert_array_equal(imagej_thresholds.to_8_bit(IMAGES[name]), made(imagej, f"{name}_8-bit"))
    np.testing.assert_array_equal(imagej_thresholds.to_16_bit(IMAGES[name]), made(imagej, f"{name}_16-bit"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", IMAGES)
def test_thresholds_and_masks(imagej, name, method):
    """Thresholds are ImageJ's to all digits that it prints, masks before and after the filter pixel for pixel."""
    (lower,) = pd.read_csv(imagej / "thresholds.csv").query("file == @name + '.tif' and method == @method").lower
    assert imagej_thresholds.threshold(IMAGES[name], method=method) == pytest.approx(lower, abs=1e-9)
    mask = imagej_thresholds.binarize(IMAGES[name], method=method)
    np.testing.assert_array_equal(mask, made(imagej, f"{name}{method}_mask") > 0)
    kept = particles.keep_large(mask, smallest_px=SMALLEST_PX)
    np.testing.assert_array_equal(kept, made(imagej, f"{name}{method}_kept") > 0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", IMAGES)
def test_particles(imagej, name, method):
    """Number, order, area, perimeter and circularity are ImageJ's, and the aspect ratio of all but symmetric ones."""
    kept = made(imagej, f"{name}{method}_kept") > 0
    measured = particles.measure(kept)
    expected = pd.read_csv(imagej / "results" / f"{name}{method}.csv")
    np.testing.assert_array_equal(measured.area, expected["Area"])
    np.testing.assert_allclose(measured.perimeter, expected["Perim."], atol=1e-9)
    np.testing.assert_allclose(measured.circularity, expected["Circ."], atol=1e-9)
    skew = ~symmetric(kept)
    np.testing.assert_allclose(measured.aspect_ratio[skew], expected["AR"][skew], rtol=1e-6)
    np.testing.assert_allclose(measured.aspect_ratio, expected["AR"], rtol=0.15)


def symmetric(mask: np.ndarray) -> np.ndarray:
    """Return which particles have axes along the image or along its diagonals: there ImageJ divides by almost zero."""
    labels = label(mask, connectivity=2)
    y, x = places = np.nonzero(labels)
    n, *sums = (np.bincount(labels[places], each) for each in (np.ones_like(y), y, x, y * y, x * x, x * y))
    sum_y, sum_x, sum_yy, sum_xx, sum_xy = sums
    upright = n * sum_xy == sum_y * sum_x
    diagonal = n * (sum_yy - sum_xx) == sum_y**2 - sum_x**2
    return (upright | diagonal)[1:]


def test_most_particles_are_not_symmetric(imagej):
    """So the comparison of aspect ratios means something."""
    flags = np.concatenate([symmetric(made(imagej, f"{name}{m}_kept") > 0) for name in IMAGES for m in METHODS])
    assert len(flags) > 500
    assert flags.mean() < 0.25


@pytest.mark.parametrize(("radius_px", "levels"), [(5, 0), (15, 1)])
@pytest.mark.parametrize("name", INTEGERS)
def test_rolling_ball(imagej, name, radius_px, levels):
    """With and without ImageJ's smoothing: bit for bit at 5 px; at 15 px its float32 rounds single pixels otherwise."""
    smooth = rolling_ball.subtract_smooth_background(IMAGES[name], radius_px=radius_px)
    plain = rolling_ball.subtract_background(IMAGES[name], radius_px=radius_px)
    for option, ours in (("", smooth), (" disable", plain)):
        difference = np.abs(ours.astype(int) - made(imagej, f"{name}_rolling={radius_px}{option}"))
        assert difference.max() <= levels
        assert (difference > 0).mean() <= 2e-3 * levels
