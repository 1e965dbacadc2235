"""Altered specimens differ from the unaltered ones in what was altered, and in nothing else."""

import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import noise, simulation, variants

SHAPE = (160, 160)


def image(structure, seed=5):
    return variants.simulate_variant(structure, SHAPE, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("name", ["tubulin", "paxillin"])
def test_without_a_change_it_is_the_same_cell(name):
    """The truth is that of `simulate_cell`, drawn from the same generator; the table stays as it was."""
    row = simulation.STRUCTURES[name]
    variants.more_haze(row)
    expected = simulation.simulate_cell(name, SHAPE, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(image(row)["truth"], expected["truth"])
    assert simulation.STRUCTURES[name].labels["source"].optics.haze == row.labels["source"].optics.haze


@pytest.mark.parametrize("change", variants.VARIANTS.values(), ids=variants.VARIANTS)
def test_changes_of_the_image_leave_the_structure(change):
    """The truth does not move, the raw image does."""
    row = simulation.STRUCTURES["tubulin"]
    plain, changed = image(row), image(change(row))
    np.testing.assert_array_equal(plain["truth"], changed["truth"])
    assert (plain["source"] != changed["source"]).mean() > 0.5


def test_each_change_moves_its_own_measure():
    """A quarter of the light is a quarter of the signal; the camera's noise, the haze and the width rise as said."""
    row = simulation.STRUCTURES["tubulin"]
    plain = image(row)["source"] - float(row.detector.offset)
    fewer = image(variants.fewer_photons(row))["source"] - float(row.detector.offset)
    assert fewer.mean() == pytest.approx(plain.mean() / 4, rel=0.03)
    camera = variants.more_read_noise(row).detector
    dark = noise.estimate_noise(image(variants.more_read_noise(row))["source"])
    expected = camera.gain * (plain.mean() + camera.offset - camera.offset) + camera.read_noise**2
    assert dark.sd(plain.mean() + camera.offset) ** 2 == pytest.approx(expected, rel=0.1)
    haze = image(variants.more_haze(row))["source"] - float(row.detector.offset)
    added = ndimage.gaussian_filter(haze - plain, 3)
    assert added.mean() / plain.mean() == pytest.approx(2 * 1.4 / 2.4, rel=0.05)


@pytest.mark.parametrize("name", ["tubulin", "actin", "caveolae", "paxillin"])
def test_fewer_pieces_are_a_part_of_the_same_structure(name):
    """What is left was there before, and over several cells it is about the share that was asked for."""
    row = simulation.STRUCTURES[name]
    before, after = [], []
    for seed in range(6):
        before.append(image(row, seed)["truth"])
        after.append(image(variants.fewer_pieces(row, 0.5), seed)["truth"])
    assert all((less <= more + 1e-6).all() for less, more in zip(after, before, strict=True))
    assert 0.3 < np.sum(after) / np.sum(before) < 0.75
    assert not image(variants.fewer_pieces(row, 0.0))["truth"].any()
    np.testing.assert_array_equal(image(variants.fewer_pieces(row, 1.0), 1)["truth"], before[1])


def test_dimmer_label_leaves_what_is_unspecific():
    """With no structure in the cell, a dimmer label changes nothing but the noise."""
    row = variants.fewer_pieces(simulation.STRUCTURES["tubulin"], 0.0)
    plain, dimmer = (image(structure)["source"].mean() for structure in (row, variants.dimmer_label(row, 0.25)))
    assert dimmer == pytest.approx(plain, rel=0.01)
