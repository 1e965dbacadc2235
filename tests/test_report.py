"""The report is one page that needs no other, says what was measured, and can be read anywhere."""

import re
import shutil
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from drawn_pairs import write_pairs
from judged_images import judge, judge_files
from scipy import ndimage
from test_report_pictures import decode

from l2l_utils import care, data, manuscript, patches, report, restoration

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NAME = '<i>tubulin</i> & "Zellen"'
EMPTY = {"meta", "img", "br"}


class Page(HTMLParser):
    """Reads a page: all start tags with their attributes, and whether every tag is closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self._open = [], [], []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        """Note a tag."""
        self.tags.append((tag, dict(attributes)))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag):
        """Close a tag."""
        assert self._open.pop() == tag

    def handle_data(self, text):
        """Note a text."""
        self.texts.append(text)

    def all(self, tag):
        """Return the attributes of all tags of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def written(images, tmp_path):
    """Return the report of a method without models on record, of images with a pixel size and a name full of marks."""
    return report.write(judge(images, tmp_path / "out"), tmp_path / "out", dataset=NAME)


def test_page_needs_nothing_else(written):
    """No script, no style or image from elsewhere; links lead to the page itself or to a DOI."""
    text = written.read_text("utf-8")
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    assert all(link["href"].startswith(("#", "https://doi.org/10.")) for link in page.all("a"))
    assert not re.search(r"url\(|@import|https?://(?!doi\.org/)", text)
    assert "default-src 'none'" in text
    targets = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {link["href"][1:] for link in page.all("a") if link["href"].startswith("#")} <= targets


def test_every_image_has_its_own_text(written):
    """All images are PNGs, and no two pictures are described alike."""
    found = decode(written.read_text("utf-8"))
    assert len(found) == len(Page(written.read_text("utf-8")).all("img"))
    described = [alt for alt, _ in found if not alt.startswith("Colours")]
    assert len(set(described)) == len(described) == 2 * (4 + 4 + 3 + 3)
    assert all(len(alt) > 10 for alt in described)


def test_texts_of_users_are_escaped(written):
    """A name of a data set is shown as it is written."""
    text = written.read_text("utf-8")
    assert "<i>" not in text
    assert f"Quality report: {NAME}" in "".join(Page(text).texts)


def test_without_models_there_is_no_training(written):
    """Images of another tool are judged all the same; what is not known is left out."""
    said = "".join(Page(written.read_text("utf-8")).texts)
    assert "Methods paragraph" not in said
    assert "Training" not in said
    assert "Best: " in said
    assert "Worst: " in said


def test_images_with_marks_in_their_names(images, tmp_path):
    """Names of files go into tables, captions and texts without becoming HTML."""
    for folder in (images.source, images.target, images.truth):
        (folder / "a.tif").rename(folder / "a <b>&.tif")
    judged = judge(images, tmp_path / "out")
    text = report.write(judged, tmp_path / "out", dataset="x").read_text("utf-8")
    assert "<b>" not in text
    assert "a <b>&" in "".join(Page(text).texts)


def test_a_perfect_method(images, tmp_path):
    """Images that are the benchmark itself have no error to show, and are reported all the same."""
    judged = judge(images, tmp_path / "out", shifts=[0])
    assert not tifffile.imread(judged.maps["L2L"]["error"]["a"]).any()
    said = "".join(Page(report.write(judged, tmp_path / "out", dataset="x").read_text("utf-8")).texts)
    assert "to 1.000, and PSNR from" in said
    assert "to inf dB" in said


def test_one_image_only(images, tmp_path):
    """A single held-out image is neither best nor worst."""
    for folder in (images.source, images.target, images.truth):
        (folder / "b.tif").unlink()
    said = "".join(
        Page(report.write(judge(images, tmp_path / "out"), tmp_path / "out", dataset="x").read_text("utf-8")).texts
    )
    assert "The only image: a" in said
    assert "Worst: " not in said


