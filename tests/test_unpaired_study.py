"""What chapter 07 compares: who sees which images, when a network has failed, and what is recorded of it."""

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from l2l_utils import cyclegan, data, judging, patches, record, scores, training, unpaired_study
from l2l_utils.unpaired_claims import UNPAIRED_CLAIMS

SCRIPT = Path(__file__).resolve().parents[1] / "workflow" / "collect_unpaired.py"
RECIPE = training.Recipe(
    epochs=1,
    steps_per_epoch=1,
    batch_size=2,
    learning_rate=1e-3,
    patch_px=64,
    n_patches_per_image=2,
    unet_n_first=4,
    unet_kern_size=3,
    precision="float32",
)
SETTINGS = cyclegan.Settings(
    n_first=2, n_blocks=1, n_first_discriminator=2, epochs=2, decay_epochs=0, batch_size=2, identity_weight=0.0
)

pytestmark = pytest.mark.filterwarnings("ignore:non-integer arguments to randrange:DeprecationWarning")


@pytest.fixture(scope="module")
def pairs():
    """Return the pairs of the small virtual set."""
    folder = data.fetch("virtual/tubulin-small")
    return data.pair_images(folder / "source", folder / "target")


def test_both_kinds_of_network_see_equally_many_images(pairs, tmp_path):
    """The network with pairs gets one half of the fields; the other its sources, and targets of the second half."""
    study = unpaired_study.Study(tmp_path, RECIPE, replace(SETTINGS, epochs=1), 48, 2)
    split = patches.Split(pairs[:4], pairs[4:], [])
    study.with_pairs("labels", split, loss="L1", seeds=[0])
    study.without_pairs("labels", split, {"CycleGAN": {}}, seeds=[0])
    with_pairs, without = (
        record.read(tmp_path / "labels" / "models" / name)["about"] for name in ("L2L_L1_seed0", "CycleGAN_seed0")
    )
    assert with_pairs["sha256"] == data.checksums([pairs[0], pairs[2]])
    for kind, files in {"source": pairs[0:4:2], "target": pairs[1:4:2]}.items():
        alone = [data.Pair(pair.name, *[getattr(pair, kind)] * 2) for pair in files]
        assert without[kind]["sha256"] == data.checksums(alone)


def test_a_study_without_pairs(pairs, tmp_path):
    """Trained, restored and followed over the epochs; a second call trains nothing."""
    study = unpaired_study.Study(tmp_path, RECIPE, SETTINGS, 48, 2)
    split = patches.Split(pairs[:3], pairs[3:5], pairs[5:])
    methods = {"c2GAN": {"structure": cyclegan.Structure()}}
    restored = study.without_pairs("labels", split, methods, seeds=[3])
    (path,) = restored["c2GAN", None, 3]
    written = path.stat().st_mtime_ns
    assert study.without_pairs("labels", split, methods, seeds=[3]) == restored
    assert path.stat().st_mtime_ns == written

    model = cyclegan.load(tmp_path / "labels" / "models" / "c2GAN_seed3")
    assert model.settings == replace(SETTINGS, structure=cyclegan.Structure())
    fields = judging.read_fields("virtual/tubulin-small", split.held_out, rng=np.random.default_rng(0))
    table = unpaired_study.over_epochs({"c2GAN": model}, fields, [split.held_out[0].source])
    assert list(table.epoch) == [1, 2]
    best = table.loc[table.criterion.idxmin()]
    assert best.ms_ssim_3 == pytest.approx(judging.judge(fields[0], data.read_image(path))["truth", "ms_ssim_3"])


def test_failed_is_what_is_worse_than_the_raw_image():
    """The error is the mean of false and missed structure; equal to the raw image's is not a failure."""
    rows = [
        {"method": method, "seed": seed, "image": image, "reference": "truth", "metric": metric, "value": value}
        for (method, seed, image), values in {
            ("input", None, "a"): (0.2, 0.4),
            ("input", None, "b"): (0.0, 0.1),
            ("GAN", 0, "a"): (0.1, 0.5),
            ("GAN", 0, "b"): (0.3, 0.1),
        }.items()
        for metric, value in zip(("false_structure", "missed_structure"), values, strict=True)
    ]
    found = unpaired_study.failures(pd.DataFrame(rows).reindex(columns=scores.COLUMNS))
    gan = found[found.method == "GAN"].pivot_table("value", "image", "metric")
    np.testing.assert_allclose(gan.structure_error, [0.3, 0.2])
    assert gan.failed.tolist() == [0, 1]
    assert not found[(found.method == "input") & (found.metric == "failed")].value.any()


