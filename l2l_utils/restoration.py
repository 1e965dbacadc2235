"""Restore image files, and say in each result where it came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    axes: Literal["YX", "ZYX"] = "YX",
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
        Raw images; of several channels, a file for each.
    output_dir : path
        Folder of the results, which keep file name, pixel size and distance of planes of the (first) source and hold
        their `provenance`; axes CYX where the network makes several channels of planes.
    axes : {"YX", "ZYX"}
        Axes of the files, as those of the network.
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

    def make(image: NDArray, **options: Any) -> list[NDArray[np.float32]]:
        return [restore(model, image, memory_gb=memory_gb, **options)]

    written = _write_all(make, model, sources, {"restored": Path(output_dir)}, axes=axes, dtype=dtype)
    return [path for (path,) in written]


def restore_files_with_scale(
    model: care.CARE,
    sources: Sequence[data.ImageFiles],
    output_dir: data.PathLike,
    *,
    axes: Literal["YX", "ZYX"] = "YX",
    memory_gb: float = 1.4,
) -> list[tuple[Path, Path]]:
    """Restore image files with a probabilistic network, and write the scale that it predicts beside each result.

    Parameters
    ----------
    model : csbdeep.models.CARE
        Trained probabilistic network.
    sources, axes, memory_gb
        As for `restore_files`.
    output_dir : path
        Folder of the restored images, as `restore_files` writes them, float32; their scales have the same names in its
        sub-folder ``scale``.

    Returns
    -------
    list of (Path, Path)
        The files of restored image and scale, in the order of `sources`.

    Raises
    ------
    FileExistsError, FileNotFoundError, ValueError
        As `restore_files`, or if the network is not probabilistic.
    """

    def make(image: NDArray, **options: Any) -> care.Prediction:
        return care.restore_with_scale(model, image, memory_gb=memory_gb, **options)

    folders = {"restored": Path(output_dir), "scale": Path(output_dir) / "scale"}
    return [tuple(paths) for paths in _write_all(make, model, sources, folders, axes=axes, dtype="float32")]


def _write_all(
    make: Callable[..., Sequence[NDArray[np.float32]]],
    model: Any,
    sources: Sequence[data.ImageFiles],
    folders: Mapping[str, Path],
    *,
    axes: str,
    dtype: str,
) -> list[list[Path]]:
    """Write what is made of each source, an image for each of the folders, which are named by what they hold."""
    outputs = [[folder / data.channel_files(source)[0].name for folder in folders.values()] for source in sources]
    for source, files in zip(sources, outputs, strict=True):
        for path in data.channel_files(source):
            data.read_image_header(path, axes=axes)
        if outputs.count(files) > 1:
            remedy = "Restore them into different folders."
            raise data.problem(source, "one name per raw image", f"several images named {files[0].name}", remedy)
    model_sha256 = care.weights_sha256(model)
    for source, files in progress.bar(
        list(zip(sources, outputs, strict=True)), desc=f"{model.name} restores", unit="image"
    ):
        made_from = {"model_sha256": model_sha256, "source_sha256": data.checksum(source), "dtype": dtype}
        known = [_check_written_by(file, model_sha256) for file in files]
        if all(origin.items() >= made_from.items() for origin in known):
            continue
        first, image, image_axes = data.channel_files(source)[0], *_read(source, axes)
        with data.naming(first):
            origin = provenance(model, first, image, axes=image_axes) | made_from
            # CycleGANs know planes of one channel only, and therefore no axes.
            made = make(image, **({} if image_axes == "YX" else {"axes": image_axes}))
        written = _written_dtype(image, dtype)
        grey_range = None if written == "float32" else _grey_range(image, origin["raw_0_and_1"], written)
        origin["written_0_and_1"] = grey_range or (0, 1)
        for quantity, file, restored in zip(folders, files, made, strict=True):
            result = np.moveaxis(restored, -1, 0) if restored.ndim > image.ndim else restored
            about = {"like": first, "provenance": origin | {"quantity": quantity}}
            result_axes = axes if result.ndim == len(axes) else f"C{axes}"
            data.write_image(file, result, axes=result_axes, dtype=written, grey_range=grey_range, **about)
    return outputs


def _read(source: data.ImageFiles, axes: str) -> tuple[NDArray, str]:
    """Return an image and its axes, channels first if there is a file for each."""
    if not isinstance(source, tuple):
        return data.read_image(source, axes=axes), axes
    channels = [data.read_image(path, axes=axes) for path in source]
    for path, channel in zip(source, channels, strict=True):
        if channel.shape != channels[0].shape:
            expected = f"the shape of {source[0]}, {channels[0].shape}"
            raise data.problem(path, expected, channel.shape, "Crop all channels alike.")
    return np.stack(channels), f"C{axes}"


def provenance(model: Any, source: data.PathLike, image: NDArray, *, axes: str = "YX") -> dict[str, Any]:
    """Return what a restored image should say about itself.

    Parameters
    ----------
    model : csbdeep.models.CARE or cyclegan.CycleGAN
        The network that restores it.
    source : path
        File of the raw image, or of its first channel.
    image : ndarray
        The raw image.
    axes : {"YX", "CYX", "ZYX", "CZYX"}
        Its axes.

    Returns
    -------
    dict
        JSON-serialisable: source file, model, hash of its weights, percentiles and the grey values they fell on; for
        several channels a list of these.
    """
    percentiles, has_channels = record.percentiles(model.logdir), "C" in axes
    ranges = [list(patches.percentile_range(part, **percentiles)) for part in (image if has_channels else [image])]
    return {
        "note": "Restored by a neural network. Not for intensity measurement.",
        "source": Path(source).name,
        "model": model.name,
        "model_sha256": care.weights_sha256(model),
        "percentiles": percentiles,
        "raw_0_and_1": ranges if has_channels else ranges[0],
        "software": f"l2l_utils {__version__}",
    }


def _written_dtype(image: NDArray, dtype: str) -> str:
    if dtype != "input":
        return dtype
    return image.dtype.name if image.dtype.name in ("uint16", "uint8") else "float32"


def _grey_range(image: NDArray, raw_range: Sequence[float], dtype: str) -> tuple[float, float]:
    """Return the grey values that 0 and 1 become in an integer file."""
    largest = np.iinfo(dtype).max
    fits = np.ndim(raw_range) == 1 and image.dtype.kind in "ui" and raw_range[1] <= largest
    return (raw_range[0], raw_range[1]) if fits else (0, largest)


def _check_written_by(output: Path, model_sha256: str) -> dict[str, Any]:
    """Return the provenance of a result that this model wrote; nothing where there is no file."""
    if not output.exists():
        return {}
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
