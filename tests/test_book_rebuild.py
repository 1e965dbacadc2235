"""A second build executes only the chapters that would come out differently; a killed one goes on where it was."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

pytest.importorskip("jupyter_book", reason="the book is built in the pinned lane, where Jupyter Book is installed")

from l2l_utils import execute, verdict_table, virtual_sets

ROOT = Path(__file__).resolve().parents[1]
PARAMETERS = 'output_dir = "build/book/{0}"  # @param\nepochs = 3  # @param\nwait = ""  # @param'
MODULE = {"one": "records", "two": "progress"}
RESULT = {"one": 'len(records.read("losses"))', "two": "epochs"}
CODE = """\
import time
from pathlib import Path
from l2l_utils import {0}
model = Path(output_dir) / "model.txt"
with model.open("a") as file:
    file.write("epoch ")
while wait and Path(wait).exists():
    time.sleep(0.05)
{1}
"""
PAGE = "---\norphan: true\n---\n# Start\n\nHere it starts.\n"


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a book of two tiny chapters with a package of its own, and return its root."""
    shutil.copytree(ROOT / "book", tmp_path / "book", ignore=shutil.ignore_patterns("__pycache__", "*.md"))
    shutil.copytree(ROOT / "l2l_utils", tmp_path / "l2l_utils", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "results", tmp_path / "results")
    shutil.copy(ROOT / "data_manifest.yaml", tmp_path)
    (tmp_path / "book/intro.md").write_text(PAGE)
    chapters = "".join(f"  - file: notebooks/{name}\n" for name in MODULE)
    (tmp_path / "book/_toc.yml").write_text(f"format: jb-book\nroot: book/intro\nchapters:\n{chapters}")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/profiles.yaml").write_text(
        "".join(f"{name}:\n  smoke: {{epochs: 1}}  # {name}\n" for name in MODULE)
    )
    for name, module in MODULE.items():
        cells = [nbformat.v4.new_markdown_cell(f"# Chapter {name}")]
        cells += [nbformat.v4.new_code_cell(PARAMETERS.format(name), metadata={"tags": ["parameters"]})]
        cells += [nbformat.v4.new_code_cell(CODE.format(module, RESULT[name]))]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / f"notebooks/{name}.ipynb")
    monkeypatch.setattr(virtual_sets, "PACKAGE", tmp_path / "l2l_utils")
    return tmp_path


def tool(book: Path) -> SimpleNamespace:
    """Return the functions of a book's own `build.py`."""
    return SimpleNamespace(**runpy.run_path(str(book / "book/build.py")))


def update(book: Path) -> dict[str, str]:
    """Bring the chapters up to date, and return what was done with each."""
    return {name: tool(book).bring_up_to_date(name, "smoke") for name in MODULE}


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that stands in a file once."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def models(book: Path) -> dict[str, int]:
    """Return how many runs wrote to the model that each folder of results holds."""
    return {path.parent.name: path.read_text().count("epoch") for path in book.rglob("build/smoke/*/model.txt")}


FUTURE = "from __future__ import annotations", "from __future__ import annotations  # edited"
RECORD = "# command: ", "# command: again "
CHANGES = [
    ("notebooks/two.ipynb", "# Chapter two", "# The second", {}),
    ("notebooks/two.ipynb", "sleep(0.05)", "sleep(0.06)", {"two": "the chapter's code"}),
    (
        "notebooks/profiles.yaml",
        "one:\n  smoke: {epochs: 1}",
        "one:\n  smoke: {epochs: 2}",
        {"one": "the parameter epochs"},
    ),
    ("l2l_utils/progress.py", *FUTURE, {"two": "l2l_utils/progress.py"}),
    ("l2l_utils/files.py", *FUTURE, {"one": "l2l_utils/files.py"}),
    ("l2l_utils/charts.py", *FUTURE, {}),
    ("results/losses.csv", *RECORD, {"one": "losses.csv"}),
    ("results/claims.csv", *RECORD, {}),
]


