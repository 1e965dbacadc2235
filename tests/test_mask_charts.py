"""The figure of masks shows right, false and missed pixels in their colours."""

import matplotlib.pyplot as plt
import numpy as np

from l2l_utils import binarisation, mask_charts


def test_masks_in_colours():
    """A stripe that is shifted by 2 of 4 rows: two rows white, two magenta, two green; the truth is all white."""
    truth = np.zeros((20, 20), np.float32)
    truth[8:12] = 1
    shifted = np.roll(truth, 2, axis=0)
    fig = mask_charts.masks({"shifted": shifted}, truth, binarisation.Recipe((), 80, 0), zoom=(4, 0, 10))
    image, true_image, mask, true_mask, distances, _ = (ax.images[0].get_array() for ax in fig.axes)
    np.testing.assert_array_equal(image, shifted[4:14, :10])
    np.testing.assert_array_equal(true_image, truth[4:14, :10])
    colours = {4: (0, 1, 0), 5: (0, 1, 0), 6: (1, 1, 1), 7: (1, 1, 1), 8: (1, 0, 1), 9: (1, 0, 1), 0: (0, 0, 0)}
    for row, colour in colours.items():
        np.testing.assert_array_equal(mask[row, 0], colour)
    np.testing.assert_array_equal(np.unique(true_mask.reshape(-1, 3), axis=0), [[0, 0, 0], [1, 1, 1]])
    np.testing.assert_allclose(distances[:, 0] * 15, [6, 5, 4, 3, 2, 1, 0, 0, 0, 0])
    plt.close(fig)
