"""Losses for training: L1, L2, the multi-scale structural similarity losses, and that of a predicted distribution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import tensorflow as tf
from csbdeep.internals.losses import loss_laplace

from l2l_utils import metrics

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

# Below this mean index the exponent's gradient would blow up, then vanish; the shortfall takes over as a linear term.
_FLOOR: Final = 1e-3


def get(name: str) -> Loss:
    """Return a loss by its name.

    Parameters
    ----------
    name : {"L1", "L2", "SSIM", "3S-SSIM", "5S-SSIM", "Laplace"}
        Least absolute deviation, least squares, 1 minus the structural similarity at 1, 3 or 5 scales, or the negative
        log-likelihood of a Laplace distribution in each pixel.

    Returns
    -------
    callable
        ``loss(y_true, y_pred)`` of two float tensors of shape (batch, Y, X, channel) or (batch, Z, Y, X, channel),
        intensities 0 to 1; returns the float32 loss per image, of shape (batch,). For "Laplace", ``y_pred`` has twice
        the channels of ``y_true``: first the means, then the scales, which are above 0. The similarity losses take
        stacks plane by plane, and raise ValueError for images whose sides are too short for their scales.

    Raises
    ------
    ValueError
        If no loss has this name.

    References
    ----------
    Kölln et al. (2022), https://doi.org/10.1242/jcs.258994, equations 2 to 5; Laplace: Weigert et al. (2018),
    https://doi.org/10.1038/s41592-018-0216-7.
    """
    known = NAMES | {LAPLACE: _laplace}
    if name not in known:
        raise ValueError(f"Unknown loss {name!r}. Known losses: {', '.join(known)}.")
    return known[name]


def minimum_patch_px(name: str) -> int:
    """Return the smallest patch side, in px, that the loss `name` accepts."""
    return metrics.minimum_size(_N_SCALES[name]) if name in _N_SCALES else 1


def is_probabilistic(name: str) -> bool:
    """Return whether a loss trains networks that predict a distribution, so that its images have means and scales."""
    return name == LAPLACE


def _as_float32(y_true: tf.Tensor, y_pred: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mixed precision stops here: losses are computed in float32."""
    return tf.cast(y_true, tf.float32), tf.cast(y_pred, tf.float32)


