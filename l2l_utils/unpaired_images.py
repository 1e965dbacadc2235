"""Real images of two kinds that are not paired: a user's two folders, or planes of a stack that lie far apart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from l2l_utils import data, metrics, normalization
from l2l_utils.unpaired import Files

RAW: Final = "raw"
SHARP: Final = "sharp image"


class Real(NamedTuple):
    """Real images of two kinds: what trains, what chooses the epoch, and what is to be restored, first one unseen."""

    training: Files
    validation: Files
    to_restore: list[Path]
    reference: Path | None  # the sharp image of the first one to restore
    percentiles: dict[str, float]

    @property
    def pixel_um(self) -> float | None:
        """Side of a pixel in um, if the first image to restore knows it."""
        size = data.pixel_size_um(self.to_restore[0])
        return size[0] if size else None

    def beside(self, restored: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float32]]:
        """Return the first image raw, restored by each method (Y, X), and sharp if there is one; all normalised."""
        files = {RAW: self.to_restore[0], SHARP: self.reference}
        seen = {name: normalization.read_normalized(file, **self.percentiles) for name, file in files.items() if file}
        return {RAW: seen.pop(RAW)} | dict(restored) | seen


def compare(images: Mapping[str, ArrayLike]) -> pd.DataFrame:
    """Return the measures of `metrics.evaluate` of each image of `Real.beside` against the sharp one, if there is one.

    Returns
    -------
    pandas.DataFrame
        A row per image; empty without a sharp image.
    """
    others = {name: image for name, image in images.items() if name != SHARP and SHARP in images}
    scores = {name: metrics.evaluate(images[SHARP], image) for name, image in others.items()}
    return pd.DataFrame.from_dict(scores, orient="index").rename_axis(columns="against the sharp image")


def own_images(source_dir: data.PathLike, target_dir: data.PathLike) -> Real:
    """Take a user's two folders of TIFFs, which need not match: of each the last file chooses the epoch.

    The first source is not trained on either, so that it can be looked at; all sources are to be restored.

    Raises
    ------
    FileNotFoundError, ValueError
        If a folder is missing or holds too few images; the message names it.
    """
    sources, targets = (list(data.images_by_name(folder).values()) for folder in (source_dir, target_dir))
    for folder, files, fewest in ((source_dir, sources, 3), (target_dir, targets, 2)):
        if len(files) < fewest:
            remedy = "Add images: one of each kind chooses the epoch, and one source is kept to look at."
            raise data.problem(folder, f"at least {fewest} TIFF images", len(files), remedy)
    train, validate = Files(sources[1:-1], targets[:-1]), Files(sources[-1:], targets[-1:])
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
    train = Files([pair.source for pair in below[2:]], [pair.target for pair in above[:-2]])
    validate = Files([pair.source for pair in below[:2]], [pair.target for pair in above[-2:]])
    middle = [middle[1], middle[0], middle[2]]
    return Real(train, validate, [pair.source for pair in middle], middle[0].target, {"pmin": 2.0, "pmax": 99.8})