@pytest.mark.slow
def test_second_build_executes_what_changed(book):
    """Nothing is executed twice; each kind of change executes the chapters that it concerns, which say what it was."""
    assert update(book) == dict.fromkeys(MODULE, "executed (for the first time)")
    assert update(book) == dict.fromkeys(MODULE, "up to date")
    for file, old, new, concerned in CHANGES:
        edit(book / file, old, new)
        expected = {name: f"executed (changed: {what})" for name, what in concerned.items()}
        assert update(book) == {name: expected.get(name, "up to date") for name in MODULE}, file


@pytest.mark.slow
def test_old_results_are_moved_aside(book):
    """A chapter that changed starts in an empty folder: it must not go on with a model that other code made."""
    update(book)
    edit(book / "notebooks/two.ipynb", "epoch ", "epoch epoch ")
    update(book)
    assert models(book) == {"one": 1, "two": 2, "two.older": 1}


@pytest.mark.slow
def test_copy_that_another_run_left_is_not_taken(book):
    """A chapter that was executed by hand, with other parameters, in the folder of the book, is executed again."""
    update(book)
    execute.run_chapter("two", profile="smoke", parameters={"epochs": 7}, notebooks=book / "notebooks")
    assert update(book) == {"one": "up to date", "two": "executed (the last run did not end)"}


@pytest.mark.slow
def test_text_of_the_page_is_the_notebook_s(book):
    """An edit of the text alone is on the page, beside the outputs and parameters of the run before."""
    update(book)
    edit(book / "notebooks/two.ipynb", "# Chapter two", "# The second")
    page = tool(book).read_page(book / "build/smoke/two/two.ipynb", book / "notebooks/two.ipynb")
    assert page.cells[0].source == "# The second"
    assert "epochs = 1" in page.cells[2].source
    assert page.cells[3].outputs[0].data["text/plain"] == "1"
    assert not {"papermill", "made_from"} & set(page.metadata)


@pytest.mark.slow
def test_killed_build_goes_on(book):
    """After a kill in chapter two, the next build keeps one, goes on with the model of two, and makes the book."""
    gate = book / "gate"
    gate.touch()
    edit(book / "notebooks/profiles.yaml", "{epochs: 1}  # two", f"{{epochs: 1, wait: {gate}}}")
    command = [sys.executable, "book/build.py", "--profile", "smoke"]
    environment = os.environ | {"PYTHONPATH": str(book)}
    begun = subprocess.Popen(command, cwd=book, env=environment, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (book / "build/smoke/two/model.txt").exists():
        assert begun.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    begun.kill()
    assert begun.communicate()[0] == "one: executed (for the first time)\n"
    assert not (book / "build/html").exists()
    gate.unlink()
    said = subprocess.run(command, cwd=book, env=environment, check=True, capture_output=True, text=True).stdout
    assert re.search(r"^one: up to date$", said, re.MULTILINE)
    assert re.search(r"^two: executed \(the last run did not end\)$", said, re.MULTILINE)
    assert models(book) == {"one": 1, "two": 2}
    assert (book / "build/html/notebooks/two.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("module", ["execute", "nanoscopy_study", "trust"])
def test_checksums_cover_all_that_python_imports(module):
    """A fresh Python that imports a module imports no other of the package than those with a checksum."""
    code = f"import sys, l2l_utils.{module}\nprint(*(name for name in sys.modules if name.startswith('l2l_utils.')))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert {name.removeprefix("l2l_utils.") for name in loaded} <= virtual_sets.module_checksums(module).keys()


def test_records_are_named_in_quotes():
    """Every record that is read is named plainly somewhere, so that the build sees on which a chapter depends."""
    texts = [path.read_text("utf-8") for path in (ROOT / "l2l_utils").glob("*.py")]
    texts += ["\n".join(tool(ROOT).code_of(nbformat.read(path, 4))) for path in (ROOT / "notebooks").glob("*.ipynb")]
    calls = re.findall(r"records\.read\((.*?)\)", "\n".join(texts))
    assert len(calls) > 20
    assert {call for call in calls if not re.fullmatch(r'"\w+"', call)} == {"name"}  # of those in the scorecard's list
    assert all(f'"{name}"' in "\n".join(texts) for name in verdict_table.RECORDS)
