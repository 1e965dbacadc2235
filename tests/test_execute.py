"""The runner: which values a chapter gets, where its results lie, and what is left when it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from l2l_utils import execute

PARAMETERS = """\
output_dir = "build/book/tiny"  # @param {type:"string"}
source_dir = ""  # @param {type:"string"}
epochs = 3  # @param {type:"integer"}
learning_rate = 0.1  # @param {type:"number"}
augment = True  # @param {type:"boolean"}
losses = ["L1"]  # @param
"""
RECORD = """\
import json, os, sys
from pathlib import Path
from ipykernel.kernelapp import IPKernelApp
folder = Path(output_dir)
values = dict(epochs=epochs, learning_rate=learning_rate, losses=losses, source_dir=source_dir)
transport = IPKernelApp.instance().transport
record = json.dumps([values, sys.executable, os.getcwd(), os.getpid(), transport])
_ = (folder / "record.json").write_text(record)
print("epoch 1 of", epochs)
"""
PROFILES = """\
tiny:
  smoke: {epochs: 1, learning_rate: 1e-4}
  book: {}
"""


@pytest.fixture(scope="module")
def make_notebooks(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a book of one tiny chapter and return its folder of notebooks."""

    def make(*sources: str) -> Path:
        notebooks = tmp_path_factory.mktemp("book") / "notebooks"
        notebooks.mkdir()
        cells = [nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
        cells += [nbformat.v4.new_code_cell(source) for source in sources]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), notebooks / "tiny.ipynb")
        (notebooks / "profiles.yaml").write_text(PROFILES)
        return notebooks

    return make


def command_line(notebooks: Path, *arguments: str) -> list[str]:
    """Return the command that runs the tiny chapter."""
    return [sys.executable, "-m", "l2l_utils.execute", "tiny", "--notebooks", str(notebooks), *arguments]


@pytest.fixture(scope="module")
def run(make_notebooks) -> tuple[Path, list]:
    """Run the tiny chapter once at the smoke profile; return the executed notebook and what it recorded."""
    notebooks = make_notebooks(RECORD)
    executed = execute.run_chapter("tiny", profile="smoke", parameters={"losses": ["L2", "SSIM"]}, notebooks=notebooks)
    return executed, json.loads((executed.parent / "record.json").read_text())


def test_values_are_defaults_then_profile_then_parameters(run):
    """A value comes from the run's parameters, else from the profile, else from the notebook."""
    assert run[1][0] == {"epochs": 1, "learning_rate": 1e-4, "losses": ["L2", "SSIM"], "source_dir": ""}


def test_kernel_is_this_python_in_the_root(run):
    """The chapter runs with the runner's own Python, in the folder above the notebooks."""
    executed, (_, python, folder, _, _) = run
    assert python == sys.executable
    assert Path(folder) == executed.parents[3]


def test_kernel_takes_no_ports(run):
    """Runner and kernel talk through files, so that runs side by side cannot take each other's TCP ports."""
    assert run[1][4] == "ipc"


def test_results_lie_under_profile_and_chapter(run):
    """Nothing but the chapter's results is in ``build/<profile>/<chapter>``, the executed notebook among them."""
    executed, (_, _, root, _, _) = run
    assert executed.relative_to(root) == Path("build/smoke/tiny/tiny.ipynb")
    assert {path.name for path in executed.parent.iterdir()} == {"tiny.ipynb", "record.json"}
    assert nbformat.read(executed, as_version=4).cells[2].outputs[0].text == "epoch 1 of 1\n"


