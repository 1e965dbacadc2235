"""A trained CARE network as a package for bioimage.io: ``python -m l2l_utils.model_package MODEL IMAGE.tif OUT.zip``.

The weights are a TensorFlow SavedModel: both of the book's Keras write it, and `bioimageio.core` runs it with any
TensorFlow from 2.16. Fiji's TensorFlow is too old for it, and for anything that Keras 3 writes, so there is no export
to Fiji: restore in the book, or with `bioimageio.core`, and open the restored TIFFs in Fiji.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf
import yaml
from csbdeep.models import CARE
from numpy.typing import NDArray
from PIL import Image

from l2l_utils import care, data, files, model_card, normalization, record, tiling
from l2l_utils.model_card import About

__all__ = ["About", "export"]

FORMAT: Final = "tensorflow_saved_model_bundle"
LARGEST_PX: Final = {"Z": 32, "Y": 256, "X": 256}
COVER_PX: Final = 256


def export(model_folder: data.PathLike, path: data.PathLike, *, image: data.ImageFiles, about: About) -> Path:
    """Write a trained model as a zip that bioimage.io takes, and `bioimageio.core` runs.

    The package holds weights, description, README, cover, test input and output, and CSBDeep's own files, so that
    `care.load` opens the unzipped package too. Of a probabilistic network it gives the mean only.

    Parameters
    ----------
    model_folder : path
        Folder of a trained CARE network, of planes or of stacks, of one channel or several.
    path : path
        The zip to write.
    image : path, or tuple of path
        Raw image of the kind that the network restores; several channels in a file each. A part of it becomes the test
        input and cover; its pixel size goes into the description.
    about : About
        Who made the model, and of what.

    Returns
    -------
    Path
        The zip.

    Raises
    ------
    FileNotFoundError, ValueError
        If the folder is not a trained CARE network, or the image cannot be restored by it or is too small.
    FileExistsError
        If there is another file at `path`.
    """
    model, path = care.load(model_folder), Path(path)
    if path.exists():
        raise FileExistsError(f"{path}: expected no such file, found one. Choose another name, or move it away.")
    layout = _layout(model, image)
    raw = _read_part(image, layout)
    with data.naming(data.channel_files(image)[0]):
        restored = care.restore(model, raw, axes=f"{layout.axes}C")
    restored = restored.reshape(*raw.shape[:-1], layout.n_out)
    known = record.read(model.logdir) | record.percentiles(model.logdir)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "test_input.npy", raw[None])
        np.save(folder / "test_output.npy", restored[None])
        _write_cover(folder / "cover.png", raw, restored)
        (folder / "README.md").write_text(model_card.readme(about, layout, known), encoding="utf-8")
        for own in ("config.json", record.FILE, _weights_file(model)):
            if (model.logdir / own).exists():
                shutil.copyfile(model.logdir / own, folder / own)
        weights = _write_weights(model, folder)
        sums = {part.name: data.checksum(part) for part in sorted(folder.iterdir())}
        content = model_card.describe(about, layout, known, weights, sums)
        (folder / "rdf.yaml").write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")
        with files.whole_file(path) as unfinished:
            _zip(folder, unfinished)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and write the package."""
    parser = argparse.ArgumentParser(
        prog="python -m l2l_utils.model_package", description=export.__doc__.split("\n")[0]
    )
    parser.add_argument("model_folder", help="folder of the trained model")
    parser.add_argument("image", nargs="+", type=Path, help="raw TIFF to test with; several channels: one file each")
    parser.add_argument("path", type=Path, help="zip to write")
    parser.add_argument("--name", required=True, help="name of the model on bioimage.io")
    parser.add_argument("--description", required=True, help="one or two sentences")
    parser.add_argument(
        "--author", nargs=2, action="append", required=True, metavar=("NAME", "AFFILIATION"), help="once per author"
    )
    for name in ("training-data", "license", "parent"):
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS)
    parser.add_argument("--tag", dest="tags", action="append", default=[])
    given = vars(parser.parse_args(arguments))
    model_folder, images, path = (given.pop(name) for name in ("model_folder", "image", "path"))
    authors = [{"name": name, "affiliation": affiliation} for name, affiliation in given.pop("author")]
    try:
        image = images[0] if len(images) == 1 else tuple(images)
        written = export(model_folder, path, image=image, about=About(authors=authors, **given))
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
    sys.stdout.write(f"{written}\n")