def _mean_per_image(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(values, axis=list(range(1, len(values.shape))))


def _l1(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    true, pred = _as_float32(y_true, y_pred)
    return _mean_per_image(tf.abs(true - pred))


def _l2(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    true, pred = _as_float32(y_true, y_pred)
    return _mean_per_image(tf.square(true - pred))


def _laplace(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    return _mean_per_image(loss_laplace()(*_as_float32(y_true, y_pred)))


def ms_ssim(y_true: tf.Tensor, y_pred: tf.Tensor, *, weights: Sequence[float], filter_size: int) -> tf.Tensor:
    """Return 1 minus the multi-scale SSIM; where a scale's mean index is negative, plus its weighted shortfall.

    Parameters
    ----------
    y_true, y_pred : tf.Tensor of shape (batch, Y, X, channel) or (batch, Z, Y, X, channel)
        Intensities 0 to 1.
    weights : sequence of float
        Exponent of each scale's mean index, finest first; each scale halves the image of the one before.
    filter_size : int
        Side of the Gaussian window, in px.

    Returns
    -------
    tf.Tensor of shape (batch,)
        float32, 0 for equal images.

    Raises
    ------
    ValueError
        If a side is shorter than ``minimum_side(len(weights), filter_size)``.

    References
    ----------
    Wang et al. (2003), https://doi.org/10.1109/ACSSC.2003.1292216
    """
    _check_size(y_true, len(weights), filter_size)
    true, pred = (_channels_to_batch(images) for images in _as_float32(y_true, y_pred))
    index, shortfall = 1.0, 0.0
    for scale, weight in enumerate(weights):
        if scale:
            true, pred = _halve(true), _halve(pred)
        mean = _mean_index(true, pred, filter_size, with_luminance=scale == len(weights) - 1)
        index *= tf.maximum(mean, _FLOOR) ** weight
        shortfall += weight * tf.nn.relu(_FLOOR - mean)
    return _mean_per_image(tf.reshape(1.0 - index + shortfall, (tf.shape(y_true)[0], -1)))


def minimum_side(n_scales: int, filter_size: int) -> int:
    """Return the smallest image side, in px, on which SSIM at `n_scales` scales with this window is defined."""
    return (filter_size - 1) * 2 ** (n_scales - 1) + 1


def _check_size(images: tf.Tensor, n_scales: int, filter_size: int) -> None:
    smallest = minimum_side(n_scales, filter_size)
    sides = [side for side in images.shape[-3:-1] if side is not None]
    if sides and min(sides) < smallest:
        raise ValueError(
            f"The loss with {n_scales} scale(s) of SSIM needs patches of at least {smallest} px per side, "
            f"found {tuple(images.shape[-3:-1])}. Use larger patches or a loss with fewer scales."
        )


def _channels_to_batch(images: tf.Tensor) -> tf.Tensor:
    """Turn (batch, ..., Y, X, channel) into (batch * ... * channel, Y, X)."""
    *_, rows, columns, _ = tf.unstack(tf.shape(images))
    *others, along_y, along_x, channel = range(len(images.shape))
    return tf.reshape(tf.transpose(images, (*others, channel, along_y, along_x)), (-1, rows, columns))


def _halve(images: tf.Tensor) -> tf.Tensor:
    # SAME leaves the padding out of the mean, which is what repeating the last row or column would give.
    return tf.nn.avg_pool2d(images[..., None], ksize=2, strides=2, padding="SAME")[..., 0]


def _mean_index(true: tf.Tensor, pred: tf.Tensor, filter_size: int, *, with_luminance: bool) -> tf.Tensor:
    """Return the mean contrast-structure index of each image, times luminance if asked, of shape (batch,)."""
    # Variances do not change under a common shift, and float32 rounds less around zero.
    shift = tf.stop_gradient(tf.reduce_mean(true, axis=(1, 2), keepdims=True))
    true, pred = true - shift, pred - shift
    maps = tf.concat([true, pred, true * pred, tf.square(true) + tf.square(pred)], axis=0)
    mean_true, mean_pred, mean_product, mean_squares = tf.split(_local_mean(maps, filter_size), 4, axis=0)
    product, squares = mean_true * mean_pred, tf.square(mean_true) + tf.square(mean_pred)
    c1, c2 = metrics.K1**2, metrics.K2**2
    index = (2 * (mean_product - product) + c2) / (mean_squares - squares + c2)
    if with_luminance:
        mean_true, mean_pred = mean_true + shift, mean_pred + shift
        index *= (2 * mean_true * mean_pred + c1) / (tf.square(mean_true) + tf.square(mean_pred) + c1)
    return tf.reduce_mean(index, axis=(1, 2))


def _local_mean(images: tf.Tensor, filter_size: int) -> tf.Tensor:
    """Average images (batch, Y, X) under the Gaussian window; the result is transposed, (batch, valid X, valid Y)."""
    # As products with band matrices, which on the CPU take half the time of convolutions, or less.
    _, rows, columns = tf.unstack(tf.shape(images))
    along_x = tf.reshape(images, (-1, columns)) @ _window_matrix(columns, filter_size)
    turned = tf.transpose(tf.reshape(along_x, (-1, rows, columns - filter_size + 1)), (0, 2, 1))
    along_y = tf.reshape(turned, (-1, rows)) @ _window_matrix(rows, filter_size)
    return tf.reshape(along_y, (-1, columns - filter_size + 1, rows - filter_size + 1))


def _window_matrix(size: tf.Tensor, filter_size: int) -> tf.Tensor:
    """Return the matrix of shape (size, valid positions) whose columns are the shifted window."""
    window = tf.constant(metrics.gaussian_window(filter_size), tf.float32)
    offset = tf.range(size)[:, None] - tf.range(size - filter_size + 1)[None, :]
    within = (offset >= 0) & (offset < filter_size)
    return tf.where(within, tf.gather(window, tf.clip_by_value(offset, 0, filter_size - 1)), 0.0)


LAPLACE: Final = "Laplace"
_N_SCALES: Final = {"SSIM": 1, "3S-SSIM": 3, "5S-SSIM": 5}
NAMES: Final[dict[str, Loss]] = {
    "L1": _l1,
    "L2": _l2,
    **{
        name: partial(ms_ssim, weights=metrics.MS_SSIM_WEIGHTS[n_scales], filter_size=metrics.FILTER_SIZES[n_scales])
        for name, n_scales in _N_SCALES.items()
    },
}
