"""The rules by which DL4MicEverywhere converts a notebook, written anew from its documentation and behaviour.

Read in HenriquesLab/DL4MicEverywhere, `.tools/notebook_autoconversion`. Known are two spellings of its pattern for a
form field: the older takes ``#@param`` only, the newer ``# @param`` too.
"""

from __future__ import annotations

import ast
import re
from typing import Any, NamedTuple

INSTALLATION = re.compile(r"(pip|conda) install (.*)")
FIELD = re.compile(r"(?P<name>\w+)\s*=\s*(?P<default>.+?)\s*# *@param\s*(?P<form>.+)")
KIND = re.compile(r"\{type:\s*\"(\w+)\".*\}")
CHOICES = re.compile(r"(\[.*?\])")
SECTION = re.compile(r"#+\s*\**([\d.]+)")
# What the widget of a kind gives back.
WIDGETS = {"integer": int, "boolean": bool, "string": str}


class Field(NamedTuple):
    """A form field as the converter understands it: `value` is what its widget gives, untouched."""

    name: str
    kind: str
    choices: list[str]
    value: Any


def read_field(line: str) -> Field | None:
    """Return the widget that a line becomes; None for a line that stays as it is.

    Raises ValueError for a field whose widget would not give the line's own value back.
    """
    match = FIELD.search(line)
    if match is None:
        return None
    name, default, form = match["name"], match["default"], match["form"]
    kind, choices = KIND.search(form), CHOICES.search(form)
    if choices:
        # It cuts the list at its commas, and falls back to the first choice for a default that it does not find.
        texts = [text.strip() for text in choices[1].strip("[]").split(",")]
        if default not in texts:
            raise ValueError(f"{name}: {default} is none of {texts}, so the form would begin with {texts[0]}")
        return Field(name, "choice", [ast.literal_eval(text) for text in texts], ast.literal_eval(default))
    if kind is None:
        raise ValueError(f"{name}: neither type nor choices in {form!r}, so the line would be no form field")
    if kind[1] == "number":
        value: Any = float(default) if "." in default else int(default)
    elif kind[1] in WIDGETS:
        value = ast.literal_eval(default)
        if type(value) is not WIDGETS[kind[1]]:
            raise ValueError(f"{name}: {default} in a widget for {kind[1]}")
    else:
        raise ValueError(f"{name}: no widget for {kind[1]!r}")
    return Field(name, kind[1], [], value)


def is_dropped(line: str) -> bool:
    """Tell whether the converter drops a line as an installation."""
    match = INSTALLATION.search(line)
    kept = ("-r ", "--requirement ", "-e ", "--editable ")
    return bool(match) and not any(option in match[2].split("#")[0] for option in kept) and match[2] != "."


def convert(source: str) -> str:
    """Return the lines of a code cell that are left, each form field a plain assignment of what its widget gives."""
    lines = []
    for line in source.split("\n"):
        if is_dropped(line):
            continue
        field = read_field(line)
        lines.append(f"{field.name} = {field.value!r}" if field else line)
    return "\n".join(lines)
