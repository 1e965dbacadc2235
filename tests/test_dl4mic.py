"""Each chapter is written in the dialect that DL4MicEverywhere converts to forms of its own."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import dl4mic
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from l2l_utils import execute

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))


def cells(chapter: str, kind: str) -> list[nbformat.NotebookNode]:
    """Return the cells of a kind of a chapter."""
    return [
        cell for cell in nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells if cell.cell_type == kind
    ]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_field_gives_its_own_value_back(chapter):
    """The converter finds each parameter, in its order, and the widget begins with the notebook's value and type."""
    (form,) = [cell for cell in cells(chapter, "code") if "parameters" in cell.metadata.get("tags", [])]
    fields = [field for line in form.source.splitlines() if (field := dl4mic.read_field(line))]
    expected = execute.read_parameters(chapter, notebooks=NOTEBOOKS)
    assert {field.name: field.value for field in fields} == expected
    assert [type(field.value) for field in fields] == [type(value) for value in expected.values()]
    assert all(field.value in field.choices for field in fields if field.choices)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_field_lies_outside_the_form(chapter):
    """What the converter takes for a form field stands in the parameters cell only, where it drops nothing."""
    for cell in cells(chapter, "code"):
        is_form = "parameters" in cell.metadata.get("tags", [])
        for line in cell.source.splitlines():
            assert is_form or dl4mic.read_field(line) is None, line
            assert not (is_form and dl4mic.is_dropped(line)), line


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_is_left_of_every_cell_is_python(chapter):
    """Dropping installations leaves cells that Python can read, indented blocks among them, and all cells are code."""
    for cell in cells(chapter, "code"):
        ast.parse(TransformerManager().transform_cell(dl4mic.convert(cell.source)))


def test_the_set_up_cell_of_a_published_book_is_python_too():
    """With a known address the cell installs, in a block that must not be empty once that line is dropped."""
    path = NOTEBOOKS / "03_label2label.ipynb"
    render = runpy.run_path(str(ROOT / "book/address.py"))["render_notebook"]
    published = nbformat.reads(render(path, "someone/book", "csbdeep==0.8.2"), as_version=4)
    (setup,) = [cell.source for cell in published.cells if "setup" in cell.metadata.get("tags", [])]
    assert any(dl4mic.is_dropped(line) for line in setup.splitlines())
    ast.parse(dl4mic.convert(setup))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_section_has_a_number(chapter):
    """Sections without numbers cannot be removed by the converter; so the configuration must ask for none."""
    headings = [line for cell in cells(chapter, "markdown") for line in cell.source.splitlines() if line[:1] == "#"]
    assert headings
    assert not [line for line in headings if dl4mic.SECTION.match(line)]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('a = "x"  # @param {type:"string"}', ("a", "string", [], "x")),
        ('a = 0.5  #@param {type:"number"}', ("a", "number", [], 0.5)),
        ('a = "L2"  # @param ["L1", "L2"]', ("a", "choice", ["L1", "L2"], "L2")),
        ("a = 1", None),
    ],
)
def test_fields_are_read(line, found):
    """Both spellings of the mark are read, and a line without one is none."""
    assert dl4mic.read_field(line) == found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('a = "L3"  # @param ["L1", "L2"]', "would begin with"),
        ("a = 1  # @param", None),
        ("a = 1  # @param x", "neither type nor choices"),
        ('a = 1.5  # @param {type:"integer"}', "1.5 in a widget for integer"),
        ('a = 1  # @param {type:"colour"}', "no widget for 'colour'"),
    ],
)
def test_fields_that_would_change_are_found(line, message):
    """The check itself finds what the converter would change; a mark alone is no field to it."""
    if message is None:
        assert dl4mic.read_field(line) is None
        return
    with pytest.raises(ValueError, match=message):
        dl4mic.read_field(line)
