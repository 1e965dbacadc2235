"""A user's own files to a data set: one greyscale TIFF for each role and field of view, in folders named by role."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from l2l_utils import progress, set_folders, tiff
from l2l_utils.file_image import FileImage
from l2l_utils.files import some
from l2l_utils.microscope_files import image_files, image_name, list_images, open_images
from l2l_utils.projection import Plane, Planes, choose_planes, read_planes

__all__ = ["Choice", "list_images", "write_data_set"]

Origin = tiff.PathLike | Mapping[str, tiff.PathLike]


class Choice(NamedTuple):
    """Which part of an image plays a role.

    Attributes
    ----------
    channel : the channel's number, from 0, or its name.
    plane : the number of a z-plane or time point, from 0; "max" or "mean" for a projection of all; "each" for a field
        of view of its own from each. For images with both kinds: {"Z": "max", "T": "each"}.
    """

    channel: int | str
    plane: Plane | Mapping[str, Plane] = "max"


class _Part(NamedTuple):
    """What one TIFF of the data set is made from: planes of one channel of an image, and what is cut from them."""

    path: Path
    number: int
    role: str
    name: str
    channel: int
    planes: Planes
    window: tuple[slice, slice]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of what is cut, in px."""
        return tuple(side.stop - side.start for side in self.window)


def write_data_set(
    origin: Origin,
    folder: tiff.PathLike,
    *,
    channels: Mapping[str, int | str | Choice],
    plane: Plane | Mapping[str, Plane] = "max",
    drift_px: Mapping[str, Sequence[int]] | None = None,
    names: str | Iterable[str] = "*",
) -> Path:
    """Write a data set from a microscope's files, whole or not at all, and return its folder.

    Images keep their grey values and pixel size, and say where they come from (`data.read_provenance`). A data set that
    this function made in the folder before is replaced.

    Parameters
    ----------
    origin : a file, or a folder of files, that holds all channels; or one for each role, {"source": "input label",
        "target": "benchmark label"}, where images of equal name (see `list_images`) belong together.
    folder : the data set; its folders "source", "target" and so on will hold one TIFF for each field of view.
    channels : for each role its channel, by number or name, {"source": 1, "target": "Cy5"}. A `Choice` has a plane of
        its own: {"source": Choice(0, 0), "source_repeat": Choice(0, 1)} takes two frames of a time stack.
    plane : what becomes of stacks in roles that have no `Choice`; the values are explained there.
    drift_px : how far (down, right) the content of the target lies from that of the source, in whole px, by name of an
        image or of a field of view. Both are cut to what they share, and the other roles like the source.
    names : pattern, or several, of the image names to take, such as "cell_0*".

    Raises
    ------
    FileNotFoundError, ImportError
        See `microscope_files.open_images`.
    FileExistsError
        There are other files in the folder.
    ValueError
        A file is damaged or in colour, has no such channel or plane, or grey values that Fiji's TIFFs cannot hold; the
        roles have not the same fields of view, or not in one shape; a drift fits no image.
    """
    folder = Path(folder)
    set_folders.check_ours(folder)
    wanted = {role: what if isinstance(what, Choice) else Choice(what, plane) for role, what in channels.items()}
    origins = _origins(origin, wanted)
    drifts = {name: (int(row), int(column)) for name, (row, column) in (drift_px or {}).items()}
    parts = _plan(origins, wanted, drifts, (names,) if isinstance(names, str) else tuple(names))
    recipe = {
        "origin": {role: str(path) for role, path in origins.items()},
        "choices": {role: choice._asdict() for role, choice in wanted.items()},
        "drift_px": drifts,
    }
    with set_folders.workshop(folder) as place, tempfile.TemporaryDirectory(dir=place) as scratch:
        made = Path(scratch, "made")
        _write_parts(made, parts)
        set_folders.check_ours(folder)
        set_folders.install(made, folder, {"recipe": recipe})
    return folder


def _write_parts(folder: Path, parts: Mapping[Path, Sequence[_Part]]) -> None:
    n_parts = sum(map(len, parts.values()))
    with progress.bar(total=n_parts, desc="Writing the data set", unit="image", mininterval=1, delay=3) as bar:
        for path, of_file in parts.items():
            with open_images(path) as images:
                for part in of_file:
                    _write_part(folder, images[part.number], part)
                    bar.update()


def _origins(origin: Origin, wanted: Mapping[str, Choice]) -> dict[str, Path]:
    if not wanted or not all(role.isidentifier() for role in wanted):
        remedy = "Give a channel for each role, such as {'source': 1, 'target': 0}."
        raise tiff.problem("channels", "names of roles", list(wanted), remedy)
    if not isinstance(origin, Mapping):
        return dict.fromkeys(wanted, Path(origin))
    if origin.keys() != wanted.keys():
        found = f"{', '.join(origin)} in origin and {', '.join(wanted)} in channels"
        raise tiff.problem("origin and channels", "the same roles in both", found, "Name the channel of each.")
    return {role: Path(path) for role, path in origin.items()}


