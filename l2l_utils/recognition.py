"""Which image is which label of which field of view, where nobody knows the file names beforehand."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from l2l_utils.files import some
from l2l_utils.microscope_files import READERS, open_images
from l2l_utils.tiff import problem

Fields = dict[str, dict[str, Path]]
CHANNEL: Final = r"(?<![a-z0-9])(?:channel|ch|c|w)[-_ ]?0*{number}(?![0-9])"


def find_fields(origin: Path, entry: Mapping[str, Any]) -> Fields:
    """Find the images of each field of view in a folder whose file names nobody knows beforehand.

    An image is told by the name of its label in the name of its file or folder, else by the number of its channel; or
    each file has all channels. What remains of its path when that is taken away names the field of view.

    Parameters
    ----------
    origin : Path
        The folder, with sub-folders of any depth.
    entry : mapping
        What the manifest says: `words`, of which one stands in the path of each image of this set if in any; `markers`,
        the names of each role's label; `channels`, the place of each role among the channels.

    Returns
    -------
    dict of str to dict of str to Path
        By name of the field and by role; a file that has all channels appears for each role.

    Raises
    ------
    ValueError
        No way leads to whole pairs; the message says what was found.

    Warns
    -----
    UserWarning
        Only the number of the channel told the labels apart.
    """
    paths = [path for path in sorted(origin.rglob("[!._]*")) if path.suffix.lower() in READERS and path.is_file()]
    below = {path: path.relative_to(origin).as_posix().lower() for path in paths}
    about_set = [path for path in paths if any(word in below[path] for word in entry["words"])]
    channels = entry["channels"]
    by_label = {role: _pattern(labels) for role, labels in entry["markers"].items()}
    for chosen in (about_set, paths):
        if fields := _group(chosen, origin, by_label):
            return fields
    paths = about_set or paths
    fields = _group(paths, origin, _channel_patterns(paths, channels))
    if not fields and paths and all(_n_channels(path) > max(channels.values()) for path in paths):
        fields = {_field_name(path.relative_to(origin).parts): dict.fromkeys(channels, path) for path in paths}
    if not fields:
        raise _unrecognised(origin, paths, channels)
    order = ", ".join(f"{number}: {role}" for role, number in channels.items())
    warnings.warn(f"{origin}: told apart by the number of the channel alone ({order}). Look at a pair.", stacklevel=2)
    return fields


def _group(paths: list[Path], origin: Path, patterns: Mapping[str, re.Pattern[str]]) -> Fields:
    """Return the images by field and role; none if one has no place of its own or a field is not complete.

    Of the parts of a path, the last that names a role decides.
    """
    fields: Fields = {}
    for path in paths:
        parts = list(path.relative_to(origin).parts)
        for place in reversed(range(len(parts))):
            roles = [role for role, pattern in patterns.items() if pattern.search(parts[place])]
            if len(roles) == 1:
                parts[place] = patterns[roles[0]].sub("", parts[place])
                break
        else:
            return {}
        if fields.setdefault(_field_name(parts), {}).setdefault(roles[0], path) != path:
            return {}
    return fields if all(field.keys() == patterns.keys() for field in fields.values()) else {}


def _pattern(words: list[str]) -> re.Pattern[str]:
    """Return a pattern for one of several words, whatever their capitals and with or without their hyphens."""
    alternatives = [
        "[-_ ]?".join(map(re.escape, re.split("[- ]", word))) + (r"(?!\d)" if word[-1].isdigit() else "(?![a-z])")
        for word in words
    ]
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(alternatives)})", re.IGNORECASE)


def _channel_patterns(paths: list[Path], channels: Mapping[str, int]) -> dict[str, re.Pattern[str]]:
    """Return the pattern of each role's channel number; programs begin to count with 0 or with 1."""
    any_number = re.compile(CHANNEL.format(number=r"(\d{1,2})"), re.IGNORECASE)
    numbers = sorted({int(number) for path in paths for number in any_number.findall(path.stem)})
    return {
        role: re.compile(CHANNEL.format(number=numbers[channel]), re.IGNORECASE)
        for role, channel in channels.items()
        if len(numbers) == len(channels)
    }


def _field_name(parts: Sequence[str]) -> str:
    stem = re.sub(r"(\.ome)?\.[^.]+$", "", parts[-1], flags=re.IGNORECASE)
    words = (re.sub(r"[^\w.+-]+", "_", part).strip("_.-") for part in (*parts[:-1], stem))
    return "_".join(filter(None, words)) or "field"


def _n_channels(path: Path) -> int:
    with open_images(path) as images:
        return min(len(image.channels) for image in images)


def _unrecognised(origin: Path, paths: list[Path], channels: Mapping[str, int]) -> ValueError:
    names = [path.relative_to(origin).as_posix() for path in paths]
    others = [path.relative_to(origin).as_posix() for path in origin.rglob("[!._]*") if path.is_file()]
    found = f"{len(names)} images: {some(names)}" if names else f"other files: {some(others)}" if others else "nothing"
    folders = ", ".join(f"{role!r}: ..." for role in channels)
    remedy = (
        "Put the images of each label into a folder of its own, under the same names in each, and give these folders: "
        f"downloaded={{{folders}}}."
    )
    return problem(origin, "image files that can be told apart by label and paired", found, remedy)
