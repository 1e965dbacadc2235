"""A second virtual microscope that shares nothing with the first: for testing what was tuned on the first.

Worm-like chains in Voronoi cells, Airy pattern and Lorentzian halo, 1/f background, electron-multiplying camera. Every
set of images has a style of its own (density, brightness, haze, puncta), drawn within what users bring.
"""

import numpy as np
from scipy import ndimage, signal, special


def draw_style(rng):
    """Return how the images of one set look."""
    return {
        "n_chains": rng.integers(25, 90),
        "persistence_px": rng.uniform(60, 400),
        "photons": rng.uniform(3, 15, 2),
        "airy_px": rng.uniform(1.2, 2.2, 2) * (1.3, 1.0),
        "halo": rng.uniform(0.5, 2.0),
        "background": rng.uniform(0.3, 0.9),
        "puncta": rng.uniform(2e-4, 1.5e-3) * np.array([1, 0.15]),
        "puncta_peak": rng.uniform(1.5, 5),
        "binding": rng.uniform(0.15, 0.4, 2),
    }


def chains(shape, style, rng):
    """Return worm-like chains as positions in px, shape (n_chains, n_steps, 2), half a pixel apart."""
    n, n_steps = style["n_chains"], int(2.5 * max(shape))
    turns = rng.normal(0, np.sqrt(1 / style["persistence_px"]), (n, n_steps))
    heading = rng.uniform(0, 2 * np.pi, (n, 1)) + np.cumsum(turns, axis=1)
    steps = 0.5 * np.stack([np.sin(heading), np.cos(heading)], axis=-1)
    return rng.uniform(0, shape, (n, 1, 2)) + np.cumsum(steps, axis=1)


def deposit(position, weight, shape):
    """Add weights to the nearest pixels."""
    image, index = np.zeros(shape), np.rint(position).astype(int).reshape(-1, 2)
    inside = ((index >= 0) & (index < shape)).all(axis=1)
    np.add.at(image, tuple(index[inside].T), np.broadcast_to(weight, position.shape[:-1]).ravel()[inside])
    return image


def pink(shape, rng):
    """Return 1/f noise of mean 1, never negative."""
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1]))
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) / np.maximum(frequency, 2 / max(shape))
    field = np.fft.irfft2(spectrum, shape)
    return np.maximum(1 + 0.35 * field / field.std(), 0)


def voronoi_cells(shape, rng):
    """Return 1 inside cells and 0 in the gaps between."""
    seeds, grid = rng.uniform(0, shape, (5, 2)), np.moveaxis(np.indices(shape), 0, -1)
    nearest = np.sort(np.linalg.norm(grid[:, :, None] - seeds, axis=-1), axis=-1)
    return ndimage.gaussian_filter((nearest[..., 1] - nearest[..., 0] > 12).astype(float), 4)


def airy(width_px, reach=15):
    """Return an Airy pattern with its first zero 1.22 widths off the centre, of sum 1."""
    x = np.pi * np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) / width_px + 1e-9
    pattern = (2 * special.j1(x) / x) ** 2
    return pattern / pattern.sum()


def lorentz(width_px, reach=60):
    """Return a halo with long tails, of sum 1."""
    halo = (1 + np.sum(np.mgrid[-reach : reach + 1, -reach : reach + 1] ** 2, axis=0) / width_px**2) ** -1.5
    return halo / halo.sum()


def camera(photons, rng):
    """Return the counts of an electron-multiplying camera, whose gain is random."""
    electrons = rng.poisson(photons)
    multiplied = rng.gamma(np.maximum(electrons, 1e-3), 25) * (electrons > 0)
    return np.clip(np.rint(300 + multiplied + rng.normal(0, 12, photons.shape)), 0, 2**16 - 1).astype(np.uint16)


def true_structure(shape, style, *, rng):
    """Return the chains that `simulate_pair` images with a generator in the same state: float, 0 to 1 on each crest."""
    cells, position = voronoi_cells(shape, rng), chains(shape, style, rng)
    # Two points per px of length; a line blurred by a Gaussian of 1 px has a crest of 2 / sqrt(2 pi).
    lines = ndimage.gaussian_filter(deposit(position, 1.0, shape) * cells, 1)
    return np.clip(lines * np.sqrt(2 * np.pi) / 2, 0, 1)


def simulate_pair(shape, style, *, fault=None, strength=0.0, rng):
    """Return source and target of one field; faults by the names and strengths of `l2l_utils.faults.FAULTS`."""
    cells, position = voronoi_cells(shape, rng), chains(shape, style, rng)
    density = []
    for i in range(2):
        if fault == "unrelated" and i == 1:
            cells, position = voronoi_cells(shape, rng), chains(shape, style, rng)
        grain = ndimage.gaussian_filter1d(rng.standard_normal(position.shape[:2]), 8, axis=1)
        weight = np.maximum(1 + style["binding"][i] * grain / grain.std(), 0)
        if fault == "blind benchmark" and i == 1:
            patchy = ndimage.gaussian_filter(rng.standard_normal(shape), 35, mode="wrap")
            here = ndimage.map_coordinates(patchy, position.reshape(-1, 2).T, order=0, mode="nearest")
            weight = weight * (here <= np.quantile(here, 1 - strength)).reshape(weight.shape)
        structure = deposit(position, weight, shape) * cells
        background = cells * pink(shape, rng) * style["background"] * (1, 0.1)[i]
        n_puncta = rng.poisson(style["puncta"][i] * np.prod(shape))
        peaks = style["puncta_peak"] * 8 * rng.gamma(3, 1 / 3, n_puncta)
        puncta = deposit(rng.uniform(0, shape, (n_puncta, 2)), peaks, shape)
        density.append(structure + background + puncta)
    if fault == "cross-reaction":
        density[1] += strength * density[0]
    photons = []
    for i, halo in enumerate((style["halo"], 0.1 * style["halo"])):
        sharp = signal.fftconvolve(density[i], airy(style["airy_px"][i]), mode="same")
        hazy = signal.fftconvolve(density[i], lorentz(12), mode="same")
        photons.append(style["photons"][i] * np.maximum(sharp + halo * hazy, 0))
    if fault == "unregistered":
        angle = rng.uniform(0, 2 * np.pi)
        shift = strength * np.array([np.sin(angle), np.cos(angle)])
        photons[1] = np.maximum(ndimage.shift(photons[1], shift, mode="mirror"), 0)
    if fault == "bleed-through into benchmark":
        photons[1] += strength * photons[0]
    if fault == "bleed-through into input":
        photons[0] += strength * photons[1]
    source, target = (camera(image, rng) for image in photons)
    if fault == "swapped":
        source, target = target, source
    if fault == "identical":
        target = ndimage.gaussian_filter(source, strength)
    if fault == "saturated":
        target = np.minimum(target * (4095 / np.quantile(target, 1 - strength)), 4095).astype(np.uint16)
    return source, target
