"""What the chapters need around the science: the set-up report, their data, images of an example, a flip view."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import platform
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from timeit import repeat

import numpy as np
import pandas as pd
from IPython.display import HTML, display
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from l2l_utils import __version__, colab, data, device, files, patches, simulation


def setup_report() -> pd.DataFrame:
    """Return what this page was computed with: the device and the versions, a row each; without a GPU, what helps."""
    found = device.name()
    without_gpu = found.startswith("CPU")
    packages = ("tensorflow", "keras", "csbdeep", "numpy", "scikit-image", "tifffile")
    items = {
        "device": f"{found} (no GPU found)" if without_gpu else found,
        **({"without a GPU": _without_gpu()} if without_gpu else {}),
        "Python": platform.python_version(),
        "l2l_utils": __version__,
        **{name: version(name) for name in packages},
    }
    return pd.DataFrame({"": items}).rename_axis("computed with")


def output_folder(output_dir: str) -> Path:
    """Return the folder of a chapter's results; it is made if need be, and Drive is mounted if it lies there.

    Raises
    ------
    OSError
        If nothing can be written there.
    """
    folder = Path(output_dir)
    colab.mount_if_needed(folder)
    files.make_folder(folder)
    return folder


def _without_gpu() -> str:
    # Longer texts are cut off by pandas.
    if "google.colab" in sys.modules:
        return "Runtime > Change runtime type > T4 GPU, run again"
    return "times at the top hold; the paper profile needs one"


def open_data(dataset: str, *, source_dir: str = "", target_dir: str = "", source_repeat_dir: str = "") -> data.Folders:
    """Choose a user's own folders, or a data set of the manifest where none is given.

    Parameters
    ----------
    dataset : str
        Name in the manifest, used if no folder is given.
    source_dir, target_dir, source_repeat_dir : str
        Folders of TIFFs with equal file names; empty where there is none.

    Returns
    -------
    data.Folders
        The folders that there are; for a virtual data set also the truth, and the resolution of its microscope in px.

    Raises
    ------
    ValueError
        If only one of the folders of source and target is given, or the data set does not have both.
    """
    own = {"source": source_dir, "target": target_dir, "source_repeat": source_repeat_dir}
    if not any(own.values()):
        entry = data.read_entry(dataset)
        if not {"source", "target"} <= entry["roles"].keys():
            raise ValueError(
                f"{dataset}: expected a data set with source and target, found {', '.join(entry['roles'])}. "
                "Choose another data set."
            )
        folder = data.fetch(dataset)
        folders = {role: folder / role if role in entry["roles"] else None for role in (*own, "truth")}
        structure = simulation.STRUCTURES.get(entry.get("structure"))
        resolution_px = structure and structure.resolution_nm / structure.pixel_size_nm
        return data.Folders(entry.get("structure", dataset), **folders, resolution_px=resolution_px)
    if not (source_dir and target_dir):
        raise ValueError(
            f"Expected two folders of your images, source_dir and target_dir, found source_dir={source_dir!r} and "
            f"target_dir={target_dir!r}. Fill in both, or none to use the virtual microscope; to restore images "
            "without a benchmark, give model_dir and restore_dir."
        )
    folders = {role: colab.local_copy(Path(folder)) if folder else None for role, folder in own.items()}
    return data.Folders("own images", **folders, truth=None, resolution_px=None)


def fetch_if_possible(dataset: str) -> Path | None:
    """Return the folder of a data set, or None with the reason shown where it cannot be had, as without a network."""
    try:
        return data.fetch(dataset)
    except OSError as error:
        display(HTML(f"<p>Not shown on this page: {html.escape(str(error))}</p>"))
        return None


def pair_by_method(images: data.Folders) -> dict[str, list[data.Pair]]:
    """Return the image pairs that each method trains on.

    Parameters
    ----------
    images : data.Folders
        Folders of the images.

    Returns
    -------
    dict of str to list of Pair
        ``L2L`` pairs the two labels; ``N2N``, if there is a second recording of the input label, pairs the two
        recordings. Both list the same fields in the same order.
    """
    targets = {"N2N": images.source_repeat, "L2L": images.target}
    return {method: data.pair_images(images.source, target) for method, target in targets.items() if target}


def example_images(
    images: data.Folders, pair: data.Pair, restored: Mapping[tuple[str, int], Mapping[str, Path]]
) -> dict[str, NDArray[np.float32]]:
    """Collect what there is of one field: raw, restored by the first model of each method, benchmark, truth.

    Parameters
    ----------
    images : data.Folders
        Where the truth lies.
    pair : Pair
        The field.
    restored : mapping of (str, int) to mapping of str to Path
        Restored files by method and seed, then by the name of the pair.

    Returns
    -------
    dict of str to ndarray of shape (Y, X)
        float32, normalised, about 0 to 1.
    """
    first = {method: files for (method, seed), files in restored.items() if seed == 0}
    shown = {"raw": patches.read_normalized(pair.source)}
    shown |= {method: data.read_image(files[pair.name]) for method, files in first.items()}
    shown["benchmark"] = patches.read_normalized(pair.target)
    if images.truth:
        shown["truth"] = data.read_image(images.truth / pair.source.name)
    return shown


def seconds_per_megapixel(methods: Mapping[str, Callable[[NDArray], object]], image: NDArray) -> pd.DataFrame:
    """Time methods on one image: the fastest of three calls each, per million pixels.

    Parameters
    ----------
    methods : mapping of str to callable
        What to call with the image, by name.
    image : ndarray of shape (Y, X)
        Image that the methods take.

    Returns
    -------
    pandas.DataFrame
        A row per method.
    """
    fastest = {name: min(repeat(partial(method, image), number=1, repeat=3)) for name, method in methods.items()}
    return (pd.Series(fastest, name="seconds per megapixel") / (image.size / 1e6)).to_frame()


def flip_view(images: Mapping[str, ArrayLike], *, side_px: int = 320, alt: str) -> HTML:
    """Show images of one field in the same place, to flip between them; works without a kernel and without scripts.

    Parameters
    ----------
    images : mapping of str to array_like of shape (Y, X)
        Title and image; 0 is black and 1 white.
    side_px : int
        Side of the square that is shown, cut from the middle.
    alt : str
        What the images show, for readers who do not see them.

    Returns
    -------
    IPython.display.HTML
        Radio buttons and images, in one block of HTML and CSS.
    """
    pictures = {title: middle_png(image, side_px) for title, image in images.items()}
    group = "flip-" + hashlib.sha256(b"".join(pictures.values())).hexdigest()[:8]
    buttons, frames, rules = "", "", ""
    for i, (title, png) in enumerate(pictures.items()):
        name, label, checked = f"{group}-{i}", html.escape(title), " checked" if i == 0 else ""
        source = "data:image/png;base64," + base64.b64encode(png).decode()
        buttons += f'<input type="radio" name="{group}" id="{name}"{checked}><label for="{name}">{label}</label>'
        frames += f'<img class="{name}" src="{source}" alt="{html.escape(alt)}: {label}">'
        rules += f"#{name}:checked ~ .frames .{name} {{display: block}} "
    style = (
        f"#{group} img {{display: none; width: 100%; max-width: {2 * side_px}px; image-rendering: pixelated}} "
        f"#{group} label {{margin: 0 1em 0 .3em}} {rules}"
    )
    return HTML(f'<div id="{group}"><style>{style}</style>{buttons}<div class="frames">{frames}</div></div>')


def middle_png(image: ArrayLike, side_px: int) -> bytes:
    """Return the middle of an image as a PNG file: a square of at most `side_px`, 0 black and 1 white."""
    image = np.asarray(image)
    top, left = (max((size - side_px) // 2, 0) for size in image.shape)
    middle = image[top : top + side_px, left : left + side_px]
    buffer = io.BytesIO()
    Image.fromarray((np.clip(middle, 0, 1) * 255).round().astype(np.uint8)).save(buffer, format="png")
    return buffer.getvalue()
