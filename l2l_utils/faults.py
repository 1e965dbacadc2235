"""What goes wrong with pairs of labels, made on the virtual microscope: each fault at the stage where it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from l2l_utils.detector import digital_image
from l2l_utils.drawing import FWHM_PER_SIGMA, smooth_noise
from l2l_utils.labels import Structure
from l2l_utils.simulation import STRUCTURES, label_specimen, optical_image
from l2l_utils.specimen import Specimen, make_specimen

Stage = dict[str, Any]  # what a stage hands on, for "source" and "target"

BLIND_REGION_NM: Final = 4000.0
CAMERA_LIMIT: Final = 4095


@dataclass(frozen=True)
class Fault:
    """A fault: after which stage it happens, what it changes there, and how strong it is unless told otherwise."""

    what: str
    strength_is: str
    strength: float
    stage: str
    change: Callable[[Stage, float, Structure, np.random.Generator], Stage]


def simulate_faulty_cell(
    structure: str,
    shape: tuple[int, int],
    *,
    fault: str,
    strength: float | None = None,
    rng: np.random.Generator,
) -> dict[str, NDArray]:
    """Image one virtual specimen with two labels of which something is wrong.

    Parameters
    ----------
    structure : str
        A key of `simulation.STRUCTURES` that has a source and a target label.
    shape : tuple of int
        Size (Y, X) of the images in px, at least 64 per side.
    fault : str
        A key of `FAULTS`.
    strength : float, optional
        In the unit that the fault's ``strength_is`` names; the fault's own ``strength`` if not given.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    dict of str to ndarray of shape (Y, X)
        ``source`` and ``target``, uint16 counts.

    Raises
    ------
    ValueError
        If there is no such fault, or the structure has no two labels of its own.
    """
    if fault not in FAULTS:
        raise ValueError(f"There is no fault {fault!r}. Choose one of: {', '.join(FAULTS)}.")
    if structure not in STRUCTURES or not {"source", "target"} <= set(STRUCTURES[structure].labels):
        fitting = [name for name, row in STRUCTURES.items() if {"source", "target"} <= set(row.labels)]
        raise ValueError(f"{structure!r} is no structure with two labels. Choose one of: {', '.join(fitting)}.")
    row, wrong = STRUCTURES[structure], FAULTS[fault]
    strength = wrong.strength if strength is None else strength

    def after(stage: str, images: Stage) -> Stage:
        return wrong.change(images, strength, row, rng) if wrong.stage == stage else images

    labels = {name: row.labels[name] for name in ("source", "target")}
    specimen = after("structure", dict.fromkeys(labels, make_specimen(row, shape, rng=rng)))
    density = after("labels", {name: label_specimen(specimen[name], label, rng=rng) for name, label in labels.items()})
    photons = after(
        "optical image",
        {
            name: optical_image(density[name], label.optics, pixel_size_nm=row.pixel_size_nm)
            for name, label in labels.items()
        },
    )
    return after("digital image", {name: digital_image(photons[name], row.detector, rng=rng) for name in labels})


def _blind(specimen: Stage, strength: float, row: Structure, rng: np.random.Generator) -> Stage:
    """Take the structure in some regions away from the benchmark label."""
    seen: Specimen = specimen["target"]
    grain_px = BLIND_REGION_NM / row.pixel_size_nm / FWHM_PER_SIGMA
    field = smooth_noise(seen.cytosol.shape, grain_px, rng)
    drawn = {}
    for name, points in seen.drawn.items():
        here = ndimage.map_coordinates(field, points.position_px.T, order=1, mode="nearest")
        visible = here <= np.quantile(here, 1 - strength)
        drawn[name] = points._replace(brightness=points.brightness * visible)
    return specimen | {"target": replace(seen, drawn=drawn)}


def _other_cell(specimen: Stage, strength: float, row: Structure, rng: np.random.Generator) -> Stage:  # noqa: ARG001
    return specimen | {"target": make_specimen(row, specimen["source"].cytosol.shape, rng=rng)}


def _cross_react(density: Stage, strength: float, row: Structure, rng: np.random.Generator) -> Stage:  # noqa: ARG001
    """Put the benchmark's dye wherever the input's primary antibody is."""
    brightness = row.labels["target"].photons / row.labels["source"].photons
    return density | {"target": density["target"] + np.float32(strength * brightness) * density["source"]}


def _bleed_into_target(photons: Stage, strength: float, *_: object) -> Stage:
    return photons | {"target": photons["target"] + np.float32(strength) * photons["source"]}


def _bleed_into_source(photons: Stage, strength: float, *_: object) -> Stage:
    return photons | {"source": photons["source"] + np.float32(strength) * photons["target"]}


def _shift(photons: Stage, strength: float, row: Structure, rng: np.random.Generator) -> Stage:  # noqa: ARG001
    angle = rng.uniform(0, 2 * np.pi)
    shift_px = strength * np.array([np.sin(angle), np.cos(angle)])
    moved = ndimage.shift(photons["target"], shift_px, order=1, mode="mirror")
    return photons | {"target": moved}


def _swap(counts: Stage, *_: object) -> Stage:
    return {"source": counts["target"], "target": counts["source"]}


def _saturate(counts: Stage, strength: float, *_: object) -> Stage:
    target = counts["target"] * (CAMERA_LIMIT / np.quantile(counts["target"], 1 - strength))
    return counts | {"target": np.minimum(np.rint(target), CAMERA_LIMIT).astype(np.uint16)}


def _copy(counts: Stage, strength: float, *_: object) -> Stage:
    if not strength:
        return counts | {"target": counts["source"].copy()}
    smooth = ndimage.gaussian_filter(counts["source"].astype(float), strength)
    return counts | {"target": np.rint(smooth * (np.iinfo(np.uint16).max / smooth.max())).astype(np.uint16)}


# Emission spectra have their tails on the red side: light of the bluer dye reaches the redder dye's channel. Of the
# paper's pairs the input label is the bluer one for actin, the benchmark for tubulin, caveolae and paxillin.
FAULTS: Final = {
    "swapped": Fault("input and benchmark label have changed places", "not used", 1.0, "digital image", _swap),
    "unregistered": Fault("the benchmark's image is displaced", "distance in px", 5.0, "optical image", _shift),
    "unrelated": Fault("the benchmark's image shows another cell", "not used", 1.0, "structure", _other_cell),
    "saturated": Fault("the benchmark's image is overexposed", "share of the pixels", 0.02, "digital image", _saturate),
    "identical": Fault(
        "the benchmark's image is the input's, smoothed and stretched to 16 bit",
        "Gaussian sigma in px, 0 for a copy",
        0.0,
        "digital image",
        _copy,
    ),
    "blind benchmark": Fault(
        "the benchmark label binds nothing in regions of some 4 um", "share of the structure", 0.3, "structure", _blind
    ),
    "bleed-through into benchmark": Fault(
        "light of a bluer input dye is in the benchmark's channel",
        "share of the input's light",
        0.2,
        "optical image",
        _bleed_into_target,
    ),
    "bleed-through into input": Fault(
        "light of a bluer benchmark dye is in the input's channel",
        "share of the benchmark's light",
        0.2,
        "optical image",
        _bleed_into_source,
    ),
    "cross-reaction": Fault(
        "the benchmark's secondary antibody also binds the input's primary",
        "dye on the input's primary, as a share of that on the benchmark's own",
        0.2,
        "labels",
        _cross_react,
    ),
}
