"""Small trained models that come with the book, by a name such as ``shipped/tubulin``, for where nothing is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from l2l_utils.tiff import PathLike, problem

PREFIX: Final = "shipped/"
MODELS: Final = Path(__file__).with_name("shipped_models")


def is_name(name: PathLike) -> bool:
    """Return whether a text names a model of the book, and not a folder of the user's."""
    return str(name).startswith(PREFIX)


def model_folder(name: PathLike) -> Path:
    """Return the folder of a trained model: that of the book's where one is named, else the path itself.

    Parameters
    ----------
    name : str or path
        ``shipped/`` and the name of a model that comes with the book, or the folder of any other model.

    Raises
    ------
    ValueError
        The book has no model of that name.
    """
    if not is_name(name):
        return Path(name)
    known = {f"{PREFIX}{path.parent.name}": path.parent for path in sorted(MODELS.glob("*/config.json"))}
    if str(name) not in known:
        remedy = "Choose one of these, or give the path of a model's folder."
        raise problem("Models of the book", f"one of {', '.join(known)}", repr(str(name)), remedy)
    return known[str(name)]
