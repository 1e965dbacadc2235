"""Execute the chapters that changed and build the HTML book from the executed copies.

``python book/build.py --profile book`` leaves the book in ``build/html``. The committed notebooks hold no outputs;
Jupyter Book sees copies with the outputs of the executed ones, in a staged tree that mirrors the repository, and
executes none. A copy knows what it was made from, so a second build executes only what would come out differently, and
a build that was killed goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from packaging.requirements import Requirement
from sphinx_external_toc.parsing import parse_toc_yaml

from l2l_utils import execute, files, verdict_table, virtual_sets

ROOT = Path(__file__).resolve().parents[1]
MADE_FROM = "made_from"


class BookError(Exception):
    """The book cannot be built; the message says why and what helps."""


def chapters() -> list[str]:
    """Return the chapters that `_toc.yml` names, in reading order, as file names without suffix."""
    pages = parse_toc_yaml(ROOT / "book/_toc.yml")
    return [Path(page).name for page in pages if page.startswith("notebooks/")]


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return a notebook's cells of code, without the parameters that papermill injected."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in cells if "injected-parameters" not in cell.metadata.get("tags", [])]


def code_of(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the sources of these cells."""
    return [cell.source for cell in code_cells(notebook)]


def made_from(chapter: str, profile: str) -> dict[str, str]:
    """Return all that the outputs of a chapter depend on, each by its name: a checksum, a value or a version.

    These are the chapter's code and parameters, the modules of the package that it imports, directly or not, the
    records and tables that one of these names in quotes, the packages that the project needs, and Python.
    """
    code = "\n".join(code_of(nbformat.read(ROOT / f"notebooks/{chapter}.ipynb", as_version=4)))
    values = execute.resolve_parameters(chapter, profile=profile, parameters={}, notebooks=ROOT / "notebooks")
    sums = virtual_sets.module_checksums(*virtual_sets.imported_modules(TransformerManager().transform_cell(code)))
    everything = code + "".join((virtual_sets.PACKAGE / f"{module}.py").read_text(encoding="utf-8") for module in sums)
    tables = [*ROOT.glob("results/*.csv"), *virtual_sets.PACKAGE.glob("*.csv"), ROOT / "data_manifest.yaml"]
    named = [path for path in sorted(tables) if {path.stem, path.name} & set(re.findall('"([^"\n]+)"', everything))]
    # A chapter that judges what the others have measured depends on their scores.
    measured = verdict_table.scores_of_runs(ROOT / "build" / profile) if "verdict_table" in sums else []
    return {
        "the chapter's code": sha256(code.encode()).hexdigest(),
        **{f"the parameter {name}": repr(value) for name, value in values.items()},
        **{f"l2l_utils/{module}.py": checksum for module, checksum in sums.items()},
        **{path.name: sha256(path.read_bytes()).hexdigest() for path in named},
        **{f"scores of {path.parent.name}": sha256(path.read_bytes()).hexdigest() for path in measured},
        **versions(),
    }


def versions() -> dict[str, str]:
    """Return Python's version and that of each package that computes, so not of those that build, show or test."""
    found = {"Python": sys.version.split()[0]}
    for needed in map(Requirement, metadata.requires("l2l_utils") or []):
        if not needed.marker or any(needed.marker.evaluate({"extra": extra}) for extra in ("", "files", "nanoscopy")):
            with suppress(metadata.PackageNotFoundError):
                found[needed.name] = metadata.version(needed.name)
    return found


def bring_up_to_date(chapter: str, profile: str) -> str:
    """Execute a chapter unless its executed copy is what would come out again; return what was done, and why.

    Results that were made from anything else are moved aside, to ``<chapter>.older``, in place of older ones: a chapter
    would go on with their models. What a killed run left is gone on with, if nothing has changed since it began.

    Raises
    ------
    ChapterError
        If the chapter fails.
    """
    source, now = ROOT / f"notebooks/{chapter}.ipynb", made_from(chapter, profile)
    folder = ROOT / "build" / profile / chapter
    executed, begun = folder / source.name, folder / f"{MADE_FROM}.json"
    with suppress(BookError):
        check_executed(executed, source)
        if nbformat.read(executed, as_version=4).metadata.get(MADE_FROM) == now:
            return "up to date"
    before = json.loads(begun.read_text(encoding="utf-8")) if begun.is_file() else {}
    if folder.exists() and before != now:
        older = folder.with_name(f"{chapter}.older")
        shutil.rmtree(older, ignore_errors=True)
        folder.rename(older)
    with files.whole_file(begun) as path:
        path.write_text(json.dumps(now, indent=1), encoding="utf-8")
    execute.run_chapter(chapter, profile=profile, notebooks=ROOT / "notebooks")
    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata[MADE_FROM] = now
    with files.whole_file(executed) as path:
        nbformat.write(notebook, path)
    return f"executed ({reason(before, now)})"


