"""What chapter 07 compares: networks that learn with pairs and without, and how often the latter go wrong."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd

from l2l_utils import cyclegan, data, judging, patches, restoration, training, unpaired

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
        self, task: str, split: patches.Split, *, loss: str, seeds: Sequence[int]
    ) -> dict[judging.Key, list[Path]]:
        """Train CARE networks on every second training pair, and restore the held-out sources.

        So a network with pairs sees as many images of each kind as one without, which gets the source of one pair and
        the target of the next.
        """
        half, restored = split._replace(training=split.training[::2]), {}
        for seed in seeds:
            named = {"method": "L2L", "loss": loss, "seed": seed}
            model = training.train_network(half, **named, folder=self.folder / task, recipe=self.recipe)
            to = self.folder / task / "restored" / model.name
            sources = [pair.source for pair in split.held_out]
            restored["L2L", loss, seed] = restoration.restore_files(model, sources, to)
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
        files = [training.Files(*unpaired.apart(part)) for part in (split.training, split.validation)]
        sources = [pair.source for pair in split.held_out]
        for method, seed in itertools.product(methods, seeds):
            model = self.train(task, *files, name=method.replace(" ", "_"), seed=seed, **methods[method])
            to = self.folder / task / "restored" / model.name
            restored[method, None, seed] = restoration.restore_files(model, sources, to, restore=cyclegan.restore)
        return restored

    def real(self, images: Real, methods: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Path]]:
        """Train each method once on real images, and restore those that are to be."""
        here, restored = replace(self, recipe=replace(self.recipe, **images.percentiles)), {}
        for method, changes in methods.items():
            model = here.train("real", images.training, images.validation, name=method, seed=0, **changes)
            to = self.folder / "real" / "restored" / method
            restored[method] = restoration.restore_files(model, images.to_restore, to, restore=cyclegan.restore)
        return restored

    def train(
        self, task: str, files: training.Files, validation: training.Files, *, name: str, seed: int, **changes: Any
    ) -> cyclegan.CycleGAN:
        """Train one CycleGAN on image files, with some settings changed."""
        percentiles = {"pmin": self.recipe.pmin, "pmax": self.recipe.pmax}
        return training.train_unpaired(
            files,
            validation,
            name=name,
            folder=self.folder / task,
            settings=replace(self.settings, **changes),
            cut=training.Cut(self.patch_px, self.n_patches_per_image, seed, **percentiles),
        )


def pair_with(split: patches.Split, folder: Path) -> patches.Split:
    """Return a split with the images of the same names in another folder as targets."""
    return patches.Split(*([pair._replace(target=folder / pair.target.name) for pair in part] for part in split))


def failures(scores: pd.DataFrame) -> pd.DataFrame:
    """Return how wrong the structure in each image is, and whether it is more wrong than in the raw image.

    Parameters
    ----------
    scores : pandas.DataFrame
        Long form, with the method ``input``: `judging.judge` against the truth.

    Returns
    -------
    pandas.DataFrame
        Long form: ``structure_error``, the mean of false and missed structure, and ``failed``, 0 or 1.
    """
    keys = [name for name in scores.columns if name not in ("metric", "value")]
    chosen = scores[(scores.reference == "truth") & scores.metric.isin(ERRORS)]
    errors = chosen.groupby(keys, dropna=False, sort=False).value.mean().reset_index()
    raw = errors[errors.method == "input"].set_index("image").value
    failed = errors.assign(metric="failed", value=(errors.value > errors.image.map(raw)).astype(float))
    return pd.concat([errors.assign(metric="structure_error"), failed])[list(scores.columns)]


def over_epochs(
    models: Mapping[str, cyclegan.CycleGAN], fields: Sequence[judging.Field], raw: Sequence[data.PathLike]
) -> pd.DataFrame:
    """Return for each epoch of each model its criterion, and what its images are worth against the truth.

    Parameters
    ----------
    models : mapping of str to CycleGAN
        By name; each ends with the generators of its last epoch.
    fields : sequence of Field
        Held-out fields.
    raw : sequence of path
        Their raw images.

    Returns
    -------
    pandas.DataFrame
        Columns ``method``, ``epoch`` from 1, ``criterion``, ``image``, and the measures of `judging.judge` against the
        truth.
    """
    rows = []
    for name, model in models.items():
        log = pd.read_csv(model.logdir / "training_log.csv")
        for epoch, criterion in zip(log.epoch + 1, log.criterion, strict=True):
            cyclegan.open_epoch(model, int(epoch))
            for field, path in zip(fields, raw, strict=True):
                measures = judging.judge(field, cyclegan.restore(model, data.read_image(path)))
                row = {"method": name, "epoch": int(epoch), "criterion": criterion, "image": field.name}
                rows.append(row | {metric: v for (reference, metric), v in measures.items() if reference == "truth"})
    return pd.DataFrame(rows)


class Real(NamedTuple):
    """Real images of two kinds: what trains, what chooses the epoch, and what is to be restored, first one unseen."""

    training: training.Files
    validation: training.Files
    to_restore: list[Path]
    reference: Path | None  # the sharp image of the first one to restore
    percentiles: dict[str, float]


def own_images(source_dir: data.PathLike, target_dir: data.PathLike) -> Real:
    """Take a user's two folders of TIFFs, which need not match: of each the last file chooses the epoch.

    The first source is not trained on either, so that it can be looked at; all sources are to be restored.

    Raises
    ------
    FileNotFoundError, ValueError
        If a folder is missing or holds too few images; the message names it.
    """
    found = []
    for folder, fewest in ((source_dir, 3), (target_dir, 2)):
        files = sorted(path for path in Path(folder).glob("*.tif*") if not path.name.startswith("."))
        if len(files) < fewest:
            what = (
                f"a folder with at least {fewest} TIFF images" if Path(folder).is_dir() else "a folder of TIFF images"
            )
            raise data.problem(folder, what, len(files) or "none", "Give source_dir and target_dir, or neither.")
        found.append(files)
    sources, targets = found
    train, validate = training.Files(sources[1:-1], targets[:-1]), training.Files(sources[-1:], targets[-1:])
    return Real(train, validate, sources, None, {"pmin": 1.0, "pmax": 99.9})


def far_apart(folder: Path | None) -> Real | None:
    """Take planes of a stack by two microscopes: sources from below the middle, targets from above it.

    Parameters
    ----------
    folder : Path or None
        Folder with ``source`` and ``target``, whose files are the planes in their order, 17 or more.

    Returns
    -------
    Real or None
        Five planes on each side train, two farther out choose the epoch, three in the middle are to be restored. None
        where there is no folder.
    """
    if folder is None:
        return None
    pairs = data.pair_images(folder / "source", folder / "target")
    centre = len(pairs) // 2
    below, middle, above = (
        pairs[centre - 8 : centre - 1],
        pairs[centre - 1 : centre + 2],
        pairs[centre + 2 : centre + 9],
    )
    train = training.Files([pair.source for pair in below[2:]], [pair.target for pair in above[:-2]])
    validate = training.Files([pair.source for pair in below[:2]], [pair.target for pair in above[-2:]])
    middle = [middle[1], middle[0], middle[2]]
    return Real(train, validate, [pair.source for pair in middle], middle[0].target, {"pmin": 2.0, "pmax": 99.8})
