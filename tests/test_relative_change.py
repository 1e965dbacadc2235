"""The relative change of a score between raw and restored image, on the same squares in every call."""

import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import data, metrics, normalization, relative_change


@pytest.fixture
def pair(tmp_path, rng):
    """Return a pair: lines of structure, and the same with background and noise."""
    benchmark = np.zeros((200, 220), np.float32)
    benchmark[rng.choice(200, 25, replace=False)] = 1
    benchmark = ndimage.gaussian_filter(benchmark, 1.5)
    raw = benchmark + 0.1 * rng.standard_normal(benchmark.shape).astype(np.float32) + 0.3
    for role, image in {"source": raw, "target": benchmark}.items():
        data.write_image(tmp_path / role / "a.tif", image)
    return data.Pair("a", tmp_path / "source" / "a.tif", tmp_path / "target" / "a.tif")


def read(pair):
    """Return raw image and benchmark, normalised."""
    return normalization.read_normalized(pair.source), normalization.read_normalized(pair.target)


def test_known_changes(pair):
    """The raw image changes nothing; the benchmark removes all error, and its similarity is 1."""
    raw, benchmark = read(pair)
    same, perfect = relative_change.relative_changes(pair, [raw, benchmark])
    assert same == pytest.approx({"nrmse_change": 0, "ms_ssim_5_change": 0}, abs=1e-9)
    assert perfect["nrmse_change"] == pytest.approx(-1)
    assert perfect["ms_ssim_5_change"] > 0


def test_half_the_error(pair):
    """An image half way between raw and benchmark has half the error."""
    raw, benchmark = read(pair)
    (found,) = relative_change.relative_changes(pair, [(raw + benchmark) / 2])
    assert found["nrmse_change"] == pytest.approx(-0.5, abs=1e-6)


@pytest.mark.parametrize("sigma_px", [0.0, 1.5])
def test_equals_the_books_measures(pair, sigma_px, monkeypatch):
    """On one square the result is that of `metrics.evaluate` on smoothed images."""
    raw, benchmark = read(pair)
    square = np.s_[20:148, 30:158]
    monkeypatch.setattr(relative_change.pairs, "bright_windows", lambda *_, **__: [square])
    restored = 0.8 * benchmark
    smooth = [ndimage.gaussian_filter(image, sigma_px) if sigma_px else image for image in (benchmark, raw, restored)]
    before, after = (metrics.evaluate(smooth[0][square], image[square]) for image in smooth[1:])
    (found,) = relative_change.relative_changes(pair, [restored], sigma_px=sigma_px)
    for name in ("nrmse", "ms_ssim_5"):
        assert found[f"{name}_change"] == pytest.approx((after[name] - before[name]) / before[name], rel=1e-5)


def test_the_same_squares_in_every_call(pair, rng):
    """Two calls agree exactly, so trainings are compared on the same squares."""
    image = rng.random((200, 220)).astype(np.float32)
    assert relative_change.relative_changes(pair, [image]) == relative_change.relative_changes(pair, [image])


def test_what_cannot_be_compared(tmp_path, pair):
    """An image that is too small, and a raw image that has nothing of its benchmark, are named."""
    raw, benchmark = read(pair)
    data.write_image(pair.source, 1 - benchmark)
    with pytest.raises(ValueError, match=r"a\.tif: expected two labels that share structure.* one field of view"):
        relative_change.relative_changes(pair, [raw])
    small = data.Pair("b", tmp_path / "b.tif", tmp_path / "b.tif")
    data.write_image(small.source, raw[:128, :128])
    with pytest.raises(ValueError, match=r"b\.tif: expected over 128 px per side, found \(128, 128\)"):
        relative_change.relative_changes(small, [raw[:128, :128]])
