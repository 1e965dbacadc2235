"""The book's public address: defined once, written everywhere by one command, never installed from while unknown."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from l2l_utils import __version__

ROOT = Path(__file__).resolve().parents[1]
UNKNOWN = "<owner>/label2label-book"
KNOWN = "jane-doe/label2label.book"
CHAPTER = "notebooks/03_label2label.ipynb"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Copy all that can hold the address, make the address unknown, and return the copy's root."""
    for folder in ("book", "notebooks"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in [*ROOT.glob("*.md"), ROOT / "CITATION.cff", ROOT / "pyproject.toml"]:
        shutil.copy(path, tmp_path)
    assert address(tmp_path, UNKNOWN).returncode == 0
    return tmp_path


def address(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tool that lies in a book on that book."""
    command = [sys.executable, str(root / "book/address.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def contents(root: Path) -> dict[Path, bytes]:
    """Return what every file of a book holds."""
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def source(root: Path, tag: str) -> str:
    """Return the source of the cell of chapter 3 that has a tag."""
    cells = nbformat.read(root / CHAPTER, as_version=4).cells
    return next(cell.source for cell in cells if tag in cell.metadata.get("tags", []))


def run_setup(root: Path, *, on_colab: bool) -> subprocess.CompletedProcess[str]:
    """Run the set-up cell in a Python without any package, as on a fresh Colab or on another machine."""
    colab = "import sys; sys.modules['google.colab'] = sys\n" if on_colab else ""
    command = [sys.executable, "-I", "-S", "-c", colab + source(root, "setup")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_this_book_has_one_address():
    """Nothing in this repository differs from what the address in ``pyproject.toml`` makes of it."""
    assert address(ROOT, "--check").returncode == 0


def test_address_is_written_everywhere(book):
    """One command sets project, citation, Colab link, set-up cell, and the book's buttons."""
    assert address(book, KNOWN).returncode == 0
    assert f'Repository = "https://github.com/{KNOWN}"\n' in (book / "pyproject.toml").read_text()
    assert yaml.safe_load((book / "CITATION.cff").read_text())["repository-code"] == f"https://github.com/{KNOWN}"
    link = f"https://colab.research.google.com/github/{KNOWN}/blob/main/{CHAPTER}"
    assert source(book, "colab-badge").endswith(f"({link})**")
    package = f"l2l_utils @ git+https://github.com/{KNOWN}@v{__version__}"
    install = f'    %pip install -q --no-deps csbdeep==0.8.2 imagecodecs MicroscPSF-Py "{package}"'
    assert install in source(book, "setup").splitlines()
    config = yaml.safe_load((book / "book/_config.yml").read_text())
    assert config["repository"]["url"] == f"https://github.com/{KNOWN}"
    assert config["launch_buttons"]["colab_url"] == "https://colab.research.google.com"
    assert config["html"]["use_repository_button"] is True


def test_unknown_address_leaves_no_link(book):
    """While the address is unknown, no page has a button or a Colab link, and no cell installs from GitHub."""
    assert "colab.research" not in source(book, "colab-badge")
    assert "github.com" not in source(book, "setup")
    config = yaml.safe_load((book / "book/_config.yml").read_text())
    assert not config["repository"]["url"]
    assert not config["launch_buttons"]["colab_url"]
    assert config["html"]["use_repository_button"] is False


def test_there_and_back_again(book):
    """Writing an address twice is writing it once, and taking it back restores every byte."""
    before = contents(book)
    address(book, KNOWN)
    written = contents(book)
    address(book, KNOWN)
    assert contents(book) == written != before
    address(book, "someone/else")
    address(book, UNKNOWN)
    assert contents(book) == before


def test_only_the_two_generated_cells_of_a_notebook_change(book):
    """The address touches no other cell of a notebook, and no cell's identity."""
    before = nbformat.read(book / CHAPTER, as_version=4)
    address(book, KNOWN)
    after = nbformat.read(book / CHAPTER, as_version=4)
    changed = [old.metadata.tags[0] for old, new in zip(before.cells, after.cells, strict=True) if old != new]
    assert changed == ["colab-badge", "setup"]
    assert [cell.id for cell in before.cells] == [cell.id for cell in after.cells]


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        (CHAPTER, "--no-deps csbdeep", "csbdeep"),
        (CHAPTER, f"github/{KNOWN}", "github/somebody/else"),
        ("book/_config.yml", KNOWN, "somebody/else"),
        ("CITATION.cff", KNOWN, UNKNOWN),
    ],
)
def test_a_place_that_differs_is_named(book, name, right, wrong):
    """The check fails and names the file in which somebody changed the address or the set-up by hand."""
    address(book, KNOWN)
    text = (book / name).read_text()
    assert right in text
    (book / name).write_text(text.replace(right, wrong))
    checked = address(book, "--check")
    assert checked.returncode == 1
    assert name in checked.stderr


@pytest.mark.parametrize(
    "repository",
    [
        "",
        "name",
        "owner/",
        "/name",
        "owner/na me",
        "owner/name/tree",
        "owner-/name",
        "<owner>/name",
        "owner/..",
        "o/n.git",
    ],
)
def test_malformed_address_is_refused(book, repository):
    """What GitHub cannot have as a repository changes nothing, and the message says what was expected."""
    before = contents(book)
    refused = address(book, repository)
    assert refused.returncode == 1
    assert f"'{repository}' is no GitHub repository. Expected owner/name" in refused.stderr
    assert contents(book) == before


def test_notebook_without_setup_cell_is_refused(book):
    """A notebook with no place for the set-up is named, and no file is changed."""
    nbformat.write(nbformat.v4.new_notebook(), book / "notebooks/04_new.ipynb")
    before = contents(book)
    refused = address(book, KNOWN)
    assert "04_new.ipynb has 0 cells tagged 'colab-badge', and must have one" in refused.stderr
    assert contents(book) == before


def test_badge_in_the_readme_appears_with_the_address(book):
    """Between its two comments the README gets a badge that opens the chapter they name."""
    (book / "README.md").write_text("a <!-- colab 03_label2label --><!-- end --> b")
    address(book, KNOWN)
    text = (book / "README.md").read_text()
    assert f"(https://colab.research.google.com/github/{KNOWN}/blob/main/{CHAPTER})<!-- end --> b" in text
    address(book, UNKNOWN)
    assert (book / "README.md").read_text() == "a <!-- colab 03_label2label --><!-- end --> b"


def test_setup_cell_does_nothing_elsewhere(book):
    """Away from Colab the set-up cell neither installs nor prints nor fails."""
    done = run_setup(book, on_colab=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_setup_cell_on_colab_says_what_to_do(book):
    """On Colab, with the address unknown, the set-up cell stops and says how to install the package."""
    done = run_setup(book, on_colab=True)
    assert done.returncode == 1
    assert "%pip install -q --no-deps csbdeep==0.8.2 imagecodecs MicroscPSF-Py /content/label2label-book" in done.stderr
