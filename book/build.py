"""Execute the chapters and build the HTML book from the executed copies.

``python book/build.py --profile book`` leaves the book in ``build/html``. The committed notebooks hold no outputs;
Jupyter Book sees copies that have just been executed, in a staged tree that mirrors the repository, and executes none.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from sphinx_external_toc.parsing import parse_toc_yaml

from l2l_utils import execute

ROOT = Path(__file__).resolve().parents[1]


class BookError(Exception):
    """The book cannot be built; the message says why and what helps."""


def chapters() -> list[str]:
    """Return the chapters that `_toc.yml` names, in reading order, as file names without suffix."""
    pages = parse_toc_yaml(ROOT / "book/_toc.yml")
    return [Path(page).name for page in pages if page.startswith("notebooks/")]


def check_executed(executed: Path, source: Path) -> None:
    """Refuse an executed copy that is missing, failed, or made from other code than the notebook now has.

    Raises
    ------
    BookError
        Says which of these it is. Jupyter Book itself would publish the page with the error on it.
    """
    remedy = "Build without --skip-execution to execute the chapter again."
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


def code_of(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the sources of a notebook's cells, without the parameters that papermill injected."""
    return [cell.source for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]


def stage(executed: Path, site: Path) -> None:
    """Put the pages and the executed chapters into the folder `site`, where the repository has them."""
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(ROOT / "book", site / "book", ignore=shutil.ignore_patterns("__pycache__"))
    (site / "notebooks").mkdir()
    for chapter in chapters():
        path = executed / chapter / f"{chapter}.ipynb"
        check_executed(path, ROOT / "notebooks" / path.name)
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.pop("papermill", None)  # names folders of this machine
        nbformat.write(notebook, site / "notebooks" / path.name)


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
    """Read the command line, execute, build, and print where the book lies."""
    parser = argparse.ArgumentParser(description="Execute the chapters and build the HTML book.")
    parser.add_argument("--profile", default="book", help="size of the runs: smoke, book or paper")
    parser.add_argument("--skip-execution", action="store_true", help="use the executed chapters already there")
    arguments = parser.parse_args()
    try:
        for chapter in [] if arguments.skip_execution else chapters():
            execute.run_chapter(chapter, profile=arguments.profile)
        start_page = build(ROOT / "build" / arguments.profile, ROOT / "build")
    except (BookError, execute.ChapterError) as error:
        sys.exit(f"The book was not built: {error}")
    print(f"The book: {start_page}")  # noqa: T201


if __name__ == "__main__":
    main()
