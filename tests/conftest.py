"""Fixtures shared by the tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import browsing
import numpy as np
import pytest
from drawn_pairs import CODE, draw_images, write_pairs
from filelock import FileLock
from scipy import ndimage

from l2l_utils import data, patches


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator of its own for each test."""
    return np.random.default_rng(20220201)


@pytest.fixture
def images(tmp_path, rng) -> data.Folders:
    """Return two fields with source, second source, target and truth on disk."""
    for name in ("a", "b"):
        truth = np.zeros((128, 128), np.float32)
        truth[rng.choice(128, 8, replace=False)] = 1
        blurred = ndimage.gaussian_filter(truth, 1.5)
        for role, signal in {"source": blurred + 0.3, "source_repeat": blurred + 0.3, "target": blurred}.items():
            data.write_image(
                tmp_path / role / f"{name}.tif", rng.poisson(200 * signal).astype(np.uint16), dtype="uint16"
            )
        data.write_image(tmp_path / "truth" / f"{name}.tif", truth)
    folders = {role: tmp_path / role for role in ("source", "target", "source_repeat", "truth")}
    return data.Folders("test", **folders, resolution_px=3)


@pytest.fixture(scope="session")
def tiny() -> dict[str, object]:
    """Return settings of a network that trains in a second."""
    return {
        "unet_n_first": 4,
        "unet_kern_size": 3,
        "train_epochs": 2,
        "train_steps_per_epoch": 3,
        "train_batch_size": 4,
    }


@pytest.fixture(scope="session")
def cut() -> tuple[patches.Patches, patches.Patches]:
    """Return training and validation patches: a smooth structure, and the same with noise."""
    rng = np.random.default_rng(1)
    target = ndimage.gaussian_filter(rng.random((20, 64, 64, 1)), (0, 2, 2, 0))
    target = ((target - target.min()) / np.ptp(target)).astype(np.float32)
    source = np.clip(target + 0.1 * rng.standard_normal(target.shape), 0, 1).astype(np.float32)
    return patches.Patches(source[4:], target[4:]), patches.Patches(source[:4], target[:4])


@pytest.fixture(scope="session")
def model(tmp_path_factory, cut, tiny):
    """Return a trained model named "model", shared by the tests that only read it."""
    from l2l_utils import care

    model = care.create(name="model", basedir=tmp_path_factory.mktemp("models"), **tiny)
    care.train(model, *cut, precision="float32", about={"data": 1})
    return model


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """Return three pairs whose target is 3 x source + 7."""
    images = draw_images(3)
    return write_pairs(tmp_path_factory.mktemp("alike"), images, 3 * images + 7)


@pytest.fixture(scope="session")
def coded(tmp_path_factory):
    """Return pairs whose source says where a pixel is, row * 112 + column, and the targets."""
    targets = draw_images(2, seed=1)
    return write_pairs(tmp_path_factory.mktemp("coded"), [CODE, CODE], targets), targets


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bring the chapters in ``build/smoke`` up to date, build the book elsewhere, and return its folder of pages."""
    build, smoke = browsing.build_tool(), browsing.ROOT / "build/smoke"
    smoke.mkdir(parents=True, exist_ok=True)
    with FileLock(smoke / "lock"):  # test processes side by side share what the first one executes
        for chapter in build.chapters():
            build.bring_up_to_date(chapter, "smoke")
    return build.build(smoke, tmp_path_factory.mktemp("book")).parent


@pytest.fixture(scope="session")
def address(html: Path) -> Iterator[str]:
    """Serve the book and return its address."""
    with browsing.served(html) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start one Chromium for the pages of a module; its event loop must be gone before another test wants one."""
    with browsing.chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open an empty page whose ``faults`` list whatever goes wrong in it, foreign requests included."""
    with browsing.watched_pages(browser) as new_page:
        yield new_page
