"""The chapters' prose reads well on Colab and in Jupyter, which show the syntax that only MyST knows as it is typed."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
INLINE_CODE = re.compile(r"(?<![`}])`[^`\n]+`")
ONLY_MYST = {
    "role": re.compile(r"(?<![`\w])\{[\w:.+-]+\}`[^`]+`"),
    "directive": re.compile(r"^[ >]*(`{3,}|~{3,}|:{3,})\s*\{", re.MULTILINE),
    "colon fence": re.compile(r"^[ >]*:{3,}", re.MULTILINE),
    "target": re.compile(r"^[ >]*\([^()\s]+\)=\s*$", re.MULTILINE),
    "comment": re.compile(r"^%", re.MULTILINE),
    "block break": re.compile(r"^\+\+\+", re.MULTILINE),
    "substitution": re.compile(r"\{\{.*?\}\}"),
    "footnote": re.compile(r"\[\^.+?\]"),
    "attributes": re.compile(r"[\])`]\{[.#\w][^}]*\}|^[ >]*\{[.#][^}]*\}\s*$", re.MULTILINE),
    "definition": re.compile(r"^[^\n]+\n: ", re.MULTILINE),
}
SAMPLES = {
    "role": "See {cite}`weigert2018` there.",
    "directive": "```{note}\nText\n```",
    "colon fence": ":::note\nText\n:::",
    "target": "(here)=\n# Title",
    "comment": "% not shown",
    "block break": "+++",
    "substitution": "It is {{ value }}.",
    "footnote": "So it is[^1].",
    "attributes": "![text](file.png){width=50%}",
    "definition": "Word\n: what it means",
}
PLAIN = """# Title (of a *chapter*)

A [link](../book/intro.md), `virtual/{}`, `a(b)=c`, 50 % of $a_{i}$, a set {1, 2}: `x`.

```python
print({"a": 1})
```

> **Outline**
>
> - one: two

| a | b |
|---|:---:|
| 1 | 2 |

<details><summary>Answer</summary>

Text

</details>
"""


def only_myst(text: str) -> dict[str, str]:
    """Return what in a text only MyST knows, by the name of the syntax."""
    prose = INLINE_CODE.sub("code", text)
    found = {name: (rule.search(text if name == "role" else prose)) for name, rule in ONLY_MYST.items()}
    return {name: hit[0] for name, hit in found.items() if hit}


@pytest.mark.parametrize("name", ONLY_MYST)
def test_each_syntax_is_found(name):
    """A sample of each is recognised as what it is."""
    assert name in only_myst(SAMPLES[name])


def test_plain_markdown_passes():
    """Headings, links, code, formulas, lists, tables, quotations and hidden answers are known everywhere."""
    assert only_myst(PLAIN) == {}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_chapters_read_well_everywhere(path):
    """No chapter's prose has any of it."""
    cells = nbformat.read(path, as_version=4).cells
    found = {cell.id: only_myst(cell.source) for cell in cells if cell.cell_type == "markdown"}
    assert not {cell: syntax for cell, syntax in found.items() if syntax}
