"""Is an image like those that a network was trained on? A fingerprint of raw images, and a verdict before restoring."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from skimage.feature import structure_tensor, structure_tensor_eigenvalues

from l2l_utils import data, evidence, files, metrics, progress

FILE: Final = "training_images.json"
FEWEST: Final = 5  # training images from which their spread says something
MARGIN: Final = 1.5  # fixed on cells drawn with other seeds than those of the book's sets
WINDOW_PX: Final = 128
RINGS: Final = 2.0 ** -np.arange(6, 0, -1)  # bounds of the rings of spatial frequencies, in cycles per px

# What is said of an image that lies above, and below, all of the training images in a property; and a difference that
# means nothing, in the unit of the property, however alike the training images are.
PROPERTIES: Final = {
    "signal_to_noise": ("less noisy", "noisier", 0.05),
    "michelson": ("less background", "more background or haze", 0.02),
    "rms_contrast": ("brighter peaks", "flatter peaks", 0.01),
    "skewness": ("sparser structure", "denser structure", 0.1),
    "coherence": ("more line-like", "less line-like", 0.01),
    **{
        f"ring_{i}": (*(f"{amount} detail of {2 ** (5 - i)} to {2 ** (6 - i)} px" for amount in ("more", "less")), 0.02)
        for i in range(len(RINGS) - 1)
    },
}


class Verdict(NamedTuple):
    """How unlike an image is: its score, the limit of the training images, and what differs most, in words."""

    score: float
    limit: float
    differences: tuple[str, ...]

    @property
    def unlike(self) -> bool:
        """Whether the user should be warned."""
        return self.score > self.limit

    def __str__(self) -> str:
        """Return the verdict as a sentence."""
        if not self.unlike:
            return f"like the training images ({self.score:.1f}, limit {self.limit:.1f})"
        reasons = "; ".join(self.differences)
        return f"UNLIKE all training images ({self.score:.1f}, limit {self.limit:.1f}): {reasons}"


def fingerprint(image: ArrayLike) -> dict[str, float]:
    """Describe a raw image by what does not depend on gain, offset and position.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Raw image, any intensity unit, 128 px or more per side.

    Returns
    -------
    dict of str to float
        ``signal_to_noise``, the logarithm of that of `evidence.signal_to_noise`; ``michelson`` and ``rms_contrast`` of
        `metrics.contrast`; ``skewness`` of the detail and its ``coherence``, 0 for spots and 1 for parallel lines; and
        for each ring of spatial frequencies the logarithm of its share of the power, ``ring_0`` the coarsest.
    """
    image = np.asarray(image, dtype=np.float64)
    detail = evidence.limited(evidence.detail(image), 99.9)
    return {
        "signal_to_noise": float(np.log(evidence.signal_to_noise(image))),
        **metrics.contrast(image),
        "skewness": float(stats.skew(detail, axis=None)),
        "coherence": _coherence(detail),
        **{f"ring_{i}": share for i, share in enumerate(_ring_shares(image))},
    }


def describe(paths: Sequence[data.PathLike]) -> list[dict[str, float]]:
    """Return the `fingerprint` of every image file; ValueError, with the file's name, if one cannot be read."""
    return [fingerprint(data.read_image(path)) for path in progress.bar(paths, desc="describing", unit="image")]


def compare(image: ArrayLike, training: Sequence[Mapping[str, float]]) -> Verdict:
    """Tell how unlike the training images an image is.

    Every property is compared with the training images' mean, in units of their standard deviation; the largest
    difference is the score. The limit comes from the training images themselves: each is compared with the others, and
    the largest score of them, times 1.5, is still taken for like.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        Raw image.
    training : sequence of mapping
        Fingerprints of five training images or more.

    Returns
    -------
    Verdict
        With the properties that exceed the limit in words, the most different first.

    Raises
    ------
    ValueError
        If there are fewer than five training images.
    """
    if len(training) < FEWEST:
        raise ValueError(
            f"Expected {FEWEST} training images or more to say what is like them, found {len(training)}. "
            "Look at the images side by side instead."
        )
    found = fingerprint(image)
    known = _table(training)
    scores = np.nan_to_num(_scores(_table([found])[0], known), nan=np.inf)  # an empty image
    others = [_scores(known[i], np.delete(known, i, axis=0)) for i in range(len(known))]
    limit = MARGIN * float(np.max(np.abs(others)))
    order = [i for i in np.argsort(-np.abs(scores)) if abs(scores[i]) > limit]
    words = list(PROPERTIES.values())
    return Verdict(float(np.abs(scores).max()), limit, tuple(words[i][0 if scores[i] > 0 else 1] for i in order))


