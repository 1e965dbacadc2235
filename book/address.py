"""Write the book's public address wherever it is needed: ``make address REPO=owner/name``.

The address is defined once, as ``Repository`` in ``pyproject.toml``. All else that depends on it is generated here: the
notebooks' Colab links and set-up cells, the book's buttons, and the links in README, citation file and pages. While the
address is unknown its owner is ``<owner>``, which nobody can register, and nothing is ever installed from it.
``python book/address.py --check`` names every file that differs.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbformat

from l2l_utils import __version__

ROOT = Path(__file__).resolve().parents[1]
UNKNOWN = "<owner>/label2label-book"
GITHUB = "https://github.com"
REPOSITORY = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}/(?!\.+$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}")
COLAB = "https://colab.research.google.com"

BADGE = "**[Open this chapter in Google Colab]({link})**"
NO_BADGE = "How to run this chapter on your own images: see the [introduction](../book/intro.md)."
README_BADGE = f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({{link}})"

SETUP = """\
# Google Colab only: install the book's package. Elsewhere this cell does nothing.
import sys
from importlib.util import find_spec

if "google.colab" in sys.modules and find_spec("l2l_utils") is None:
"""
INSTALL = (
    "    %pip install -q --no-deps {csbdeep} imagecodecs MicroscPSF-Py "
    '"l2l_utils @ git+{github}/{repository}@v{version}"\n'
    # DL4MicEverywhere drops the line above, and a block must not be empty.
    '    print("The package is installed.")'
)
NO_INSTALL = """\
    raise RuntimeError(
        "This copy of the book does not know its public address, so it cannot fetch its package. "
        "Upload the book's folder as /content/label2label-book, then run this in a cell of its own: "
        "%pip install -q --no-deps {csbdeep} imagecodecs MicroscPSF-Py /content/label2label-book"
    )"""


def current(root: Path) -> str:
    """Return the address, as ``owner/name``, that ``pyproject.toml`` defines."""
    return re.search(rf'^Repository = "{GITHUB}/([^"]+)"', (root / "pyproject.toml").read_text("utf-8"), re.M).group(1)


def render(root: Path, repository: str) -> dict[Path, str]:
    """Return the text that each file with the address in it has when the address is `repository`."""
    texts = [root / "pyproject.toml", root / "CITATION.cff", *root.glob("*.md"), *root.glob("book/*.md")]
    contents = {path: render_text(path.read_text("utf-8"), current(root), repository) for path in texts}
    config = root / "book/_config.yml"
    contents[config] = render_config(config.read_text("utf-8"), repository)
    csbdeep = re.search(r"csbdeep==[\d.]+", contents[root / "pyproject.toml"]).group()
    for path in root.glob("notebooks/*.ipynb"):
        contents[path] = render_notebook(path, repository, csbdeep)
    return contents


def render_text(text: str, old: str, new: str) -> str:
    """Replace the address in a text, and write a badge between ``<!-- colab NOTEBOOK -->`` and ``<!-- end -->``."""
    for address in (UNKNOWN, old):
        text = text.replace(f"{GITHUB}/{address}", f"{GITHUB}/{new}")
    badge = "" if new == UNKNOWN else README_BADGE.format(link=colab_link(new, r"\2"))
    return re.sub(r"(<!-- colab (\w+) -->).*?(<!-- end -->)", rf"\1{badge}\3", text)


def render_config(text: str, repository: str) -> str:
    """Set the keys of Jupyter Book's configuration that make its repository and Colab buttons."""
    known = repository != UNKNOWN
    button = str(known).lower()
    values = {"url": f'"{GITHUB}/{repository}"' if known else '""', "colab_url": f'"{COLAB}"' if known else '""'}
    values |= {"use_repository_button": button, "use_issues_button": button}
    for key, value in values.items():
        text = re.sub(rf"^( +{key}:).*$", rf"\1 {value}", text, flags=re.M)
    return text


def render_notebook(path: Path, repository: str, csbdeep: str) -> str:
    """Return a notebook's text with its ``colab-badge`` and ``setup`` cells written anew, and nothing else changed."""
    text = path.read_text("utf-8")
    notebook = nbformat.reads(text, as_version=4)
    known = repository != UNKNOWN
    install = INSTALL if known else NO_INSTALL
    sources = {
        "colab-badge": (BADGE if known else NO_BADGE).format(link=colab_link(repository, path.stem)),
        "setup": SETUP + install.format(csbdeep=csbdeep, github=GITHUB, repository=repository, version=__version__),
    }
    for tag, source in sources.items():
        cells = [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
        if len(cells) != 1:
            raise ValueError(f"{path} has {len(cells)} cells tagged '{tag}', and must have one. Tag the right cell.")
        if cells[0].source != source:
            cells[0].source = source
            text = nbformat.writes(notebook) + "\n"
    return text


def colab_link(repository: str, chapter: str) -> str:
    """Return the address at which Colab opens a chapter."""
    return f"{COLAB}/github/{repository}/blob/main/notebooks/{chapter}.ipynb"


def differing(root: Path, repository: str) -> dict[Path, str]:
    """Return each file that must change for `repository` to be the address, with its new text."""
    return {path: text for path, text in render(root, repository).items() if path.read_text("utf-8") != text}


def write(root: Path, repository: str) -> list[Path]:
    """Make `repository` the address everywhere, and return the files that changed.

    Raises
    ------
    ValueError
        If `repository` is not of the form ``owner/name``, or if a notebook lacks a cell to write to.
    """
    if repository != UNKNOWN and not REPOSITORY.fullmatch(repository):
        raise ValueError(f"'{repository}' is no GitHub repository. Expected owner/name, such as jane-doe/label2label.")
    changes = differing(root, repository)
    for path, text in changes.items():
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    return list(changes)


def main() -> None:
    """Read the command line, then check or write."""
    parser = argparse.ArgumentParser(description="Write the book's public address wherever it is needed.")
    parser.add_argument("repository", nargs="?", help="owner/name on GitHub; make address REPO=owner/name passes it")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a file has another address")
    arguments = parser.parse_args()
    if arguments.check:
        differ = ", ".join(str(path) for path in differing(ROOT, current(ROOT)))
        sys.exit(f"Not written for {current(ROOT)}: {differ}" if differ else 0)
    if arguments.repository is None:
        parser.error(f"say which address: make address REPO=owner/name. It is now {current(ROOT)}.")
    try:
        changed = write(ROOT, arguments.repository)
    except ValueError as error:
        sys.exit(f"Error: {error}")
    print(f"The address is {arguments.repository}.", *(f"Written: {path}" for path in changed), sep="\n")  # noqa: T201


if __name__ == "__main__":
    main()
