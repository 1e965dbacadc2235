"""One cross-validation: a network per fold, and what each makes of images it has seen and of images it has not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from l2l_utils import data, folds, patches, progress, restoration, scores, training
from l2l_utils.relative_change import CHANGES, relative_changes

METHOD: Final = "L2L"
FILE: Final = "cross_validation.csv"  # what a run leaves
N_VALIDATION: Final = 2  # training images of which other patches choose the weights
COLUMNS: Final = ["dataset", "loss", "n_pairs", "repetition", "fold", "image", "seen", *CHANGES]
Restored = dict[int, dict[str, Path]]  # files by number of the fold and name of the pair


def train_folds(
    drawn: Sequence[folds.Fold],
    numbers: Iterable[int],
    *,
    loss: str,
    repetition: int,
    folder: Path,
    recipe: training.Recipe,
) -> Restored:
    """Train a network without the images of each fold, and restore all images that were drawn by each of them.

    The best weights are chosen by patches of images that train, never by the test images.

    Parameters
    ----------
    drawn : sequence of Fold
        The folds.
    numbers : iterable of int
        Which of them to do, from 0.
    loss : str
        Training loss, see `losses.get`.
    repetition : int
        Number of the cross-validation, from 0; decides the seeds of the trainings.
    folder : path
        Models are kept in its ``models``, images in its ``restored``; a second call repeats neither.
    recipe : Recipe
        How each network is trained.

    Returns
    -------
    dict of int to dict of str to Path
        Restored files, by the fold's number and the pair's name.

    Raises
    ------
    ValueError, FileExistsError, FloatingPointError
        As `training.train_network` and `restoration.restore_files`.
    """
    restored = {}
    for number in numbers:
        fold = drawn[number]
        split = patches.Split(fold.training, fold.training[:N_VALIDATION], fold.test)
        named = {"method": METHOD, "loss": loss, "seed": repetition * len(drawn) + number}
        model = training.train_network(split, **named, folder=folder, recipe=recipe)
        everything = fold.training + fold.test
        files = restoration.restore_files(model, [p.source for p in everything], folder / "restored" / f"fold{number}")
        restored[number] = {pair.name: file for pair, file in zip(everything, files, strict=True)}
    return restored


def score(
    drawn: Sequence[folds.Fold],
    restored: Restored,
    *,
    sigma_px: float = 0.0,
    pmin: float = 1.0,
    pmax: float = 99.9,
    **labels: object,
) -> pd.DataFrame:
    """Compare each restored image with its benchmark, beside the raw image.

    Parameters
    ----------
    drawn : sequence of Fold
        The folds.
    restored : dict of int to dict of str to path
        Of `train_folds`.
    sigma_px : float
        Gaussian filter of all images before they are compared; the paper uses 1.5 for caveolae.
    pmin, pmax : float
        Percentiles of raw image and benchmark that are scaled to 0 and 1.
    **labels
        Values of the columns ``dataset``, ``loss`` and ``repetition``.

    Returns
    -------
    pandas.DataFrame
        A row per image and network: columns `COLUMNS`; ``seen`` tells whether the network was trained on the image.

    References
    ----------
    Kölln et al. (2022), https://doi.org/10.1242/jcs.258994, Fig. 5.
    """
    everything = sorted({pair for fold in drawn for pair in fold.test}, key=lambda pair: pair.name)
    rows = []
    for pair in progress.bar(everything, desc="scoring", unit="image"):
        images = [data.read_image(files[pair.name]) for files in restored.values()]
        found = relative_changes(pair, images, sigma_px=sigma_px, pmin=pmin, pmax=pmax)
        for number, changes in zip(restored, found, strict=True):
            test = {"n_pairs": len(everything), "fold": number, "image": pair.name}
            rows.append(labels | test | {"seen": pair not in drawn[number].test} | changes)
    return pd.DataFrame(rows, columns=COLUMNS)


def read_runs(folder: data.PathLike) -> pd.DataFrame:
    """Return the results of several runs as one table, from each ``cross_validation.csv`` below a folder.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If the same cross-validation is there twice.
    """
    paths = sorted(Path(folder).rglob(FILE))
    if not paths:
        remedy = "Run this chapter with all folds first, each time into another folder below this one."
        raise FileNotFoundError(str(data.problem(folder, f"runs of chapter 09, each with a {FILE}", "none", remedy)))
    table = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    twice = table[table.duplicated(["dataset", "n_pairs", "repetition", "fold", "image"])]
    if len(twice):
        found = f"N={twice.n_pairs.iloc[0]}, repetition {twice.repetition.iloc[0]} of {twice.dataset.iloc[0]} twice"
        raise data.problem(folder, "different runs", found, "Give each run a `repetition` of its own.")
    return table


def long_form(table: pd.DataFrame) -> pd.DataFrame:
    """Return the result of `score` in the long form of a ``scores.csv``; the repetition is the seed."""
    seen = table.seen.map({True: "seen", False: "unseen"})
    condition = [f"N={n};fold={k};image={s}" for n, k, s in zip(table.n_pairs, table.fold, seen, strict=True)]
    named = table.assign(method=METHOD, seed=table.repetition, condition=condition, reference="benchmark")
    kept = [name for name in scores.COLUMNS if name in named]
    return named.melt(kept, list(CHANGES), var_name="metric").reindex(columns=scores.COLUMNS)