def test_failure_keeps_what_was_there(make_notebooks):
    """A run that fails says where and why, keeps its notebook, and leaves the results of the run before."""
    notebooks = make_notebooks("if not augment: raise ValueError('cell_01.tif is constant')")
    executed = execute.run_chapter("tiny", notebooks=notebooks)
    model = executed.parent / "weights.h5"
    model.write_text("trained")
    before = executed.read_text()
    with pytest.raises(execute.ChapterError, match=r"cell \[3\] with ValueError: cell_01.tif is constant\n.*failed"):
        execute.run_chapter("tiny", parameters={"augment": False}, notebooks=notebooks)
    assert executed.read_text() == before
    assert model.read_text() == "trained"
    assert {path.name for path in executed.parent.iterdir()} == {"tiny.ipynb", "tiny.failed.ipynb", "weights.h5"}
    execute.run_chapter("tiny", notebooks=notebooks)
    assert {path.name for path in executed.parent.iterdir()} == {"tiny.ipynb", "weights.h5"}


def test_dead_kernel_is_explained(make_notebooks):
    """When the notebook's process is killed, as by a full memory, the error says what that means."""
    notebooks = make_notebooks("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(execute.ChapterError, match="process ended; most often the memory was full"):
        execute.run_chapter("tiny", notebooks=notebooks)


@pytest.mark.parametrize(
    ("chapter", "profile", "parameters", "message"),
    [
        ("tinny", "smoke", {}, r"no chapter 'tinny' in .*There is: tiny\."),
        ("tiny", "quick", {}, r"no profile 'quick'\. It has: smoke, book\."),
        ("tiny", "smoke", {"epoch": 2}, r"no parameter 'epoch'\. It has: output_dir, source_dir, epochs, "),
        ("tiny", "smoke", {"epochs": "many"}, r"'epochs' is of type int \(by default 3\), so it cannot be 'many'\."),
        ("tiny", "smoke", {"epochs": 2.5}, "'epochs' is of type int"),
        ("tiny", "smoke", {"epochs": True}, "'epochs' is of type int"),
        ("tiny", "smoke", {"learning_rate": True}, "'learning_rate' is of type float"),
        ("tiny", "smoke", {"losses": "L1"}, "'losses' is of type list"),
    ],
)
def test_unknown_names_and_wrong_types_stop_before_anything_runs(make_notebooks, chapter, profile, parameters, message):
    """What the chapter cannot take is refused, with what it can take, and leaves no file."""
    notebooks = make_notebooks(RECORD)
    with pytest.raises(execute.ChapterError, match=message):
        execute.run_chapter(chapter, profile=profile, parameters=parameters, notebooks=notebooks)
    assert not (notebooks.parent / "build").exists()


def test_notebook_without_parameters_is_refused(make_notebooks):
    """A notebook without a tagged cell cannot be set, and the message says so."""
    notebooks = make_notebooks()
    nbformat.write(nbformat.v4.new_notebook(), notebooks / "tiny.ipynb")
    with pytest.raises(execute.ChapterError, match="no cell tagged 'parameters'"):
        execute.run_chapter("tiny", notebooks=notebooks)


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [
        ("5", 3, 5),
        ("4e-4", 0.1, 4e-4),
        ("-1E+3", 0.1, -1000.0),
        ("[1e-4, 2]", [0.1], [1e-4, 2]),
        ("[L1, 3S-SSIM]", ["L1"], ["L1", "3S-SSIM"]),
        ("false", True, False),
        ("012", "", "012"),
        ("4e-4", "", "4e-4"),
        ("no", "", "no"),
    ],
)
def test_text_of_the_command_line_is_read_as_its_default_is(text, default, value):
    """Text stays text, and all else is a YAML value, in which 4e-4 is a number."""
    parsed = execute.parse_value(text, default)
    assert parsed == value
    assert type(parsed) is type(value)


def test_unreadable_value_is_refused():
    """A value that is no YAML gets a message with the text in it."""
    with pytest.raises(execute.ChapterError, match=r"'\[L1' cannot be read as a value like"):
        execute.parse_value("[L1", ["L1"])


