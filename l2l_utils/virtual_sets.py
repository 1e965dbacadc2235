"""Data sets that the virtual microscope makes, and checksums of their pixels that stay the same."""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pooch
from numpy.typing import NDArray

from l2l_utils import luminescence, progress, simulation, specimen, tiff

MICROSCOPES: Final = {"YX": simulation, "ZYX": luminescence}
PACKAGE: Final = Path(__file__).parent


def generator_checksums(axes: str = "YX") -> dict[str, str]:
    """Return the sha256 of each module that makes images of these axes: a cell drawn by other code is another cell."""
    return module_checksums(MICROSCOPES[axes].__name__.rpartition(".")[2])


def module_checksums(*modules: str) -> dict[str, str]:
    """Return the sha256 of the package's modules of these names, and of those that they import, directly or not."""
    sums: dict[str, str] = {}
    waiting = set(modules)
    while waiting:
        path = PACKAGE / f"{waiting.pop()}.py"
        sums[path.stem] = pooch.file_hash(path)
        waiting |= imported_modules(path.read_text(encoding="utf-8")) - sums.keys()
    return dict(sorted(sums.items()))


def imported_modules(code: str) -> set[str]:
    """Return the names of the package's modules that a program imports itself."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    modules = {name.split(".")[1] for name in found if name.startswith("l2l_utils.")}
    return {module for module in modules if (PACKAGE / f"{module}.py").is_file()}


def cell_names(entry: dict[str, Any]) -> dict[str, str]:
    """Return the structure that each cell of a virtual set shows, by the name of its files, in order."""
    conditions = entry.get("conditions", {"cell": entry["structure"]})
    return {f"{name}_{i:03d}": shown for name, shown in conditions.items() for i in range(entry["n_cells"])}


def cell_images(entry: dict[str, Any]) -> Iterator[dict[str, NDArray]]:
    """Yield the images of each cell of a virtual set by role, drawn from the seed and the cell's number alone."""
    for cell, structure in enumerate(cell_names(entry).values()):
        rng = np.random.default_rng([entry["seed"], cell])
        images = MICROSCOPES[entry["axes"]].simulate_cell(structure, tuple(entry["shape"]), rng=rng)
        yield {role: images[role] for role in entry["roles"]}


def bound_light(entry: dict[str, Any], cell: int) -> NDArray[np.float32]:
    """Return the light of the input label where it bound the structure of a cell: no background, haze or noise.

    Parameters
    ----------
    entry : dict
        What the manifest says of a virtual set with a source label of its own.
    cell : int
        The cell's number.

    Returns
    -------
    ndarray of shape (Y, X)
        Photons expected in each pixel.
    """
    # The label's binding is the first that is drawn once the specimen is made, so it comes out as in the images.
    rng, structure = np.random.default_rng([entry["seed"], cell]), simulation.STRUCTURES[entry["structure"]]
    made = specimen.make_specimen(structure, tuple(entry["shape"]), rng=rng)
    specific = replace(structure.labels["source"], cytosol=0, texture=0, puncta_per_um2=0, pool=0)
    density = simulation.label_specimen(made, specific, rng=rng)
    in_focus = replace(specific.optics, haze=0)
    return simulation.optical_image(density, in_focus, pixel_size_nm=structure.pixel_size_nm)


def without_noise(entry: dict[str, Any], cell: int) -> tuple[dict[str, NDArray], dict[str, NDArray]]:
    """Return a cell's true structures, and the photons that its labels send to each pixel before they are counted.

    Parameters
    ----------
    entry : dict
        What the manifest says of a virtual set.
    cell : int
        The cell's number.

    Returns
    -------
    truth : dict of str to ndarray of shape (Y, X)
        float32, 0 to 1, by the name of the structure.
    photons : dict of str to ndarray of shape (Y, X)
        float32, by the name of the label.
    """
    rng, structure = np.random.default_rng([entry["seed"], cell]), simulation.STRUCTURES[entry["structure"]]
    made = specimen.make_specimen(structure, tuple(entry["shape"]), rng=rng)
    truth = {name: specimen.true_image(made, name) for name in made.drawn}
    return truth, simulation.expected_photons(made, rng=rng)


def glowing(entry: dict[str, Any], name: str) -> dict[str, NDArray[np.float32]]:
    """Return the light of a stack of the luminescence microscope before it is counted.

    Parameters
    ----------
    entry : dict
        What the manifest says of a virtual set with axes ZYX.
    name : str
        Name of the stack's files, without .tif.

    Returns
    -------
    dict of str to ndarray of shape (Z, Y, X)
        Photons expected per second, of the labels ``luminescent`` and ``fluorescent``.
    """
    names = cell_names(entry)
    rng = np.random.default_rng([entry["seed"], list(names).index(name)])
    made = luminescence.make_specimen(luminescence.LUMINESCENT[names[name]], tuple(entry["shape"]), rng=rng)
    return luminescence.expected_light(made, rng=rng)


def make(name: str, entry: dict[str, Any], folder: Path) -> str:
    """Write a virtual data set into a new folder.

    Parameters
    ----------
    name : str
        Its name in the manifest.
    entry : dict
        What the manifest says of it.
    folder : Path
        Gets a folder of TIFFs for each role.

    Returns
    -------
    str
        sha256 of all pixels with roles, shapes and number formats, whatever the files around them.

    Warns
    -----
    UserWarning
        The manifest has another one.
    """
    pixel_um, z_step_nm = entry["pixel_size_nm"] / 1000, entry.get("z_step_nm")
    pixel_size = tiff.PixelSize(pixel_um, pixel_um, "um", z_step_nm and z_step_nm / 1000)
    digest = hashlib.sha256()
    names = list(cell_names(entry))
    all_cells = progress.bar(cell_images(entry), total=len(names), desc=f"Making {name}", unit="cell", mininterval=1)
    for cell, images in enumerate(all_cells):
        for role, image in images.items():
            tiff.write_image(
                folder / role / f"{names[cell]}.tif",
                image,
                axes=entry["axes"],
                like=pixel_size,
                dtype=image.dtype.name,
                provenance={"dataset": name, "version": entry["version"], "cell": cell, "image": role},
            )
            pixels = image.astype(image.dtype.newbyteorder("<"), copy=False)
            digest.update(f"{role} {image.shape} {image.dtype.name}".encode() + pixels.tobytes())
    sha256 = digest.hexdigest()
    if entry.get("sha256", sha256) != sha256:
        message = f"{name}: on this computer the images differ from the book's, perhaps in rounding; so may results."
        warnings.warn(message, stacklevel=2)
    return sha256
