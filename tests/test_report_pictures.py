"""Pictures of the report: colours that mean the same everywhere, scale bars, texts for those who do not see them."""

import base64
import io
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from l2l_utils import report_pictures as pictures


def decode(page):
    """Return alt text and colours, (Y, X, 3), of every image of a page."""
    found = re.findall(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]+)">', page)
    return [(alt, np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"))) for alt, png in found]


def test_grey_values(rng):
    """0 is black, 1 white, what lies outside is clipped; a large image is averaged, a small one repeated."""
    image = rng.uniform(-0.2, 1.2, (300, 350))
    ((alt, shown),) = decode(pictures.picture(image, "a", alt="b"))
    np.testing.assert_allclose(shown[..., 0] / 255, np.clip(image, 0, 1), atol=0.5 / 255 + 1e-9)
    assert alt == "b"
    large = rng.random((801, 1203))
    ((_, shown),) = decode(pictures.picture(large, "a", alt="b"))
    mean = large[:800, :1200].reshape(200, 4, 300, 4).mean((1, 3))
    np.testing.assert_allclose(shown[..., 0] / 255, mean, atol=0.5 / 255 + 1e-9)
    ((_, shown),) = decode(pictures.picture(large[:40, :50], "a", alt="b"))
    np.testing.assert_allclose(shown[::5, ::5, 0] / 255, large[:40, :50], atol=0.5 / 255 + 1e-9)


def test_maps_share_their_colours(rng):
    """The same error has the same colour in every map, and the legend shows these colours."""
    errors = {"a": rng.random((300, 300)), "b": 3 * rng.random((300, 300))}
    look = pictures.error_look(list(errors.values()))
    assert look.high == np.percentile(np.concatenate([error.ravel() for error in errors.values()]), 99.5)
    colours = mpl.colormaps["magma"](np.arange(256), bytes=True)[:, :3]
    for (_, shown), error in zip(decode(pictures.row(errors, alt="x", look=look)), errors.values(), strict=True):
        np.testing.assert_array_equal(shown, colours[np.rint(np.clip(error / look.high, 0, 1) * 255).astype(int)])
    ((_, legend),) = decode(pictures.colour_scale(look))
    np.testing.assert_array_equal(legend[0], colours)


def test_equal_images_have_a_look():
    """Where nothing differs, the scale has an end all the same."""
    look = pictures.error_look([np.zeros((20, 20))])
    assert look.high > look.low


def test_texts_are_escaped(rng):
    """Names of users' files are texts, never HTML."""
    page = pictures.row({'<b>"&': rng.random((9, 9))}, alt='"><script>', pixel_um=0.1)
    assert "<b>" not in page
    assert "<script" not in page
    assert 'alt="&lt;b&gt;&quot;&amp;: &quot;&gt;&lt;script&gt;"' in page
    assert "<figcaption>&lt;b&gt;&quot;&amp;</figcaption>" in page


@given(width_px=st.integers(20, 9000), pixel_um=st.floats(0.02, 2))
def test_scale_bar_is_true(width_px, pixel_um):
    """Share of the width times the width is the length that stands above the bar, a fifth of the image or near it."""
    text, share = pictures.scale_bar(width_px, pixel_um)
    length, unit = text.split()
    assert unit == "µm"
    assert share * width_px * pixel_um == pytest.approx(float(length))
    assert 0.1 < share < 0.4 or not 0.5 <= width_px * pixel_um <= 5000
    assert length[0] in "0125"


def test_scale_bar_without_pixel_size():
    """Without a pixel size the bar counts pixels."""
    assert pictures.scale_bar(500, None) == ("100 px", 0.2)


def test_chart_is_closed():
    """A figure becomes an image, and is not kept."""
    figure = plt.figure()
    ((alt, shown),) = decode(pictures.chart(figure, alt="losses"))
    assert alt == "losses"
    assert shown.min() == 255
    assert not plt.fignum_exists(figure.number)
