"""The viewer of fields: what is shown after each control is moved, and what a page without a kernel shows."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("ipywidgets", reason="the viewer is for Jupyter and Colab, which bring ipywidgets")

from l2l_utils import notebook, viewer

FIELDS = {"cell <1>": 1, "cell 2": 2}
SIZE_PX = 40


def read_field(number: int) -> dict[str, NDArray[np.float64]]:
    """Return three even images of a field, each brighter than the one before."""
    return {name: np.full((SIZE_PX, 50), number * grey) for name, grey in [("raw", 0.1), ("L2L", 0.2), ("target", 0.3)]}


@pytest.fixture
def view() -> viewer.FieldViewer:
    """Return a viewer of two fields."""
    return viewer.FieldViewer(FIELDS, read_field, side_px=SIZE_PX, alt="Middle of a cell")


def grey(view: viewer.FieldViewer) -> float:
    """Return the one intensity of the square that is shown, 0 to 1."""
    (source,) = re.findall(r'src="data:image/png;base64,([^"]+)"', view.picture.value)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))
    assert pixels.shape == (SIZE_PX, SIZE_PX)
    assert np.ptp(pixels) == 0
    return pixels[0, 0] / 255


def test_controls_change_the_picture(view):
    """Field, images, blend and white each change what is shown to what they say."""
    moves = [
        ({}, 0.1),
        ({"blend": 1}, 0.2),
        ({"blend": 0.5}, 0.15),
        ({"field": "cell 2"}, 0.3),
        ({"to": "target"}, 0.4),
        ({"from": "target"}, 0.6),
        ({"white": 2}, 0.3),
        ({"white": 0.5}, 1),
    ]
    for values, expected in moves:
        for name, value in values.items():
            view.controls[name].value = value
        assert grey(view) == pytest.approx(expected, abs=1 / 255)


def test_picture_says_what_it_shows(view):
    """The alternative text names the field and the share of each image, and a name with brackets is no markup."""
    view.controls["blend"].value = 0.3
    assert 'alt="Middle of a cell: cell &lt;1&gt;, 70% raw, 30% L2L"' in view.picture.value


def test_page_without_kernel_shows_the_flip_view(view):
    """The output offers the widget to Jupyter, and to a static page the same images of the first field."""
    bundle = view._repr_mimebundle_()
    assert bundle["text/html"] == notebook.flip_view(read_field(1), side_px=SIZE_PX, alt="Middle of a cell").data
    assert bundle["text/plain"] == "Middle of a cell"
    (widget,) = bundle.keys() - {"text/html", "text/plain"}
    assert widget == "application/vnd.jupyter.widget-view+json"
    assert bundle[widget]["version_major"] == 2


def test_only_the_shown_field_is_read():
    """A field is read when it is chosen, and not again for each step of a slider."""
    numbers = []

    def read(number: int) -> dict[str, NDArray[np.float64]]:
        numbers.append(number)
        return read_field(number)

    view = viewer.FieldViewer(FIELDS, read, alt="Middle of a cell")
    view.controls["blend"].value = 1
    view.controls["white"].value = 2
    assert numbers == [1]
    view.controls["field"].value = "cell 2"
    assert numbers == [1, 2]
