"""The perceptual loss against convolutions in NumPy, and its network against Keras' VGG-16."""

import h5py
import numpy as np
import pytest
from csbdeep.models import base_model
from csbdeep.utils.tf import keras_import
from scipy import signal

from l2l_utils import nanoscopy_losses, perceptual

VGG16 = keras_import("applications", "VGG16")
MEAN_BGR = np.array([103.939, 116.779, 123.68])


def activations(image, weights):
    """Return the activations that are compared, of one grey image (Y, X), by plain convolutions."""
    x = (255 * image[..., None] - MEAN_BGR).astype(np.float64)
    pairs = iter(zip(weights[::2], weights[1::2], strict=True))
    compared = []
    for block, n_convolutions in enumerate((2, 2, 3, 3)):
        if block:
            x = x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, -1).max(axis=(1, 3))
        for _ in range(n_convolutions):
            kernel, bias = next(pairs)
            channels = [
                sum(signal.correlate2d(x[..., i], kernel[..., i, o], mode="same") for i in range(x.shape[-1]))
                for o in range(kernel.shape[-1])
            ]
            x = np.maximum(np.stack(channels, axis=-1) + bias, 0)
        compared.append(x)
    return compared


def direct(true, pred, weights):
    """Return the loss of one pair of grey images."""
    both = zip(activations(true, weights), activations(pred, weights), strict=True)
    return sum(np.abs(t - p).mean() for t, p in both)


def test_equals_convolutions_in_numpy(rng):
    """Grey becomes three channels, 0 to 255 less ImageNet's means; four layers' mean differences are summed."""
    loss = perceptual.Perceptual(2)
    true, pred = rng.random((2, 2, 16, 24, 1), np.float32)
    expected = [direct(t[..., 0], p[..., 0], loss.network.get_weights()) for t, p in zip(true, pred, strict=True)]
    np.testing.assert_allclose(loss(true, pred), expected, rtol=1e-4)


def test_the_network_is_vgg16(rng):
    """With the same weights, Keras' VGG-16 gives the same activations."""
    network = perceptual.random_features()
    theirs = VGG16(include_top=False, weights=None)
    for layer, ours in zip(
        [layer for layer in theirs.layers if layer.weights],
        [layer for layer in network.layers if layer.weights],
        strict=False,
    ):
        layer.set_weights(ours.get_weights())
    image = rng.random((1, 16, 16, 3), np.float32)
    for name, found in zip(perceptual.COMPARED, network(image), strict=True):
        expected = keras_import("models", "Model")(theirs.input, theirs.get_layer(name).output)(image)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_random_weights_are_always_the_same():
    """In any process and either lane; their spread is He's."""
    weights = perceptual.random_features(8).get_weights()
    assert weights[0].ravel()[:3] == pytest.approx([-0.16186328, 0.17167751, 0.28287637], rel=1e-6)
    for kernel in weights[2::2]:
        assert kernel.std() == pytest.approx(np.sqrt(2 / np.prod(kernel.shape[:3])), rel=0.1)
    assert not any(bias.any() for bias in weights[1::2])


def test_nothing_of_it_is_trained():
    """The network has no trainable weights, so no step can change what it compares."""
    assert perceptual.Perceptual(2).network.trainable_weights == []


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """Return an empty folder in which Keras' weights are looked for."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path


def test_imagenet(keras_home, rng):
    """A file of weights in Keras' folder is used, without a network connection."""
    theirs = VGG16(include_top=False, weights=None)
    path = keras_home / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    path.parent.mkdir()
    if base_model.IS_KERAS_3_PLUS:
        with h5py.File(path, "w") as file:
            base_model.save_weights_to_hdf5_group(file, theirs)
    else:
        theirs.save_weights(str(path))
    assert perceptual.fetch_imagenet() == path
    loss = nanoscopy_losses.get("VGG")
    true, pred = rng.random((2, 1, 8, 8, 1), np.float32)
    expected = 0
    for name in perceptual.COMPARED:
        features = keras_import("models", "Model")(theirs.input, theirs.get_layer(name).output)
        expected += np.abs(np.subtract(*(features(255 * images - MEAN_BGR) for images in (true, pred)))).mean()
    np.testing.assert_allclose(loss(true, pred), [expected], rtol=1e-4)


def test_no_weights_from_imagenet(keras_home):
    """Nothing is downloaded unasked; the message says what to do."""
    with pytest.raises(FileNotFoundError, match=r"fetch_imagenet\(\).*random features"):
        nanoscopy_losses.get("VGG")
    assert not list(keras_home.iterdir())


def test_damaged_weights(keras_home):
    """Half a file is named, and what to do with it."""
    path = perceptual.imagenet_file()
    assert path.is_relative_to(keras_home)
    path.parent.mkdir()
    path.write_bytes(b"\x89HDF\r\n\x1a\n half")
    with pytest.raises(ValueError, match="Delete it"):
        nanoscopy_losses.get("VGG")
