"""What a model's package for bioimage.io says: its description ``rdf.yaml`` and its page ``README.md``.

Written for format 0.5.4 of bioimage.io's model description, which all later 0.5 read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

FORMAT_VERSION: Final = "0.5.4"
DATASET_FORMAT_VERSION: Final = "0.3.0"
INPUT, OUTPUT = "raw", "restored"
SMALLEST_BLOCKS: Final = 8  # along Y and X; the network itself would take one block
CITATIONS: Final = (
    (
        "Kölln et al. (2022). Label2label: training a neural network to selectively restore cellular structures in "
        "fluorescence microscopy. Journal of Cell Science 135, jcs258994.",
        "10.1242/jcs.258994",
    ),
    (
        "Weigert et al. (2018). Content-aware image restoration: pushing the limits of fluorescence microscopy. "
        "Nature Methods 15, 1090-1097.",
        "10.1038/s41592-018-0216-7",
    ),
)
TAGS: Final = (
    "label2label",
    "care",
    "csbdeep",
    "unet",
    "tensorflow",
    "image-restoration",
    "fluorescence-light-microscopy",
)
README: Final = """\
# {name}

{description}

Trained with the Label2label book on pairs of images: the input label, and the same field in a better label.
The network keeps what the input tells about the better label, and leaves the rest out.
**Intensities of its result must not be measured**: they follow what the network expects, not how much protein there is.

## Training

{training}

Training data: {training_data}

## How to use it

- Input: {n_in} channel(s), axes {axes}, any intensity unit. Each channel of each image is scaled to 0 and 1 by its own
  percentiles {pmin:g} and {pmax:g} and clipped; the package's pre-processing does this.
- Output: {n_out} channel(s), float32, about 0 to 1 on the scale of the normalised better label.
- Each side of the image must be a multiple of {block_px} px. Pad by reflection and crop afterwards.
- Restore whole images where memory allows: percentiles of a tile differ from those of its image. Where you must tile,
  normalise first, and let tiles overlap by {overlap_px} px.
- In the book: `care.load` opens the unzipped package, and restores in tiles without seams.
- Fiji: its TensorFlow cannot read these weights. Restore in the book or with `bioimageio.core`; the TIFFs open in Fiji.

## Validation

