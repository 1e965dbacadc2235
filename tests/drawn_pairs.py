"""Small images on disk, in pairs, and the lazy patches of them."""

import numpy as np
import tifffile

from l2l_utils import data, patches

SHAPE = (96, 112)
CODE = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)
PAPER, CAVEOLAE = patches.Augmentation(flips=True), patches.Augmentation((0.8, 0.9, 1.1, 1.2), flips=True)
TURNED = patches.Augmentation(zooms=())


def write_pairs(folder, sources, targets, **options):
    """Write images as pairs."""
    folder.mkdir(exist_ok=True)
    pairs = []
    for i, images in enumerate(zip(sources, targets, strict=True)):
        pair = data.Pair(f"cell_{i}", folder / f"source_{i}.tif", folder / f"target_{i}.tif")
        for path, image in zip(pair[1:], images, strict=True):
            tifffile.imwrite(path, image, **options)
        pairs.append(pair)
    return pairs


def draw_images(n_images, *, shape=SHAPE, seed=0):
    """Return noisy images that are bright in one quarter."""
    images = np.random.default_rng(seed).integers(0, 100, (n_images, *shape)).astype(np.uint16)
    images[:, : shape[0] // 2, : shape[1] // 2] += 400
    return images


def cut(pairs, *, seed=3, **options):
    return patches.LazyPatches(pairs, rng=np.random.default_rng(seed), **{"patch_px": 16, "n_per_image": 8} | options)


def normalised(image, pmin=0.0, pmax=100.0):
    low, high = np.percentile(image, (pmin, pmax))
    return np.clip((image - low) / (high - low), 0, 1)
