"""A virtual microscope for fluctuation-based nanoscopy: blinking emitters, recorded frame by frame.

All images of a sample lie on one field that is centred on 0. Pixel i of n has its centre at
``(i - (n - 1) / 2) * pixel``, and covers the sub-pixels ``subpixels * i`` to ``subpixels * (i + 1) - 1`` of a finer
image, as in a MUSICAL reconstruction.

References
----------
Jadhav et al. (2020), https://arxiv.org/abs/2009.02617: structures, ranges of the parameters and noise.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l2l_utils.emitters import BOX_UM, STRUCTURES, Structure
from l2l_utils.optics import Optics
from l2l_utils.photokinetics import on_times
from l2l_utils.point_images import image_points

APERTURES: Final = (1.2, 1.49)
PIXELS_NM: Final = (65.0, 80.0, 108.0, 120.0)
LONGEST_ON: Final = 5
LONGEST_OFF: Final = 20


class Sample(NamedTuple):
    """What stands under the microscope, and how it is looked at."""

    structure: Structure
    optics: Optics
    tau_on: float  # mean times in frames, the same for all emitters
    tau_off: float
    field_um: float = BOX_UM

    @property
    def shape(self) -> tuple[int, int]:
        """Size (Y, X) of a frame in px: the field over the pixel, rounded, halves up; 5 um are 77, 63, 46 or 42."""
        n = int(self.field_um * 1000 / self.optics.pixel_nm + 0.5)
        return n, n


def draw_sample(structure_name: str, *, field_um: float = BOX_UM, rng: np.random.Generator) -> Sample:
    """Draw a structure, an objective, a camera and a dye.

    Parameters
    ----------
    structure_name : str
        One of `emitters.STRUCTURES`.
    field_um : float
        Side of the field, above 0 and up to 5 um.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    Sample
        Aperture 1.2 to 1.49, pixel 65, 80, 108 or 120 nm, emission 660 nm, on for 1 to 5 and off for 1 to 20 frames on
        average (whole numbers), each value as likely as any other.

    Raises
    ------
    ValueError
        No structure has this name, or the field is out of range.
    """
    if structure_name not in STRUCTURES:
        raise ValueError(
            f"structure: expected one of {', '.join(STRUCTURES)}, found {structure_name!r}. Choose one of these."
        )
    structure = STRUCTURES[structure_name](rng, field_um=field_um)
    optics = Optics(numerical_aperture=rng.uniform(*APERTURES), pixel_nm=float(rng.choice(PIXELS_NM)))
    tau_on, tau_off = (int(rng.integers(1, 1 + longest)) for longest in (LONGEST_ON, LONGEST_OFF))
    return Sample(structure, optics, tau_on, tau_off, field_um)


def record(sample: Sample, *, n_frames: int = 200, rng: np.random.Generator) -> NDArray[np.float32]:
    """Record a sample without noise.

    Parameters
    ----------
    sample : Sample
        Emitters, optics, blinking.
    n_frames : int
        Length of the stack.
    rng : numpy.random.Generator
        Source of the blinking.

    Returns
    -------
    ndarray of shape (n_frames, Y, X)
        Scaled so that the darkest value of the whole stack is 0 and the brightest 1.

    Raises
    ------
    ValueError
        No light reaches the camera, because there is no emitter or none is ever on.
    """
    emitters_um = sample.structure.emitters_um
    light = on_times(len(emitters_um), n_frames, tau_on=sample.tau_on, tau_off=sample.tau_off, rng=rng)
    stack = image_points(emitters_um, light, sample.optics, shape=sample.shape)
    darkest, brightest = stack.min(initial=np.inf), stack.max(initial=0)
    if not brightest > darkest:
        raise ValueError(
            f"recording: expected light, found none from {len(emitters_um)} emitters in {n_frames} frames. "
            "Take more frames or another sample."
        )
    stack -= darkest
    stack /= brightest - darkest
    return stack


def true_emitters(sample: Sample, *, subpixels: int = 10) -> NDArray[np.float32]:
    """Count the emitters of every height on the grid of a reconstruction, (Y * subpixels, X * subpixels).

    Emitters that the rounded number of pixels leaves outside are not counted.
    """
    half_um = np.array(sample.shape) * sample.optics.pixel_nm / 2000
    bins = [n * subpixels for n in sample.shape]
    limits = [(-half, half) for half in half_um]
    counts, *_ = np.histogram2d(*sample.structure.emitters_um[:, 1:].T, bins=bins, range=limits)
    return counts.astype(np.float32)


def expect_counts(stack: NDArray[np.floating], *, sbr: float = 3.0, background: float = 100.0) -> NDArray[np.float32]:
    """Return counts without noise, ``background * ((sbr - 1) * stack + 1)``.

    Parameters
    ----------
    stack : ndarray
        0 to 1.
    sbr : float
        Signal to background: brightest value over background, 1 or more.
    background : float
        Counts where there is no light, 0 or more.

    Returns
    -------
    ndarray of the same shape
        ``background`` to ``sbr * background``.

    Raises
    ------
    ValueError
        The ratio is below 1 or the background below 0.
    """
    if not (sbr >= 1 and background >= 0):
        raise ValueError(
            f"counts: expected sbr of 1 or more and background of 0 or more, found {sbr} and {background}. Raise it."
        )
    return np.asarray(background * ((sbr - 1) * stack + 1), np.float32)


def add_shot_noise(counts: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float32]:
    """Replace each of the expected counts, 0 or more, by one drawn from a Poisson distribution."""
    return rng.poisson(counts).astype(np.float32)


def add_speckle(stack: NDArray[np.floating], *, variance: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Multiply each value by 1 + n, n even about 0 with a variance of 0 or more, as MATLAB's imnoise; not clipped."""
    reach = np.sqrt(3 * variance)
    return (stack * (1 + rng.uniform(-reach, reach, np.shape(stack)))).astype(np.float32)


def add_gaussian(stack: NDArray[np.floating], *, variance: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Add normal noise of a variance, in squares of the stack's largest value, to each value; not clipped at 0."""
    deviation = np.sqrt(variance) * np.max(stack)
    return (stack + rng.normal(0, deviation, np.shape(stack))).astype(np.float32)
