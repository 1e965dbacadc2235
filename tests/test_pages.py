"""What the pages name is there: tests, commands of make, modules that can be run, parameters of chapters."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "book").glob("*.md"))]
TEXT = {page.name: page.read_text("utf-8") for page in PAGES}
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def found(pattern: str) -> list[tuple[str, ...]]:
    """Return what a pattern finds, once each, with the page it stands on."""
    pairs = {(name, match) for name, text in TEXT.items() for match in re.findall(pattern, text)}
    return sorted((name, *(match if isinstance(match, tuple) else (match,))) for name, match in pairs)


@pytest.mark.parametrize(("page", "file", "test"), found(r"`tests/(\w+\.py)::(\w+)`"))
def test_tests_that_are_named_exist(page, file, test):
    """A page that calls a test its witness names one that there is."""
    names = {
        node.name for node in ast.walk(ast.parse((ROOT / "tests" / file).read_text("utf-8"))) if hasattr(node, "name")
    }
    assert test in names, page


@pytest.mark.parametrize(("page", "target"), found(r"^ *(?:\d+\. )?`?make ([a-z-]+)") + found(r"`make ([a-z-]+)"))
def test_targets_that_are_named_exist(page, target):
    """Whoever types what a page says gets no "No rule to make target"."""
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), page


@pytest.mark.parametrize(("page", "module"), found(r"python -m (l2l_utils\.\w+)"))
def test_modules_that_are_named_can_be_run(page, module):
    """A module that a page runs has a command line."""
    source = Path(importlib.util.find_spec(module).origin).read_text("utf-8")
    assert 'if __name__ == "__main__":' in source, page


@pytest.mark.parametrize("page", ["README.md"])
def test_readme_is_short(page):
    """It stays what one reads in a few minutes."""
    assert len(TEXT[page].splitlines()) <= 120
