"""Run a chapter with a profile: ``python -m l2l_utils.execute 03_label2label --profile book -p epochs 20``.

A chapter works directly in its output folder, not in a temporary one moved when all is done: a training that was
killed has to find its last epoch again. Chapters write each file whole and nothing here deletes a result, so a run
replaces files of the same name only. The executed notebook has another name until its last cell has run.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from subprocess import DEVNULL

import nbformat
import pandas as pd
import papermill
import yaml
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from l2l_utils import progress, scores, settings

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


class ChapterError(Exception):
    """A chapter cannot run, or stopped; the message says why and what helps."""


class _KernelManager(AsyncKernelManager):
    """Starts kernels of the very Python that is running, whatever kernels are registered on the machine."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(**get_kernel_dict())

    async def start_kernel(self, **options: object) -> None:
        # All that a cell prints arrives as its output; the process would print it a second time.
        await super().start_kernel(stderr=DEVNULL, **options)


def run_chapter(
    chapter: str,
    *,
    profile: str = "book",
    parameters: Mapping[str, object] | None = None,
    notebooks: Path = NOTEBOOKS,
) -> Path:
    """Execute a chapter and return the path of the executed notebook.

    The chapter runs in the repository's root. Its folder of results is the parameter ``output_dir``, by default
    ``build/<profile>/<chapter>``. A notebook that fails is kept there as ``<chapter>.failed.ipynb``.

    Parameters
    ----------
    chapter : str
        File name of the notebook, without its suffix.
    profile : {"smoke", "book", "paper"}
        Set of parameters in ``profiles.yaml``.
    parameters : mapping of str to object, optional
        Parameters that differ from the profile. Folders and files (names ending in ``_dir`` or ``_file``) are relative
        to the current working directory.
    notebooks : Path
        Folder of the notebooks and of ``profiles.yaml``.

    Raises
    ------
    ChapterError
        If the chapter, the profile or a parameter is unknown, if a value is of the wrong type, or if a cell fails.
    """
    values = resolve_parameters(chapter, profile=profile, parameters=parameters or {}, notebooks=notebooks)
    executed = notebooks.parent / str(values["output_dir"]) / f"{chapter}.ipynb"
    running, failed = executed.with_suffix(".running.ipynb"), executed.with_suffix(".failed.ipynb")
    executed.parent.mkdir(parents=True, exist_ok=True)
    try:
        _execute(notebooks / f"{chapter}.ipynb", running, values)
    except (PapermillExecutionError, DeadKernelError) as error:
        running.replace(failed)
        raise ChapterError(f"{chapter} {_reason(error)}\nThe notebook as far as it came: {failed}") from error
    failed.unlink(missing_ok=True)
    return running.replace(executed)


def resolve_parameters(
    chapter: str, *, profile: str, parameters: Mapping[str, object], notebooks: Path = NOTEBOOKS
) -> dict[str, object]:
    """Return the values that a run passes to the notebook: the profile's, then `parameters`, all checked.

    Raises
    ------
    ChapterError
        If the chapter, the profile or a parameter is unknown, or if a value is of another type than its default.
    """
    defaults = read_parameters(chapter, notebooks=notebooks)
    path = notebooks / "profiles.yaml"
    profiles = _read_profiles(path, path.stat().st_mtime_ns).get(chapter, {})
    if profile not in profiles:
        raise ChapterError(f"{chapter} has no profile '{profile}'. It has: {', '.join(profiles) or 'none'}.")
    # The notebook's working directory is not that of whoever gave a path.
    given = settings.absolute_paths(parameters)
    values = {"output_dir": f"build/{profile}/{chapter}", **profiles[profile], **given}
    try:
        settings.check(chapter, values, defaults)
    except settings.SettingsError as error:
        raise ChapterError(str(error)) from error
    return values


def read_parameters(chapter: str, *, notebooks: Path = NOTEBOOKS) -> dict[str, object]:
    """Return name and default value of each parameter of a chapter, in the order of its parameters cell.

    Raises
    ------
    ChapterError
        If there is no such chapter, or if it has no parameters cell.
    """
    path = notebooks / f"{chapter}.ipynb"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in notebooks.glob("*.ipynb"))) or "none"
        raise ChapterError(f"There is no chapter '{chapter}' in {notebooks}. There is: {known}.")
    cell = _read_parameters_cell(path, path.stat().st_mtime_ns)
    if cell is None:
        raise ChapterError(f"{path} has no cell tagged 'parameters', so nothing in it can be set.")
    return {ast.unparse(line.targets[0]): ast.literal_eval(line.value) for line in ast.parse(cell).body}


