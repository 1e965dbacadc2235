"""The checks of the pre-flight report: from the numbers of a set of pairs to verdicts in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

FINE, LOOK, STOP, NOT_JUDGED = "fine", "look", "stop", "not judged"
Judgement = tuple[str, str]  # what was measured, in words; verdict

SMALLEST_PX: Final = 97  # below it the five-scale index is not defined
ENOUGH_FIELDS: Final = 30  # Kölln et al. (2022): from there on the results hardly depended on which fields
SATURATED: Final = (0.001, 0.01)
EXPOSURE_RATIO: Final = (4.0, 16.0)
EMPTY: Final = 1.3
ABOVE_CHANCE: Final = 0.05
WEAK_CORRELATION: Final = 0.3
SHIFT_PX: Final = (0.7, 1.5)
COPIED_NOISE: Final = (0.4, 0.6)
MISSING_STRUCTURE: Final = (0.08, 0.25)
LONE_SPOTS: Final = 0.1
FEWEST_SPOTS: Final = 30
ALIKE_FIELDS: Final = 0.95


class Check(NamedTuple):
    """One check: its name, how the numbers are judged, why it matters and what to do when it fails."""

    name: str
    judge: Callable[[pd.DataFrame], Judgement]
    meaning: str
    remedy: str


def related(pairs: pd.DataFrame) -> pd.Series:
    """Return for each pair whether its labels correlate more than images that do not belong together."""
    return pairs["correlation"] > (pairs["chance"] + ABOVE_CHANCE).fillna(WEAK_CORRELATION)


def _graded(value: float, limits: tuple[float, float]) -> str:
    """Return fine up to the first limit, stop from the second."""
    return FINE if value <= limits[0] else STOP if value >= limits[1] else LOOK


def _named(pairs: pd.DataFrame, chosen: pd.Series, most: int = 3) -> str:
    names = list(pairs.loc[chosen, "name"])
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _fields(pairs: pd.DataFrame) -> Judgement:
    return f"{len(pairs)} fields of view", FINE if len(pairs) >= ENOUGH_FIELDS else LOOK


def _size(pairs: pd.DataFrame) -> Judgement:
    side = pairs[["rows_px", "columns_px"]].min(axis=1)
    verdict = STOP if side.min() < SMALLEST_PX else LOOK if side.min() <= 128 else FINE
    return f"the smallest image has a side of {side.min()} px", verdict


def _repeats(pairs: pd.DataFrame) -> Judgement:
    for label in ("source", "target"):
        repeated = pairs[f"checksum_{label}"].duplicated(keep=False)
        if repeated.any():
            return f"the same {label} image more than once: {_named(pairs, repeated)}", STOP
    thumbnails = np.stack(pairs["thumbnail_target"]).reshape(len(pairs), -1)
    length = np.maximum(np.linalg.norm(thumbnails, axis=1, keepdims=True), 1e-12)
    alike = np.triu((thumbnails / length) @ (thumbnails / length).T, 1)
    if alike.max() > ALIKE_FIELDS:
        first, second = np.unravel_index(alike.argmax(), alike.shape)
        return f"{pairs['name'].iloc[first]} and {pairs['name'].iloc[second]} look like one field recorded twice", LOOK
    return "every image is there once", FINE


def _empty(pairs: pd.DataFrame) -> Judgement:
    signal = pairs[["signal_source", "signal_target"]].min(axis=1)
    empty = signal < EMPTY
    if empty.any():
        return f"no detail above the noise: {_named(pairs, empty)}", STOP if empty.mean() > 0.5 else LOOK
    return f"detail is {signal.median():.1f} times the noise or more in the typical pair", FINE


def _saturation(pairs: pd.DataFrame) -> Judgement:
    share = pairs[["saturated_source", "saturated_target"]].max(axis=1)
    text = f"up to {share.max():.2%} of an image's pixels are at the camera's limit"
    return text, _graded(share.max(), SATURATED)


def _exposure(pairs: pd.DataFrame) -> Judgement:
    ratios = {label: pairs[f"range_{label}"].max() / pairs[f"range_{label}"].min() for label in ("source", "target")}
    label, ratio = max(ratios.items(), key=lambda item: item[1])
    return f"the brightest {label} image spans {ratio:.1f} times the grey values of the faintest", _graded(
        ratio, EXPOSURE_RATIO
    )


def _contrast(pairs: pd.DataFrame) -> Judgement:
    source, target = (pairs[[f"michelson_{label}", f"rms_contrast_{label}"]].mean() for label in ("source", "target"))
    text = " ".join(
        f"Michelson {a:.2f}, RMS {b:.2f} ({label});"
        for label, (a, b) in zip(("source", "target"), (source, target), strict=True)
    )
    higher = (pairs["michelson_target"] > pairs["michelson_source"]).mean()
    text += f" Michelson is higher in the target of {higher:.0%} of the pairs"
    n_higher = int((target.to_numpy() > source.to_numpy()).sum())
    return text, STOP if n_higher == 0 else FINE if n_higher == 2 and higher >= 0.8 else LOOK


def _agreement(pairs: pd.DataFrame) -> Judgement:
    share, correlation = related(pairs).mean(), pairs["correlation"].median()
    index = f"5S-SSIM {pairs['ms_ssim_5'].mean():.2f}, " if "ms_ssim_5" in pairs else ""
    text = f"{index}correlation of detail {correlation:.2f}; images that do not belong together reach "
    text += f"{pairs['chance'].median():.2f}; {share:.0%} of the pairs are above their own chance level"
    return text, STOP if share < 0.5 else LOOK if share < 1 or correlation < WEAK_CORRELATION else FINE


def _registration(pairs: pd.DataFrame) -> Judgement:
    trusted = pairs[related(pairs)]
    if len(trusted) < max(1, len(pairs) / 2):
        return "too little in common to measure a shift", NOT_JUDGED
    shift = np.hypot(trusted["shift_row_px"], trusted["shift_column_px"])
    return f"residual shift {shift.median():.1f} px (median), {shift.max():.1f} px at most", max(
        _graded(shift.median(), SHIFT_PX), LOOK if shift.max() > SHIFT_PX[1] else FINE, key=(FINE, LOOK, STOP).index
    )


def _copies(pairs: pd.DataFrame) -> Judgement:
    noise = pairs["shared_noise"].median()
    return f"the finest detail of both images correlates by {noise:.2f}", _graded(noise, COPIED_NOISE)


def _missing(pairs: pd.DataFrame) -> Judgement:
    if related(pairs).mean() < 0.5:
        return "the labels have too little in common", NOT_JUDGED
    share = pairs["missing_structure"].mean()
    text = f"where the input lets expect structure, the benchmark lacks it in {share:.0%} of the regions"
    worst = pairs["missing_structure"].idxmax()
    text += f", at most {pairs['missing_structure'].max():.0%} ({pairs['name'][worst]})"
    return text, _graded(share, MISSING_STRUCTURE)


def _own_spots(pairs: pd.DataFrame) -> Judgement:
    n_spots, n_lone = pairs["n_spots"].sum(), pairs["n_lone_spots"].sum()
    if n_spots < FEWEST_SPOTS or related(pairs).mean() < 0.5:
        return f"{n_spots} bright spots of the input are too few to judge", NOT_JUDGED
    text = f"of {n_spots} bright spots of the input the benchmark lacks {n_lone / n_spots:.0%}"
    return text, LOOK if n_lone / n_spots < LONE_SPOTS else FINE


CHECKS: Final = (
    Check(
        "number of fields",
        _fields,
        "In the paper the result hardly depended on which fields were used from about 30 fields on.",
        "Record more fields, or compare several splits before you trust one model (chapter 09).",
    ),
    Check(
        "image size",
        _size,
        "Networks are trained on patches of 128 px, and below 97 px the five-scale index is not defined.",
        "Record larger fields.",
    ),
    Check(
        "repeated fields",
        _repeats,
        "A field that is in the set twice can be trained on and tested on at once, and the test then proves nothing.",
        "Keep one of them; split planes or frames of one specimen together.",
    ),
    Check(
        "empty images",
        _empty,
        "An image without structure teaches nothing, and normalising it blows up its noise.",
        "Leave these fields out.",
    ),
    Check(
        "saturation",
        _saturation,
        "What is brighter than the camera's limit is lost, and the network learns flat tops.",
        "Record with less light or a shorter exposure.",
    ),
    Check(
        "exposure",
        _exposure,
        "Every image is normalised by itself, so fields recorded with other settings differ in noise.",
        "Record all fields with the same settings, or train on those alike.",
    ),
    Check(
        "contrast",
        _contrast,
        "The label of higher contrast is the benchmark; the other way round the network would learn to add background.",
        "Swap source and target, or look at both labels side by side if the two contrasts disagree.",
    ),
    Check(
        "same structure",
        _agreement,
        "The network can learn only what both labels share. Chance is measured on your own images, mirrored or paired "
        "wrongly.",
        "Check that files of one field have one name and that both labels bind the same structure.",
    ),
    Check(
        "registration",
        _registration,
        "Shifted by more than a pixel, the network learns to blur and to shift.",
        "Correct the drift (chapter 02) or the chromatic shift of the microscope, then check again.",
    ),
    Check(
        "independent images",
        _copies,
        "Two recordings have independent noise. If it is shared, one image was made from the other, and the network "
        "learns to copy noise.",
        "Export the raw channels again, each from its own recording.",
    ),
    Check(
        "missing structure",
        _missing,
        "A benchmark that is blind to part of the structure trains a network that removes it.",
        "Look at these fields. Compare with a third label or a tagged protein of the same structure.",
    ),
    Check(
        "input's own signal",
        _own_spots,
        "The input label's unspecific spots should be missing from the benchmark. If hardly any is, the input's light "
        "or antibody may be in the benchmark (bleed-through, cross-reaction), or the input has nothing to remove.",
        "Image single-stained slides in both channels, and a slide with the benchmark's secondary antibody but without "
        "its primary.",
    ),
)
