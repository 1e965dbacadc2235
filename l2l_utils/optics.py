"""What of a microscope decides how a point of light looks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

RAYLEIGH: Final = 0.61


class Optics(NamedTuple):
    """Objective, camera and light of a recording."""

    numerical_aperture: float
    pixel_nm: float  # in the sample
    emission_nm: float = 660.0

    @property
    def rayleigh_nm(self) -> float:
        """Distance, in nm, from the centre of an in-focus point's image to its first dark ring."""
        return RAYLEIGH * self.emission_nm / self.numerical_aperture


def read_optics(path: Path) -> Optics:
    """Read the text file that MusiJ keeps beside a stack: emission, numerical aperture, magnification, pixel size.

    Parameters
    ----------
    path : Path
        Text of lines "name [unit]: number"; lengths in nm. The camera's pixels are divided by the magnification.

    Returns
    -------
    Optics
        The optics of the stack.

    Raises
    ------
    ValueError
        If a line is missing.
    """
    text = path.read_text("utf-8")
    found = {
        name.lower(): float(number) for name, number in re.findall(r"([A-Za-z ]+?)\s*(?:\[nm\])?:\s*([\d.]+)", text)
    }
    missing = [name for name in _NAMES if name not in found]
    if missing:
        raise ValueError(
            f"{path}: expected lines such as 'Pixel size [nm]: 80', found none for {', '.join(missing)}. Add them."
        )
    emission, aperture, magnification, pixel = (found[name] for name in _NAMES)
    return Optics(numerical_aperture=aperture, pixel_nm=pixel / magnification, emission_nm=emission)


_NAMES: Final = ("emission", "numerical aperture", "magnification", "pixel size")
