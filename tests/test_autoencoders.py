"""The networks are segmentation_models.pytorch's, their output is divided by its maximum, and none is born dead."""

import numpy as np
import pytest
import tensorflow as tf
from csbdeep.utils.tf import keras_import
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import signal

from l2l_utils import autoencoders

set_random_seed = keras_import("utils", "set_random_seed")

# Of segmentation_models_pytorch 0.6.0: sum(p.numel() for p in smp.Unet("resnet34", in_channels=1).parameters()), ...
PARAMETERS = {"UNet-R34": 24_430_097, "UNet-R50": 32_514_833, "FPN-R34": 23_149_121}


@pytest.fixture(scope="module", params=autoencoders.NAMES)
def network(request):
    """Return each network, as narrow as it can be."""
    set_random_seed(1)
    return autoencoders.create(request.param, n_filters=4)


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_papers_networks_have_its_numbers_of_parameters(name):
    """To the digit; statistics of batches, which PyTorch does not count, are left out."""
    network = autoencoders.create(name)
    assert sum(int(np.prod(weights.shape)) for weights in network.trainable_weights) == PARAMETERS[name]


def test_a_narrower_network_has_every_width_in_proportion():
    """Half the filters has half the channels in every convolution but the last, which has one."""
    wide, narrow = (autoencoders.create("UNet-R50", n_filters=n) for n in (8, 4))
    channels = [[w.shape[-1] for w in network.get_weights() if w.ndim == 4] for network in (wide, narrow)]
    assert channels[0][:-1] == [2 * n for n in channels[1][:-1]]
    assert channels[0][-1] == channels[1][-1] == 1


@pytest.mark.parametrize("shape", [(1, 32, 32, 1), (2, 64, 96, 1)])
def test_output(network, rng, shape):
    """Of any size, as large as the input, 0 to 1, and the maximum of each image is 1, exactly."""
    restored = network(rng.random(shape, np.float32)).numpy()
    assert restored.shape == shape
    assert restored.dtype == np.float32
    assert restored.min() >= 0
    np.testing.assert_array_equal(restored.max(axis=(1, 2, 3)), 1)


def test_an_image_does_not_depend_on_the_others_of_its_batch(network, rng):
    """Once trained, normalisation has fixed statistics."""
    images = rng.random((3, 32, 32, 1), np.float32)
    alone = network(images[1:2])
    np.testing.assert_allclose(network(images)[1:2], alone, atol=1e-5)


@given(
    hnp.arrays(np.float32, (2, 3, 4, 1), elements=st.floats(0, 2.0**100, width=32)),
    st.sampled_from([1.0, 0.0]),
)
def test_division_by_the_maximum(images, factor):
    """Zeros stay zeros, everything else has the maximum 1 and keeps its proportions."""
    images = images * np.float32([1, factor]).reshape(2, 1, 1, 1)
    divided = autoencoders.DivisionByMaximum()(images).numpy()
    highest = images.max(axis=(1, 2, 3), keepdims=True)
    large = highest[:, 0, 0, 0] >= 1e-8
    np.testing.assert_array_equal(divided.max(axis=(1, 2, 3))[large], 1)
    np.testing.assert_allclose(divided[large], images[large] / highest[large], rtol=1e-6, atol=1e-37)
    assert (divided >= 0).all()
    assert not divided[highest[:, 0, 0, 0] == 0].any()


def test_no_network_is_born_dead(network, rng):
    """Whatever the image, even an empty one, a new network's last layer is above 0 everywhere."""
    kernel, bias = network.get_weights()[-2:] if "UNet" in network.name else network.layers[-4].get_weights()
    assert kernel.min() >= 0
    assert bias > 0
    before = keras_import("models", "Model")(network.input, network.layers[-3].output)
    noise = rng.normal(size=(2, 32, 32, 1)).astype(np.float32)
    for images in (noise, np.abs(noise), np.zeros_like(noise)):
        for training in (False, True):
            assert before(images, training=training).numpy().min() > 0


def test_every_weight_has_a_gradient(network, rng):
    """A step of training moves each kernel, from the first convolution to the last."""
    images = rng.random((4, 64, 64, 1), np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.abs(network(images, training=True) - images[::-1]))
    gradients = tape.gradient(loss, network.trainable_weights)
    for weights, gradient in zip(network.trainable_weights, gradients, strict=True):
        if len(weights.shape) == 4:
            assert np.abs(gradient.numpy()).max() > 0, weights.name


@pytest.mark.parametrize(("size", "strides"), [(7, 2), (3, 2), (1, 2), (3, 1)])
def test_convolutions_are_pytorchs(rng, size, strides):
    """Zeros all around, half a kernel wide, and every second result from the first one on."""
    layers, models = keras_import("layers"), keras_import("models")
    inputs = layers.Input((None, None, 1))
    network = models.Model(inputs, autoencoders._convolve(inputs, 1, size, strides))
    image = rng.random((12, 16)).astype(np.float32)
    kernel = network.get_weights()[0][..., 0, 0]
    expected = signal.correlate2d(np.pad(image, size // 2), kernel, mode="valid")[::strides, ::strides]
    np.testing.assert_allclose(network(image[None, ..., None])[0, ..., 0], expected, atol=1e-5)


def test_dropout_leaves_out_whole_channels(rng):
    """Each channel of each image is left out or enlarged as a whole, a fifth of them are, and none without training."""
    images = 1 + rng.random((40, 3, 2, 50), np.float32)
    layer = autoencoders.ChannelDropout(0.2)
    np.testing.assert_array_equal(layer(images), images)
    ratio = layer(images, training=True).numpy() / images
    assert (np.ptp(ratio, axis=(1, 2)) < 1e-6).all()
    np.testing.assert_allclose(np.unique(ratio.round(5)), [0, 1.25])
    assert np.mean(ratio == 0) == pytest.approx(0.2, abs=4 * np.sqrt(0.2 * 0.8 / 2000))


def test_dropout_goes_on_where_it_was():
    """With the weights of another layer, the next channels are those that would have come next there."""
    images = np.ones((2, 1, 1, 30), np.float32)
    first, second = autoencoders.ChannelDropout(0.5), autoencoders.ChannelDropout(0.5)
    steps = [first(images, training=True).numpy() for _ in range(2)]
    second(images)
    second.set_weights(first.get_weights())
    np.testing.assert_array_equal(first(images, training=True), second(images, training=True))
    assert (steps[0] != steps[1]).any()


def test_unknown_network():
    """An unknown name is quoted, with the known ones."""
    with pytest.raises(ValueError, match=r"'FPN-R50'.*UNet-R34, UNet-R50, FPN-R34"):
        autoencoders.create("FPN-R50")


@pytest.mark.parametrize("n_filters", [0, 2, 6, -4])
def test_widths_that_cannot_be(n_filters):
    """Quarters and groups of four must come out whole."""
    with pytest.raises(ValueError, match=f"found {n_filters}"):
        autoencoders.create("UNet-R34", n_filters=n_filters)