def test_planes_are_far_apart(tmp_path, rng):
    """Sources lie below the middle of the stack, targets above it; between them is what is restored."""
    for role in ("source", "target"):
        for z in range(19):
            data.write_image(tmp_path / role / f"z{z:02d}.tif", rng.random((8, 8), np.float32))
    real = unpaired_study.far_apart(tmp_path)
    planes = [[int(path.stem[1:]) for path in paths] for paths in (*real.training, *real.validation, real.to_restore)]
    assert planes == [[3, 4, 5, 6, 7], [11, 12, 13, 14, 15], [1, 2], [16, 17], [9, 8, 10]]
    assert real.reference == tmp_path / "target" / "z09.tif"
    assert unpaired_study.far_apart(None) is None


def test_own_folders_need_not_match(tmp_path, rng):
    """The first source is seen by no training; of each kind the last image chooses the epoch; all are restored."""
    for role, n in (("source", 4), ("target", 3)):
        for i in range(n):
            data.write_image(tmp_path / role / f"{role}{i}.tif", rng.random((8, 8), np.float32))
    real = unpaired_study.own_images(tmp_path / "source", tmp_path / "target")
    names = [[path.stem for path in paths] for paths in (*real.training, *real.validation, real.to_restore)]
    sources, targets = ([f"{role}{i}" for i in range(n)] for role, n in (("source", 4), ("target", 3)))
    assert names == [sources[1:3], targets[:2], sources[3:], targets[2:], sources]


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_folders_without_images_are_named(tmp_path, folder):
    """A folder that is missing or empty is reported with what to do."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=f"{folder}: expected a folder .* Give source_dir and target_dir"):
        unpaired_study.own_images(tmp_path / folder, tmp_path)


def test_records_say_what_the_scores_say(tmp_path):
    """Every claim without pairs is decided by scores in which the constraint helps and saturation is the CNN's."""
    levels = {"psnr": 20, "ssim": 0.3, "ms_ssim_3": 0.3, "change": 0.2, "histogram_distance": 0.1, "saturated": 0.01}
    levels |= {"false_structure": 0.2, "structure_error": 0.2, "failed": 0.5}
    rows = []
    for comparison in [c for claim in UNPAIRED_CLAIMS.values() for c in claim.comparisons]:
        better = 1 if comparison.says == "higher" else -1 if comparison.says == "lower" else 0
        for name, sign in ((comparison.first, better), (comparison.second, -better)):
            method, _, loss = name.rpartition(" ") if name.startswith("L2L") else (name, "", None)
            known = method in ("input", "benchmark")
            rows += [
                {"dataset": comparison.dataset, "method": method, "loss": loss, "seed": None if known else seed}
                | {"image": f"cell_{i}", "condition": comparison.condition or None, "reference": comparison.reference}
                | {"metric": comparison.metric, "value": levels[comparison.metric] * (1 + 0.1 * sign + 0.001 * i)}
                for seed in range(1 if known else 3)
                for i in range(6)
            ]
    table = pd.DataFrame(rows).reindex(columns=scores.COLUMNS)
    keys = [name for name in scores.COLUMNS if name != "value"]
    table = table.groupby(keys, dropna=False, sort=False).value.mean().reset_index()[scores.COLUMNS]
    table.to_csv(tmp_path / "scores.csv", index=False)
    runpy.run_path(str(SCRIPT))["main"](tmp_path, [tmp_path / "scores.csv"])
    claims = pd.read_csv(tmp_path / "unpaired_claims.csv", comment="#")
    assert set(claims.claim) == {"L25", "L26", "L27", "C01", "C02", "C03", "C04"}
    single = claims[claims.claim.isin(["C01", "C03"])]
    assert single.holds.all()
    summary = pd.read_csv(tmp_path / "unpaired.csv", comment="#")
    assert set(summary.metric) == set(levels)
    assert "# seeds: 0 1 2" in (tmp_path / "unpaired.csv").read_text("utf-8")