def write(folder: Path, training: Sequence[Mapping[str, float]]) -> None:
    """Keep the fingerprints of the training images in a model's folder; the file is whole or not there."""
    with files.whole_file(folder / FILE) as path:
        path.write_text(json.dumps(list(training), indent=1), encoding="utf-8")


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the fingerprints that are kept in a model's folder; none for a model without.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        _table(found)
    except (ValueError, KeyError, TypeError) as error:
        expected = "the fingerprints of the training images"
        raise data.problem(path, expected, f"a damaged file ({error})", "Delete it, or copy it again.") from error
    return found


def remember(folders: Sequence[Path], training: Sequence[data.PathLike]) -> None:
    """Describe the training images once and keep the result in every model's folder that does not have it."""
    lacking = [folder for folder in folders if not (folder / FILE).exists()]
    if lacking:
        described = describe(training)
        for folder in lacking:
            write(folder, described)


def check_files(folder: Path, paths: Sequence[data.PathLike]) -> pd.DataFrame:
    """Judge image files before a model restores them.

    Parameters
    ----------
    folder : Path
        The model's folder.
    paths : sequence of path
        Raw images, axes YX.

    Returns
    -------
    pandas.DataFrame
        A row per image: ``verdict`` (like, UNLIKE or not judged), ``score``, ``limit``, and in ``why`` what sets it
        apart from every training image. Nothing is judged
        by a model that does not know its training images, or knows fewer than five of them.

    Raises
    ------
    ValueError
        If a file cannot be read, or what the model knows of its training images is damaged.
    """
    training = read(folder)
    names = pd.Index([Path(path).name for path in paths], name="image")
    if len(training) < FEWEST:
        known = f"{len(training)} training images, too few" if training else "nothing of its training images"
        return pd.DataFrame({"verdict": "not judged", "why": f"the model knows {known}"}, index=names)
    rows = []
    for path in progress.bar(paths, desc="comparing with the training images", unit="image"):
        found = compare(data.read_image(path), training)
        row = {"verdict": "UNLIKE" if found.unlike else "like", "score": found.score, "limit": found.limit}
        rows.append(row | {"why": "; ".join(found.differences)})
    return pd.DataFrame(rows, index=names).round(1)


def _table(fingerprints: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    return np.array([[row[name] for name in PROPERTIES] for row in fingerprints], dtype=np.float64)


def _scores(values: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many standard deviations, as a new draw has them, each property is off."""
    floor = np.array([tolerance for *_, tolerance in PROPERTIES.values()])
    spread = np.hypot(known.std(axis=0, ddof=1), floor)
    return (values - known.mean(axis=0)) / (spread * np.sqrt(1 + 1 / len(known)))


def _coherence(detail: NDArray[np.float32]) -> float:
    """Return how line-like an image is: the tensor of its slopes, averaged where there are any."""
    large, small = structure_tensor_eigenvalues(structure_tensor(detail, sigma=evidence.COARSE_PX / 2, order="rc"))
    return float(np.sum(large - small) / max(np.sum(large + small), 1e-30))


def _ring_shares(image: NDArray[np.float64]) -> list[float]:
    """Return the logarithm of each ring's share of the power, over all windows of the image."""
    side = min(WINDOW_PX, *image.shape)
    rows, columns = (np.arange(0, size - side + 1, max(side // 2, 1)) for size in image.shape)
    window = np.hanning(side)[:, None] * np.hanning(side)
    power = np.zeros((side, side))
    for row in rows:
        for column in columns:
            part = image[row : row + side, column : column + side]
            power += np.abs(np.fft.fft2(window * (part - part.mean()))) ** 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    rings = [power[(frequency >= low) & (frequency < high)].sum() for low, high in itertools.pairwise(RINGS)]
    return list(np.log(np.maximum(rings, 1e-30) / max(np.sum(rings), 1e-30)))
