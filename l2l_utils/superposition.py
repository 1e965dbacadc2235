"""Real images of two structures in two channels, added up as if one channel had recorded both."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from l2l_utils import data, normalization, splits

FEWEST_FIELDS: Final = 5
SHARES: Final = (0.5, 0.25)  # of an image that train and that choose the weights; the rest is held out


def superpose(first_dir: data.PathLike, second_dir: data.PathLike, to: Path, **percentiles: float) -> list[data.Pair]:
    """Write the sum of both images of each field, and pair it with them.

    Parameters
    ----------
    first_dir, second_dir : path
        Folders of TIFFs with equal file names, a structure in each.
    to : Path
        Folder of the sums, float32: both images are scaled to their percentiles and added, so that neither outshines
        the other.
    **percentiles
        ``pmin`` and ``pmax``.

    Returns
    -------
    list of Pair
        The source is the sum, the target has both structures as its channels.

    Raises
    ------
    FileNotFoundError, ValueError
        As `data.pair_images`, or if an image cannot be normalised.
    """
    pairs = []
    for pair in data.pair_images(first_dir, second_dir):
        total = np.zeros(1, np.float32)
        for file in (pair.source, pair.target):
            _, image = normalization.open_normalized(file, **percentiles)
            total = total + image
        data.write_image(to / pair.source.name, total, like=pair.source)
        pairs.append(data.Pair(pair.name, to / pair.source.name, (pair.source, pair.target)))
    return pairs


def split_places(pairs: Sequence[data.Pair], to: Path) -> splits.Split:
    """Split by image where there are enough; else cut every image, so that no place is both trained on and judged.

    Parameters
    ----------
    pairs : sequence of Pair
        Of `superpose`, or with sources that were recorded so.
    to : Path
        Gets the pieces of images that are cut: along the longer side, the first half trains, a quarter chooses the best
        weights, a quarter is held out. The images of a stack are cut at the same place.

    Returns
    -------
    Split
        With five fields or more of their own, the last fifth held out and the one before it for validation.
    """
    if len(pairs) >= FEWEST_FIELDS and not _is_stack(pairs):
        n_held_out = len(pairs) // FEWEST_FIELDS
        return splits.Split(list(pairs[: -n_held_out - 1]), [pairs[-n_held_out - 1]], list(pairs[-n_held_out:]))
    parts = ([], [], [])
    for pair in pairs:
        for part, name, place in zip(parts, splits.Split._fields, _places(pair), strict=True):
            cut = [_cut(file, to / name / file.parent.name, place) for file in (pair.source, *pair.target)]
            part.append(data.Pair(pair.name, cut[0], tuple(cut[1:])))
    return splits.Split(*parts)


def _is_stack(pairs: Sequence[data.Pair]) -> bool:
    """Tell whether the fields are planes of one stack, by the plane number that `importing` puts into their names."""
    return len({pair.name.rpartition("_z")[0] or pair.name for pair in pairs}) < len(pairs)


def _places(pair: data.Pair) -> list[tuple[slice, slice]]:
    shape = data.read_image(pair.source).shape
    ends = np.rint(np.cumsum([0, *SHARES, 1 - sum(SHARES)]) * max(shape)).astype(int)
    stretches = [slice(int(start), int(stop)) for start, stop in itertools.pairwise(ends)]
    return [(s, slice(None)) if shape[0] > shape[1] else (slice(None), s) for s in stretches]


def _cut(file: Path, folder: Path, place: tuple[slice, slice]) -> Path:
    image = data.read_image(file)
    data.write_image(folder / file.name, image[place], like=file, dtype=image.dtype.name)
    return folder / file.name
