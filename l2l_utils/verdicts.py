"""The checks of the pre-flight report: from the numbers of a set of pairs to verdicts in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

FINE, LOOK, STOP, NOT_JUDGED = "fine", "look", "stop", "not judged"
Judgement = tuple[str, str]  # what was measured, in words; verdict

SMALLEST_PX: Final = 97  # below it the five-scale index is not defined
FEWEST_FIELDS: Final = 3  # to train on, to choose the epoch by, and to test on
ENOUGH_FIELDS: Final = 30  # Kölln et al. (2022): from there on the results hardly depended on which fields
SATURATED: Final = (0.001, 0.01)
EXPOSURE_RATIO: Final = 4.0
EMPTY: Final = 1.2  # of the detail of noise alone
ABOVE_CHANCE: Final = 0.05
WEAK_CORRELATION: Final = 0.25
FITS_BETTER: Final = 0.3
CONTRAST_TIES: Final = np.array([0.03, 0.02])  # Michelson and RMS differ by less: neither is higher
SHIFT_PX: Final = (0.7, 1.5)
WEAKLY_MEASURED: Final = 2.5  # so much less exact is the shift of labels that correlate weakly
COPIED_NOISE: Final = (0.6, 0.75)
MISSING_STRUCTURE: Final = (0.12, 0.25)
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


def _clear(pairs: pd.DataFrame) -> bool:
    """Return whether the labels agree well enough to notice what one of them lacks."""
    return bool(related(pairs).mean() >= 0.5 and pairs["correlation"].median() >= WEAK_CORRELATION)


def _graded(value: float, limits: tuple[float, float]) -> str:
    """Return fine up to the first limit, stop from the second."""
    return FINE if value <= limits[0] else STOP if value >= limits[1] else LOOK


def _named(pairs: pd.DataFrame, chosen: pd.Series, most: int = 3) -> str:
    names = list(pairs.loc[chosen, "name"])
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _fields(pairs: pd.DataFrame) -> Judgement:
    verdict = STOP if len(pairs) < FEWEST_FIELDS else LOOK if len(pairs) < ENOUGH_FIELDS else FINE
    return f"{len(pairs)} field{'s' * (len(pairs) > 1)} of view", verdict


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
    # Sparse photons hide the detail of one image, but not what two of them have in common.
    empty = (signal < EMPTY) & ~related(pairs)
    if empty.any():
        return f"no detail above the noise: {_named(pairs, empty)}", STOP if empty.mean() > 0.5 else LOOK
    return f"detail is {signal.median():.1f} times the noise or more in the typical pair", FINE


def _saturation(pairs: pd.DataFrame) -> Judgement:
    share = pairs[["saturated_source", "saturated_target"]].max(axis=1)
    text = f"up to {share.max():.2%} of an image's pixels are at the camera's limit"
    return text, _graded(share.max(), SATURATED)


def _exposure(pairs: pd.DataFrame) -> Judgement:
    ranges = pairs[["range_source", "range_target"]].replace(0, np.nan)
    ratios = (ranges.max() / ranges.min()).rename(lambda name: name.removeprefix("range_"))
    text = f"the brightest {ratios.idxmax()} image spans {ratios.max():.1f} times the grey values of the faintest"
    return text, LOOK if ratios.max() > EXPOSURE_RATIO else FINE


def _contrast(pairs: pd.DataFrame) -> Judgement:
    means = {label: pairs[[f"michelson_{label}", f"rms_contrast_{label}"]].mean() for label in ("source", "target")}
    higher = (pairs["michelson_target"] > pairs["michelson_source"]).mean()
    text = "".join(f"{label}: Michelson {michelson:.2f}, RMS {rms:.2f}; " for label, (michelson, rms) in means.items())
    text += f"the target's Michelson contrast is higher in {higher:.0%} of the pairs"
    difference = (means["target"].to_numpy() - means["source"].to_numpy()) / CONTRAST_TIES
    signs = set(np.sign(difference[np.abs(difference) > 1]))
    return text, FINE if signs == {1} else STOP if signs == {-1} else LOOK


def _agreement(pairs: pd.DataFrame) -> Judgement:
    share, clear = related(pairs).mean(), _clear(pairs)
    index = f"5S-SSIM {pairs['ms_ssim_5'].mean():.2f}, " if "ms_ssim_5" in pairs else ""
    text = f"{index}{'' if clear else 'only weak '}correlation of detail {pairs['correlation'].median():.2f}; images "
    text += f"that do not belong together reach {pairs['chance'].median():.2f}"
    if share < 1:
        text += f"; no more than by chance: {_named(pairs, ~related(pairs))}"
    if (pairs["chance"] > pairs["correlation"] + FITS_BETTER).mean() > 0.5:
        text += "; mirrored, or with the image of another field, they would fit"
    return text, STOP if share < 0.5 else LOOK if share < (1 if clear else 0.8) else FINE


def _registration(pairs: pd.DataFrame) -> Judgement:
    trusted = pairs[related(pairs)]
    if len(trusted) < max(1, len(pairs) / 2):
        return "too little in common to measure a shift", NOT_JUDGED
    shift = np.hypot(trusted["shift_row_px"], trusted["shift_column_px"])
    limits = np.array(SHIFT_PX) * (1 if _clear(pairs) else WEAKLY_MEASURED)
    text = f"residual shift {shift.median():.1f} px (median), {shift.max():.1f} px at most"
    return text, LOOK if shift.median() <= limits[0] and shift.max() > limits[1] else _graded(shift.median(), limits)


def _copies(pairs: pd.DataFrame) -> Judgement:
    noise = pairs["shared_noise"].median()
    return f"the finest detail of both images correlates by {noise:.2f}", _graded(noise, COPIED_NOISE)


def _missing(pairs: pd.DataFrame) -> Judgement:
    share = pairs["missing_structure"].mean()
    if not _clear(pairs) or np.isnan(share):
        return "the labels have too little in common to expect structure", NOT_JUDGED
    worst = pairs["missing_structure"].idxmax()
    text = f"where the input lets expect structure, the benchmark lacks it in {share:.0%} of the regions, "
    text += f"at most {pairs['missing_structure'][worst]:.0%} ({pairs['name'][worst]})"
    return text, _graded(share, MISSING_STRUCTURE)


def _own_spots(pairs: pd.DataFrame) -> Judgement:
    n_spots, n_lone = pairs["n_spots"].sum(), pairs["n_lone_spots"].sum()
    if not _clear(pairs):
        return "the labels have too little in common to tell whose spots are whose", NOT_JUDGED
    if n_spots < FEWEST_SPOTS:
        return f"{n_spots} bright spots of the input are too few to judge", NOT_JUDGED
    text = f"of {n_spots} bright spots of the input {n_lone / n_spots:.0%} do not stand out in the benchmark"
    return text, LOOK if n_lone / n_spots < LONE_SPOTS else FINE


CHECKS: Final = (
    Check(
        "number of fields",
        _fields,
        "Below three fields none is left to validate and to test on. In the paper, 5S-SSIM hardly depended on which "
        "fields were used from about 30 fields on.",
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