def reason(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say why a chapter is executed: what has changed between two answers of `made_from`."""
    if not before:
        return "for the first time"
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return f"changed: {files.some(changed)}" if changed else "the last run did not end"


def check_executed(executed: Path, source: Path) -> None:
    """Refuse an executed copy that is missing, failed, or made from other code than the notebook now has.

    Raises
    ------
    BookError
        Says which of these it is. Jupyter Book itself would publish the page with the error on it.
    """
    remedy = "Execute the chapter again: `make book` does."
    if not executed.is_file():
        raise BookError(f"{executed} does not exist. {remedy}")
    notebook = nbformat.read(executed, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    errors = [f"{output.ename}: {output.evalue}" for output in outputs if output.output_type == "error"]
    if errors:
        raise BookError(f"{executed} holds the error output of a failed cell ({errors[0]}). {remedy}")
    if notebook.metadata.get("papermill", {}).get("exception"):
        raise BookError(f"{executed} was not executed to its end. {remedy}")
    if code_of(notebook) != code_of(nbformat.read(source, as_version=4)):
        raise BookError(f"{executed} was executed from other code than {source} has now. {remedy}")


def read_page(executed: Path, source: Path) -> nbformat.NotebookNode:
    """Return a notebook with its text as it now is, and the parameters and outputs of its executed copy."""
    page, done = (nbformat.read(path, as_version=4) for path in (source, executed))
    for cell, executed_cell in zip(code_cells(page), code_cells(done), strict=True):
        cell.outputs, cell.execution_count = executed_cell.outputs, executed_cell.execution_count
    tags = [cell.metadata.get("tags", []) for cell in page.cells]
    injected = [cell for cell in done.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    place = tags.index(next(tag for tag in tags if "parameters" in tag)) + 1 if injected else 0
    page.cells[place:place] = injected
    return page


def stage(executed: Path, site: Path) -> None:
    """Put the pages and the executed chapters into the folder `site`, where the repository has them."""
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(ROOT / "book", site / "book", ignore=shutil.ignore_patterns("__pycache__"))
    for page in parse_toc_yaml(ROOT / "book/_toc.yml"):
        if not page.startswith(("book/", "notebooks/")):
            (site / page).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / f"{page}.md", site / f"{page}.md")
    (site / "notebooks").mkdir()
    for chapter in chapters():
        path, source = executed / chapter / f"{chapter}.ipynb", ROOT / f"notebooks/{chapter}.ipynb"
        check_executed(path, source)
        nbformat.write(read_page(path, source), site / "notebooks" / path.name)


def build_html(site: Path, html: Path) -> None:
    """Build the staged tree, with warnings as errors, and move the result into place whole."""
    config = ["--config", site / "book/_config.yml", "--toc", site / "book/_toc.yml"]
    strict = ["-W", "-n", "--keep-going", "--quiet"]
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    if subprocess.run([jupyter_book, "build", site, *config, *strict], check=False).returncode:
        raise BookError(f"Jupyter Book refused {site}; its messages are above. Every warning counts as an error.")
    shutil.rmtree(html, ignore_errors=True)
    (site / "_build/html").rename(html)


def build(executed: Path, build_dir: Path) -> Path:
    """Build the book from executed chapters and return its start page.

    Parameters
    ----------
    executed : Path
        Folder of the executed chapters, each as ``<chapter>/<chapter>.ipynb``.
    build_dir : Path
        Folder for the staged tree (``site``) and the book (``html``). A book that is there is replaced when the new one
        is complete.

    Raises
    ------
    BookError
        If an executed chapter is missing, failed or outdated, or if Jupyter Book warns of anything.
    """
    stage(executed, build_dir / "site")
    build_html(build_dir / "site", build_dir / "html")
    return build_dir / "html/index.html"


def main() -> None:
    """Read the command line, execute what changed, build, and print where the book lies."""
    parser = argparse.ArgumentParser(description="Execute the chapters that changed, and build the HTML book.")
    parser.add_argument("--profile", default="book", help="size of the runs: smoke, book or paper")
    arguments = parser.parse_args()
    try:
        for chapter in chapters():
            print(f"{chapter}: {bring_up_to_date(chapter, arguments.profile)}", flush=True)  # noqa: T201
        start_page = build(ROOT / "build" / arguments.profile, ROOT / "build")
    except (BookError, execute.ChapterError) as error:
        sys.exit(f"The book was not built: {error}")
    print(f"The book: {start_page}")  # noqa: T201


if __name__ == "__main__":
    main()
