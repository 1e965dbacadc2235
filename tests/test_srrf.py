"""SRRF is NanoPyx's, and says so where NanoPyx is missing."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from l2l_utils import srrf

INSTALLED = importlib.util.find_spec("nanopyx") is not None


@pytest.mark.skipif(not INSTALLED, reason="NanoPyx is not installed: pip install nanopyx==2.1.5")
@pytest.mark.filterwarnings("ignore")  # NanoPyx warns of every accelerator that it does not find
def test_equals_nanopyx():
    """The image is the mean of what NanoPyx makes of the frames, on its grid."""
    from nanopyx.methods import SRRF

    stack = np.random.default_rng(0).poisson(100, (10, 24, 24))
    image = srrf.reconstruct(stack)
    assert image.dtype == np.float32
    assert image.shape == (120, 120)
    expected = np.mean(SRRF(stack.astype(np.float32), magnification=5, ringRadius=2.0), axis=0)
    np.testing.assert_allclose(image, expected, rtol=1e-5, atol=1e-5)
    assert srrf.reconstruct(stack[:3], magnification=2, ring_radius=1).shape == (48, 48)


@pytest.mark.skipif(INSTALLED, reason="NanoPyx is installed")
def test_without_nanopyx_the_message_says_what_to_install():
    """Where NanoPyx is missing, the message names the extra that brings it."""
    with pytest.raises(ImportError, match=r"expected NanoPyx, found none\. Install it with .*nanopyx"):
        srrf.reconstruct(np.ones((5, 9, 9)))


def test_a_single_image_is_refused():
    """What is no stack is refused with its shape."""
    with pytest.raises(ValueError, match=r"expected frames \(T, Y, X\), found the shape \(9, 9\)"):
        srrf.reconstruct(np.ones((9, 9)))
