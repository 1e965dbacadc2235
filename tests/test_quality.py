"""The table of held-out images, and the maps that show where each agrees with the benchmark."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from judged_images import judge
from skimage.metrics import structural_similarity

from l2l_utils import data, patches, quality, tiff


@pytest.fixture
def judged(images, tmp_path):
    """Return what is written for a method whose images are the benchmark, 0.1 too bright, in two trainings."""
    return judge(images, tmp_path / "out")


def test_table_is_wide_and_tells_the_gain(judged):
    """A row per image, method and seed, as scored; the gain is above 0 where the method is better, NRMSE included."""
    table = pd.read_csv(judged.held_out[0].source.parents[1] / "out" / quality.FILE)
    assert list(table.columns) == [*quality.KEYS, *quality.MEASURES, *(f"gain_{name}" for name in quality.MEASURES)]
    assert len(table) == 2 * 4
    assert set(table.method) == {"input", "L2L", "other tool"}
    rows = table[table.image == "a"].set_index(["method", "seed"])
    raw, restored = rows.loc[("input", np.nan)], rows.loc[("L2L", 0)]
    assert restored.nrmse == pytest.approx(0.1)
    assert restored.psnr == pytest.approx(20)
    assert rows.loc[("L2L", 1)].nrmse == pytest.approx(0.2)
    assert restored.gain_nrmse == pytest.approx(raw.nrmse - 0.1)
    assert restored.gain_psnr == pytest.approx(20 - raw.psnr)
    assert raw[[name for name in raw.index if name.startswith("gain_")]].tolist() == [0] * 6
    long = judged.scores.query("method == 'input' and image == 'a' and reference == 'benchmark'").set_index("metric")
    assert raw[list(quality.MEASURES)].to_dict() == pytest.approx(long.value[list(quality.MEASURES)].to_dict())


def test_maps_are_those_of_the_scores(judged):
    """The mean of a similarity map is the SSIM of the table, that of the squared error map its squared NRMSE."""
    assert list(judged.maps) == ["input", "L2L", "other tool"]
    for method, maps in judged.maps.items():
        row = judged.table[(judged.table.method == method) & (judged.table.image == "b")].iloc[0]
        similarity, error = (tifffile.imread(maps[kind]["b"]) for kind in ("ssim", "error"))
        assert similarity.dtype == error.dtype == np.float32
        inner = similarity[5:-5, 5:-5]  # scikit-image leaves the window's margin out of the mean
        assert inner.mean() == pytest.approx(row.ssim, abs=1e-5)
        assert np.sqrt(np.mean(error**2)) == pytest.approx(row.nrmse, abs=1e-5)
    np.testing.assert_allclose(tifffile.imread(judged.maps["L2L"]["error"]["a"]), 0.1, atol=1e-5)


def test_map_of_raw_image_by_hand(judged):
    """Raw image and benchmark are scaled to their percentiles first."""
    pair = judged.held_out[0]
    raw, benchmark = (patches.read_normalized(path).astype(float) for path in (pair.source, pair.target))
    error = tifffile.imread(judged.maps["input"]["error"][pair.name])
    np.testing.assert_allclose(error, np.abs(raw - benchmark), atol=1e-6)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1, "full": True}
    similarity = structural_similarity(benchmark, raw, **options)[1]
    np.testing.assert_allclose(tifffile.imread(judged.maps["input"]["ssim"][pair.name]), similarity, atol=1e-6)


def test_maps_keep_pixel_size_and_say_what_they_are(images, tmp_path):
    """A map has the pixel size of the raw image, and its origin in its metadata."""
    for path in images.source.iterdir():
        data.write_image(path, tifffile.imread(path), dtype="uint16", like=tiff.PixelSize(0.065, 0.065, "um"))
    judged = judge(images, tmp_path / "out")
    path = judged.maps["L2L"]["ssim"]["a"]
    assert data.pixel_size_um(path) == pytest.approx((0.065, 0.065))
    origin = data.read_provenance(path)
    assert origin["map"] == "ssim"
    assert origin["benchmark_sha256"] == data.checksum(judged.held_out[0].target)
    assert "Structural similarity" in origin["note"]


def test_restart_makes_what_is_missing_or_old(judged, images):
    """A second call keeps maps, makes the missing one, and makes those anew whose image has changed."""
    folder = judged.held_out[0].source.parents[1] / "out"
    maps = judged.maps["L2L"]
    kept, gone, old = maps["ssim"]["a"], maps["error"]["a"], maps["ssim"]["b"]
    gone.unlink()
    times = {path: path.stat().st_mtime_ns for path in (kept, old)}
    data.write_image(folder / "restored" / "0" / "b.tif", patches.read_normalized(judged.held_out[1].target) + 0.3)
    judge(images, folder)
    assert gone.exists()
    assert kept.stat().st_mtime_ns == times[kept]
    assert old.stat().st_mtime_ns > times[old]
    np.testing.assert_allclose(tifffile.imread(maps["error"]["b"]), 0.3, atol=1e-5)


def test_a_file_of_someone_else_is_kept(judged, images):
    """An image with the name of a map is not overwritten."""
    folder, path = judged.held_out[0].source.parents[1] / "out", judged.maps["L2L"]["ssim"]["a"]
    tifffile.imwrite(path, np.eye(9, dtype=np.float32))
    with pytest.raises(FileExistsError, match=r"a.tif: expected no file or a map"):
        judge(images, folder)
    np.testing.assert_array_equal(tifffile.imread(path), np.eye(9))
