"""Pictures inside a page of HTML: images at one contrast with a scale bar, maps with their colours, charts."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from l2l_utils import plot

# A page with three fields and three methods stays below some megabytes.
LARGEST_SIDE_PX: Final = 400
# Details are enlarged to about this, by whole numbers, so that browsers do not blur them.
DETAIL_SIDE_PX: Final = 256


class Look(NamedTuple):
    """How numbers become colours: the two ends of the scale, Matplotlib's colour map, and what the numbers are."""

    low: float
    high: float
    colours: str
    meaning: str


GREY: Final = Look(0.0, 1.0, "gray", "normalised intensity")
SIMILARITY: Final = Look(0.0, 1.0, "viridis", "structural similarity; bright is alike, 0 and below is dark")


def error_look(errors: Sequence[ArrayLike]) -> Look:
    """Return one look for several error maps: from 0 to the 99.5th percentile of all their pixels."""
    high = float(np.percentile(np.concatenate([np.ravel(error) for error in errors]), 99.5))
    return Look(0.0, high or 1.0, "magma", "|difference| of normalised intensities; bright is wrong")


def picture(image: ArrayLike, caption: str, *, alt: str, look: Look = GREY, pixel_um: float | None = None) -> str:
    """Return an image with its scale bar and caption as HTML.

    Parameters
    ----------
    image : array_like of shape (Y, X)
        What to show; averaged over squares of pixels if it is large.
    caption, alt : str
        What stands below, and what readers are told who do not see it; any characters.
    look : Look
        Colours.
    pixel_um : float, optional
        Side of a pixel in um; without it the bar is in pixels.
    """
    image = np.asarray(image)
    length, share = scale_bar(image.shape[1], pixel_um)
    bar = f'<span class="bar" style="width:{share:.2%}"><span>{length}</span></span>'
    frame = f'<div class="frame">{_embedded(_png(_fitted(image), look), alt)}{bar}</div>'
    return f"<figure>{frame}<figcaption>{html.escape(caption)}</figcaption></figure>"


def row(images: Mapping[str, ArrayLike], *, alt: str, look: Look = GREY, pixel_um: float | None = None) -> str:
    """Return images side by side as HTML, as many as fit the page; `alt` is said of each, after its caption."""
    shown = [picture(image, name, alt=f"{name}: {alt}", look=look, pixel_um=pixel_um) for name, image in images.items()]
    return f'<div class="row" style="--n:{len(shown)}">{"".join(shown)}</div>'


def scale_bar(width_px: int, pixel_um: float | None) -> tuple[str, float]:
    """Return the length of a bar of about a fifth of an image's width, in words, and as a share of the width."""
    size, unit = (pixel_um, "µm") if pixel_um else (1.0, "px")
    wanted = width_px * size / 5
    length = plot.ROUND_LENGTHS[np.abs(np.log(plot.ROUND_LENGTHS / wanted)).argmin()]
    return f"{length:g} {unit}", float(length / (width_px * size))


def colour_scale(look: Look) -> str:
    """Return the legend of a look as HTML."""
    ramp = _embedded(
        _png(np.linspace(look.low, look.high, 256)[None], look), f"Colours from dark to bright: {look.meaning}"
    )
    low, high = (f"<span>{end:.2g}</span>" for end in (look.low, look.high))
    return f'<p class="scale">{low}{ramp}{high} <span class="meaning">{html.escape(look.meaning)}</span></p>'


def chart(figure: Figure, *, alt: str) -> str:
    """Return a figure as HTML, and close it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, facecolor="white")
    plt.close(figure)
    return f'<div class="chart" tabindex="0">{_embedded(buffer.getvalue(), alt)}</div>'


def _embedded(png: bytes, alt: str) -> str:
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _fitted(image: NDArray) -> NDArray:
    """Average squares of pixels of a large image, repeat those of a small one; the sizes of others stay."""
    n = -(-max(image.shape) // LARGEST_SIDE_PX)
    if n > 1:
        rows, columns = (side // n * n for side in image.shape)
        return image[:rows, :columns].reshape(rows // n, n, columns // n, n).mean(axis=(1, 3))
    n = max(DETAIL_SIDE_PX // max(image.shape), 1)
    return image.repeat(n, axis=0).repeat(n, axis=1)


def _png(image: NDArray, look: Look) -> bytes:
    levels = np.clip((image - look.low) / (look.high - look.low), 0, 1) * 255
    picture = Image.fromarray(levels.round().astype(np.uint8))
    if look.colours != GREY.colours:
        colours = mpl.colormaps[look.colours](np.arange(256), bytes=True)[:, :3]
        picture.putpalette(colours.tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    return buffer.getvalue()