def read_settings(path: Path, chapter: str, *, notebooks: Path = NOTEBOOKS) -> dict[str, object]:
    """Return the settings that an earlier run of a chapter left in its folder of results.

    Raises
    ------
    ChapterError
        If there is no such file, or if it names what the chapter does not have or a value of another type.
    """
    try:
        return settings.load(path, read_parameters(chapter, notebooks=notebooks))
    except (settings.SettingsError, FileNotFoundError) as error:
        raise ChapterError(str(error)) from error


def parse_value(text: str, default: object) -> object:
    """Return the value that a text of the command line means: the text itself if the default is one, else as YAML.

    Raises
    ------
    ChapterError
        If the text is not valid YAML.
    """
    if isinstance(default, str):
        return text
    try:
        return settings.parse_yaml(text)
    except yaml.YAMLError as error:
        raise ChapterError(f"'{text}' cannot be read as a value like {default!r}. In a shell, quote lists.") from error


def summarise(folder: Path) -> str:
    """Return what lies in a folder of results, as text: the score table, and each file and folder."""
    lines = [f"Results in {folder}:"]
    if (folder / "scores.csv").is_file():
        table = scores.overview(pd.read_csv(folder / "scores.csv")).to_string()
        lines = ["Scores, mean ± standard deviation over training seeds:", table, "", *lines]
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        n_files = sum(file.is_file() for file in path.rglob("*"))
        lines.append(f"  {path.name}/  ({n_files} files)" if path.is_dir() else f"  {path.name}")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, run the chapter, and print its scores and where everything lies."""
    parser = argparse.ArgumentParser(prog="python -m l2l_utils.execute", description="Run a chapter of the book.")
    parser.add_argument("chapter", help="name of the notebook, such as 03_label2label")
    parser.add_argument("--profile", default="book", help="size of the run: smoke, book (default) or paper")
    parser.add_argument("--settings", type=Path, help="settings.yaml of an earlier run; they go before the profile's")
    parser.add_argument("-p", dest="parameters", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    parser.add_argument("--notebooks", type=Path, default=NOTEBOOKS, help="folder of the notebooks")
    arguments = parser.parse_args()
    # TensorFlow's C++ warns of GPU libraries that it does not find; what matters comes as a Python exception.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    notebooks = arguments.notebooks.resolve()
    try:
        defaults = read_parameters(arguments.chapter, notebooks=notebooks)
        earlier = (
            read_settings(arguments.settings, arguments.chapter, notebooks=notebooks) if arguments.settings else {}
        )
        given = {name: parse_value(text, defaults.get(name)) for name, text in arguments.parameters}
        options = {"profile": arguments.profile, "parameters": earlier | given, "notebooks": notebooks}
        executed = run_chapter(arguments.chapter, **options)
    except ChapterError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped. The files written so far are kept.")
    sys.stdout.write(f"\n{summarise(executed.parent)}\n")


# A sweep asks for the same files again and again; the time of their last change keeps what is remembered true.
@cache
def _read_profiles(path: Path, _changed_ns: int) -> dict[str, dict[str, dict[str, object]]]:
    """Return the profiles of all chapters."""
    return settings.parse_yaml(path.read_text("utf-8"))


@cache
def _read_parameters_cell(path: Path, _changed_ns: int) -> str | None:
    """Return the source of a notebook's parameters cell, if it has one."""
    cells = nbformat.read(path, as_version=4).cells
    return next((cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])), None)


def _execute(notebook: Path, running: Path, values: Mapping[str, object]) -> None:
    """Run a notebook in the repository's root, passing on what it prints, by sockets: TCP ports may collide."""
    with tempfile.TemporaryDirectory() as sockets:
        papermill.execute_notebook(
            notebook,
            running,
            parameters=values,
            kernel_name="python3",
            language="python",
            cwd=notebook.parents[1],
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr if sys.stderr.isatty() else progress.Lines(),
            kernel_manager_class=_KernelManager,
            config=Config({"KernelManager": {"transport": "ipc", "connection_file": f"{sockets}/kernel.json"}}),
        )


def _reason(error: PapermillExecutionError | DeadKernelError) -> str:
    """Say in one sentence where and why a notebook stopped."""
    if isinstance(error, DeadKernelError):
        return "stopped because its Python process ended; most often the memory was full."
    return f"stopped in cell [{error.exec_count}] with {error.ename}: {error.evalue}"


if __name__ == "__main__":
    main()
