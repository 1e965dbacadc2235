"""Write what opencv-rolling-ball 1.0.1 makes of some images, for `test_rolling_ball.py` to compare with.

That package needs opencv-python, which cannot stand beside the opencv-python-headless of this project, and takes
seconds per image. In an environment of its own (numpy, opencv-python-headless, `pip install --no-deps
opencv-rolling-ball==1.0.1`): python tests/rolling_ball_oracle.py
"""

from pathlib import Path

import cv2
import numpy as np
from cv2_rolling_ball import subtract_background_rolling_ball

FILE = Path(__file__).with_suffix(".npz")


def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return a noisy image with spots and lines on an uneven background."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    image = 40 + 30 * np.sin(rows / 11) * np.cos(columns / 17)
    for row, column in rng.uniform(0, shape, (6, 2)):
        image += 90 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 8)
    image += 70 * (np.abs(rows - columns / 2 - 9) < 1.5)
    return rng.poisson(image).clip(0, 255).astype(np.uint8)


def main() -> None:
    """Subtract the background of an image with sides that are, and one with sides that are not, multiples of 4."""
    rng = np.random.default_rng(1983)
    images = {"even": draw(rng, (48, 64)), "odd": draw(rng, (45, 61))}
    results = dict(images)
    for name, image in images.items():
        for radius in (5, 10, 20, 40):
            options = {"light_background": False, "do_presmooth": False}
            results[f"{name}_{radius}"], _ = subtract_background_rolling_ball(image.copy(), radius, **options)
    image = images["odd"]
    results["odd_smooth"] = cv2.filter2D(image, -1, np.ones((3, 3)) / 9)
    options = {"light_background": False, "do_presmooth": True}
    results["odd_10_presmooth"], _ = subtract_background_rolling_ball(image.copy(), 10, **options)
    options = {"light_background": True, "do_presmooth": False}
    results["odd_10_light"], _ = subtract_background_rolling_ball(image.copy(), 10, **options)
    np.savez_compressed(FILE, **results)


if __name__ == "__main__":
    main()
