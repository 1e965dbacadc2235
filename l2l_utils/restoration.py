"""Restore image files, and say in each result where it came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from l2l_utils import __version__, care, data, patches, progress, record

DTYPES: Final = ("float32", "uint16", "uint8", "input")


def restore_files(
    model: Any,
    sources: Sequence[data.ImageFiles],
    output_dir: data.PathLike,
    *,
    dtype: Literal["float32", "uint16", "uint8", "input"] = "float32",
    memory_gb: float = 1.4,
    restore: Callable[..., NDArray[np.float32]] = care.restore,
) -> list[Path]:
    """Restore image files into a folder; a second call restores only what is missing or has another raw image by now.

    Parameters
    ----------
    model : csbdeep.models.CARE or cyclegan.CycleGAN
        Trained network.
    sources : sequence of path, or of tuple of path
        Raw images, axes YX; of several channels, a file for each.
    output_dir : path
        Folder of the results, which keep file name and pixel size of the (first) source and hold their `provenance`;
        axes CYX where the network makes several channels.
    dtype : {"float32", "uint16", "uint8", "input"}
        float32 keeps the normalised scale. Integers go back to the grey values of the raw image, where 0 and 1 are its
        percentiles; if those do not fit, as those of a 16-bit image into uint8, or differ between channels, 0 and 1
        become the ends of the range.
        "input" is the raw image's own; float32 if that is none of the three.
    memory_gb : float
        What `restore` may use.
    restore : callable
        What restores one image: `care.restore`, or `cyclegan.restore` for a CycleGAN.

    Returns
    -------
    list of Path
        The restored files, in the order of `sources`.

    Raises
    ------
    FileExistsError
        If a file of the same name is there that this model did not write.
    FileNotFoundError, ValueError
        If a raw image is missing, or cannot be read or restored, two have one name, or there is no such dtype.
    """
    if dtype not in DTYPES:
        raise ValueError(f"Expected a dtype among {', '.join(DTYPES)}, found {dtype!r}. Choose one of those.")
    outputs = [Path(output_dir) / data.channel_files(source)[0].name for source in sources]
    for source, output in zip(sources, outputs, strict=True):
        for path in data.channel_files(source):
            data.read_plane_header(path)
        if outputs.count(output) > 1:
            remedy = "Restore them into different folders."
            raise data.problem(source, "one name per raw image", f"several images named {output.name}", remedy)
    model_sha256 = care.weights_sha256(model)
    for source, output in progress.bar(
        list(zip(sources, outputs, strict=True)), desc=f"{model.name} restores", unit="image"
    ):
        made_from = {"model_sha256": model_sha256, "source_sha256": data.checksum(source), "dtype": dtype}
        if output.exists() and _check_written_by(output, model_sha256).items() >= made_from.items():
            continue
        first, image = data.channel_files(source)[0], _read(source)
        with data.naming(first):
            origin = provenance(model, first, image) | made_from
            restored = _restore(restore, model, image, memory_gb)
        written = _written_dtype(image, dtype)
        grey_range = None if written == "float32" else _grey_range(image, origin["raw_0_and_1"], written)
        origin["written_0_and_1"] = grey_range or (0, 1)
        data.write_image(output, restored, like=first, dtype=written, grey_range=grey_range, provenance=origin)
    return outputs


def _read(source: data.ImageFiles) -> NDArray:
    """Return an image with axes (Y, X), or (C, Y, X) if there is a file for each channel."""
    if not isinstance(source, tuple):
        return data.read_image(source)
    channels = [data.read_image(path) for path in source]
    for path, channel in zip(source, channels, strict=True):
        if channel.shape != channels[0].shape:
            expected = f"the shape of {source[0]}, {channels[0].shape}"
            raise data.problem(path, expected, channel.shape, "Crop all channels alike.")
    return np.stack(channels)


def _restore(restore: Callable[..., NDArray], model: Any, image: NDArray, memory_gb: float) -> NDArray[np.float32]:
    """Restore an image; channels of the result come first."""
    axes = {"axes": "CYX"} if image.ndim == 3 else {}
    restored = restore(model, image, memory_gb=memory_gb, **axes)
    return np.moveaxis(restored, -1, 0) if restored.ndim > image.ndim else restored


def provenance(model: Any, source: data.PathLike, image: NDArray) -> dict[str, Any]:
    """Return what a restored image should say about itself.

    Parameters
    ----------
    model : csbdeep.models.CARE or cyclegan.CycleGAN
        The network that restores it.
    source : path
        File of the raw image, or of its first channel.
    image : ndarray of shape (Y, X) or (C, Y, X)
        The raw image.

    Returns
    -------
    dict
        JSON-serialisable: source file, model, hash of its weights, percentiles and the grey values they fell on; for
        several channels a list of these.
    """
    percentiles = record.percentiles(model.logdir)
    ranges = [list(patches.percentile_range(plane, **percentiles)) for plane in image.reshape(-1, *image.shape[-2:])]
    return {
        "note": "Restored by a neural network. Not for intensity measurement.",
        "source": Path(source).name,
        "model": model.name,
        "model_sha256": care.weights_sha256(model),
        "percentiles": percentiles,
        "raw_0_and_1": ranges[0] if image.ndim == 2 else ranges,
        "software": f"l2l_utils {__version__}",
    }


def _written_dtype(image: NDArray, dtype: str) -> str:
    if dtype != "input":
        return dtype
    return image.dtype.name if image.dtype.name in ("uint16", "uint8") else "float32"


def _grey_range(image: NDArray, raw_range: Sequence[float], dtype: str) -> tuple[float, float]:
    """Return the grey values that 0 and 1 become in an integer file."""
    largest = np.iinfo(dtype).max
    fits = image.ndim == 2 and image.dtype.kind in "ui" and raw_range[1] <= largest
    return (raw_range[0], raw_range[1]) if fits else (0, largest)


def _check_written_by(output: Path, model_sha256: str) -> dict[str, Any]:
    """Return the provenance of a result that this model wrote."""
    try:
        origin = data.read_provenance(output)
    except ValueError:
        origin = {}
    if origin.get("model_sha256") != model_sha256:
        raise FileExistsError(
            f"{output}: expected no file or one restored by this model, found another file. "
            "Choose another output folder, or move the file away."
        )
    return origin
