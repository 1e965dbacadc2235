"""A trained CARE network at work on one image: what it restores, and how far off it says that may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from csbdeep.models import CARE
from csbdeep.utils import normalize_mi_ma
from numpy.typing import ArrayLike, NDArray

from l2l_utils import normalization, record, tiling


class Prediction(NamedTuple):
    """A Laplace distribution for each pixel: float32 arrays of one shape, on the scale of the normalised target."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]


def restore(
    model: CARE,
    image: ArrayLike,
    *,
    axes: str = "YX",
    memory_gb: float = 1.4,
    intensity_range: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    """Restore one image, in tiles if it is large.

    Parameters
    ----------
    model : csbdeep.models.CARE
        Trained network.
    image : array_like
        Raw image of any size, number type and intensity unit; each channel is normalised by itself.
    axes : {"YX", "YXC", "CYX", "ZYX", "ZYXC", "CZYX"}
        Axes of the image; Z where the network was trained on stacks.
    memory_gb : float
        What restoring may use, in GiB, beside the image itself; decides the number of tiles.
    intensity_range : (float, float), optional
        Intensities that become 0 and 1, to treat several images alike; the image's own percentiles if not given.

    Returns
    -------
    ndarray
        float32, on the scale of the normalised target: about 0 to 1; of a probabilistic network the mean. Axes as those
        of the image; where it has no channels, but the network's result has several, they come last.

    Raises
    ------
    ValueError
        If axes, channels, range or memory do not fit image and network, or a channel cannot be normalised.
    """
    options = {"axes": axes, "memory_gb": memory_gb, "intensity_range": intensity_range}
    return _in_order(_apply(model, image, n_outputs=model.config.n_channel_out, **options), axes)


def restore_with_scale(
    model: CARE,
    image: ArrayLike,
    *,
    axes: str = "YX",
    memory_gb: float = 1.4,
    intensity_range: Sequence[float] | None = None,
) -> Prediction:
    """Restore one image and return with it the scale that a probabilistic network predicts for every pixel.

    The network states that a pixel of the target is drawn from a Laplace distribution, noise of the target included:
    within ``mean +- scale * ln 2`` in half of all cases, see `uncertainty`.

    Parameters
    ----------
    model : csbdeep.models.CARE
        Trained probabilistic network.
    image, axes, memory_gb, intensity_range
        As for `restore`.

    Returns
    -------
    Prediction
        The mean, which `restore` returns too, and the scale, above 0.

    Raises
    ------
    ValueError
        If the network is not probabilistic; else as `restore`.

    References
    ----------
    Weigert et al. (2018), https://doi.org/10.1038/s41592-018-0216-7
    """
    if not model.config.probabilistic:
        raise ValueError(
            f"{model.name}: expected a probabilistic network, found one that predicts no scale. "
            'Train one with the loss "Laplace".'
        )
    n_channels = model.config.n_channel_out
    options = {"axes": axes, "memory_gb": memory_gb, "intensity_range": intensity_range}
    outputs = _apply(model, image, n_outputs=2 * n_channels, **options)
    return Prediction(*(_in_order(part, axes) for part in (outputs[..., :n_channels], outputs[..., n_channels:])))


def _apply(
    model: CARE,
    image: ArrayLike,
    *,
    n_outputs: int,
    axes: str,
    memory_gb: float,
    intensity_range: Sequence[float] | None,
) -> NDArray[np.float32]:
    """Return the first outputs of the network for an image, channels last."""
    image = np.asarray(image)
    spatial = model.config.axes.replace("C", "")
    allowed = spatial, f"{spatial}C", f"C{spatial}"
    if axes not in allowed or image.ndim != len(axes) or image.dtype.kind not in "uif" or not image.size:
        raise ValueError(
            f"Expected a real image with the axes {allowed[0]}, {allowed[1]} or {allowed[2]}, found axes {axes!r} for "
            f"the shape {image.shape}, {image.dtype}. A network restores what it was trained on: stacks, or planes one "
            "by one."
        )
    image = np.moveaxis(image, axes.find("C"), -1) if "C" in axes else image[..., None]
    if image.shape[-1] != model.config.n_channel_in:
        raise ValueError(
            f"Expected {model.config.n_channel_in} channel(s), which the network was trained with, found "
            f"{image.shape[-1]} in an image with the axes {axes}. Choose the channels, or another model."
        )
    percentiles, channels = record.percentiles(model.logdir), np.moveaxis(image, -1, 0)
    low, high = np.transpose([normalization.chosen_range(part, intensity_range, **percentiles) for part in channels])

    def predict(tile: NDArray) -> NDArray[np.float32]:
        return model.keras_model.predict_on_batch(normalize_mi_ma(tile, low, high, clip=True)[None])[0, ..., :n_outputs]

    demands = tiling.Demands.of_care(model.config)
    return tiling.restore_tiles(predict, image, demands, n_channel_out=n_outputs, memory_gb=memory_gb, name=model.name)


def _in_order(restored: NDArray[np.float32], axes: str) -> NDArray[np.float32]:
    """Return a result whose channels are last with the axes of the image."""
    if "C" in axes:
        return np.moveaxis(restored, -1, axes.find("C"))
    return restored[..., 0] if restored.shape[-1] == 1 else restored
