"""The losses that the networks against artefacts of nanoscopy are compared by."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import tensorflow as tf

from l2l_utils import losses, metrics, perceptual

N_SCALES: Final = 5
# As elsewhere in this book, so that five scales fit into patches of 128 px, as they do from 97 px on.
FILTER_SIZE: Final = metrics.FILTER_SIZES[N_SCALES]
NARROW: Final = 16


def get(name: str) -> losses.Loss:
    """Return a loss by its name.

    MS-SSIM has five scales and, as the paper says, all exponents 1, where Wang et al. have weights that sum to 1. Its
    window is 7 px wide. Where the paper cuts off similarities below 0 by a ReLU, which gives no gradient, the loss
    goes on rising above 1, see `losses.ms_ssim`.

    The paper's weighted combination is (1 - beta) L_i + beta L_j, with beta 0.6 for "MS-SSIM and L1" and 0.4 for "SSIM
    and L1". It does not say which is i; here it is the one named first.

    Parameters
    ----------
    name : {"L2", "L1", "SSIM", "MS-SSIM", "VGG", "MS-SSIM+L1", "SSIM+L1", "VGG random features", \
"VGG/4 random features"}
        "VGG" compares features that VGG-16 has learnt from ImageNet, whose weights must be there, see
        `perceptual.fetch_imagenet`; the last two those of the same network with random weights, and of one with a
        quarter of its channels, which takes a tenth of the time. The mixtures are 0.4 MS-SSIM + 0.6 L1 and
        0.6 SSIM + 0.4 L1.

    Returns
    -------
    callable
        ``loss(y_true, y_pred)`` of two float tensors of shape (batch, Y, X, 1), intensities 0 to 1; returns the float32
        loss per image, of shape (batch,). Sides are `minimum_patch_px` or more.

    Raises
    ------
    ValueError
        If no loss has this name, or the weights from ImageNet are damaged.
    FileNotFoundError
        If the loss is "VGG", and the weights from ImageNet are not there.

    References
    ----------
    Jadhav et al. (2020), https://arxiv.org/abs/2009.02617, equations 1 to 6
    """
    if name not in _MAKERS:
        raise ValueError(f"Unknown loss {name!r}. Known losses: {', '.join(NAMES)}.")
    return _MAKERS[name]()


def minimum_patch_px(name: str) -> int:
    """Return the smallest patch side, in px, that the loss `name` accepts."""
    if "SSIM" in name:
        return losses.minimum_side(N_SCALES, FILTER_SIZE) if "MS" in name else losses.minimum_patch_px("SSIM")
    return perceptual.MINIMUM_PX if "VGG" in name else 1


def _mixture(first: losses.Loss, *, beta: float) -> losses.Loss:
    second = losses.get("L1")

    def loss(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        return (1 - beta) * first(y_true, y_pred) + beta * second(y_true, y_pred)

    return loss


_MS_SSIM: Final = partial(losses.ms_ssim, weights=(1.0,) * N_SCALES, filter_size=FILTER_SIZE)
_MAKERS: Final[dict[str, Callable[[], losses.Loss]]] = {
    "L2": partial(losses.get, "L2"),
    "L1": partial(losses.get, "L1"),
    "SSIM": partial(losses.get, "SSIM"),
    "MS-SSIM": lambda: _MS_SSIM,
    "VGG": perceptual.Perceptual,
    "MS-SSIM+L1": lambda: _mixture(_MS_SSIM, beta=0.6),
    "SSIM+L1": lambda: _mixture(losses.get("SSIM"), beta=0.4),
    "VGG random features": partial(perceptual.Perceptual, perceptual.WIDTH),
    "VGG/4 random features": partial(perceptual.Perceptual, NARROW),
}
NAMES: Final = tuple(_MAKERS)
