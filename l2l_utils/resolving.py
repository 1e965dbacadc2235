"""Two parallel filaments at known distances: from where on does an image show two and not one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from l2l_utils import profiles
from l2l_utils.detector import digital_image
from l2l_utils.judging import Key, describe
from l2l_utils.normalization import normalize
from l2l_utils.scores import COLUMNS
from l2l_utils.simulation import STRUCTURES, expected_photons
from l2l_utils.specimen import STEP_PX, Points, make_specimen, true_image

DISTANCES_NM: Final = (0, 90, 180, 225, 270, 315, 360, 450, 600)
LENGTH_PX: Final = 44
SPACE_PX: Final = 48  # from pair to pair
DIP: Final = 0.2  # by how much the middle must be darker than both filaments, as a share of their height
SEARCH_PX: Final = 1.5


class FilamentPair(NamedTuple):
    """Two parallel filaments: how far apart, and the line across both, (row, column) in px."""

    distance_nm: float
    line: profiles.Line


def simulate_filament_pairs(
    structure: str, shape: tuple[int, int], *, rng: np.random.Generator
) -> tuple[dict[str, NDArray], list[FilamentPair]]:
    """Image a virtual cell that holds straight filaments, two by two, in place of its own.

    Parameters
    ----------
    structure : str
        A key of `simulation.STRUCTURES` made of filaments.
    shape : tuple of int
        Size (Y, X) of the images in px.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    images : dict of str to ndarray of shape (Y, X)
        ``source``, ``target`` and where there is one ``sted``, uint16 counts; ``truth``, 0 to 1.
    pairs : list of FilamentPair
        In turn at each of `DISTANCES_NM`, turned at random; at distance 0 there is one filament.
    """
    row = STRUCTURES[structure]
    cell = make_specimen(row, shape, rng=rng)
    centres = np.stack(np.meshgrid(*(np.arange(SPACE_PX, side - SPACE_PX / 2, SPACE_PX) for side in shape)), axis=-1)
    inside = [centre for centre in centres.reshape(-1, 2).astype(int) if cell.cytosol[tuple(centre)] > 0.6]
    along = np.arange(-LENGTH_PX / 2, LENGTH_PX / 2, STEP_PX[1])[:, None]
    points, pairs = [], []
    for i, centre in enumerate(inside):
        distance_nm, angle = DISTANCES_NM[i % len(DISTANCES_NM)], rng.uniform(0, np.pi)
        across = np.array([np.sin(angle), np.cos(angle)])
        apart = distance_nm / row.pixel_size_nm / 2 * across
        direction = np.array([across[1], -across[0]])
        points += [centre + side + along * direction for side in ((apart, -apart) if distance_nm else (apart,))]
        half = profiles.HALF_LENGTH_PX * across
        pairs.append(FilamentPair(distance_nm, profiles.Line(tuple(centre - half), tuple(centre + half))))
    position = np.concatenate(points).astype(np.float32)
    drawn = replace(cell, drawn={"truth": Points(position, np.ones(len(position), np.float32))})
    photons = expected_photons(drawn, rng=rng)
    images = {name: digital_image(expected, row.detector, rng=rng) for name, expected in photons.items()}
    return images | {"truth": true_image(drawn)}, pairs


def simulate_fields(structure: str, *, n: int) -> list[tuple[dict[str, NDArray], list[FilamentPair]]]:
    """Return `n` fields of 512 x 512 px of `simulate_filament_pairs`, always the same ones."""
    return [simulate_filament_pairs(structure, (512, 512), rng=np.random.default_rng([1, i])) for i in range(n)]


def known_images(fields: Sequence[tuple[dict[str, NDArray], Sequence[FilamentPair]]]) -> dict[Key, list[NDArray]]:
    """Return the normalised images of all fields that nothing was trained for, by method, without loss and seed."""
    roles = {"input": "source", "benchmark": "target", "STED": "sted", "truth": "truth"}
    return {
        (method, None, None): [normalize(images[role]) for images, _ in fields]
        for method, role in roles.items()
        if role in fields[0][0]
    }


def score(
    fields: Sequence[tuple[dict[str, NDArray], Sequence[FilamentPair]]],
    images: Mapping[Key, Sequence[ArrayLike]],
    *,
    structure: str,
) -> pd.DataFrame:
    """Score several methods' images of simulated filament pairs.

    Parameters
    ----------
    fields : sequence of (dict, list of FilamentPair)
        As `simulate_filament_pairs` returns them.
    images : mapping of (str, str or None, int or None) to sequence of array_like of shape (Y, X)
        By method, loss and seed, an image of each field.
    structure : str
        What the fields were simulated as.

    Returns
    -------
    pandas.DataFrame
        Long form, columns `scores.COLUMNS`: metric ``resolved``, condition ``distance=...`` in nm.
    """
    rows, pixel_nm = [], STRUCTURES[structure].pixel_size_nm
    for key, found in images.items():
        labels = {"dataset": structure, **describe(key)}
        for i, ((_, pairs), image) in enumerate(zip(fields, found, strict=True)):
            row = labels | {"image": f"pairs_{i}", "reference": "truth", "metric": "resolved"}
            shares = resolved(image, pairs, pixel_nm=pixel_nm)
            rows += [row | {"condition": f"distance={d}", "value": share} for d, share in shares.items()]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def resolved(image: ArrayLike, pairs: Sequence[FilamentPair], *, pixel_nm: float) -> dict[float, float]:
    """Return the share of filament pairs that an image shows as two, by their distance in nm.

    A pair counts where the profile across it, averaged over 20 px along it, has a peak near both filaments and between
    them a dip of at least a fifth of the lower one. At distance 0 any such dip is a false one.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Any intensity scale.
    pairs : sequence of FilamentPair
        As `simulate_filament_pairs` returns them.
    pixel_nm : float
        Side of a pixel.
    """
    shown: dict[float, list[bool]] = {}
    for pair in pairs:
        profile = profiles.averaged(image, pair.line)
        profile = profile - profile.min()
        position = np.arange(len(profile)) - (len(profile) - 1) / 2
        half = max(pair.distance_nm / pixel_nm / 2, 2)
        peaks = [profile[np.abs(position - side) <= SEARCH_PX].max() for side in (half, -half)]
        middle = profile[np.abs(position) < max(half - SEARCH_PX, 0.6)].min()
        shown.setdefault(pair.distance_nm, []).append(middle < (1 - DIP) * min(peaks))
    return {distance: float(np.mean(shares)) for distance, shares in sorted(shown.items())}