Do not trust the network on images unlike its training images: other labels, fixation, microscope or magnification.
Keep pairs that it has not seen, restore their input and compare with the better label (PSNR, SSIM, multi-scale SSIM),
then look at what was removed: it should be background and noise, not your structure.
Chapters 03 (scores), 06 (alarms where there is no better label) of the book do both.
"""


@dataclass(frozen=True)
class About:
    """What only its maker knows about a model.

    Parameters
    ----------
    name : str
        5 to 128 letters, digits, spaces and ``_+-()``.
    description : str
        One or two sentences, at most 512 characters.
    authors : sequence of mapping
        Each with ``name``, and if wanted ``affiliation``, ``orcid``, ``github_user``, ``email``.
    training_data : str
        Sample, labels, microscope, and where the images are.
    license : str
        SPDX identifier.
    parent : str
        Identifier on bioimage.io of the model that this one was trained from.
    tags : sequence of str
        Beside those that every package gets.
    """

    name: str
    description: str
    authors: Sequence[Mapping[str, str]]
    training_data: str = "not described"
    license: str = "CC-BY-4.0"
    parent: str = ""
    tags: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_+\- ()]{5,128}", self.name):
            raise ValueError(
                f"Expected a name of 5 to 128 letters, digits, spaces and _+-(), as bioimage.io asks for, found "
                f"{self.name!r}. Choose another name."
            )
        if not 0 < len(self.description) <= 512:
            raise ValueError(
                "Expected a description of 1 to 512 characters, "
                f"found {len(self.description)}. Write one, or shorten it."
            )
        fields = {"name", "affiliation", "orcid", "github_user", "email"}
        if not self.authors or any(not author.get("name") or author.keys() - fields for author in self.authors):
            raise ValueError(
                f"Expected at least one author, each with a name and otherwise only {', '.join(sorted(fields))}, found "
                f"{list(self.authors)}. Give, for instance, [{{'name': 'A. Name', 'affiliation': 'An Institute'}}]."
            )


class Layout(NamedTuple):
    """What a network takes and gives.

    `axes` are spatial, ZYX or YX; `pixel_um` says how far apart their pixels are, where known; the image's sides are
    multiples of `block_px`; tiles have to overlap by `overlap_px`.
    """

    axes: str
    n_in: int
    n_out: int
    block_px: int
    overlap_px: int
    pixel_um: Mapping[str, float]


def describe(
    about: About, layout: Layout, record: Mapping[str, Any], weights: Mapping[str, Any], files: Mapping[str, str]
) -> dict[str, Any]:
    """Return the content of ``rdf.yaml``.

    Parameters
    ----------
    about : About
        Who made the model, and of what.
    layout : Layout
        Its axes and channels.
    record : mapping
        What is known of its training, as in ``training.json``, with ``pmin`` and ``pmax``.
    weights : mapping
        The entry ``weights``: a format's name, and its description.
    files : mapping of str to str
        SHA-256 of each file of the package, by its name; what is not mentioned elsewhere becomes an attachment.
    """
    own = {
        "README.md",
        "cover.png",
        "test_input.npy",
        "test_output.npy",
        *(entry["source"] for entry in weights.values()),
    }
    attached = [{"source": name, "sha256": sha256} for name, sha256 in files.items() if name not in own]
    shared = {"authors": [dict(author) for author in about.authors], "license": about.license}
    cited = {"cite": [{"text": text, "doi": doi} for text, doi in CITATIONS]}
    return {
        "format_version": FORMAT_VERSION,
        "type": "model",
        "name": about.name,
        "description": about.description,
        **shared,
        **cited,
        "tags": [*TAGS, f"{len(layout.axes)}d", *about.tags],
        "documentation": "README.md",
        "covers": ["cover.png"],
        "attachments": attached,
        "inputs": [_input(layout, record, files["test_input.npy"])],
        "outputs": [_output(layout, files["test_output.npy"])],
        "training_data": {
            "format_version": DATASET_FORMAT_VERSION,
            "type": "dataset",
            "name": f"Training data of {about.name}"[:128],
            "description": about.training_data[:1024],
            **shared,
            **cited,
        },
        **({"parent": {"id": about.parent}} if about.parent else {}),
        "weights": dict(weights),
        "config": {"label2label": {name: record[name] for name in record if name not in ("about", "config")}},
    }


def readme(about: About, layout: Layout, record: Mapping[str, Any]) -> str:
    """Return the text of ``README.md``."""
    names = {"loss": "training loss", "patches": "patches", "patch_px": "side of a patch in px", "seed": "seed"}
    names |= {"best_epoch": "epoch of the weights", "best_val_loss": "validation loss of that epoch"}
    names |= {"used_precision": "computed in", "versions": "versions"}
    known = [f"- {label}: {_text(record[name])}" for name, label in names.items() if name in record]
    return README.format(
        name=about.name,
        description=about.description,
        training="\n".join(known) or "Nothing is on record: the model was made by plain CSBDeep.",
        training_data=about.training_data,
        pmin=record["pmin"],
        pmax=record["pmax"],
        **layout._asdict(),
    )


def _text(value: object) -> str:
    return ", ".join(f"{name} {part}" for name, part in value.items()) if isinstance(value, Mapping) else f"{value}"


def _input(layout: Layout, record: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    least = {"z": layout.block_px}
    smallest, step = SMALLEST_BLOCKS * layout.block_px, layout.block_px
    sizes = {axis: {"min": least.get(axis, smallest), "step": step} for axis in layout.axes.lower()}
    # The smallest eps that leaves float32 alone: the book divides by the range as it is.
    percentiles = {"min_percentile": record["pmin"], "max_percentile": record["pmax"], "eps": 1e-20}
    return {
        "id": INPUT,
        "description": "Image of the input label, in any intensity unit.",
        "axes": _axes(layout, sizes, layout.n_in, INPUT),
        "data": {"type": "float32"},
        "preprocessing": [
            {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
            {"id": "scale_range", "kwargs": {"axes": list(layout.axes.lower()), **percentiles}},
            {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}},
        ],
        "test_tensor": {"source": "test_input.npy", "sha256": sha256},
    }


def _output(layout: Layout, sha256: str) -> dict[str, Any]:
    sizes = {axis: {"tensor_id": INPUT, "axis_id": axis} for axis in layout.axes.lower()}
    return {
        "id": OUTPUT,
        "description": "Restored image, about 0 to 1. Not for intensity measurement.",
        "axes": _axes(layout, sizes, layout.n_out, OUTPUT),
        "data": {"type": "float32"},
        "test_tensor": {"source": "test_output.npy", "sha256": sha256},
    }


def _axes(layout: Layout, sizes: Mapping[str, Any], n_channels: int, name: str) -> list[dict[str, Any]]:
    scales = {axis.lower(): {"unit": "micrometer", "scale": um} for axis, um in layout.pixel_um.items()}
    space = [{"type": "space", "id": axis, "size": size, **scales.get(axis, {})} for axis, size in sizes.items()]
    names = [f"{name}{i}" for i in range(n_channels)]
    return [{"type": "batch"}, *space, {"type": "channel", "channel_names": names}]
