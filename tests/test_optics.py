"""Optics of a recording, and the text files that MusiJ keeps beside its stacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy import special

from l2l_utils.optics import Optics, read_optics

REAL = Path(__file__).parents[2] / "shared" / "data" / "musij"
LINES = ["Emission [nm]: 525", "Numerical aperture: 1.4", "Magnification: 1", "Pixel size [nm]: 80"]


def test_the_first_dark_ring_is_that_of_the_airy_pattern():
    """The Rayleigh distance is the first zero of J1, 3.8317, over 2 pi, in wavelengths per aperture."""
    ring = special.jn_zeros(1, 1)[0] / 6.283185307 * 660 / 1.4
    assert Optics(1.4, 80).rayleigh_nm == pytest.approx(ring, rel=1e-3)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_read_in_any_order(order, end, tmp_path):
    """Each number gets to its place, whatever the order and the ends of lines."""
    path = tmp_path / "stack.txt"
    path.write_bytes(end.join(LINES[i] for i in order).encode())
    assert read_optics(path) == Optics(numerical_aperture=1.4, pixel_nm=80, emission_nm=525)


def test_the_pixel_is_the_one_in_the_sample(tmp_path):
    """A camera pixel of 6500 nm behind a magnification of 100 is 65 nm in the sample."""
    path = tmp_path / "stack.txt"
    path.write_text("Emission [nm]: 660\nNumerical aperture: 1.49\nMagnification: 100\nPixel size [nm]: 6500", "utf-8")
    assert read_optics(path) == Optics(1.49, 65, 660)


@pytest.mark.parametrize("left_out", range(4))
def test_a_missing_line_is_named(left_out, tmp_path):
    """The message names the file and the line that is missing."""
    path = tmp_path / "stack.txt"
    path.write_text("\n".join(line for i, line in enumerate(LINES) if i != left_out), "utf-8")
    name = LINES[left_out].split(" [")[0].split(":")[0].lower()
    with pytest.raises(ValueError, match=rf"stack\.txt: expected .*, found none for {name}\."):
        read_optics(path)


@pytest.mark.skipif(not REAL.is_dir(), reason="MusiJ's stacks are not beside the checkout")
@pytest.mark.parametrize(("name", "emission_nm"), [("014_c", 525), ("CardioMyoblast", 510)])
def test_texts_of_musij(name, emission_nm):
    """The files that come with MusiJ's stacks are read as a person reads them."""
    (path,) = REAL.glob(f"{name}*.txt")
    assert read_optics(path) == Optics(1.4, 80, emission_nm)
