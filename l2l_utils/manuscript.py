"""A methods paragraph for a manuscript, written from what a model's folder has on record, and from nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from l2l_utils import __version__, data, record

REFERENCES: Final = {
    "Kölln et al., 2022": "https://doi.org/10.1242/jcs.258994",
    "Lehtinen et al., 2018": "https://doi.org/10.48550/arXiv.1803.04189",
    "Weigert et al., 2018": "https://doi.org/10.1038/s41592-018-0216-7",
    "Ronneberger et al., 2015": "https://doi.org/10.1007/978-3-319-24574-4_28",
    "Kingma and Ba, 2015": "https://doi.org/10.48550/arXiv.1412.6980",
    "Wang et al., 2003": "https://doi.org/10.1109/ACSSC.2003.1292216",
    "Wang et al., 2004": "https://doi.org/10.1109/TIP.2003.819861",
}
LOSSES: Final = {
    "L1": "the mean absolute error (L1)",
    "mae": "the mean absolute error (L1)",
    "L2": "the mean squared error (L2)",
    "mse": "the mean squared error (L2)",
    "SSIM": "1 minus the structural similarity index (SSIM; Wang et al., 2004)",
    "3S-SSIM": "1 minus the multi-scale structural similarity index at three scales (3S-SSIM; Wang et al., 2003; "
    "Kölln et al., 2022)",
    "5S-SSIM": "1 minus the multi-scale structural similarity index at five scales (5S-SSIM; Wang et al., 2003)",
    "Laplace": "the negative log-likelihood of a Laplace distribution in each pixel (Weigert et al., 2018)",
    "laplace": "the negative log-likelihood of a Laplace distribution in each pixel (Weigert et al., 2018)",
}
METHODS: Final = {
    "L2L": "Networks were trained by label2label (Kölln et al., 2022): from images of one label to images of another "
    "label of the same structure.",
    "N2N": "Networks were trained by noise2noise (Lehtinen et al., 2018): from one recording of a label to another.",
}
PACKAGES: Final = {"csbdeep": "CSBDeep", "tensorflow": "TensorFlow", "numpy": "NumPy"}


def methods_paragraph(folder: data.PathLike, *, n_held_out: int = 0) -> str:
    """Write the paragraph that tells readers of a manuscript how a model was made.

    Parameters
    ----------
    folder : path
        The model's folder: ``config.json`` and, of a model of this package, ``training.json``. Folders beside it that
        differ in the seed alone, by name and by record, count as repetitions of the same training.
    n_held_out : int
        Number of image pairs that the model was judged on, which its folder does not know; 0 leaves them out.

    Returns
    -------
    str
        Sentences, those of what is not on record in brackets at their end, then the references with their DOI.

    Raises
    ------
    FileNotFoundError
        If the folder is not that of a model.
    ValueError
        If one of its files is damaged, or its training has not ended.
    """
    folder = Path(folder).resolve()
    config, content = _read(folder)
    sentences = _network(config, content)
    sentences += _training(config, content, _seeds(folder, content)) if content else [_plain_training(config)]
    how = "normalised in the same way" if content else "normalised by its own percentiles"
    sentences.append(
        f"To be restored, an image is {how}; large ones pass in overlapping tiles (l2l_utils {__version__})."
    )
    if n_held_out:
        pairs = _count(n_held_out, "image pair")
        sentences.append(f"The result was judged on {pairs} held out from training and from the choice of weights.")
    if method := METHODS.get(folder.name.split("_")[0] if content else ""):
        sentences.insert(0, method)
    text = " ".join([*sentences, _missing(content, n_held_out)])
    cited = [f"{name}, {doi}" for name, doi in REFERENCES.items() if name in text]
    return f"{text} References: {'; '.join(cited)}."


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    path, remedy = folder / "config.json", "Give the folder of a trained CARE model."
    if not path.is_file():
        raise FileNotFoundError(str(data.problem(folder, "a model's config.json there", "none", remedy)))
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        config["unet_n_depth"], config["train_epochs"]
    except (ValueError, KeyError, TypeError) as error:
        raise data.problem(path, "the configuration of a CARE model", f"another file ({error})", remedy) from error
    content = record.read(folder)
    if content and not content.get("finished"):
        remedy = "Run the training again: it goes on where it stopped."
        raise data.problem(folder, "a finished training", "one that was interrupted", remedy)
    return config, content


def _network(config: Mapping[str, Any], content: Mapping[str, Any]) -> list[str]:
    version = content.get("versions", {}).get("csbdeep")
    kind = "stacks" if "Z" in config["axes"] else "planes"
    channels = f"{_count(config['n_channel_in'], 'channel')} in and {config['n_channel_out']} out"
    head = " that adds its input to its result" if config["unet_residual"] else ""
    return [
        f"The network is the U-Net (Ronneberger et al., 2015) of CARE (Weigert et al., 2018) in CSBDeep"
        f"{f' {version}' if version else ''}{head}, of depth {config['unet_n_depth']}, with {config['unet_n_first']} "
        f"filters in its first layer and kernels of {config['unet_kern_size']} px, for {kind} with {channels}."
    ]


def _training(config: Mapping[str, Any], content: Mapping[str, Any], seeds: Sequence[int]) -> list[str]:
    about, used = content["about"], content["used_precision"]
    precision = "float32" if used == "float32" else f"{used}, with weights and loss in float32"
    versions = content["versions"]
    packages = _list([f"{name} {versions[key]}" for key, name in PACKAGES.items() if key in versions])
    device = f" on {content['device']}" if "device" in content else ""
    runs = (
        f"trainings with the random seeds {_list(seeds)}"
        if len(seeds) > 1
        else f"training with the random seed {seeds[0]}"
    )
    return [
        *([_patches(content)] if "sha256" in about else []),
        f"Each image was normalised so that its percentiles {content['pmin']:g} and {content['pmax']:g} became 0 and "
        "1, and clipped to that range.",
        *([_augmentation(about["augmentation"])] if "augmentation" in about else []),
        f"The loss is {LOSSES[content['loss']]}. {_steps(config)}",
        f"There was one {runs}." if len(seeds) == 1 else f"There were {len(seeds)} {runs}.",
        f"With the seed {content['seed']}, the weights of epoch {content['best_epoch']} were kept, whose loss on "
        f"{content['patches']['validation']} validation patches was the lowest ({content['best_val_loss']:.3g}).",
        f"Training computed in {precision} and took {_duration(content['seconds'])}{device}, with l2l_utils "
        f"{versions['l2l_utils']}, {packages}.",
    ]


def _plain_training(config: Mapping[str, Any]) -> str:
    return f"Its configuration names as loss {LOSSES.get(config['train_loss'], config['train_loss'])}. {_steps(config)}"


def _steps(config: Mapping[str, Any]) -> str:
    epochs, steps = _count(config["train_epochs"], "epoch"), _count(config["train_steps_per_epoch"], "step")
    batch, rate = _count(config["train_batch_size"], "patch", "patches"), f"{config['train_learning_rate']:g}"
    if slower := config.get("train_reduce_lr"):
        patience = _count(slower["patience"], "epoch")
        rate += f", multiplied by {slower['factor']:g} after {patience} without a lower validation loss"
    return (
        f"It was minimised by Adam (Kingma and Ba, 2015) in {epochs} of {steps} with {batch} each, at a learning rate "
        f"of {rate}."
    )


def _patches(content: Mapping[str, Any]) -> str:
    about = content["about"]
    side = about["patch_px"]
    size = f"{side} x {side}" if isinstance(side, int) else " x ".join(map(str, side))
    n_pairs, total = len(about["sha256"]), _count(content["patches"]["training"], "patch", "patches")
    each = f"{about['n_per_image']} from each of {n_pairs} image pairs" if n_pairs > 1 else "from one image pair"
    return f"It was trained on {total} of {size} px, {each}, cut where the target is brighter than background."


def _augmentation(augmentation: Mapping[str, Any] | None) -> str:
    if augmentation is None:
        return "The patches were not augmented."
    which = "Every patch" if augmentation.get("every", 2) == 1 else "Every second patch"
    zooms = [f"{zoom:g}" for zoom in augmentation["zooms"]]
    steps = [f"zoomed by {_list(zooms, 'or')}"] if zooms else []
    steps.append("turned by a random number of right angles")
    steps += ["mirrored at random"] if augmentation["flips"] else []
    return f"{which} was {_list(steps)}, source and target alike."


def _seeds(folder: Path, content: Mapping[str, Any]) -> list[int]:
    """Return the seeds of all finished trainings that differ in the seed alone, this one among them."""
    stem = re.fullmatch(r"(.+_seed)\d+", folder.name)
    if not content or not stem:
        return [content["seed"]] if content else []
    alike = ("loss", "pmin", "pmax", "config", "about", "precision", "finished")
    others = [
        record.read(path) for path in folder.parent.iterdir() if re.fullmatch(f"{re.escape(stem[1])}\\d+", path.name)
    ]
    same = [other for other in others if all(other.get(name) == content.get(name) for name in alike)]
    return sorted({other["seed"] for other in same})


def _missing(content: Mapping[str, Any], n_held_out: int) -> str:
    """Return in brackets what readers want to know and the folder does not tell."""
    lacking = ["sample, labels and microscope"]
    lacking += [] if content else ["training images", "patches", "normalisation", "augmentation", "seed", "versions"]
    lacking += [] if "sha256" in content.get("about", {}) or not content else ["training images"]
    lacking += [] if "device" in content else ["device"]
    lacking += [] if n_held_out else ["images that the result was judged on"]
    return f"[Not on record, to be added: {'; '.join(lacking)}.]"


def _list(items: Sequence[object], word: str = "and") -> str:
    *first, last = map(str, items)
    return f"{', '.join(first)} {word} {last}" if first else last


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
