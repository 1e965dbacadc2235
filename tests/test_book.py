"""The built book, in a browser and link by link."""

from __future__ import annotations

import re
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from browsing import ROOT, VIEWS, build_tool, needs_browser

pytest.importorskip("jupyter_book", reason="the book is built in the pinned lane, where Jupyter Book is installed")
bs4 = pytest.importorskip("bs4", reason="Beautiful Soup, which Jupyter Book brings, reads the pages")
pytest.importorskip("playwright", reason="playwright drives the browser")

build = build_tool()
PAGES = list(build.parse_toc_yaml(ROOT / "book/_toc.yml"))
LARGEST_PAGE_BYTES = 5e6


FAULTS_OF_IMAGES = """() => [...document.images].flatMap(image => [
    !(image.complete && image.naturalWidth) && 'not loaded: ' + image.src,
    !image.alt.trim() && 'no alt text: ' + image.src,
    getComputedStyle(image).filter !== 'none' && 'filtered: ' + image.src,
].filter(Boolean))"""
PROSE = """() => {
    const main = document.querySelector('main').cloneNode(true)
    main.querySelectorAll('pre, code, script, style').forEach(element => element.remove())
    return main.textContent
}"""


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", [*PAGES, "search", "genindex"])
def test_page_is_sound(name, view, open_page, address):
    """A page loads whole and from its own origin only, fits its window, and shows neither raw TeX nor raw MyST."""
    page = open_page(address, **VIEWS[view])
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    assert page.faults == []
    assert page.evaluate(FAULTS_OF_IMAGES) == []
    assert page.evaluate("document.documentElement.scrollWidth") == VIEWS[view]["viewport"]["width"]
    assert re.findall(r"\\[a-zA-Z(\[]+|\$\$|\{[a-z:]+\}`", page.evaluate(PROSE)) == []
    assert page.evaluate("document.documentElement.dataset.theme") == VIEWS[view]["color_scheme"]


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("name", PAGES)
def test_page_works_as_a_file(name, open_page, html):
    """A page opened from the disk, without a server, has no fault and asks nothing of the network."""
    page = open_page("file:")
    page.goto((html / f"{name}.html").as_uri(), wait_until="networkidle")
    assert page.faults == []


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("name", PAGES)
def test_page_is_readable_without_javascript(name, open_page, address):
    """Without JavaScript a page shows every word that it shows with it."""
    words = {}
    for enabled in (True, False):
        page = open_page(address, java_script_enabled=enabled)
        page.goto(f"{address}/{name}.html", wait_until="networkidle")
        words[enabled] = set(page.locator("article").inner_text().split())
    labels_of_buttons = {"Click", "to", "show"}
    assert len(words[False]) > 30
    assert words[True] - words[False] <= labels_of_buttons


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize(("start", "button"), [(PAGES[0], "a.right-next"), (PAGES[-1], "a.left-prev")])
def test_previous_and_next_reach_every_page(start, button, open_page, address):
    """Following the next button from the first page, or the previous one from the last, visits every page in order."""
    page = open_page(address)
    page.goto(f"{address}/{start}.html")
    visited = [start]
    while page.locator(button).count():
        with page.expect_navigation():
            page.locator(button).click()
        visited.append(page.url.removeprefix(f"{address}/").removesuffix(".html"))
    assert visited == (PAGES if start == PAGES[0] else PAGES[::-1])


@pytest.mark.slow
@needs_browser
def test_search_finds_a_page(open_page, address):
    """Ctrl+K, a word of the glossary and Enter lead to a list of results that holds the glossary."""
    page = open_page(address)
    page.goto(f"{address}/{PAGES[0]}.html", wait_until="networkidle")
    page.keyboard.press("Control+k")
    page.keyboard.type("hallucination")
    page.keyboard.press("Enter")
    result = page.locator("#search-results a[href*='book/glossary.html']").first
    result.wait_for()
    assert page.faults == []


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_page_is_light(name, html):
    """A page and its images weigh less than 5 MB: at the smoke profile the heaviest has 1.4 MB."""
    path = html / f"{name}.html"
    images = {tag["src"] for tag in bs4.BeautifulSoup(path.read_text("utf-8"), "html.parser").select("img[src]")}
    files = [path, *((path.parent / image).resolve() for image in images if not image.startswith("data:"))]
    assert sum(file.stat().st_size for file in files) < LARGEST_PAGE_BYTES


@pytest.mark.slow
def test_links_lead_somewhere(html):
    """Every link inside the book ends at a file and an anchor that exist; none points to a placeholder."""
    pages = {path: bs4.BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in html.rglob("*.html")}
    anchors = {path: {tag["id"] for tag in page.select("[id]")} for path, page in pages.items()}
    broken = []
    for path, page in pages.items():
        for href in (tag["href"] for tag in page.select("a[href]")):
            target, anchor = (unquote(part) for part in urldefrag(href))
            end = (path.parent / target).resolve() if target else path
            found = end.is_file() and (not anchor or anchor in anchors[end])
            if "<" in unquote(href) or "executablebooks" in href or not (found or urlsplit(href).scheme):
                broken.append((path.name, href))
    assert broken == []
