"""The similarity at every shift is scikit-image's, and patches lie where they may."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.metrics import structural_similarity

from l2l_utils import shifts


def smooth(rng, shape):
    """Return a smooth random image, 0 to 1."""
    image = ndimage.gaussian_filter(rng.random(shape), 2)
    return (image - image.min()) / np.ptp(image)


def search(reference, *, patch_px=40, search_px=3, n_patches=10, seed=0):
    """Return a search in a reference."""
    return shifts.PatchSearch(
        reference, patch_px=patch_px, search_px=search_px, n_patches=n_patches, rng=np.random.default_rng(seed)
    )


def similarity_one_by_one(reference, moving):
    """Return the mean SSIM of patches at every shift, by a loop over scikit-image's function."""
    rows, columns = reference.shape[1:]
    surface = np.empty(np.subtract(moving.shape, reference.shape)[1:] + 1)
    for row, column in np.ndindex(*surface.shape):
        surface[row, column] = np.mean(
            [
                structural_similarity(
                    patch,
                    other[row : row + rows, column : column + columns],
                    data_range=1,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                )
                for patch, other in zip(reference, moving, strict=True)
            ]
        )
    return surface


@pytest.mark.parametrize("n_patches", [1, 13])
@pytest.mark.parametrize(("rows", "columns", "reach_px"), [(30, 30, 3), (24, 37, 2), (16, 16, 0)])
def test_surface_equals_scikit_image(n_patches, rows, columns, reach_px, rng):
    """All shifts at once give what scikit-image gives one by one, also where patches are flat."""
    moving = np.stack([smooth(rng, (rows + 2 * reach_px, columns + 2 * reach_px)) for _ in range(n_patches)])
    middle = np.s_[:, reach_px : reach_px + rows, reach_px : reach_px + columns]
    reference = np.clip(moving[middle] + 0.2 * rng.standard_normal((n_patches, rows, columns)), 0, 1)
    reference[0, :12] = 0
    expected = similarity_one_by_one(reference, moving)
    np.testing.assert_allclose(shifts.similarity_by_shift(reference, moving), expected, atol=1e-12)
    half = shifts.similarity_by_shift(reference.astype(np.float32), moving.astype(np.float32))
    np.testing.assert_allclose(half, expected, atol=1e-5)


def test_displaced_content_has_its_peak_at_its_shift(rng):
    """Content that lies 2 rows further down and 1 column further left is found at (2, -1), with an index of 1."""
    image = smooth(rng, (120, 130))
    surface = search(image).similarity(np.roll(image, (2, -1), axis=(0, 1)), np.zeros(2, int), 3)
    assert np.unravel_index(surface.argmax(), surface.shape) == (3 + 2, 3 - 1)
    assert surface.max() == pytest.approx(1)


def test_search_is_centred_where_it_is_asked_to(rng):
    """Around (8, -6) the same content is in the middle of the surface."""
    image = smooth(rng, (120, 130))
    surface = search(image).similarity(np.roll(image, (8, -6), axis=(0, 1)), np.array([8, -6]), 3)
    assert np.unravel_index(surface.argmax(), surface.shape) == (3, 3)


@pytest.mark.parametrize(
    ("around", "side_px"),
    [((0, 0), 34), ((9, -4), 34), ((0, 55), 90 - 55 - 3), ((-30, 40), 34), ((70, 0), 96 - 70 - 3)],
)
def test_patches_are_as_large_as_both_images_allow(around, side_px, rng):
    """Far shifts have smaller patches, and every place that is possible gives a whole patch."""
    image = rng.random((96, 90)).astype(np.float32)
    patches = search(image, n_patches=500)
    assert patches.side_px(np.array(around), 3) == side_px
    assert patches.similarity(image, np.array(around), 3).shape == (7, 7)


def test_patches_lie_on_structure():
    """Where only one corner is bright, a change of the other corner changes nothing."""
    image = np.zeros((200, 200), np.float32)
    image[30:70, 30:70] = smooth(np.random.default_rng(1), (40, 40))
    changed = image.copy()
    changed[130:] = 1
    surfaces = [search(image).similarity(other, np.zeros(2, int), 3) for other in (image, changed)]
    np.testing.assert_array_equal(*surfaces)


def test_no_room_and_no_structure(rng):
    """A shift that leaves too little in common, and an image that is dark but for its border, are refused."""
    image = smooth(rng, (60, 60)).astype(np.float32)
    assert not search(image).has_room(np.array([45, 0]), 3)
    with pytest.raises(
        ValueError, match=r"share 16 px or more per side.*3 px of \(45, 0\), found images of \(60, 60\)"
    ):
        search(image).similarity(image, np.array([45, 0]), 3)
    dark = np.zeros((200, 200), np.float32)
    dark[0] = 1
    with pytest.raises(ValueError, match="bright structure away from the border"):
        search(dark).similarity(dark, np.zeros(2, int), 3)
