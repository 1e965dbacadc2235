"""The settings of a chapter's run, kept in ``settings.yaml`` of its results, and taken up again.

In a notebook, the cell after the parameters takes up the settings of an earlier run and keeps those of this one::

    globals().update(settings.recall(settings_file, globals()))
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from l2l_utils import files, shipped
from l2l_utils.tiff import PathLike, problem

FILE: Final = "settings.yaml"
# What differs from run to run by nature: where the settings come from, and where the results go.
OWN: Final = ("settings_file", "output_dir")
PLAIN: Final = (str, int, float, bool)
PATH_ENDINGS: Final = ("_dir", "_file")
FORM_FIELD: Final = re.compile(r"^(\w+) *=.*# *@param", re.MULTILINE)


class SettingsError(ValueError):
    """A setting does not exist, or has a value of another type; the message says which, and what is possible."""


class _YamlLoader(yaml.SafeLoader):
    """YAML in which 4e-4 is a number, as everywhere else, and not a text."""


class _YamlDumper(yaml.SafeDumper):
    """Puts a text that looks like such a number in quotes."""


_NUMBER: Final = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
for _yaml in (_YamlLoader, _YamlDumper):
    _yaml.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+0123456789"))


def parse_yaml(text: str) -> Any:
    """Return what a text in YAML says; 4e-4 is a number. yaml.YAMLError where it is no YAML."""
    return yaml.load(text, _YamlLoader)  # noqa: S506


def check(what: object, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Raise SettingsError unless each value has the name and the type of a default; the message begins with `what`.

    Whole numbers may stand for fractional ones, and anything for None.
    """
    for name, value in values.items():
        if name not in defaults:
            raise SettingsError(f"{what} has no parameter '{name}'. It has: {', '.join(defaults)}.")
        if not _fits(value, defaults[name]):
            kind = f"of type {type(defaults[name]).__name__} (by default {defaults[name]!r})"
            raise SettingsError(f"{what}: '{name}' is {kind}, so it cannot be {value!r}.")


def save(output: PathLike, values: Mapping[str, Any]) -> Path:
    """Write the settings of a run into its folder of results, and return the file.

    Parameters
    ----------
    output : path
        Folder of the results.
    values : mapping of str to object
        Value of each parameter.
    """
    path = Path(output) / FILE
    with files.whole_file(path) as unfinished:
        text = yaml.dump(dict(values), Dumper=_YamlDumper, sort_keys=False)
        unfinished.write_text(text, encoding="utf-8")
    return path


def load(path: PathLike, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a file holds.

    Parameters
    ----------
    path : path
        File as `save` writes it, or the folder in which it lies.
    defaults : mapping of str to object
        The parameters that there are, with values of their types.

    Returns
    -------
    dict
        Those of the parameters that the file names, but neither the folder of its run's results nor the file that this
        run had its settings from.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    SettingsError
        If the file is no YAML of names and values, or a name is unknown or a value of another type.
    """
    path = Path(path).expanduser()
    path = path / FILE if path.is_dir() else path
    expected, remedy = f"the settings of a run ({FILE})", "Give the file that a run left in its output_dir."
    if not path.is_file():
        raise FileNotFoundError(str(problem(path, expected, "no such file", remedy)))
    try:
        values = parse_yaml(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(str(problem(path, expected, f"what is no YAML ({error})", remedy))) from error
    if not isinstance(values, dict):
        raise SettingsError(str(problem(path, expected, f"{type(values).__name__} {values!r:.60}", remedy)))
    check(path, values, defaults)
    return {name: value for name, value in values.items() if name not in OWN}


def recall(settings_file: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """Take up the settings of an earlier run, if a file is given, and keep those of this one in its ``output_dir``.

    Parameters
    ----------
    settings_file : str
        File or folder as for `load`; empty to keep what the form says.
    names : mapping of str to object
        The notebook's ``globals()``: parameters are what the last cell with a form names; where DL4MicEverywhere made
        widgets of the form, what has a widget; else all public plain values (text, numbers, yes or no).

    Returns
    -------
    dict
        The settings of this run, for ``globals().update``.

    Raises
    ------
    FileNotFoundError, SettingsError
        As `load`.
    """
    plain = {name: value for name, value in names.items() if not name.startswith("_") and type(value) in PLAIN}
    form = next((cell for cell in reversed(names.get("In", [])) if FORM_FIELD.search(cell)), "")
    named = FORM_FIELD.findall(form) or [name for name in plain if f"widget_{name}" in names]
    values = {name: value for name, value in plain.items() if name in named or not named}
    values |= load(settings_file, values) if settings_file else {}
    save(values["output_dir"], absolute_paths(values))
    return values


def absolute_paths(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values whose paths (names ending in ``_dir`` or ``_file``) no longer depend on the working directory."""
    return {
        name: str(Path(value).expanduser().absolute()) if _is_path(name, value) else value
        for name, value in values.items()
    }


def _is_path(name: str, value: Any) -> bool:
    return bool(value) and name.endswith(PATH_ENDINGS) and not shipped.is_name(value)


def _fits(value: object, default: object) -> bool:
    """Tell whether a value may replace a default; whole numbers may replace fractional ones."""
    if default is None:
        return True
    if isinstance(default, float) and not isinstance(value, bool):
        return isinstance(value, (int, float))
    return type(value) is type(default)
