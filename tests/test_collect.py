"""What is collected and recorded of a sweep agrees with the scores it was made from."""

import numpy as np
import pandas as pd
import pytest
from collecting import collect_as

from l2l_utils import scores


@pytest.fixture
def paths(tmp_path, rng):
    """Return score files of two structures: L2L above the Gaussian above the input, on every image, in any measure."""
    of_image, paths = rng.normal(0, 0.1, 8), []
    for dataset, loss in {"tubulin": "3S-SSIM", "paxillin": "L1"}.items():
        rows = [
            {"dataset": dataset, "method": method, "loss": used, "seed": seed, "image": f"cell_{i:03d}"}
            | {"reference": reference, "metric": metric, "value": level + of_image[i] + 0.001 * rng.normal()}
            for method, used, level in (("input", None, 1), ("gaussian", None, 2), ("L2L", loss, 3))
            for seed in (range(3) if used else [None])
            for reference, metric in (("benchmark", "ms_ssim_3"), ("truth", "dice"), ("none", "fwhm_failed"))
            for i in range(len(of_image))
        ]
        paths.append(tmp_path / dataset / "scores.csv")
        paths[-1].parent.mkdir()
        pd.DataFrame(rows).reindex(columns=scores.COLUMNS).to_csv(paths[-1], index=False)
    return paths


def test_records_say_what_the_scores_say(paths, tmp_path):
    """Means over trainings and images, the paper's orderings, and the claims that these scores can decide."""
    results = collect_as("05_classical_filters", tmp_path)
    summary, orders, claims = (
        pd.read_csv(results / f"{name}.csv", comment="#") for name in ("filters", "filter_orderings", "filter_claims")
    )
    assert set(summary.metric) == {"ms_ssim_3", "dice"}
    everything = pd.concat(map(pd.read_csv, paths))
    expected = everything[(everything.method == "L2L") & (everything.metric == "dice")].groupby("dataset").value.mean()
    found = summary[(summary.method == "L2L") & (summary.metric == "dice")].set_index("dataset").value
    np.testing.assert_allclose(found, expected[found.index], rtol=1e-4)
    assert len(orders) == 2 * 3
    assert (orders.verdict == "holds").all()
    assert set(claims.claim) == {"L09", "L36"}
    assert claims.holds.all()
    assert "# seeds: 0 1 2" in (results / "filters.csv").read_text("utf-8")


def test_all_scores_are_in_one_table(paths, tmp_path):
    """Each row of each run, under the run's name; of a chapter that the book keeps nothing of, nothing is recorded."""
    collect_as("03_label2label", tmp_path)
    everything = pd.read_csv(tmp_path / "scores.csv")
    for path in paths:
        found = everything[everything.run == path.parent.name].drop(columns="run").reset_index(drop=True)
        pd.testing.assert_frame_equal(found, pd.read_csv(path), check_dtype=False)
    assert len(everything) == sum(len(pd.read_csv(path)) for path in paths)
    assert not (tmp_path / "results").exists()


def test_what_several_runs_have_scored_counts_once(tmp_path, rng):
    """Each run of chapter 11 scores the same noisy images; pairs of networks that disagree come from different runs."""
    of_image = rng.normal(0, 1, 4)
    levels = {"L1": {"psnr": 30, "debris": 0.1}, "L2": {"psnr": 32, "debris": 0.3}}
    for loss, networks in levels.items():
        rows = [
            {"dataset": "actin", "method": method, "loss": used, "seed": seed, "image": f"held_out_{i:04d}"}
            | {"reference": "truth", "metric": metric, "value": value + 0.01 * of_image[i]}
            for method, used, of in (("input", None, {"psnr": 20, "debris": 0.5}), ("UNet-R50", loss, networks))
            for seed in (range(3) if used else [None])
            for metric, value in of.items()
            for i in range(len(of_image))
        ]
        (tmp_path / loss).mkdir()
        pd.DataFrame(rows).reindex(columns=scores.COLUMNS).to_csv(tmp_path / loss / "scores.csv", index=False)
    results = collect_as("11_nanoscopy", tmp_path)
    summary, claims = (pd.read_csv(results / f"{name}.csv", comment="#") for name in ("nanoscopy", "nanoscopy_claims"))
    noisy = summary[(summary.method == "input") & (summary.metric == "debris")]
    assert noisy.value.to_numpy() == pytest.approx([0.5 + 0.01 * of_image.mean()], rel=1e-4)
    shares = summary[summary.metric == "higher_psnr_more_debris"]
    assert (shares.value.to_list(), shares.n_images.to_list()) == ([1.0], [4])
    assert claims[claims.claim == "N04"].holds.to_list() == [True]


def test_chapters_without_networks_are_recorded(tmp_path, rng):
    """Chapter 01's labels decide on contrast and indices, chapter 02's shifts on drift; no training is on record."""
    (tmp_path / "labels").mkdir()
    rows = [
        {"claim": claim, "dataset": "actin", "method": method, "image": str(k), "reference": reference}
        | {"metric": metric, "value": level * rng.normal(1, 0.01)}
        for claim, method, reference, metric, level in (
            ("L01", "input", "none", "michelson", 0.4),
            ("L01", "benchmark", "none", "michelson", 0.9),
            ("L23", "input", "benchmark", "ssim", 0.15),
            ("L23", "input", "benchmark", "ms_ssim_5", 0.434),
        )
        for k in range(5)
    ]
    pd.DataFrame(rows).reindex(columns=scores.COLUMNS).to_csv(tmp_path / "labels/scores.csv", index=False)
    labels = pd.read_csv(collect_as("01_data", tmp_path) / "label_claims.csv", comment="#")
    assert dict(zip(labels.claim, labels.holds, strict=True)) == {"L01": True, "L23": True}
    found = {"dataset": "actin", "metric": "found_exactly", "condition": "n=100;image_px=512", "value": 0.97}
    pd.DataFrame([found]).reindex(columns=scores.COLUMNS).to_csv(tmp_path / "labels/scores.csv", index=False)
    record = collect_as("02_drift_correction", tmp_path) / "drift_claims.csv"
    assert not pd.read_csv(record, comment="#").holds[0]
    assert "# seeds: \n" in record.read_text("utf-8")