def _layout(model: CARE, image: data.ImageFiles) -> model_card.Layout:
    first, config, demands = data.channel_files(image)[0], model.config, tiling.Demands.of_care(model.config)
    axes = config.axes.replace("C", "")
    pixel_um = dict(zip("YX", data.pixel_size_um(first) or (), strict=False))
    if "Z" in axes and (distance_um := data.z_spacing_um(first)):
        pixel_um["Z"] = distance_um
    return model_card.Layout(
        axes, config.n_channel_in, config.n_channel_out, demands.block_px, demands.overlap_px, pixel_um
    )


def _read_part(image: data.ImageFiles, layout: model_card.Layout) -> NDArray[np.float32]:
    """Return the middle of an image, channels last, with sides that the network takes."""
    channels = [data.read_image(path, axes=layout.axes) for path in data.channel_files(image)]
    shape = channels[0].shape
    least = [layout.block_px * (1 if axis == "Z" else model_card.SMALLEST_BLOCKS) for axis in layout.axes]
    if any(side < smallest for side, smallest in zip(shape, least, strict=True)):
        expected, found = (" x ".join(map(str, sides)) for sides in (least, shape))
        remedy = "Give a larger image."
        raise data.problem(
            data.channel_files(image)[0], f"at least {expected} px ({layout.axes})", f"{found} px", remedy
        )
    window = []
    for axis, side in zip(layout.axes, shape, strict=True):
        length = min(side, LARGEST_PX[axis]) // layout.block_px * layout.block_px
        window.append(slice((side - length) // 2, (side - length) // 2 + length))
    return np.stack([channel[tuple(window)] for channel in channels], axis=-1).astype(np.float32)


def _write_weights(model: CARE, folder: Path) -> dict[str, Any]:
    """Write the network with its weights as SavedModel, zipped, and return what the description says of it."""
    network, n_channels = model.keras_model, model.config.n_channel_out
    sides = [None] * model.config.n_dim

    @tf.function(input_signature=[tf.TensorSpec([None, *sides, model.config.n_channel_in], tf.float32)])
    def restore(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {model_card.OUTPUT: network(image, training=False)[..., :n_channels]}

    module, source = tf.Module(), f"{FORMAT}.zip"
    module.network = network
    with tempfile.TemporaryDirectory() as name:
        tf.saved_model.save(module, name, signatures={"serving_default": restore})
        _zip(Path(name), folder / source)
    about = {"source": source, "sha256": data.checksum(folder / source), "tensorflow_version": version("tensorflow")}
    return {FORMAT: about}


def _weights_file(model: CARE) -> str:
    """Return the name of the file of weights that is in use: the one that CSBDeep opens."""
    found = sorted(model.logdir.glob("*.h5"), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((path.name for path in found if "best" in path.name), found[0].name)


def _write_cover(path: Path, raw: NDArray[np.float32], restored: NDArray[np.float32]) -> None:
    """Write raw and restored image side by side, the middle plane of a stack, the first channel of each."""
    halves = []
    for image in (raw, restored):
        plane = image[..., 0] if image.ndim == 3 else image[len(image) // 2, ..., 0]
        grey = Image.fromarray((normalization.normalize(plane) * 255).round().astype(np.uint8))
        halves.append(np.asarray(grey.resize((COVER_PX, COVER_PX))))
    buffer = io.BytesIO()
    Image.fromarray(np.hstack(halves)).save(buffer, format="png")
    path.write_bytes(buffer.getvalue())


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(folder.rglob("*")):
            archive.write(part, part.relative_to(folder))


if __name__ == "__main__":
    main()
