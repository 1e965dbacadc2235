"""The pre-flight report: is this a set of pairs that Label2label can learn from, and if not, why not."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.transform import resize_local_mean

from l2l_utils import data, evidence, metrics, pairs, progress, tiff, verdicts

# Larger images are judged by the part of this size in which the benchmark is brightest, except for contrast,
# saturation and exposure.
WINDOW_PX: Final = 1024
THUMBNAIL: Final = (24, 24)

CONTROLS: Final = (
    "What no image of both labels can show, only a control slide can. Single stains (each label alone, both channels "
    "recorded): a benchmark that lights up the input's channel, or the reverse, bleeds through; bleed-through of the "
    "benchmark into the input's channel is invisible otherwise. Secondary antibodies only, and each primary with the "
    "other's secondary: signal means that a secondary binds what it should not. A knock-down or knock-out of the "
    "protein: what both labels still show is not the protein, and structure that both labels miss is in neither image."
)


@dataclass(frozen=True)
class Report:
    """What the pre-flight checks found.

    ``checks`` has a row per check: ``check``, ``measured``, ``verdict`` (fine, look, stop or not judged), ``meaning``
    (why it matters) and ``remedy`` (what to do; empty where all is fine). ``pairs`` has the numbers of every pair, by
    its name.
    """

    checks: pd.DataFrame
    pairs: pd.DataFrame
    recommendation: str
    controls: str = CONTROLS

    def __str__(self) -> str:
        """Return the report as a page of plain text."""
        lines = [self.recommendation, ""]
        for row in self.checks.itertuples():
            lines.append(f"[{row.verdict}] {row.check}: {row.measured}")
            lines += [f"    {row.meaning} {row.remedy}"] if row.remedy else []
        return "\n".join([*lines, "", self.controls])


def check_pairs(pairs_to_check: Sequence[data.Pair], *, rng: np.random.Generator) -> Report:
    """Judge a set of pairs before anything is trained on it.

    Parameters
    ----------
    pairs_to_check : sequence of Pair
        One pair of files per field of view, as `data.pair_images` returns them; the source is meant to be the input
        label. They are read one by one.
    rng : numpy.random.Generator
        Chooses the patches on which the labels are compared.

    Returns
    -------
    Report
        Verdicts, numbers and a recommendation.

    Raises
    ------
    ValueError
        If there is no pair, an image cannot be read, or the two images of a pair differ in shape; it names the file.
    """
    if not pairs_to_check:
        raise tiff.problem("The set", "at least one pair of images", "none", "Pair the images by equal file names.")
    rows, others = [], []
    for pair in progress.bar(pairs_to_check, desc="Checking", unit="pair", mininterval=1):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*: saturated", category=UserWarning)
            source, target = data.read_image(pair.source), data.read_image(pair.target)
        if source.shape != target.shape:
            found = f"{target.shape} beside {source.shape} of {pair.source}"
            raise tiff.problem(pair.target, "two images of equal shape", found, "Crop or export both alike.")
        numbers, others = measure_pair(source, target, others=others, rng=rng)
        rows.append({"name": pair.name} | numbers)
    measured = pd.DataFrame(rows)
    labels = [f"the label in {path.parent.name or path.parent}/" for path in pairs_to_check[0][1:]]
    return judge(measured, labels=labels)


def judge(measured: pd.DataFrame, *, labels: Sequence[str] = ("source", "target")) -> Report:
    """Turn the numbers of `measure_pair`, a row per pair, into a report.

    Parameters
    ----------
    measured : pandas.DataFrame
        A row per pair: its ``name`` and the numbers.
    labels : two of str
        What the recommendation calls source and target.

    Returns
    -------
    Report
        Verdicts, numbers and a recommendation.
    """
    found = [(check, *check.judge(measured)) for check in verdicts.CHECKS]
    checks = pd.DataFrame(
        {
            "check": check.name,
            "measured": text,
            "verdict": verdict,
            "meaning": check.meaning,
            "remedy": check.remedy if verdict in ("look", "stop") else "",
        }
        for check, text, verdict in found
    )
    numbers = measured.select_dtypes("number").assign(name=measured["name"]).set_index("name")
    return Report(checks, numbers, _recommend(checks, labels))


def measure_pair(
    source: NDArray, target: NDArray, *, others: Sequence[NDArray] = (), rng: np.random.Generator
) -> tuple[dict[str, object], list[NDArray]]:
    """Measure all that the checks judge on one pair.

    Parameters
    ----------
    source, target : ndarray of shape (Y, X)
        Raw images of input and benchmark label.
    others : sequence of ndarray
        What this function returned for other fields, to find the chance level.
    rng : numpy.random.Generator
        Chooses the patches on which the labels are compared.

    Returns
    -------
    numbers : dict
        Numbers by name, and a checksum and a thumbnail of each image. What one label has and the other lacks is
        measured with the label of less contrast as the input.
    others : list of ndarray
        The detail of this field's target, to pass on to the next field.
    """
    numbers: dict[str, object] = {"rows_px": source.shape[0], "columns_px": source.shape[1]}
    for name, image in {"source": source, "target": target}.items():
        numbers |= {f"{measure}_{name}": value for measure, value in _describe(image).items()}
    window = _window(target)
    source, target = source[window], target[window]
    for name, image in {"source": source, "target": target}.items():
        numbers[f"signal_{name}"] = evidence.signal_to_noise(image)
    details = {"source": evidence.detail(source), "target": evidence.detail(target)}
    limited = [evidence.limited(image) for image in details.values()]
    alignment = evidence.align(*limited)
    numbers |= dict(zip(("shift_row_px", "shift_column_px"), alignment.shift_px, strict=True))
    numbers["correlation"] = alignment.correlation
    numbers["chance"] = evidence.chance_correlation(*limited, others)
    # Too small for a patch, or too empty to be normalised.
    with contextlib.suppress(ValueError):
        numbers |= pairs.compare_labels(source, target, rng=rng)
    shift_px = alignment.shift_px if alignment.correlation else np.zeros(2)
    raw = evidence.common_area(source, target, shift_px)
    fine = evidence.common_area(*details.values(), shift_px)
    numbers["shared_noise"] = evidence.shared_noise(*raw)
    if _contrast(numbers, "source") > _contrast(numbers, "target"):
        raw, fine = raw[::-1], fine[::-1]
    numbers["missing_structure"] = evidence.missing_structure(*raw)
    numbers["n_spots"], numbers["n_lone_spots"] = evidence.lone_spots(*fine)
    return numbers, [limited[1]]


def _contrast(numbers: dict[str, object], label: str) -> float:
    return numbers[f"michelson_{label}"] + numbers[f"rms_contrast_{label}"]


def _describe(image: NDArray) -> dict[str, object]:
    """Return what is measured on a whole image."""
    low, high = np.percentile(image, (1, 99.9))
    thumbnail = resize_local_mean(image.astype(np.float32), THUMBNAIL)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        contrast = metrics.contrast(image)
    return contrast | {
        "saturated": evidence.saturated_share(image),
        "range": float(high - low),
        "checksum": hashlib.sha256(np.ascontiguousarray(image)).hexdigest(),
        "thumbnail": thumbnail - thumbnail.mean(),
    }


def _window(target: NDArray) -> tuple[slice, ...]:
    corners = [range(0, max(length - WINDOW_PX, 0) + 1, WINDOW_PX // 2) for length in target.shape]
    windows = [np.s_[row : row + WINDOW_PX, column : column + WINDOW_PX] for row in corners[0] for column in corners[1]]
    return max(windows, key=lambda window: target[window][::8, ::8].mean())


def _recommend(checks: pd.DataFrame, labels: Sequence[str]) -> str:
    verdict = checks.set_index("check")["verdict"]
    source, target = labels if verdict["contrast"] != "stop" else labels[::-1]
    roles = f"Use {source} as input and {target} as benchmark: the benchmark has the higher contrast."
    if verdict["contrast"] == "look":
        roles = f"Which label is the benchmark is not clear by contrast; {target} is taken as it."
    if verdict["contrast"] == "stop":
        roles = f"Swap the labels: use {source} as input and {target} as benchmark, which has the higher contrast."
    others = checks[checks["check"] != "contrast"]
    stops = others[others["verdict"] == "stop"]
    if len(stops):
        reasons = "; ".join(f"{row.check}: {row.measured}" for row in stops.itertuples())
        return f"{roles} Label2label is not worth training yet, because of {reasons}."
    looks = list(others.loc[others["verdict"] == "look", "check"])
    if looks:
        return f"{roles} Label2label is worth trying; look first at: {', '.join(looks)}."
    return f"{roles} Label2label is worth trying: no check found anything against it."


def measured_rates() -> pd.DataFrame:
    """Return how often the report was right on sets with a known fault, and wrong on good ones.

    Returns
    -------
    pandas.DataFrame
        Texts such as ``20 of 20``: a row per fault, its strength and the check that should see it, a column per
        microscope. For good sets, the check with the most false alarms counts; the number of fields, which any small
        set has too few of, does not.
    """
    packed = Path(__file__).with_name("preflight.csv")
    path = packed if packed.is_file() else Path(__file__).parents[1] / "results" / packed.name
    table = pd.read_csv(path, keep_default_na=False).query("check != 'number of fields'")
    good = table.fault == "none"
    table.loc[good, "check"] = "any (false alarms)"
    table = table[good | table.expected].replace({"fault": {"none": "none: good pairs"}})
    worst = table.groupby(["fault", "strength", "check", "microscope"], sort=False)[["n_raised", "n_sets"]].max()
    texts = worst.n_raised.astype(str) + " of " + worst.n_sets.astype(str)
    rows = ["fault", "strength", "check"]
    return texts.reset_index(name="raised").pivot_table("raised", rows, "microscope", aggfunc="first", sort=False)
