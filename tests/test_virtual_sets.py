"""Virtual data sets: what their checksums stand for, and that they are the frozen ones."""

import hashlib

import freeze
import numpy as np
import pytest
import tifffile
import yaml
from test_architecture import siblings

from l2l_utils import data, luminescence, virtual_sets

SMALL = "virtual/tubulin-small"
MANIFEST = data.read_manifest()
VIRTUAL = [name for name, entry in MANIFEST.items() if entry["kind"] == "virtual"]


def test_checksum_is_that_of_the_pixels(tmp_path):
    """It is the sha256 of all pixels in the files, cell by cell in the order of the roles."""
    found = virtual_sets.make(SMALL, MANIFEST[SMALL], tmp_path)
    digest = hashlib.sha256()
    for cell in range(6):
        for role in ("source", "target", "source_repeat", "source_average", "truth", "sted"):
            image = tifffile.imread(tmp_path / role / f"cell_{cell:03d}.tif")
            code = {"uint16": "<u2", "float32": "<f4"}[image.dtype.name]
            digest.update(f"{role} (192, 192) {image.dtype.name}".encode() + image.astype(code).tobytes())
    assert found == digest.hexdigest()


def test_other_images_are_pointed_out(tmp_path):
    """Where this computer's images differ from the frozen ones, a warning says so."""
    with pytest.warns(UserWarning, match="virtual/tubulin-small: on this computer"):
        virtual_sets.make(SMALL, {**MANIFEST[SMALL], "sha256": "0" * 64}, tmp_path)


@pytest.mark.parametrize(("axes", "microscope"), [("YX", "simulation"), ("ZYX", "luminescence")])
def test_generator_is_all_that_draws(axes, microscope):
    """The recipe of a set names every module that its virtual microscope imports, directly or not."""
    reached, waiting = set(), {microscope}
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= siblings(module) - reached
    assert set(virtual_sets.generator_checksums(axes)) == reached


def test_freezing_changes_the_checksum_alone():
    """A checksum is written into its own entry, a first one and a second one, and no other line changes."""
    text = freeze.manifest.manifest_path().read_text(encoding="utf-8")
    for name in (SMALL, VIRTUAL[0], VIRTUAL[-1]):
        once = freeze.frozen(text, name, "a" * 64)
        twice = freeze.frozen(once, name, "b" * 64)
        for frozen, sha256 in ((once, "a" * 64), (twice, "b" * 64)):
            assert yaml.safe_load(frozen)[name] == {**MANIFEST[name], "sha256": sha256}
            assert {line for line in frozen.splitlines() if "sha256: " not in line} == {
                line for line in text.splitlines() if "sha256: " not in line
            }
        assert once.count("\n") == twice.count("\n")


@pytest.mark.parametrize(
    "name", [name if name.endswith("-small") else pytest.param(name, marks=pytest.mark.slow) for name in VIRTUAL]
)
def test_sets_are_frozen(tmp_path, name):
    """The images are those whose checksum is in the manifest; if they shall change: freeze.py, and a new version."""
    assert virtual_sets.make(name, MANIFEST[name], tmp_path) == MANIFEST[name].get("sha256")


def test_sets_of_one_structure_are_different_cells():
    """The small set has cells of its own seed and size, not crops of the large one."""
    small = next(virtual_sets.cell_images(MANIFEST[SMALL]))["source"]
    large = next(virtual_sets.cell_images(MANIFEST["virtual/tubulin"]))["source"]
    assert not np.array_equal(small, large[:192, :192])


@pytest.fixture(scope="module")
def stacks(tmp_path_factory):
    """Return what the manifest says of two small stacks per condition, and the folder in which they were made."""
    entry = {**MANIFEST["virtual/luminescence_tomm20-small"], "n_cells": 2, "shape": [3, 64, 72]}
    del entry["sha256"]
    folder = tmp_path_factory.mktemp("stacks")
    virtual_sets.make("virtual/stacks", entry, folder)
    return entry, folder


def test_stacks_tell_their_condition_and_their_size(stacks):
    """Names of files begin with the condition; each file has axes ZYX, pixel size and distance of planes."""
    entry, folder = stacks
    names = ["control_000", "control_001", "treated_000", "treated_001"]
    assert list(virtual_sets.cell_names(entry)) == names
    for role in entry["roles"]:
        paths = sorted((folder / role).iterdir())
        assert [path.stem for path in paths] == names
        for path in paths:
            with tifffile.TiffFile(path) as tif:
                assert tif.series[0].axes == "ZYX"
                assert tif.series[0].shape == (3, 64, 72)
                assert tif.imagej_metadata["spacing"] == pytest.approx(0.13)
            assert data.pixel_size_um(path) == pytest.approx((0.13, 0.13), rel=1e-6)


def test_conditions_show_their_own_structure(stacks):
    """The third stack is the first treated one: drawn by its number in the whole set, with treated mitochondria."""
    entry, folder = stacks
    rng = np.random.default_rng([entry["seed"], 2])
    expected = luminescence.simulate_cell("tomm20_rotenone", (3, 64, 72), rng=rng)
    for role in entry["roles"]:
        np.testing.assert_array_equal(tifffile.imread(folder / role / "treated_000.tif"), expected[role])


def test_light_is_that_of_the_stack(stacks):
    """The light that is drawn again from the seed is that whose photons the stack counted."""
    entry, folder = stacks
    for name in virtual_sets.cell_names(entry):
        light = virtual_sets.glowing(entry, name)
        for role, label, seconds in (("exposure_4s", "luminescent", 4.0), ("fluorescent", "fluorescent", 0.1)):
            camera = luminescence.CAMERA
            electrons = camera.quantum_efficiency * light[label] * seconds
            counts = (tifffile.imread(folder / role / f"{name}.tif") - camera.offset) * camera.electrons_per_count
            error = np.sqrt(2 * electrons.mean() / electrons.size)
            assert counts.mean() / camera.em_gain == pytest.approx(electrons.mean(), abs=5 * error + 0.02)
            assert np.corrcoef(counts.ravel(), electrons.ravel())[0, 1] > 0.4
