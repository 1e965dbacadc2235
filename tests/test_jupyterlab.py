"""A chapter in JupyterLab itself, as a reader uses it: Run All Cells by the menu, then the viewer by the keyboard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest
from browsing import ROOT, needs_browser

pytest.importorskip("jupyterlab", reason="JupyterLab is for working on the chapters, in the pinned lane")
pytest.importorskip("playwright", reason="playwright drives the browser")

from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from l2l_utils import execute

pytestmark = [pytest.mark.slow, needs_browser]
CHAPTER = "03_label2label"
MINUTES = 6
QUIET = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a chapter whose parameters are those of the smoke profile."""
    folder = tmp_path_factory.mktemp("lab")
    given = {"output_dir": str(folder / "results")}
    values = execute.resolve_parameters(CHAPTER, profile="smoke", parameters=given)
    notebook = load_notebook_node(str(ROOT / f"notebooks/{CHAPTER}.ipynb"))
    nbformat.write(parameterize_notebook(notebook, values), folder / f"{CHAPTER}.ipynb")
    (folder / "results").mkdir()
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Start a JupyterLab server in that folder and return its address."""
    runtime = folder / "runtime"
    homes = {"JUPYTER_RUNTIME_DIR": runtime, "JUPYTER_CONFIG_DIR": folder / "config", "HOME": folder}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0", *QUIET]
    command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    with (folder / "server.log").open("w") as log:
        environment = {**os.environ, **{name: str(path) for name, path in homes.items()}}
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        wait_for(lambda: list(runtime.glob("jpserver-*.json")), 60)
        yield json.loads(next(runtime.glob("jpserver-*.json")).read_text())["url"]
        server.terminate()
        server.wait(timeout=60)


def wait_for(condition, seconds: float) -> None:
    """Return when a condition holds; fail if it does not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(1)


def code_cells(folder: Path) -> list[nbformat.NotebookNode]:
    """Return the cells of code of the notebook as JupyterLab last saved it; none while it is being saved."""
    with suppress(nbformat.reader.NotJSONError):
        notebook = nbformat.read(folder / f"{CHAPTER}.ipynb", as_version=4)
        return [cell for cell in notebook.cells if cell.cell_type == "code"]
    return []


def errors(cells: list[nbformat.NotebookNode]) -> list[str]:
    """Return what failed in cells."""
    outputs = [output for cell in cells for output in cell.outputs]
    return [f"{output.ename}: {output.evalue}" for output in outputs if output.output_type == "error"]


def test_run_all_cells_and_viewer(folder, address, browser):
    """No cell fails; arrow keys on the viewer's slider, and another field from its list, change the picture."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(f"{address}lab/tree/{CHAPTER}.ipynb", timeout=120_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for(timeout=120_000)
    page.locator(".jp-NotebookPanel .jp-Cell").first.click()
    page.locator("#jp-MainMenu").get_by_text("Run", exact=True).click()
    page.wait_for_timeout(1000)  # JupyterLab ignores a click on an entry that is just appearing
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='busy']").wait_for(timeout=30_000)

    deadline = time.monotonic() + 60 * MINUTES
    cells = []
    while not (cells and all(cell.execution_count for cell in cells)):
        assert time.monotonic() < deadline
        page.wait_for_timeout(5000)
        page.keyboard.press("Control+s")
        page.wait_for_timeout(2000)
        cells = code_cells(folder)
        assert errors(cells) == []
    picture = page.locator(".jp-OutputArea img[alt^='Middle of the held-out cell: ']")
    shown = [picture.get_attribute("src")]
    page.locator(".jupyter-widgets .noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("before => document.querySelector('.widget-html img').src !== before", arg=shown[-1])
    shown.append(picture.get_attribute("src"))
    assert ", 90% raw, 10% " in picture.get_attribute("alt")
    page.locator(".widget-dropdown select").first.select_option(index=1)
    page.wait_for_function("before => document.querySelector('.widget-html img').src !== before", arg=shown[-1])
    shown.append(picture.get_attribute("src"))
    assert len(set(shown)) == 3
    page.close()
