"""The book's build: what `book/build.py` refuses, and formulas."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

pytest.importorskip("jupyter_book", reason="the book is built in the pinned lane, where Jupyter Book is installed")

ROOT = Path(__file__).resolve().parents[1]
build = SimpleNamespace(**runpy.run_path(str(ROOT / "book/build.py")))


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write a notebook of one code cell and return its path."""

    def write(name: str, source: str = "1 / 0", outputs: tuple = (), **papermill: object) -> Path:
        cells = [nbformat.v4.new_code_cell("output_dir = 'x'", metadata={"tags": ["injected-parameters"]})]
        cells = cells * bool(papermill) + [nbformat.v4.new_code_cell(source, outputs=list(outputs))]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"papermill": papermill}), tmp_path / name)
        return tmp_path / name

    return write


def test_executed_copy_of_the_same_code_is_accepted(notebook):
    """A copy without errors whose code is the notebook's, but for the injected parameters, passes."""
    build.check_executed(notebook("executed.ipynb", exception=None), notebook("source.ipynb"))


def test_error_output_is_refused(notebook):
    """An error output is refused with the error's own words, wherever papermill says that all went well."""
    error = nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[])
    executed = notebook("executed.ipynb", outputs=(error,), exception=None)
    with pytest.raises(build.BookError, match=r"executed\.ipynb holds .* failed cell \(ZeroDivisionError: division by"):
        build.check_executed(executed, notebook("source.ipynb"))


def test_unfinished_copy_is_refused(notebook):
    """A copy that papermill marks as ended by an exception is refused, although no output says so."""
    with pytest.raises(build.BookError, match="not executed to its end"):
        build.check_executed(notebook("executed.ipynb", exception=True), notebook("source.ipynb"))


def test_outdated_copy_is_refused(notebook):
    """A copy whose code differs from the notebook's is refused: the page would show what no reader can run."""
    with pytest.raises(build.BookError, match="executed from other code"):
        build.check_executed(notebook("executed.ipynb", exception=None), notebook("source.ipynb", source="1 / 1"))


def test_missing_copy_is_refused(tmp_path):
    """Without executed copies there is no book, and nothing takes its place."""
    with pytest.raises(build.BookError, match=r"\.ipynb does not exist\. Execute the chapter again"):
        build.build(tmp_path / "executed", tmp_path)
    assert not (tmp_path / "html").exists()


def test_chapters_are_the_notebooks():
    """The book's chapters are all notebooks of the repository, in the order of their numbers."""
    assert build.chapters() == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


def build_formula(formula: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build a page that holds nothing but a formula into ``folder/html``, with warnings as errors."""
    (folder / "index.rst").write_text(f"Title\n=====\n\n.. math:: {formula}\n   :label: one\n", encoding="utf-8")
    (folder / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book/_ext')!r})\n"
        "extensions = ['mathml']\nhtml_math_renderer = 'mathml'\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", folder, folder / "html"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_formula_becomes_mathml(tmp_path):
    """A formula is MathML in the page itself, numbered, and no script is loaded to draw it."""
    assert build_formula(r"\hat{y}_n = \frac{1}{2}", tmp_path).stderr == ""
    page = (tmp_path / "html/index.html").read_text(encoding="utf-8")
    assert '<span class="eqno">(1)</span><math' in page
    assert re.search(r"<mfrac>.*<mn>1</mn>.*<mn>2</mn>.*</mfrac>", page)
    assert "mathjax" not in page.lower()


@pytest.mark.parametrize("formula", [r"\nosuchcommand{x}", r"\begin{aligned} a &= b \end{aligned}", r"a \\ b"])
def test_formula_that_cannot_be_shown_fails_the_build(formula, tmp_path):
    """LaTeX that would appear as raw text in the page is an error of the build."""
    failed = build_formula(formula, tmp_path)
    assert failed.returncode != 0
    assert "formula not understood" in failed.stderr