def _plan(
    origins: Mapping[str, Path],
    wanted: Mapping[str, Choice],
    drifts: Mapping[str, tuple[int, int]],
    patterns: Sequence[str],
) -> dict[Path, list[_Part]]:
    """Look into all files and return what to write from each; ValueError where that would be no data set."""
    roles_of = defaultdict(list)
    for role, origin in origins.items():
        for path in image_files(origin):
            roles_of[path].append(role)
    parts, offered = {}, set()
    for path, roles in roles_of.items():
        with open_images(path) as images:
            offered.update(map(image_name, images))
            parts[path] = [
                part
                for number, image in enumerate(images)
                if any(fnmatchcase(image_name(image), pattern) for pattern in patterns)
                for role in roles
                for part in _parts(image, number, role, wanted[role], drifts)
            ]
    planned = [part for of_file in parts.values() for part in of_file]
    _check_fields(planned, wanted, offered)
    if unknown := drifts.keys() - offered - {part.name for part in planned}:
        remedy = "Use the names that list_images gives, or those of the fields of view."
        raise tiff.problem("drift_px", f"images among {some(offered)}", some(unknown), remedy)
    return parts


def _parts(
    image: FileImage, number: int, role: str, choice: Choice, drifts: Mapping[str, tuple[int, int]]
) -> Iterator[_Part]:
    image.check_greyscale()
    channel = image.channel_index(choice.channel)
    for planes in choose_planes(image, choice.plane):
        name = image_name(image) + planes.suffix
        drift = drifts.get(name, drifts.get(image_name(image), (0, 0)))
        window = tuple(
            _shared(image, image.sizes[axis], shift if role == "target" else -shift)
            for axis, shift in zip("YX", drift, strict=True)
        )
        yield _Part(image.path, number, role, name, channel, planes, window)


def _shared(image: FileImage, length: int, shift: int) -> slice:
    """Return what of an axis another image shows as well, whose content lies at `-shift` from this one's."""
    if abs(shift) >= length:
        remedy = "Estimate the drift again, or leave the image out."
        raise tiff.problem(image, f"a drift of less than {length} px", f"{abs(shift)} px", remedy)
    return slice(max(shift, 0), length + min(shift, 0))


def _check_fields(parts: Sequence[_Part], wanted: Mapping[str, Choice], offered: Iterable[str]) -> None:
    """Raise ValueError unless every role has every field of view once, in one shape."""
    what = " and ".join(sorted({str(part.path.parent) for part in parts}))
    if not parts:
        remedy = "Correct the patterns in names."
        raise tiff.problem("names", f"images among {some(offered)}", "none", remedy)
    fields = {role: {} for role in wanted}
    for part in parts:
        other = fields[part.role].setdefault(part.name, part)
        if other is not part:
            raise tiff.problem(what, f"one image named {part.name}", f"{other.path} and {part.path}", "Rename one.")
    for role, other in product(wanted, repeat=2):
        if missing := fields[role].keys() - fields[other].keys():
            found = f"{some(missing)} for {role} but not for {other}"
            remedy = "Give both images of a field of view one name, and choose 'each' plane for both roles or for none."
            raise tiff.problem(what, "the same fields of view for all roles", found, remedy)
        for name in fields[role]:
            shapes = [fields[side][name].shape for side in (role, other)]
            if shapes[0] != shapes[1]:
                remedy = "Pair images of the same field of view."
                raise tiff.problem(f"{what}, {name}", f"one shape for {role} and {other}", f"{shapes}", remedy)


def _write_part(folder: Path, image: FileImage, part: _Part) -> None:
    plane = read_planes(image, part.channel, part.planes)[part.window]
    if not np.isfinite(plane).all():
        remedy = "Export the image again, or leave it out."
        raise tiff.problem(image, "a number in every pixel", "NaN or infinite values", remedy)
    grey_values = _for_fiji(image, plane)
    provenance = {
        "origin": image.path.name,
        "image": image.name,
        "channel": image.channels[part.channel],
        "planes": part.planes.about,
        "role": part.role,
        "cut": [[side.start, side.stop] for side in part.window],
    }
    tiff.write_image(
        folder / part.role / f"{part.name}.tif",
        grey_values,
        like=image.pixel_size_um and tiff.PixelSize(*image.pixel_size_um, "um"),
        dtype=grey_values.dtype.name,
        provenance=provenance,
    )


def _for_fiji(image: FileImage, plane: NDArray) -> NDArray:
    """Return grey values in a number format that `write_image` and Fiji have, every one as it was."""
    if plane.dtype.name in {"uint8", "uint16", "float32"}:
        return plane
    with np.errstate(over="ignore"):
        converted = plane.astype(np.float32)
    if not np.array_equal(converted.astype(plane.dtype), plane):
        remedy = "Save it as 16 bit or 32 bit (in Fiji: Image > Type)."
        raise tiff.problem(image, "grey values that 32-bit floating point can hold", f"{plane.dtype}", remedy)
    return converted
