"""Every chapter has the anatomy of a chapter, and runs at its smallest size."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from l2l_utils import execute

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
PROFILES = yaml.safe_load((NOTEBOOKS / "profiles.yaml").read_text("utf-8"))
SCORE_COLUMNS = ["claim", "dataset", "method", "loss", "seed", "image", "condition", "reference", "metric", "value"]

pytestmark = pytest.mark.parametrize("chapter", CHAPTERS)


def read(chapter: str) -> NotebookNode:
    """Return a notebook as it is committed."""
    return nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)


def tagged(chapter: str, tag: str) -> list[NotebookNode]:
    """Return the cells that have a tag."""
    return [cell for cell in read(chapter).cells if tag in cell.metadata.get("tags", [])]


def code(chapter: str) -> list[NotebookNode]:
    """Return the code cells that an author wrote: not the set-up, which is generated, nor the form of parameters."""
    others = tagged(chapter, "setup") + tagged(chapter, "parameters")
    return [cell for cell in read(chapter).cells if cell.cell_type == "code" and cell not in others]


def code_lines(cell: NotebookNode) -> int:
    """Count the lines of a cell that are neither empty nor a comment."""
    return sum(not line.strip().startswith("#") for line in cell.source.splitlines() if line.strip())


@pytest.fixture(scope="session")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Run every chapter at the smoke profile, and return where the executed notebooks lie."""
    folder = tmp_path_factory.mktemp("smoke")
    return {
        chapter: execute.run_chapter(
            chapter, profile="smoke", parameters={"output_dir": folder / chapter}, notebooks=NOTEBOOKS
        )
        for chapter in CHAPTERS
    }


def test_committed_without_outputs(chapter):
    """A notebook in the repository holds no output, no count and no widget state, and every cell has an id."""
    notebook = read(chapter)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    assert not {"widgets", "papermill"} & set(notebook.metadata)
    ids = [cell.get("id") for cell in notebook.cells]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_any_jupyter_finds_its_kernel(chapter):
    """The notebook asks for Python under the name that every Jupyter, Colab and plain papermill know."""
    kernel = read(chapter).metadata.kernelspec
    assert (kernel.name, kernel.language) == ("python3", "python")


def test_parameters_are_plain(chapter):
    """There is one parameters cell, and each of its lines is a name, a plain value and a form field."""
    (cell,) = tagged(chapter, "parameters")
    for line in cell.source.splitlines():
        assert re.fullmatch(r"[a-z]\w* = .+?  # @param( .+)?|# @(title|markdown) .*|", line), line
    assert execute.read_parameters(chapter, notebooks=NOTEBOOKS)


def test_profiles_fit_the_parameters(chapter):
    """The three sizes set only what the chapter knows, and the notebook's own values are those of the book."""
    assert list(PROFILES[chapter]) == ["smoke", "book", "paper"]
    defaults = execute.read_parameters(chapter, notebooks=NOTEBOOKS)
    for profile in PROFILES[chapter]:
        values = execute.resolve_parameters(chapter, profile=profile, parameters={}, notebooks=NOTEBOOKS)
        assert values["output_dir"] == f"build/{profile}/{chapter}"
    book = execute.resolve_parameters(chapter, profile="book", parameters={}, notebooks=NOTEBOOKS)
    assert book == {name: defaults[name] for name in book}


def test_set_up_follows_the_colab_link(chapter):
    """The link to Colab stands directly before the set-up cell (what is in them, `test_address.py` checks)."""
    tags = [(cell.metadata.get("tags") or ["untagged"])[0] for cell in read(chapter).cells]
    badge, setup, parameters = (tags.index(tag) for tag in ("colab-badge", "setup", "parameters"))
    assert badge + 1 == setup < parameters


def test_code_is_short(chapter):
    """A chapter has 14 to 24 cells, at most 12 lines of code in each, and at most 80 in all."""
    assert 14 <= len(read(chapter).cells) <= 24
    lengths = [code_lines(cell) for cell in code(chapter)]
    assert max(lengths) <= 12
    assert sum(lengths) <= 80


def test_nothing_is_defined(chapter):
    """What needs a function or a class is in the package, where it is tested."""
    for cell in code(chapter):
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        assert not [node for node in ast.walk(tree) if isinstance(node, definitions)]


def test_runs_without_an_error(chapter, executed):
    """At the smoke profile every cell runs and none shows an error."""
    cells = nbformat.read(executed[chapter], as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]


def test_figures_are_described(chapter, executed):
    """Every cell that draws a figure carries a text for those who cannot see it."""
    for cell in nbformat.read(executed[chapter], as_version=4).cells:
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            assert len(cell.metadata.mystnb.image.alt) > 20


def test_scores_have_the_common_columns(chapter, executed):
    """The scores are a table in the long form that every chapter shares, with a number in every row."""
    scores = pd.read_csv(executed[chapter].parent / "scores.csv")
    assert list(scores.columns) == SCORE_COLUMNS
    assert len(scores)
    assert scores["value"].notna().all()
    assert set(scores["reference"].dropna()) <= {"benchmark", "truth", "none"}
