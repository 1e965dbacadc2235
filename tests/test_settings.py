"""Settings of a run: kept, taken up by the form and by the command line, and refused where they do not fit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from l2l_utils import execute, settings

PARAMETERS = """\
output_dir = "build/book/tiny"  # @param {type:"string"}
settings_file = ""  # @param {type:"string"}
source_dir = ""  # @param {type:"string"}
epochs = 3  # @param {type:"integer"}
learning_rate = 0.1  # @param {type:"number"}
flips = False  # @param {type:"boolean"}
"""
RECALL = """\
import json
from pathlib import Path
from l2l_utils import settings
globals().update(settings.recall(settings_file, globals()))
"""
RECORD = """\
seed = 7
found = dict(source_dir=source_dir, epochs=epochs, learning_rate=learning_rate, flips=flips)
_ = Path(output_dir, "found.json").write_text(json.dumps(found))
globals().update(settings.recall(settings_file, globals()))
"""
FORM = {"output_dir": "", "epochs": 3, "learning_rate": 0.1, "flips": False, "loss": "L1"}
NAMES = st.from_regex(r"[a-z][a-z_]{0,9}", fullmatch=True).filter(lambda name: name not in settings.OWN)
VALUES = (
    st.text()
    | st.from_regex(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", fullmatch=True)
    | st.integers()
    | st.floats(allow_nan=False)
    | st.booleans()
)


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory) -> Path:
    """Write a book of one chapter that keeps its settings, and return its folder of notebooks."""
    folder = tmp_path_factory.mktemp("book") / "notebooks"
    folder.mkdir()
    cells = [nbformat.v4.new_code_cell(source) for source in (PARAMETERS, RECALL, RECORD)]
    cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "tiny.ipynb")
    (folder / "profiles.yaml").write_text("tiny:\n  book: {}\n  smoke: {epochs: 1, learning_rate: 4e-4}\n")
    return folder


def run(notebooks: Path, **parameters: object) -> tuple[Path, dict[str, object]]:
    """Run the chapter at the smoke profile; return its folder of results and the values that its last cell found."""
    executed = execute.run_chapter("tiny", profile="smoke", parameters=parameters, notebooks=notebooks)
    return executed.parent, json.loads((executed.parent / "found.json").read_text())


def test_a_run_leaves_its_settings_and_another_takes_them_up(notebooks, tmp_path, monkeypatch):
    """The form's file replaces all that the form says but the results' folder; nothing but parameters is in it."""
    monkeypatch.chdir(tmp_path)
    first, found = run(notebooks, flips=True, source_dir="raw", output_dir="one")
    assert found == {"source_dir": str(tmp_path / "raw"), "epochs": 1, "learning_rate": 4e-4, "flips": True}
    kept = settings.parse_yaml((first / "settings.yaml").read_text())
    assert kept == {"output_dir": str(first), "settings_file": "", **found}
    second, again = run(notebooks, settings_file=first / "settings.yaml", epochs=9, output_dir="two")
    assert again == found
    assert second == tmp_path / "two"
    assert settings.parse_yaml((second / "settings.yaml").read_text())["epochs"] == 1


@pytest.mark.slow
def test_the_command_line_puts_settings_between_profile_and_parameters(notebooks, tmp_path):
    """A value is -p's, else the file's, else the profile's, else the notebook's."""
    (tmp_path / "mine.yaml").write_text("epochs: 5\nflips: true\noutput_dir: elsewhere\n")
    options = ["--profile", "smoke", "--settings", "mine.yaml", "-p", "epochs", "6", "-p", "output_dir", "out"]
    command = [sys.executable, "-m", "l2l_utils.execute", "tiny", "--notebooks", str(notebooks), *options]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = json.loads((tmp_path / "out" / "found.json").read_text())
    assert found == {"source_dir": "", "epochs": 6, "learning_rate": 4e-4, "flips": True}
    (tmp_path / "mine.yaml").write_text("epoch: 5\n")
    refused = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "mine.yaml has no parameter 'epoch'. It has: output_dir, settings_file," in refused.stderr
    assert "Traceback" not in refused.stderr


@settings_of_hypothesis(deadline=None, max_examples=50)
@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_what_is_saved_is_loaded(tmp_path_factory, values):
    """All plain values, of any script and size, come back with their types."""
    path = settings.save(tmp_path_factory.mktemp("run"), values)
    again = settings.load(path.parent, values)
    assert again == values
    assert [type(value) for value in again.values()] == [type(value) for value in values.values()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 2", r"mine\.yaml has no parameter 'epoch'\. It has: output_dir, epochs,"),
        ("epochs: many", r"mine\.yaml: 'epochs' is of type int \(by default 3\), so it cannot be 'many'\."),
        ("epochs: 2.5", "'epochs' is of type int"),
        ("flips: 1", "'flips' is of type bool"),
        ("learning_rate: true", "'learning_rate' is of type float"),
        ("loss: [L1]", "'loss' is of type str"),
        ("[1, 2]", r"mine\.yaml: expected the settings of a run \(settings\.yaml\), found list"),
        ("", "found NoneType"),
        ("a: b: c", "found what is no YAML"),
        ("\udcff", "found what is no YAML"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, text, message):
    """The message names the file, what is wrong, and what is possible."""
    (tmp_path / "mine.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(settings.SettingsError, match=message):
        settings.load(tmp_path / "mine.yaml", FORM)


def test_a_missing_file_is_named(tmp_path):
    """A file or a folder without settings is named, with what to give instead."""
    with pytest.raises(FileNotFoundError, match=r"settings\.yaml: expected the settings of a run.*output_dir"):
        settings.load(tmp_path, FORM)


def test_numbers_without_a_point_are_numbers(tmp_path):
    """A hand-written 4e-4 is a number, and a whole number may stand for a fractional one."""
    (tmp_path / "settings.yaml").write_text("learning_rate: 4e-4\n")
    assert settings.load(tmp_path, FORM) == {"learning_rate": 4e-4}
    (tmp_path / "settings.yaml").write_text("learning_rate: 1\n")
    assert settings.load(tmp_path, FORM) == {"learning_rate": 1}


def test_without_a_form_all_plain_values_are_settings(tmp_path):
    """A notebook whose form was converted to something else keeps its public plain values."""
    names = {"output_dir": str(tmp_path), "epochs": 2, "_secret": 1, "folder": tmp_path, "In": ["", "epochs = 2"]}
    assert settings.recall("", names) == {"output_dir": str(tmp_path), "epochs": 2}
    names |= {"widget_output_dir": object(), "widget_epochs": object(), "converter_path": "results/x.yaml"}
    assert settings.recall("", names) == {"output_dir": str(tmp_path), "epochs": 2}