@pytest.fixture(scope="module")
def trained(tmp_path_factory, model):
    """Return what a trained model leaves behind: report, model, split, and what was judged."""
    folder, rng = tmp_path_factory.mktemp("trained"), np.random.default_rng(0)
    clean = 1000 * ndimage.gaussian_filter(rng.random((6, 112, 128)), (0, 2, 2))
    noisy = clean + rng.normal(0, 30, clean.shape)
    pairs = write_pairs(folder, noisy.astype(np.float32), clean.astype(np.float32))
    split = patches.split_images(pairs, n_validation=1, n_held_out=3, rng=rng)
    output = folder / "output"
    names, sources = [pair.name for pair in split.held_out], [pair.source for pair in split.held_out]
    restored = dict(zip(names, restoration.restore_files(model, sources, output / "restored"), strict=True))
    files = {("input", None, "raw"): dict(zip(names, sources, strict=True)), ("L2L", 0, "normalised"): restored}
    images = data.Folders("drawn", folder, folder, None, None, None)
    judged = judge_files(files, split.held_out, images, output)
    path = report.write(judged, output, dataset="drawn", models={("L2L", 0): model}, splits={"L2L": split})
    return SimpleNamespace(path=path, model=model, split=split, judged=judged)


def test_report_of_a_training(trained):
    """The page has split, checksums, settings, curves, methods and the order of the images."""
    text = trained.path.read_text("utf-8")
    page = Page(text)
    said = "".join(page.texts)
    assert "Image pairs: 2 training, 1 validation, 3 held out." in said
    for pair in (*trained.split.training, *trained.split.held_out):
        assert data.checksum(pair.target) in said
    assert manuscript.methods_paragraph(trained.model.logdir, n_held_out=3) in said
    assert care.weights_sha256(trained.model) in said
    assert "config.train_batch_size" in said
    assert any(alt.startswith("Loss over the epochs") for alt, _ in decode(text))
    mine = trained.judged.table[trained.judged.table.method == "L2L"].sort_values("ms_ssim_3", ascending=False)
    places = [
        said.index(f"{word}: {name} (") for word, name in zip(("Best", "Median", "Worst"), mine.image, strict=True)
    ]
    assert places == sorted(places)
    for value in mine.psnr:
        assert f"{value:.3f}" in said


def test_maps_in_the_page_are_the_files(trained):
    """The error of the worst image is shown as the TIFF has it, on the scale of all error maps of the page."""
    shown = dict(decode(trained.path.read_text("utf-8")))
    errors = trained.judged.maps["L2L"]["error"]
    every = [tifffile.imread(path) for maps in trained.judged.maps.values() for path in maps["error"].values()]
    high = np.percentile(np.concatenate([error.ravel() for error in every]), 99.5)
    for name, path in errors.items():
        found = shown[f"Error map, L2L: compared with the benchmark, {name}"][::2, ::2]
        order = np.argsort(tifffile.imread(path).ravel(), kind="stable")
        brightness = found.astype(int).sum(axis=-1).ravel()[order]
        clipped = np.sort(tifffile.imread(path).ravel()) >= high
        assert (np.diff(brightness) >= -3).all()
        assert len(set(brightness[clipped])) <= 1


VIEWS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
def test_page_in_a_browser(trained, tmp_path):
    """In each view the page loads without a request or fault, fits its window, and has the colours of the reader."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for options in VIEWS.values():
            page = browser.new_page(**options)
            faults = []
            page.on("console", lambda message, faults=faults: faults.append(message.text))
            page.on("request", lambda r, faults=faults: r.url.startswith(("file:", "data:")) or faults.append(r.url))
            page.goto(trained.path.as_uri(), wait_until="networkidle")
            assert faults == []
            assert page.evaluate("document.documentElement.scrollWidth") == options["viewport"]["width"]
            assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth && i.alt)")
            light = sum(map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))))
            assert (light > 600) == (options["color_scheme"] == "light")
            bars = page.evaluate("""[...document.querySelectorAll('.frame')].map(frame =>
                frame.querySelector('.bar').getBoundingClientRect().width / frame.getBoundingClientRect().width)""")
            assert all(0.1 < bar < 0.4 for bar in bars)
        printed = tmp_path / "report.pdf"
        page.pdf(path=printed, format="A4", print_background=True)
        pages = len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes()))
        assert 3 <= pages <= 12
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        browser.close()
