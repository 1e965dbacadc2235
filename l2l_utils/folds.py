"""Fields of view drawn at random and dealt into folds, each of which is the test of a network that has not seen it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from l2l_utils import data


class Fold(NamedTuple):
    """The image pairs that train one network of a cross-validation, and those that test it."""

    training: list[data.Pair]
    test: list[data.Pair]


def by_field(pairs: Sequence[data.Pair], *, pattern: str = "") -> list[list[data.Pair]]:
    """Return image pairs by field of view: what was imaged together must not be divided.

    Parameters
    ----------
    pairs : sequence of Pair
        All pairs.
    pattern : str
        Regular expression for the part of a name that tells the field of view: with ``^[^_]+``, the pairs
        ``cell7_z01`` and ``cell7_z02`` are of one field. Empty if each pair is a field of its own.

    Returns
    -------
    list of list of Pair
        A list per field of view, in the order of `pairs`.

    Raises
    ------
    ValueError
        If the pattern is no regular expression or is not in one of the names.
    """
    try:
        found = [re.search(pattern, pair.name) if pattern else re.match(".*", pair.name) for pair in pairs]
    except re.error as error:
        raise ValueError(f"Expected a regular expression, found {pattern!r} ({error}). Correct it.") from error
    fields: dict[str, list[data.Pair]] = {}
    for pair, match in zip(pairs, found, strict=True):
        if match is None:
            raise data.problem(
                pair.source, f"{pattern!r} in the name", repr(pair.name), "Correct the pattern or the name."
            )
        fields.setdefault(match[0], []).append(pair)
    return list(fields.values())


def draw_folds(
    fields: Sequence[Sequence[data.Pair]], *, n_fields: int, n_folds: int, rng: np.random.Generator
) -> list[Fold]:
    """Draw fields of view at random, and deal them into folds of equal size.

    Parameters
    ----------
    fields : sequence of sequence of Pair
        Image pairs by field of view, see `by_field`.
    n_fields : int
        How many are drawn.
    n_folds : int
        Number of folds, 2 or more.
    rng : numpy.random.Generator
        Draws the fields and deals them.

    Returns
    -------
    list of Fold
        Each field that was drawn is in the test of one fold and in the training of all others; the numbers of fields
        in the tests differ by one at most.

    Raises
    ------
    ValueError
        If there are fewer fields than shall be drawn, fewer are drawn than there are folds, or there are fewer than
        two folds.
    """
    if not 2 <= n_folds <= n_fields <= len(fields):
        raise ValueError(
            f"Expected 2 <= number of folds <= number of fields of view that are drawn <= {len(fields)}, which there "
            f"are, found {n_folds} folds and {n_fields} fields. Draw fewer, use fewer folds, or add image pairs."
        )
    drawn = rng.choice(len(fields), n_fields, replace=False)
    tests = [[fields[i] for i in drawn[number::n_folds]] for number in range(n_folds)]
    return [
        Fold(
            training=[pair for other in tests if other is not test for field in other for pair in field],
            test=[pair for field in test for pair in field],
        )
        for test in tests
    ]


def with_wrong_benchmarks(drawn: Sequence[Fold]) -> list[Fold]:
    """Return folds in which each image has the benchmark of another field: a control, for these pairs must stand out.

    Pairs without another one of the same size are left out.
    """
    by_shape: dict[tuple[int, int], list[data.Pair]] = {}
    for pair in sorted({pair for fold in drawn for pair in fold.test}):
        by_shape.setdefault(data.read_image_header(pair.target).shape, []).append(pair)
    wrong = {
        pair.name: pair._replace(target=other.target)
        for group in by_shape.values()
        for pair, other in zip(group, group[1:] + group[:1], strict=True)
        if pair is not other
    }
    return [Fold(*([wrong[pair.name] for pair in part if pair.name in wrong] for part in fold)) for fold in drawn]
