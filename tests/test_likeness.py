"""An image with planted unlikeness is found unlike, for the right reason; one more of the same kind is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from l2l_utils import data, likeness

SHAPE = (192, 192)


def draw(seed, *, haze=0.5, photons=40, blur_px=2.0):
    """Return a noisy image of random lines with haze around them."""
    rng = np.random.default_rng(seed)
    lines = np.zeros(SHAPE)
    for _ in range(14):
        row, column, angle = *rng.uniform(0, SHAPE), rng.uniform(0, np.pi)
        along = np.arange(-150, 150, 0.5)
        place = np.rint([row + along * np.sin(angle), column + along * np.cos(angle)]).astype(int)
        inside = ((place >= 0) & (place < SHAPE[0])).all(axis=0)
        lines[tuple(place[:, inside])] = 1
    signal = 5 * (ndimage.gaussian_filter(lines, blur_px) + haze * ndimage.gaussian_filter(lines, 12)) + 0.5
    return 100 + 30 * rng.poisson(photons * signal).astype(float)


@pytest.fixture(scope="module")
def known():
    return [likeness.fingerprint(draw(seed)) for seed in range(12)]


def test_one_more_image_is_like(known):
    """Of forty more images of the same kind, not among the training images, at most two cause a warning."""
    verdicts = [likeness.compare(draw(seed), known) for seed in range(100, 140)]
    assert sum(verdict.unlike for verdict in verdicts) <= 2
    assert str(verdicts[0]).startswith("like the training images")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"photons": 4}, "noisier"),
        ({"haze": 4}, "more background or haze"),
        ({"blur_px": 4}, "less detail of"),
        ({"photons": 400}, "less noisy"),
    ],
)
def test_unlike_for_the_right_reason(change, words, known):
    """The verdict warns, and its words name what was changed."""
    verdict = likeness.compare(draw(200, **change), known)
    assert verdict.unlike
    assert words in "; ".join(verdict.differences)
    assert words in str(verdict)


@settings(max_examples=10, deadline=None)
@given(gain=st.floats(0.01, 50), offset=st.floats(-500, 5000), turns=st.integers(0, 3))
def test_gain_offset_and_turning_change_nothing(gain, offset, turns):
    """A fingerprint does not depend on the camera's scale, nor on how the cell lies."""
    image = draw(1)
    expected, found = likeness.fingerprint(image), likeness.fingerprint(np.rot90(gain * image + offset, turns))
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_rings_hold_all_the_power():
    """The shares of the rings add up to 1, and a wave lies in the ring of its length."""
    found = likeness.fingerprint(100 + 10 * np.sin(2 * np.pi * np.arange(192) / 12) + draw(1) * 1e-3)
    shares = {name: np.exp(value) for name, value in found.items() if name.startswith("ring_")}
    assert sum(shares.values()) == pytest.approx(1)
    assert max(shares, key=shares.get) == "ring_2"
    assert "8 to 16 px" in likeness.PROPERTIES["ring_2"][0]


def test_too_few_training_images_to_tell(known):
    """Four images do not tell how much their kind varies."""
    with pytest.raises(ValueError, match="5 training images or more to say what is like them, found 4"):
        likeness.compare(draw(1), known[:4])


def test_kept_with_the_model(known, tmp_path):
    """What is written is read again; a model without it has none; a damaged file is named."""
    assert likeness.read(tmp_path) == []
    likeness.write(tmp_path, known)
    assert likeness.read(tmp_path) == known
    for damaged in ("[1, 2]", "[{}]", "nothing"):
        (tmp_path / likeness.FILE).write_text(damaged)
        with pytest.raises(ValueError, match=rf"{likeness.FILE}: expected the fingerprints"):
            likeness.read(tmp_path)


def test_describe_reads_files(tmp_path):
    """Files are described as their images are."""
    image = draw(5).astype(np.float32)
    data.write_image(tmp_path / "a.tif", image)
    assert likeness.describe([tmp_path / "a.tif"]) == [likeness.fingerprint(image)]


def test_files_are_judged_before_they_are_restored(known, tmp_path):
    """A noisier file is told from a like one; a model that knows too few training images says so."""
    folder = tmp_path / "model"
    paths = [tmp_path / name for name in ("like.tif", "noisy.tif")]
    for path, image in zip(paths, (draw(100), draw(101, photons=4)), strict=True):
        data.write_image(path, image.astype(np.float32))
    assert (likeness.check_files(folder, paths).why == "the model knows nothing of its training images").all()
    likeness.write(folder, known[:3])
    assert (likeness.check_files(folder, paths).verdict == "not judged").all()
    likeness.write(folder, known)
    found = likeness.check_files(folder, paths)
    assert found.verdict.to_dict() == {"like.tif": "like", "noisy.tif": "UNLIKE"}
    assert "noisier" in found.why["noisy.tif"]


def test_training_images_are_described_once(tmp_path):
    """Every model's folder gets them; one that has them keeps what it has."""
    data.write_image(tmp_path / "a.tif", draw(5).astype(np.float32))
    folders = [tmp_path / name for name in ("first", "second")]
    likeness.write(folders[0], [likeness.fingerprint(draw(6))])
    likeness.remember(folders, [tmp_path / "a.tif"])
    assert likeness.read(folders[0]) == [likeness.fingerprint(draw(6))]
    assert likeness.read(folders[1]) == [likeness.fingerprint(draw(5).astype(np.float32))]
