"""Which image pairs train, which choose the weights, which judge: no image serves two of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import NamedTuple

import numpy as np

from l2l_utils import data


class Split(NamedTuple):
    """Image pairs by what they serve; no image is in two of the lists."""

    training: list[data.Pair]
    validation: list[data.Pair]
    held_out: list[data.Pair]


def split_images(
    pairs: Sequence[data.Pair],
    *,
    n_validation: int,
    n_held_out: int = 0,
    held_out_names: Sequence[str] = (),
    rng: np.random.Generator,
) -> Split:
    """Split pairs by image, so that no image is both trained on and judged.

    Parameters
    ----------
    pairs : sequence of Pair
        All pairs.
    n_validation : int
        Number of pairs, drawn at random, that choose the best weights during training.
    n_held_out : int
        Number of pairs, drawn at random, that the result is judged on; unused if names are given.
    held_out_names : sequence of str
        Patterns (``z03*``) of the held-out pairs' names.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Split
        The three lists, each in the order of `pairs`.

    Raises
    ------
    ValueError
        If a pattern matches no file, a number is negative, or nothing is left to train on.
    """
    if min(n_validation, n_held_out) < 0:
        raise ValueError(
            f"Expected 0 or more image pairs for validation and 0 or more held out, found {n_validation} and "
            f"{n_held_out}. Give numbers from 0."
        )
    for pattern in held_out_names:
        if not any(fnmatch(pair.name, pattern) for pair in pairs):
            raise ValueError(
                f"Expected file names that match the held-out pattern {pattern!r}, found none among {_names(pairs)}. "
                "Correct the pattern; names are given without .tif."
            )
    shuffled = [pairs[i] for i in rng.permutation(len(pairs))]
    if held_out_names:
        held_out = [pair for pair in shuffled if any(fnmatch(pair.name, pattern) for pattern in held_out_names)]
    else:
        held_out = shuffled[:n_held_out]
    rest = [pair for pair in shuffled if pair not in held_out]
    validation, training = rest[:n_validation], rest[n_validation:]
    if not training or len(validation) < n_validation:
        raise ValueError(
            f"Expected at least {len(held_out) + n_validation + 1} image pairs for {len(held_out)} held out, "
            f"{n_validation} for validation and one to train on, found {len(pairs)}. Hold out fewer or add pairs."
        )
    return Split(*(sorted(part, key=pairs.index) for part in (training, validation, held_out)))


def split_by_method(
    pairs: Mapping[str, Sequence[data.Pair]], *, n_validation: int, n_held_out: int, held_out_names: str, seed: int
) -> dict[str, Split]:
    """Split the pairs of several methods alike: all of them train, validate and are judged on the same fields.

    Parameters
    ----------
    pairs : mapping of str to sequence of Pair
        By method, pairs that list the same fields in the same order.
    n_validation, n_held_out : int
        As for `split_images`.
    held_out_names : str
        Patterns of names as one text, with commas between them; empty for held-out fields drawn at random.
    seed : int
        Of the random numbers.

    Returns
    -------
    dict of str to Split
    """
    names = [name.strip() for name in held_out_names.split(",") if name.strip()]
    sizes = {"n_validation": n_validation, "n_held_out": n_held_out, "held_out_names": names}
    return {method: split_images(found, **sizes, rng=np.random.default_rng(seed)) for method, found in pairs.items()}


def swap_labels(split: Split) -> Split:
    """Return the same images with the labels in reverse order: the better label is to become the poorer."""
    return Split(*([data.Pair(pair.name, pair.target, pair.source) for pair in part] for part in split))


def both_orders(split: Split) -> Split:
    """Return every pair in both orders of its labels; the second has ``_swapped`` in its name."""
    swapped = [[pair._replace(name=f"{pair.name}_swapped") for pair in part] for part in swap_labels(split)]
    return Split(*(part + others for part, others in zip(split, swapped, strict=True)))


def repeat_source(split: Split, n_channels: int) -> Split:
    """Return the same images with each source in several channels, as a network takes it that has as many outputs."""
    return Split(*([pair._replace(source=(pair.source,) * n_channels) for pair in part] for part in split))


def _names(pairs: Sequence[data.Pair]) -> str:
    names = [pair.name for pair in pairs]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
