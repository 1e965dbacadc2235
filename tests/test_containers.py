"""The recipes of the containers use what exists, install the same, and run what the package has.

Nothing here builds a container: that needs a daemon and the base image.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "containers/Dockerfile").read_text("utf-8")
DEFINITION = (ROOT / "containers/label2label.def").read_text("utf-8")
RECIPES = pytest.mark.parametrize("recipe", [DOCKERFILE, DEFINITION], ids=["Dockerfile", "label2label.def"])


def instructions(name: str) -> list[str]:
    """Return what follows an instruction of the Dockerfile, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return re.findall(rf"^{name} (.*)$", joined, re.MULTILINE)


def section(name: str) -> list[str]:
    """Return the lines of a section of the definition file."""
    lines = re.search(rf"^%{name}\n((?: +.*\n)+)", DEFINITION, re.MULTILINE)[1].splitlines()
    return [line.strip() for line in lines]


def copied() -> list[str]:
    """Return what the Dockerfile copies from the repository."""
    return [source for line in instructions("COPY") for source in line.split()[:-1]]


def pip_commands(lines: list[str]) -> list[str]:
    """Return the installations among shell commands, whatever names the extras."""
    commands = [part.strip() for line in lines for part in line.split("&&")]
    return [re.sub(r"\$EXTRAS|\{\{ extras \}\}", "EXTRAS", command) for command in commands if "pip install" in command]


def test_both_start_from_the_same_python():
    """It is a version of the pinned lane's Python, named to its last digit."""
    (base,) = instructions("FROM")
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", base)
    assert f"From: {base}\n" in DEFINITION


def test_what_is_copied_exists():
    """Every file and folder is in the repository; the package may be installed elsewhere."""
    assert not [source for source in copied() if source != "l2l_utils" and not (ROOT / source).exists()]


def test_both_copy_the_same():
    """Apptainer's list has the Dockerfile's sources, each into the same folder."""
    assert [line.split() for line in section("files")] == [[source, f"/book/{source}"] for source in copied()]


def test_both_install_the_same():
    """The commands of pip are equal, pinned by requirements.txt, and the package is installed from its folder."""
    commands = pip_commands(instructions("RUN"))
    assert commands == pip_commands(section("post"))
    assert len(commands) == 2
    assert all("requirements.txt" in command for command in commands)


@RECIPES
def test_extras_exist(recipe):
    """The extras that a recipe names, in its default or in its comments, are those of pyproject.toml."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = set(re.findall(r"extras=([a-z,]+)", recipe, re.IGNORECASE))
    assert {"run", "run,cuda"} == named
    assert all(extra in extras for group in named for extra in group.split(","))


@RECIPES
def test_headless_command_exists(recipe):
    """What the comments run in the container is a module of the package, with a chapter that there is."""
    module, chapter = re.search(r"python -m (l2l_utils\.\w+) (\w+)", recipe).groups()
    assert find_spec(module)
    assert (ROOT / f"notebooks/{chapter}.ipynb").is_file()


def test_docker_runs_as_a_reader_without_rights():
    """The user changes after the last instruction that installs, and stays."""
    lines = DOCKERFILE.splitlines()
    assert instructions("USER") == ["reader"]
    assert lines.index("USER reader") > max(i for i, line in enumerate(lines) if line.startswith(("RUN", "COPY")))


@pytest.mark.parametrize("commands", [instructions("RUN"), section("post"), section("runscript")], ids=str)
def test_shell_commands_are_well_formed(commands):
    """A shell reads every command to its end."""
    text = "\n".join(commands)
    assert shlex.split(text, comments=True)
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_collecting_for_offline_machines_is_well_formed():
    """A shell reads the script of `make offline`, and the installer that it writes, to their ends."""
    script = (ROOT / "containers/offline.sh").read_text("utf-8")
    installer = re.search(r"install\.sh\" << END\n(.*?)^END$", script, re.MULTILINE | re.DOTALL)[1]
    for text in (script, installer.replace("\\$", "$")):
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)
