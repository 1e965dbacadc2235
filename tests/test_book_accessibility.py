"""The built book for readers who cannot see it, use no mouse, or read on a phone."""

from __future__ import annotations

from typing import Any

import pytest
from browsing import ROOT, VIEWS, build_tool, needs_browser

pytest.importorskip("jupyter_book", reason="the book is built in the pinned lane, where Jupyter Book is installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core looks for barriers")

build = build_tool()
PAGES = list(build.parse_toc_yaml(ROOT / "book/_toc.yml"))
pytestmark = [pytest.mark.slow, needs_browser]
# What others write into the pages: rule of axe-core, and how the element begins.
OTHERS = {
    ("region", '<div class="sidebar-primary-item">'): "theme: the logo and the search stand outside the landmarks",
    ("aria-allowed-role", '<div class="citation"'): "docutils: an entry of the bibliography",
    ("aria-deprecated-role", '<div class="citation"'): "docutils: an entry of the bibliography",
    ("aria-required-children", '<div role="list" class="citation-list">'): "docutils: the bibliography",
    ("empty-table-header", "<th></th>"): "pandas: the corner of a table, and the row that names its index",
    ("empty-table-header", '<th rowspan="'): "pandas: the corner of a table",
}


def barriers(page: Any) -> set[tuple[str, str]]:
    """Return rule and element of each barrier that axe-core finds and that is not of others."""
    page.add_style_tag(content="* { transition: none !important; animation: none !important }")
    page.wait_for_timeout(300)  # colours that are still changing have no contrast yet
    found = axe.Axe().run(page).response["violations"]
    listed = {(rule["id"], node["html"]) for rule in found for node in rule["nodes"]}
    return {(rule, html) for rule, html in listed if not any(rule == r and html.startswith(h) for r, h in OTHERS)}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", [*PAGES, "search", "genindex"])
def test_page_has_no_barriers(name, view, open_page, address):
    """On no page does axe-core find a barrier that is ours, light, dark or on a phone."""
    page = open_page(address, **VIEWS[view])
    page.goto(f"{address}/{name}.html", wait_until="load")
    assert barriers(page) == set()


@pytest.fixture
def chapter(open_page, address):
    """Open chapter 3."""
    page = open_page(address, **VIEWS["light"])
    page.goto(f"{address}/notebooks/03_label2label.html", wait_until="load")
    return page


def test_skip_link_leads_to_the_content(chapter):
    """The first Tab shows a link that Enter follows to the main content, past the menu."""
    chapter.keyboard.press("Tab")
    link = chapter.locator("#pst-skip-link a, a#pst-skip-link").first
    assert "skip" in chapter.evaluate("document.activeElement.textContent").lower()
    assert link.is_visible()
    chapter.keyboard.press("Enter")
    assert chapter.evaluate("location.hash") == "#main-content"


def test_flip_view_turns_by_arrow_keys(chapter):
    """In the flip view, one image shows at a time, and an arrow key shows the next."""
    images = chapter.locator("[id^='flip-'] .frames img")
    buttons = chapter.locator("[id^='flip-'] > input")
    assert buttons.count() == images.count() >= 4
    assert [image.is_visible() for image in images.all()] == [True] + [False] * (images.count() - 1)
    buttons.first.focus()
    chapter.keyboard.press("ArrowRight")
    assert [image.is_visible() for image in images.all()][:3] == [False, True, False]


def test_hidden_answer_opens_by_the_keyboard(chapter):
    """Enter on the word *Answer* opens it."""
    summary = chapter.locator("main details summary", has_text="Answer").first
    answer = summary.locator("xpath=../p").first
    assert not answer.is_visible()
    summary.focus()
    chapter.keyboard.press("Enter")
    assert answer.is_visible()


def test_hidden_cell_opens_by_the_keyboard(chapter):
    """The set-up cell's code, hidden at first, opens by Enter."""
    hidden = chapter.locator("main details.hide summary").first
    hidden.focus()
    chapter.keyboard.press("Enter")
    assert chapter.locator("main details.hide").first.get_attribute("open") is not None


def test_theme_button_cycles(chapter):
    """The button goes through all three modes and back to the first."""
    modes = []
    for _ in range(4):
        modes.append(chapter.evaluate("document.documentElement.dataset.mode"))
        chapter.locator("button.theme-switch-button:visible").first.press("Enter")
    assert set(modes) == {"auto", "light", "dark"}
    assert modes[3] == modes[0]


def test_copy_button_copies_a_cell(chapter):
    """The button on a cell of code puts that code into the clipboard."""
    chapter.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cell = chapter.locator("div.cell_input:visible div.highlight", has_text="import itertools").first
    cell.hover()
    cell.locator("button.copybtn").click()
    chapter.wait_for_function("async () => (await navigator.clipboard.readText()).includes('import itertools')")


def test_menu_opens_on_a_phone(open_page, address):
    """On a phone the menu is closed at first, its button opens it, and a chapter can be chosen."""
    page = open_page(address, **VIEWS["phone"])
    page.goto(f"{address}/book/intro.html", wait_until="load")
    link = page.locator("#pst-primary-sidebar a[href$='03_label2label.html'], dialog a[href$='03_label2label.html']")
    assert not any(each.is_visible() for each in link.all())
    page.locator("button.primary-toggle:visible").first.click()
    with page.expect_navigation():
        link.locator("visible=true").first.click()
    assert page.url.endswith("notebooks/03_label2label.html")
