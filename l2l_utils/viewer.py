"""Look through the fields of a data set, with a live kernel; without one, a view of the first field takes its place."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import ArrayLike

from l2l_utils import data, notebook

_VIEW = "application/vnd.jupyter.widget-view+json"


class FieldViewer:
    """Two images of one field in the same place, blended by a slider; the field is chosen from a list.

    Jupyter and Colab show the widget. A page without a kernel shows the flip view of the first field, which needs none.

    Parameters
    ----------
    fields : mapping of str to object
        What `read` takes, by the name under which the list has it.
    read : callable
        Returns the images of a field, title and array of shape (Y, X), 0 black and 1 white; the titles are the same for
        all fields. Only the field that is shown is read.
    side_px : int
        Side of the square that is shown, cut from the middle.
    alt : str
        What the images show, for readers who do not see them.

    Attributes
    ----------
    controls : dict of str to ipywidgets.Widget
        ``field``, ``from``, ``to``, ``blend`` (0 shows the first image, 1 the second) and ``white`` (intensity).
    picture : ipywidgets.HTML
        What is shown.
    """

    def __init__(
        self,
        fields: Mapping[str, Any],
        read: Callable[[Any], Mapping[str, ArrayLike]],
        *,
        side_px: int = 320,
        alt: str,
    ) -> None:
        self._fields, self._read, self._side_px, self._alt = fields, read, side_px, alt
        self._images = read(next(iter(fields.values())))
        self._still = notebook.flip_view(self._images, side_px=side_px, alt=alt)
        titles = list(self._images)
        self.controls = {
            "field": ipywidgets.Dropdown(options=list(fields), description="field"),
            "from": ipywidgets.Dropdown(options=titles, value=titles[0], description="from"),
            "to": ipywidgets.Dropdown(options=titles, value=titles[1], description="to"),
            "blend": ipywidgets.FloatSlider(value=0, min=0, max=1, step=0.1, description="blend"),
            "white": ipywidgets.FloatSlider(value=1, min=0.1, max=2, step=0.1, description="white at"),
        }
        self.picture = ipywidgets.HTML()
        self._box = ipywidgets.VBox([*self.controls.values(), self.picture])
        self.controls["field"].observe(self._read_field, "value")
        for control in self.controls.values():
            control.observe(self._draw, "value")
        self._draw()

    def _read_field(self, change: Mapping[str, Any]) -> None:
        self._images = self._read(self._fields[change["new"]])

    def _draw(self, _change: Mapping[str, Any] | None = None) -> None:
        values = {name: control.value for name, control in self.controls.items()}
        first, second = (np.asarray(self._images[values[end]]) for end in ("from", "to"))
        mixed = (1 - values["blend"]) * first + values["blend"] * second
        source = base64.b64encode(notebook.middle_png(mixed / values["white"], self._side_px)).decode()
        shares = {values["from"]: 1 - values["blend"], values["to"]: values["blend"]}
        alt = f"{self._alt}: {values['field']}, " + ", ".join(f"{share:.0%} {end}" for end, share in shares.items())
        style = f"width: 100%; max-width: {2 * self._side_px}px; image-rendering: pixelated"
        self.picture.value = f'<img src="data:image/png;base64,{source}" alt="{html.escape(alt)}" style="{style}">'

    def _repr_mimebundle_(self, **_formats: object) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}
        return {_VIEW: view, "text/html": self._still.data, "text/plain": self._alt}


def of_fields(
    images: data.Folders,
    pairs: Sequence[data.Pair],
    restored: Mapping[tuple[str, int], Mapping[str, Path]],
    *,
    alt: str,
) -> FieldViewer:
    """Return a viewer of fields: raw, restored by the first model of each method, benchmark, and the truth if known.

    Parameters
    ----------
    images : data.Folders
        Where the truth lies.
    pairs : sequence of Pair
        The fields.
    restored : mapping of (str, int) to mapping of str to Path
        Restored files by method and seed, then by the name of the pair.
    alt : str
        As for `FieldViewer`.
    """
    read = partial(notebook.example_images, images, restored=restored)
    return FieldViewer({pair.name: pair for pair in pairs}, read, alt=alt)