def test_paths_are_relative_to_the_caller(make_notebooks, tmp_path, monkeypatch):
    """A folder given to the runner is the caller's, though the chapter runs elsewhere; an empty one stays empty."""
    monkeypatch.chdir(tmp_path)
    given = {"source_dir": "raw/source", "output_dir": tmp_path / "results"}
    values = execute.resolve_parameters("tiny", profile="smoke", parameters=given, notebooks=make_notebooks())
    assert values["source_dir"] == str(tmp_path / "raw/source")
    assert values["output_dir"] == str(tmp_path / "results")
    empty = execute.resolve_parameters(
        "tiny", profile="smoke", parameters={"source_dir": ""}, notebooks=make_notebooks()
    )
    assert empty["source_dir"] == ""


def test_command_line_prints_scores_and_places(make_notebooks, tmp_path):
    """The command runs the chapter with the caller's paths and ends with the score table and what lies where."""
    header = "claim,dataset,method,loss,seed,image,condition,reference,metric,value"
    write = f"open(output_dir + '/scores.csv', 'w').write('{header}\\n,x,raw,,,a,,truth,ssim,0.25\\n')"
    notebooks = make_notebooks(RECORD, write, "os.mkdir(output_dir + '/restored')")
    arguments = command_line(notebooks, "--profile", "smoke", "-p", "learning_rate", "4e-4", "-p", "output_dir", "mine")
    printed = subprocess.run(arguments, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert "epoch 1 of 1\n" in printed
    assert "truth     ssim    0.250" in printed
    assert printed.endswith(
        f"Results in {tmp_path}/mine:\n  record.json\n  scores.csv\n  tiny.ipynb\n  restored/  (0 files)\n"
    )


def test_command_line_error_is_one_message(make_notebooks):
    """An unknown parameter ends the command with its message alone, and with a status that a script sees."""
    done = subprocess.run(
        command_line(make_notebooks(), "-p", "epoch", "3"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: tiny has no parameter 'epoch'.")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_plain_papermill_runs_a_chapter(make_notebooks, tmp_path):
    """A chapter is an ordinary papermill notebook."""
    notebooks = make_notebooks(RECORD)
    arguments = [sys.executable, "-m", "papermill", notebooks / "tiny.ipynb", tmp_path / "out.ipynb"]
    subprocess.run([*arguments, "-p", "output_dir", "."], cwd=tmp_path, check=True, capture_output=True)
    assert json.loads((tmp_path / "record.json").read_text())[0]["epochs"] == 3


@pytest.mark.slow
def test_runs_side_by_side_do_not_collide(make_notebooks, tmp_path):
    """Six runs started at once all finish, each with its own value."""
    notebooks = make_notebooks(RECORD)
    folders = [tmp_path / str(epochs) for epochs in range(6)]
    runs = [
        subprocess.Popen(command_line(notebooks, "-p", "epochs", folder.name, "-p", "output_dir", str(folder)))
        for folder in folders
    ]
    assert [run.wait(timeout=120) for run in runs] == [0] * 6
    assert [json.loads((folder / "record.json").read_text())[0]["epochs"] for folder in folders] == list(range(6))


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_stopped_run_leaves_no_process_and_no_result(make_notebooks, tmp_path, stop):
    """A runner that is killed or interrupted takes its notebook's process with it; no executed notebook appears."""
    notebooks = make_notebooks(RECORD, "import time; time.sleep(300)")
    runner = subprocess.Popen(command_line(notebooks, "-p", "output_dir", str(tmp_path)), stderr=subprocess.DEVNULL)
    record = tmp_path / "record.json"
    wait_until(record.exists)
    time.sleep(1)
    kernel = json.loads(record.read_text())[3]
    runner.send_signal(stop)
    assert runner.wait(timeout=60) != 0
    wait_until(lambda: not is_running(kernel))
    assert not (tmp_path / "tiny.ipynb").exists()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen within a minute."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it did not happen within a minute")


def is_running(process: int) -> bool:
    """Tell whether there is a process with that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
