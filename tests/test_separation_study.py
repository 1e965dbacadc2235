"""Chapter 08's trainings and scores on small cells: what comes out is what single calls give."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from collecting import collect_as

from l2l_utils import (
    data,
    jitter,
    metrics,
    overlap,
    patches,
    scorecard,
    separation,
    separation_study,
    superposition,
    training,
)
from l2l_utils.separation_claims import SEPARATION_CLAIMS, compare_losses

NAME = "virtual/nucleus_membrane-small"
RECIPE = training.Recipe(1, 2, 2, 1e-3, 48, 4, 4, 3, pmin=2, pmax=99.8, precision="float32")


@pytest.fixture(scope="module")
def split():
    """Return the small set's pairs, three of them held out."""
    folder = data.fetch(NAME)
    pairs = data.pair_channels(folder / "source", [folder / "nucleus", folder / "membrane"])
    return patches.split_images(pairs, n_validation=1, n_held_out=3, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def channels(split):
    """Return the held-out fields by structure."""
    return separation.read_channels(NAME, split.held_out, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return a study with tiny trainings."""
    return separation_study.Study(tmp_path_factory.mktemp("study"), RECIPE)


@pytest.fixture(scope="module")
def separated(study, split):
    """Return the separated files of two trainings."""
    return study.separate("steady", {"separation": patches.repeat_source(split, 2)}, losses=["L1"], seeds=range(2))


def test_scores_are_those_of_single_images(separated, channels):
    """For each structure the scores of the file's channel, of the superposed image and of the recording alone."""
    judges = [separation.judge, overlap.judge]
    table = separation_study.score(separated, channels, judges=judges, condition="here")
    assert set(table.dataset) == {"nucleus", "membrane"}
    assert set(table.condition) == {"here"}
    keys = {("input", 0), ("benchmark", 0), ("separation", 2)}
    assert {(name, int(part.seed.nunique())) for name, part in table.groupby("method")} == keys
    image = data.read_image(separated["separation", "L1", 1][2], axes="CYX")[1]
    expected = separation.judge(channels["membrane"][2], image)
    found = table[(table.dataset == "membrane") & (table.seed == 1) & (table.image == channels["membrane"][2].name)]
    for (reference, metric), value in expected.items():
        row = found[(found.reference == reference) & (found.metric == metric)]
        np.testing.assert_array_equal(row.value, [value])
    curves = separation_study.overlap_curves(separated, channels)
    assert set(curves.method) == {"input", "benchmark", "separation"}
    assert (curves.error[curves.method == "input"] > 0).all()


def test_the_record_of_a_sweep(separated, channels, tmp_path):
    """Means, the claims that these scores can decide, and the curve, as tables with their provenance."""
    (tmp_path / "run").mkdir()
    judges = [separation.judge, overlap.judge]
    separation_study.score(separated, channels, judges=judges).to_csv(tmp_path / "run" / "scores.csv", index=False)
    curves = separation_study.overlap_curves(separated, channels)
    curves.to_csv(tmp_path / "run" / "overlap.csv", index=False)
    results = collect_as("08_channel_separation", tmp_path)
    summary, judged, curve = (
        pd.read_csv(results / f"{name}.csv", comment="#", keep_default_na=False)
        for name in ("separation", "separation_claims", "separation_overlap")
    )
    assert set(judged.claim) == {"L28", "L29"}
    mean = summary.query("dataset == 'nucleus' and method == 'separation' and metric == 'bleed_through'").value
    images = [data.read_image(path, axes="CYX")[0] for key in separated for path in separated[key]]
    fields = channels["nucleus"] * 2
    expected = np.mean([separation.bleed_through(f, image) for f, image in zip(fields, images, strict=True)])
    np.testing.assert_allclose(mean, expected, rtol=1e-3)
    pd.testing.assert_frame_equal(curve, overlap.summarise(curves), rtol=1e-3)


def test_example_has_all_that_was_made_of_a_field(separated, channels):
    """By structure, superposed, the first training of each loss, and alone."""
    shown = separation_study.example(separated, channels, index=1)
    assert list(shown["nucleus"]) == ["superposed", "separation L1", "nucleus alone"]
    image = data.read_image(separated["separation", "L1", 0][1], axes="CYX")
    np.testing.assert_array_equal(shown["membrane"]["separation L1"], image[1])
    np.testing.assert_array_equal(shown["nucleus"]["nucleus alone"], channels["nucleus"][1].benchmark)


def test_shaken_fields_keep_what_is_true_of_them(split, channels, tmp_path):
    """Raw image and benchmark are the displaced ones, the noise-free structures stay."""
    folder = split.held_out[0].source.parents[1]
    folders = [folder / role for role in ("source", "nucleus", "membrane")]
    moved = jitter.write_jittered(folders, tmp_path, sd_px=1.0, rng=np.random.default_rng(0))
    pairs = data.pair_channels(moved[0], moved[1:])
    shaken = patches.split_images(pairs, n_validation=1, n_held_out=3, rng=np.random.default_rng(0))
    assert [pair.name for pair in shaken.held_out] == [pair.name for pair in split.held_out]
    found = separation_study.jittered(channels, shaken, pmin=2, pmax=99.8)
    for before, after in zip(channels["membrane"], found["membrane"], strict=True):
        assert (before.benchmark != after.benchmark).any()
        assert (before.raw != after.raw).any()
        np.testing.assert_array_equal(before.light, after.light)


def test_real_images_are_separated_and_compared(study, split, tmp_path):
    """A user's two folders, five fields: the first held-out one with both structures, each beside the one alone."""
    folder = split.held_out[0].source.parents[1]
    pairs = superposition.superpose(folder / "nucleus", folder / "membrane", tmp_path / "sum", pmin=2, pmax=99.8)
    places = superposition.split_places(pairs, tmp_path / "places")
    own = replace(study, folder=tmp_path)
    shown = own.separate_real(places, loss="L1", seed=0, patch_px=32)
    assert list(shown) == ["nucleus", "membrane"]
    (file,) = (tmp_path / "real" / "separated").glob("*/*.tif")
    for image, structure in zip(data.read_image(file, axes="CYX"), shown.values(), strict=True):
        assert list(structure) == ["superposed", "separated", "alone"]
        np.testing.assert_array_equal(structure["separated"], image)
    names = ["superposed", "nucleus, separated", "nucleus, alone", "membrane, separated", "membrane, alone"]
    assert list(separation_study.beside(shown)) == names
    brighter = shown["nucleus"]["alone"] + 0.1
    table = separation_study.compare_real({"nucleus": shown["nucleus"] | {"separated": brighter}})
    assert table.loc[("nucleus", "separated"), "psnr"] == pytest.approx(20, abs=1e-3)
    expected = metrics.ssim(shown["nucleus"]["alone"], brighter)
    assert table.loc[("nucleus", "separated"), "ssim"] == expected
    error = np.mean((shown["nucleus"]["superposed"] - shown["nucleus"]["alone"]) ** 2)
    assert table.loc[("nucleus", "superposed"), "psnr"] == pytest.approx(-10 * np.log10(error), rel=1e-4)


def planted(rng, *, loss_sd, seed_sd=0.5):
    """Return scores of both structures by four losses and three seeds, whose losses and seeds differ so much."""
    rows = []
    for dataset in ("nucleus", "membrane"):
        for metric in ("psnr", "ms_ssim_5"):
            for loss in ("L1", "5S-SSIM", "3S-SSIM", "SSIM"):
                level = 25 + rng.normal(0, loss_sd)
                for seed in range(3):
                    value = level + rng.normal(0, seed_sd)
                    key = {"dataset": dataset, "metric": metric, "loss": loss, "seed": seed, "value": value}
                    rows.append(key | {"method": "separation", "reference": "benchmark", "condition": np.nan})
    return pd.DataFrame(rows)


def test_losses_are_called_different_only_if_they_are():
    """Without a difference the claim holds in about 97.5 % of cases; with a clear one it falls in nearly all."""
    rng = np.random.default_rng(0)
    alike = [compare_losses(planted(rng, loss_sd=0)).holds.mean() for _ in range(50)]
    assert 0.94 < np.mean(alike) <= 1
    unlike = [compare_losses(planted(rng, loss_sd=5)).holds.mean() for _ in range(20)]
    assert np.mean(unlike) < 0.05


def test_a_claim_about_none_is_judged_against_zero():
    """The correlation of error and overlap is compared with 0."""
    rows = [
        {"dataset": name, "method": "separation", "loss": "L1", "seed": seed, "image": image}
        | {"condition": np.nan, "reference": "truth", "metric": "overlap_correlation", "value": value + 0.01 * seed}
        for name, value in (("nucleus", 0.5), ("membrane", -0.2))
        for seed in range(3)
        for image in "abcd"
    ]
    found = scorecard.judge(pd.DataFrame(rows), SEPARATION_CLAIMS).set_index("dataset")
    assert found.holds.to_dict() == {"nucleus": True, "membrane": False}
    assert found.value["nucleus"] == pytest.approx(0.51)
