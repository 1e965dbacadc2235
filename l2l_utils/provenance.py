"""Where restored images came from, as key-value pairs for a database of images."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from l2l_utils import data, files

# The column by which OMERO's script finds the image.
NAME_COLUMN: Final = "OBJECT_NAME"


def write_key_values(restored_files: Sequence[data.PathLike], path: data.PathLike) -> None:
    """Write what restored images say about themselves as a table that OMERO imports as key-value pairs.

    The table is for the server script "Import from CSV" of ome/omero-scripts, version 2.0.0 (there
    ``omero/annotation_scripts/Import_from_csv.py``): UTF-8, commas, a header of keys, a row per image, the image's name
    in the column ``OBJECT_NAME``. In OMERO, import the restored images into a data set of their own, because the
    script accepts no two images of one name; attach the table to that data set; run the script on it with the target
    data type "-- Image". It can give the pairs a namespace, such as ``label2label``.

    Parameters
    ----------
    restored_files : sequence of path
        Images that `restoration.restore_files` wrote.
    path : path
        CSV file to make or replace, whole or not at all.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If two files have one name, or a file is no restored image.
    """
    names = [Path(file).name for file in restored_files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        remedy = "Write a table for each folder, because OMERO finds images by their names."
        raise data.problem(path, "one restored image of each name", f"several named {files.some(twice)}", remedy)
    rows = [key_values(data.read_provenance(file)) for file in restored_files]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    with files.whole_file(Path(path)) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([NAME_COLUMN, *keys])
        table.writerows([name, *(row.get(key, "") for key in keys)] for name, row in zip(names, rows, strict=True))


def key_values(origin: Mapping[str, Any]) -> dict[str, str]:
    """Return the provenance of one image as texts by key, nested entries with their keys joined by a dot.

    Texts lose line breaks; all else is JSON, so that numbers and lists are read again as they were.
    """
    pairs: dict[str, str] = {}
    for key, value in origin.items():
        if isinstance(value, Mapping):
            pairs |= {f"{key}.{inner}": text for inner, text in key_values(value).items()}
        else:
            pairs[key] = " ".join(value.split()) if isinstance(value, str) else json.dumps(value)
    return pairs
