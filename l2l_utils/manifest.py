"""What `data_manifest.yaml` says of each data set, held to a schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import jsonschema
import yaml

from l2l_utils.tiff import PathLike, problem

SCHEMA: Final = Path(__file__).with_name("data_manifest.schema.json")


def manifest_path() -> Path:
    """Return where `data_manifest.yaml` lies: beside this module once installed, else at the root of the repository."""
    packed = Path(__file__).with_name("data_manifest.yaml")
    return packed if packed.is_file() else Path(__file__).parents[1] / packed.name


def read_manifest(path: PathLike | None = None) -> dict[str, dict[str, Any]]:
    """Return what the manifest says of each data set, by name.

    Parameters
    ----------
    path : path, optional
        Another manifest than the book's own.

    Raises
    ------
    ValueError
        An entry is not as `data_manifest.schema.json` wants it; the message names set, key and rule.
    """
    path = Path(path or manifest_path())
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    # A key that nothing allows may be the consequence of another error.
    errors = sorted(validator.iter_errors(manifest), key=lambda error: error.validator == "unevaluatedProperties")
    if errors:
        error = errors[0]
        where = " / ".join(map(str, error.absolute_path)) or "the whole file"
        rule = error.schema.get("description", f"what {SCHEMA.name} asks for")
        raise problem(f"{path}, {where}", rule, error.message, "Correct the entry.")
    return manifest


def read_entry(name: str) -> dict[str, Any]:
    """Return what the manifest says of one data set; ValueError with the known names where there is none."""
    manifest = read_manifest()
    if name not in manifest:
        raise problem("data_manifest.yaml", f"one of {', '.join(manifest)}", repr(name), "Choose one of these.")
    return manifest[name]
