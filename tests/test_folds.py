"""Folds over fields of view: no field is in two of them, and none is lost."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2l_utils import data, folds


def make_pairs(n_fields, n_planes=1):
    """Return pairs of files that need not exist, several planes of each field."""
    names = [f"cell{i:02d}_z{j}" for i in range(n_fields) for j in range(n_planes)]
    return [data.Pair(name, Path(f"source/{name}.tif"), Path(f"target/{name}.tif")) for name in names]


def field(pair):
    """Return the field of view of a pair, by its name."""
    return pair.name.split("_")[0]


@settings(deadline=None, max_examples=60)
@given(
    n_fields=st.integers(2, 30), n_planes=st.integers(1, 3), drawn=st.integers(2, 30), n_folds=st.integers(2, 10),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_no_field_is_in_two_folds(n_fields, n_planes, drawn, n_folds, seed):
    """Each field that was drawn tests once, with all its planes, and trains otherwise; tests are of equal size."""
    pairs = make_pairs(n_fields, n_planes)
    fields = folds.by_field(pairs, pattern="^[^_]+")
    options = {"n_fields": drawn, "n_folds": n_folds, "rng": np.random.default_rng(seed)}
    if not n_folds <= drawn <= n_fields:
        with pytest.raises(ValueError, match=rf"found {n_folds} folds and {drawn} fields\. .*add image pairs"):
            folds.draw_folds(fields, **options)
        return
    found = folds.draw_folds(fields, **options)
    tested = [pair for fold in found for pair in fold.test]
    assert len(tested) == len(set(tested)) == drawn * n_planes
    assert len({field(pair) for pair in tested}) == drawn
    for fold in found:
        assert {field(pair) for pair in fold.test}.isdisjoint(map(field, fold.training))
        assert sorted(fold.test + fold.training) == sorted(tested)
    sizes = [len(fold.test) // n_planes for fold in found]
    assert len(found) == n_folds
    assert max(sizes) - min(sizes) <= 1
    assert found == folds.draw_folds(fields, **options | {"rng": np.random.default_rng(seed)})


def test_every_field_is_drawn_equally_often():
    """Over many draws of 4 among 8, each is drawn in about half of them, and tests in fold 0 in about a quarter."""
    fields = folds.by_field(make_pairs(8))
    draws = [folds.draw_folds(fields, n_fields=4, n_folds=2, rng=np.random.default_rng(seed)) for seed in range(400)]
    for part, expected in ((lambda found: found[0].test + found[0].training, 200), (lambda found: found[0].test, 100)):
        counts = [sum(pairs[0] in part(found) for found in draws) for pairs in fields]
        # standard deviations 10 and 9
        assert np.abs(np.array(counts) - expected).max() < 45


def test_pairs_by_field():
    """Without a pattern each pair is a field; with one, pairs of the same match are together."""
    pairs = make_pairs(2, 3)
    assert folds.by_field(pairs) == [[pair] for pair in pairs]
    assert folds.by_field(pairs, pattern="^[^_]+") == [pairs[:3], pairs[3:]]


def test_bad_patterns_are_explained():
    """A pattern that is none, or that is missing in a name, is quoted with the file."""
    with pytest.raises(ValueError, match=r"regular expression, found '\('"):
        folds.by_field(make_pairs(1), pattern="(")
    with pytest.raises(ValueError, match=r"cell01_z0\.tif: expected 'cell00' in the name, found 'cell01_z0'"):
        folds.by_field(make_pairs(2), pattern="cell00")


@pytest.mark.parametrize(("drawn", "n_folds"), [(1, 1), (4, 1), (2, 3), (9, 3)])
def test_impossible_folds_are_explained(drawn, n_folds, rng):
    """Too few folds, or more of anything than there is, is told with both numbers."""
    fields = folds.by_field(make_pairs(8))
    with pytest.raises(ValueError, match=f"<= 8, which there are, found {n_folds} folds and {drawn} fields"):
        folds.draw_folds(fields, n_fields=drawn, n_folds=n_folds, rng=rng)


def test_wrong_benchmarks(tmp_path, rng):
    """Each image gets another field's benchmark of its own size; one without such a partner is left out."""
    for name, side in {"a": 40, "b": 40, "c": 40, "d": 50}.items():
        for role in ("source", "target"):
            data.write_image(tmp_path / role / f"{name}.tif", rng.random((side, side), np.float32))
    pairs = data.pair_images(tmp_path / "source", tmp_path / "target")
    drawn = [folds.Fold(pairs[2:], pairs[:2]), folds.Fold(pairs[:2], pairs[2:])]
    wrong = folds.with_wrong_benchmarks(drawn)
    assert [[pair.name for pair in fold.test] for fold in wrong] == [["a", "b"], ["c"]]
    assert [pair.target.stem for fold in wrong for pair in fold.test] == ["b", "c", "a"]
    assert [pair.source.stem for pair in wrong[0].training] == ["c"]
