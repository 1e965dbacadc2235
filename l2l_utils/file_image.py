"""One image of a microscope's file, of whatever format: what it has, and its planes one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l2l_utils import tiff


@dataclass(frozen=True)
class FileImage:
    """One image of a file: the channels and planes of one field of view; its pixels stay on disk until asked for.

    Attributes
    ----------
    path : the file.
    name : what the file calls this image among its others; "" where it is the only one.
    sizes : length of each axis longer than 1, in the order of the file: T, Z, C, Y, X; others where it has others.
    dtype : number format of the grey values.
    channels : a name for each channel.
    pixel_size_um : height and width of a pixel in um, or None.
    read : returns a plane for the indices of all axes but Y and X; `read_plane` is the way to call it.
    """

    path: Path
    name: str
    sizes: Mapping[str, int]
    dtype: np.dtype
    channels: tuple[str, ...]
    pixel_size_um: tuple[float, float] | None
    read: Callable[[Mapping[str, int]], NDArray]

    @property
    def axes(self) -> str:
        """The letters of the axes, in the order of the file."""
        return "".join(self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes, in the order of the file."""
        return tuple(self.sizes.values())

    def __str__(self) -> str:
        return f"{self.path}, image {self.name!r}" if self.name else str(self.path)

    def check_greyscale(self) -> None:
        """Raise ValueError where this is not an image of grey values with axes T, Z, C, Y, X or some of these."""
        found = f"axes {self.axes}, shape {self.shape}"
        if "S" in self.sizes:
            remedy = "Colour is for display: export the raw channels, or leave this image out."
            raise tiff.problem(self, "greyscale channels", f"a colour (RGB) image, {found}", remedy)
        if not {"Y", "X"} <= self.sizes.keys() <= set("TZCYX"):
            remedy = "Export the planes you need as an ImageJ or OME TIFF, or leave this image out."
            raise tiff.problem(self, "axes Y and X, and T, Z or C", found, remedy)
        if self.dtype.kind not in "uif":
            remedy = "Save it as 8 bit, 16 bit or 32 bit (in Fiji: Image > Type)."
            raise tiff.problem(self, "whole or floating-point grey values", self.dtype, remedy)

    def channel_index(self, channel: int | str) -> int:
        """Return the index of a channel, given its index or its name; ValueError where there is none or no other."""
        if isinstance(channel, str):
            if self.channels.count(channel) == 1:
                return self.channels.index(channel)
        elif channel in range(len(self.channels)):
            return int(channel)
        offered = ", ".join(f"{index}: {name!r}" for index, name in enumerate(self.channels))
        raise tiff.problem(self, f"one of its channels, {offered}", repr(channel), "Choose one by number or name.")

    def read_plane(self, **index: int) -> NDArray:
        """Return one plane, axes (Y, X), with the file's grey values; ValueError where it cannot be read.

        Parameters
        ----------
        index : T, Z and C of the plane, counted from 0, for the axes that the image has.
        """
        with damage_explained(self):
            plane = np.asarray(self.read(index))
            return plane.reshape(self.sizes["Y"], self.sizes["X"]).astype(self.dtype.newbyteorder("="), copy=False)


def channel_names(names: Sequence[str | None], n_channels: int) -> tuple[str, ...]:
    """Return a name of its own for each channel: what the file calls it, or "channel 0" where it does not."""
    names = [str(name or "").strip() for name in names] if len(names) == n_channels else [""] * n_channels
    return tuple(
        f"channel {index}" if not name else f"{name} ({index})" if names.count(name) > 1 else name
        for index, name in enumerate(names)
    )


@contextmanager
def damage_explained(what: object) -> Iterator[None]:
    """Say in plain words that a file is damaged, where its reader says it in its own."""
    try:
        yield
    except (ImportError, MemoryError):
        raise
    # On damaged files the readers raise almost everything.
    except Exception as error:
        if str(error).startswith(f"{what}: expected "):
            raise
        remedy = "Copy or export it again."
        raise tiff.problem(
            what, "a whole file", f"one that cannot be read ({str(error) or repr(error)})", remedy
        ) from error
