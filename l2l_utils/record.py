"""What a model's folder says about its training: `training.json`, beside CSBDeep's plain `config.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from l2l_utils import files

FILE: Final = "training.json"


def read(folder: Path) -> dict[str, Any]:
    """Return the record of a model's folder; empty for a new folder or a model of plain CSBDeep."""
    path = folder / FILE
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise ValueError(
            f"{path}: expected the record of a training, found a damaged file ({error}). "
            "Copy the model's folder again, or move it away and train anew."
        ) from error


def write(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the record of a model's folder, whole or not at all."""
    with files.whole_file(folder / FILE) as path:
        path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def percentiles(folder: Path) -> dict[str, float]:
    """Return ``pmin`` and ``pmax`` of a model; one of plain CSBDeep has none on record and gets the book's."""
    content = read(folder)
    return {"pmin": content.get("pmin", 1.0), "pmax": content.get("pmax", 99.9)}


def check_settings(folder: Path, expected: Mapping[str, Any]) -> None:
    """Make sure that a folder is free for a model with these settings, or holds one.

    Parameters
    ----------
    folder : Path
        The model's folder, which need not exist.
    expected : mapping
        ``loss``, ``pmin``, ``pmax``, and ``config``, a mapping of CSBDeep's options.

    Raises
    ------
    FileExistsError
        If the folder holds a model with other settings, or files that are no model of this package.
    """
    content = read(folder)
    others = [path for path in folder.glob("*") if not path.name.startswith(files.UNFINISHED)]
    if not content and others:
        raise FileExistsError(
            f"{folder}: expected no folder or an empty one, found {others[0].name}. Choose another model name."
        )
    if not content:
        return
    found = {name: content[name] for name in expected}
    found, expected = found | found["config"], {**expected, **expected["config"]}
    different = [name for name in found | expected if name != "config" and found.get(name) != expected.get(name)]
    if different:
        changes = ", ".join(f"{name}: {expected.get(name)!r}, found {found.get(name)!r}" for name in different)
        raise FileExistsError(
            f"{folder} holds a model that was made with other settings: expected {changes}. "
            "Choose another output folder or model name, or move that model away."
        )


def check_setup(folder: Path, expected: Mapping[str, Any]) -> None:
    """Make sure that a model's training, if it has begun, is the one that is asked for.

    Parameters
    ----------
    folder : Path
        The model's folder.
    expected : mapping
        ``seed``, ``precision``, and ``about``, a mapping that tells what the patches were made from.

    Raises
    ------
    FileExistsError
        If the training was begun in another way.
    """
    content = read(folder)
    found = {name: content.get(name, value) for name, value in expected.items()}
    found, expected = {**found, **found["about"]}, {**expected, **expected["about"]}
    different = [name for name in found | expected if name != "about" and found.get(name) != expected.get(name)]
    if different:
        what = ", ".join("other images" if name == "sha256" else f"another {name}" for name in different)
        raise FileExistsError(
            f"{folder} holds a model that was trained in another way: expected the same as in its {FILE}, found "
            f"{what}. Choose another output folder or model name, or move that model away."
        )
