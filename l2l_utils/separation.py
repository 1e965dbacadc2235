"""Virtual fields that show two structures at once, and what an image of one of them is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, optimize, special

from l2l_utils import data, jitter, judging, normalization, pairs, virtual_sets
from l2l_utils.drawing import FWHM_PER_SIGMA

FLAT_PX: Final = 5
FLAT_RANGE: Final = 0.05
RIM_PX: Final = 12


class Channel(NamedTuple):
    """One structure of a held-out virtual field; images have the shape (Y, X) and are normalised, 0 to 1."""

    name: str
    raw: NDArray[np.float32]  # both structures, superposed
    benchmark: NDArray[np.float32]  # this structure, recorded alone
    light: NDArray[np.float32]  # the benchmark without noise
    other: NDArray[np.float32]  # the other structure, without noise, on its own scale
    area: NDArray[np.bool_]  # where this structure is; nowhere if it is of lines
    windows: list[tuple[slice, slice]]
    pixel_nm: float


def read_channels(dataset: str, held_out: Sequence[data.Pair], *, rng: np.random.Generator) -> dict[str, list[Channel]]:
    """Read the held-out fields of a virtual set that shows two structures at once.

    Parameters
    ----------
    dataset : str
        Name of the set.
    held_out : sequence of Pair
        Its fields to read; targets have a file for each structure.
    rng : numpy.random.Generator
        Chooses the windows on which images are compared, six of 128 px for each structure of each field where its
        benchmark shows more than background.

    Returns
    -------
    dict of str to list of Channel
        By structure, the fields in the order of `held_out`.
    """
    entry = data.read_entry(dataset)
    microscope = virtual_sets.simulation.STRUCTURES[entry["structure"]]
    names = [files.parent.name for files in held_out[0].target]
    channels = {name: [] for name in names}
    for pair in held_out:
        raw = normalization.read_normalized(data.channel_files(pair.source)[0], **entry["percentiles"])
        truth, photons = virtual_sets.without_noise(entry, int(pair.name.removeprefix("cell_")))
        benchmarks, light = {}, {}
        for name, file in zip(names, pair.target, strict=True):
            opened, benchmarks[name] = normalization.open_normalized(file, **entry["percentiles"])
            counts = microscope.detector.gain * photons[name] + microscope.detector.offset
            light[name] = np.clip((counts - opened.low) / (opened.high - opened.low), 0, 1)
        for name, other in zip(names, reversed(names), strict=True):
            channels[name].append(
                Channel(
                    pair.name,
                    raw=raw,
                    benchmark=benchmarks[name],
                    light=light[name],
                    other=light[other],
                    area=_area(truth[f"truth_{name}"]),
                    windows=pairs.bright_windows(benchmarks[name], n=6, rng=rng),
                    pixel_nm=microscope.pixel_size_nm,
                )
            )
    return channels


def judge(channel: Channel, image: ArrayLike) -> judging.Measures:
    """Compare an image of a structure with its benchmark, and with the same without noise (the truth).

    Parameters
    ----------
    channel : Channel
        The structure.
    image : array_like of shape (Y, X)
        Separated, superposed or other image of it, on the scale of the normalised benchmark.

    Returns
    -------
    dict of (str, str) to float
        Means of `metrics.evaluate` over the channel's windows, as in the paper's Table 1, with both references;
        against the truth also `bleed_through`, `noise`, and for structures of areas ``edge_nm``, the `edge_fwhm_px`.

    References
    ----------
    Kölln et al. (2022), https://doi.org/10.1242/jcs.258994, Table 1 and Fig. 4.
    """
    image = np.asarray(image, dtype=np.float32)
    measures = judging.compare("benchmark", channel.benchmark, image, channel.windows)
    measures |= judging.compare("truth", channel.light, image, channel.windows)
    found = {"bleed_through": bleed_through(channel, image), "noise": noise(channel, image)}
    if channel.area.any():
        found["edge_nm"] = channel.pixel_nm * edge_fwhm_px(image, channel.area)
    return measures | {("truth", name): value for name, value in found.items()}


def judge_jitter(channel: Channel, image: ArrayLike) -> judging.Measures:
    """Measure by how much rows are displaced in an image, as ``jitter_px`` with the reference truth.

    Parameters are as those of `judge`; the reference of `jitter.jitter_px` is the mixture of both noise-free structures
    that is most like the image.
    """
    own, other, _ = mixture(channel, image)
    return {("truth", "jitter_px"): jitter.jitter_px(image, own * channel.light + other * channel.other)}


def mixture(channel: Channel, image: ArrayLike) -> tuple[float, float, float]:
    """Return how much of both structures an image holds, and of a constant, by least squares.

    Parameters are as those of `bleed_through`.
    """
    parts = [channel.light.ravel(), channel.other.ravel(), np.ones(channel.light.size)]
    own, other, constant = np.linalg.lstsq(np.stack(parts, axis=1), np.ravel(image), rcond=None)[0]
    return float(own), float(other), float(constant)


def bleed_through(channel: Channel, image: ArrayLike) -> float:
    """Return how much of the other structure an image holds, as a share of how much of its own.

    Parameters
    ----------
    channel : Channel
        The structure.
    image : array_like of shape (Y, X)
        Image of it.

    Returns
    -------
    float
        0 for a clean separation, negative where the other structure leaves a hole.
    """
    own, other, _ = mixture(channel, image)
    return other / own


def noise(channel: Channel, image: ArrayLike) -> float:
    """Return the standard deviation of an image within 5 x 5 px, where both structures are flat.

    Parameters are as those of `bleed_through`; flat is where no noise-free image varies by 0.05 within these pixels.
    """
    flat = np.ones(channel.light.shape, bool)
    for light in (channel.light, channel.other):
        flat &= ndimage.maximum_filter(light, FLAT_PX) - ndimage.minimum_filter(light, FLAT_PX) < FLAT_RANGE
    image, n = np.asarray(image, float), FLAT_PX**2
    variance = ndimage.uniform_filter(image**2, FLAT_PX) - ndimage.uniform_filter(image, FLAT_PX) ** 2
    return float(np.sqrt(np.mean(variance[flat]) * n / (n - 1)))


def edge_fwhm_px(image: ArrayLike, area: NDArray[np.bool_]) -> float:
    """Return how blurred the edge of an area is: the full width at half maximum of its line spread function.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Any intensity scale.
    area : ndarray of bool of shape (Y, X)
        Where the bright structure is, wide enough for its rim of 12 px.

    Returns
    -------
    float
        In px, up to 0.4 px too narrow, because the rim is known to a pixel only. The mean intensity over the distance
        from the rim is fitted by an error function; NaN where that fails.
    """
    inside, outside = (ndimage.distance_transform_edt(mask) for mask in (area, ~area))
    distance = np.where(area, inside - 0.5, 0.5 - outside)
    near = np.abs(distance) < RIM_PX
    bins = np.rint(distance[near]).astype(int)
    positions = np.unique(bins)
    profile = ndimage.mean(np.asarray(image, float)[near], bins, positions)

    def edge(position: NDArray, dark: float, step: float, centre: float, sigma: float) -> NDArray:
        return dark + step * (1 + special.erf((position - centre) / (np.sqrt(2) * sigma))) / 2

    start = [profile.min(), np.ptp(profile), 0, 2]
    limits = [-np.inf, 0, -RIM_PX, 0.1], [np.inf, np.inf, RIM_PX, RIM_PX]
    try:
        found, _ = optimize.curve_fit(edge, positions, profile, start, bounds=limits)
    except (RuntimeError, ValueError):
        return float("nan")
    return float(FWHM_PER_SIGMA * found[3])


def _area(truth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where a structure of areas is; lines and spots, which have no inside, are left out."""
    mask = ndimage.binary_closing(truth > 0.25, iterations=2)
    return mask & ndimage.binary_propagation(ndimage.binary_erosion(mask, iterations=2 * RIM_PX), mask=mask)
