"""What chapter 07 compares: networks that learn with pairs and without, and how often the latter go wrong."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
from scipy import stats

from l2l_utils import (
    checkpoint,
    cyclegan,
    data,
    intervals,
    judging,
    patches,
    records,
    restoration,
    training,
    unpaired,
    unpaired_images,
)

Models = Mapping[tuple[str, int], cyclegan.CycleGAN]
ERRORS: Final = ["false_structure", "missed_structure"]


@dataclass(frozen=True)
class Study:
    """What all trainings of a chapter share.

    Parameters
    ----------
    folder : Path
        Models and restored images of each task have a folder of its name in it.
    recipe : Recipe
        How networks with pairs are trained.
    settings : Settings
        How CycleGANs are trained; methods change single ones.
    patch_px, n_patches_per_image : int
        Side and number of the patches of a CycleGAN.
    """

    folder: Path
    recipe: training.Recipe
    settings: cyclegan.Settings
    patch_px: int
    n_patches_per_image: int

    def with_pairs(
        self, task: str, splits: Mapping[str, patches.Split], *, loss: str, seeds: Sequence[int]
    ) -> dict[judging.Key, list[Path]]:
        """Train CARE networks on every second training pair, and restore the held-out sources.

        So a network with pairs sees as many images of each kind as one without, which gets the source of one pair and
        the target of the next.

        Parameters
        ----------
        task : str
            Name of the folder.
        splits : mapping of str to Split
            The pairs of each method, such as ``L2L``.
        loss : str
            Of the training.
        seeds : sequence of int
            A training of each method for each.
        """
        restored = {}
        for (method, split), seed in itertools.product(splits.items(), seeds):
            half, named = split._replace(training=split.training[::2]), {"method": method, "loss": loss, "seed": seed}
            model = training.train_network(half, **named, folder=self.folder / task, recipe=self.recipe)
            to = self.folder / task / "restored" / model.name
            sources = [pair.source for pair in split.held_out]
            restored[method, loss, seed] = restoration.restore_files(model, sources, to)
        return restored

    def without_pairs(
        self, task: str, split: patches.Split, methods: Mapping[str, Mapping[str, Any]], *, seeds: Sequence[int]
    ) -> dict[judging.Key, list[Path]]:
        """Train CycleGANs on the sources of half of the fields and the targets of the others; restore as above.

        Parameters
        ----------
        task : str
            Name of the folder.
        split : Split
            Pairs; the fields that choose the best epoch are taken apart too.
        methods : mapping of str to mapping
            By the method's name, what it changes of the settings.
        seeds : sequence of int
            A training of each method for each.
        """
        restored = {}
        files = [unpaired.Files(*unpaired.apart(part)) for part in (split.training, split.validation)]
        sources = [pair.source for pair in split.held_out]
        for method, seed in itertools.product(methods, seeds):
            model = self.train(task, *files, name=method, seed=seed, **methods[method])
            to = self.folder / task / "restored" / model.name
            restored[method, None, seed] = restoration.restore_files(model, sources, to, restore=cyclegan.restore)
        return restored

    def open_models(self, task: str, methods: Iterable[str], *, seeds: Sequence[int]) -> Models:
        """Open the CycleGANs that were trained for a task, by method and seed."""
        folder = self.folder / task / "models"
        return {(name, seed): cyclegan.load(folder / _name(name, seed)) for name in methods for seed in seeds}

    def real(self, images: unpaired_images.Real, methods: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Path]]:
        """Train each method once on real images, and restore those that are to be."""
        here, restored = replace(self, recipe=replace(self.recipe, **images.percentiles)), {}
        for method, changes in methods.items():
            model = here.train("real", images.training, images.validation, name=method, seed=0, **changes)
            to = self.folder / "real" / "restored" / method
            restored[method] = restoration.restore_files(model, images.to_restore, to, restore=cyclegan.restore)
        return restored

    def train(
        self, task: str, files: unpaired.Files, validation: unpaired.Files, *, name: str, seed: int, **changes: Any
    ) -> cyclegan.CycleGAN:
        """Train one CycleGAN on image files, with some settings changed."""
        percentiles = {"pmin": self.recipe.pmin, "pmax": self.recipe.pmax}
        return training.train_unpaired(
            files,
            validation,
            name=_name(name, seed),
            folder=self.folder / task,
            settings=replace(self.settings, **changes),
            cut=training.Cut(self.patch_px, self.n_patches_per_image, seed, **percentiles),
        )


def _name(method: str, seed: int) -> str:
    return f"{method.replace(' ', '_')}_seed{seed}"


def pair_with(split: patches.Split, folder: Path) -> patches.Split:
    """Return a split with the images of the same names in another folder as targets."""
    return patches.Split(*([pair._replace(target=folder / pair.target.name) for pair in part] for part in split))


def failures(scores: pd.DataFrame) -> pd.DataFrame:
    """Return how wrong the structure in each image is, and whether more of it is wrong than right.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, of `judging.judge`, with those against the truth.

    Returns
    -------
    pandas.DataFrame
        Long form: ``structure_error``, the mean of false and missed structure, and ``failed``, 1 where that is above
        one half, else 0.
    """
    keys = [name for name in scores.columns if name not in ("metric", "value")]
    chosen = scores[(scores.reference == "truth") & scores.metric.isin(ERRORS)]
    errors = chosen.groupby(keys, dropna=False, sort=False).value.mean().reset_index()
    failed = errors.assign(metric="failed", value=(errors.value > 0.5).astype(float))
    return pd.concat([errors.assign(metric="structure_error"), failed])[list(scores.columns)]


def recorded(methods: Iterable[str], *, condition: str = "", **references: str) -> pd.DataFrame:
    """Return measures of the recorded sweep as a table to read.

    Parameters
    ----------
    methods : iterable of str
        Which methods to show.
    condition : str
        Of the rows, such as ``task=exposure``.
    **references : str
        By measure, what images are compared with: benchmark, truth or none.

    Returns
    -------
    pandas.DataFrame
        Texts, ``mean [low, high]``: a row per measure and method, a column per data set.
    """
    table = records.read("unpaired")
    table = table[table.method.isin(list(methods))]
    parts = {
        measure: intervals.by_method(table[table.reference == reference], measure, condition=condition)
        for measure, reference in references.items()
    }
    return pd.concat(parts).rename_axis(columns=None).fillna("")


def over_epochs(models: Models, fields: Sequence[judging.Field], pairs: Sequence[data.Pair]) -> pd.DataFrame:
    """Return for each epoch of each model its criterion, and what its images are worth against the truth.

    Parameters
    ----------
    models : mapping of (str, int) to CycleGAN
        By method and seed; each ends with the generators of its last epoch.
    fields : sequence of Field
        Held-out fields.
    pairs : sequence of Pair
        Their files.

    Returns
    -------
    pandas.DataFrame
        Columns ``method``, ``seed``, ``epoch`` from 1, ``criterion``, and the means over the fields of the measures of
        `judging.judge` against the truth.
    """
    rows = []
    for (method, seed), model in models.items():
        log = pd.read_csv(model.logdir / checkpoint.LOG)
        for epoch, criterion in zip(log.epoch + 1, log.criterion, strict=True):
            cyclegan.open_epoch(model, int(epoch))
            images = [cyclegan.restore(model, data.read_image(pair.source)) for pair in pairs]
            judged = [judging.judge(field, image) for field, image in zip(fields, images, strict=True)]
            metrics = [key for key in judged[0] if key[0] == "truth"]
            means = {metric: sum(each[ref, metric] for each in judged) / len(judged) for ref, metric in metrics}
            rows.append({"method": method, "seed": seed, "epoch": int(epoch), "criterion": criterion} | means)
    return pd.DataFrame(rows)


def choices(epochs: pd.DataFrame, measure: str = "ms_ssim_3") -> pd.DataFrame:
    """Return what the criterion's choice of an epoch is worth beside the last epoch and the best one.

    Parameters
    ----------
    epochs : pandas.DataFrame
        Of `over_epochs`, with a column ``dataset``.
    measure : str
        Measure against the truth, the higher the better.

    Returns
    -------
    pandas.DataFrame
        Means over trainings, a row per data set and method: the measure of the ``first``, the ``last``, the ``chosen``
        and the ``best`` epoch, and ``agreement``, Spearman's correlation of the measure with the criterion's negative
        over the epochs, with its lowest and highest value.
    """
    rows = []
    for (dataset, method, _), part in epochs.groupby(["dataset", "method", "seed"], sort=False):
        values = part[measure].to_numpy()
        row = {"first": values[0], "last": values[-1], "chosen": values[part.criterion.argmin()], "best": values.max()}
        agreement = stats.spearmanr(values, -part.criterion).statistic
        rows.append({"dataset": dataset, "method": method} | row | {"agreement": agreement})
    grouped = pd.DataFrame(rows).groupby(["dataset", "method"], sort=False)
    ends = grouped.agreement.agg(["min", "max"]).set_axis(["lowest", "highest"], axis="columns")
    return grouped.mean().join(ends)
