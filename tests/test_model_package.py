"""A package for bioimage.io says what is true, restores as the book does, and passes bioimage.io's own test."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from PIL import Image
from scipy import ndimage

from l2l_utils import care, data, model_package, normalization, patches, tiff
from l2l_utils.model_package import About

ROOT = Path(__file__).resolve().parents[1]
AUTHORS = [{"name": "A. Name", "affiliation": "An Institute"}]
ABOUT = About(
    "Tiny test model", "Restores drawn images.", AUTHORS, "20 drawn images", parent="nice-frog", tags=["drawn"]
)
TINY = {"unet_n_first": 4, "unet_kern_size": 3, "train_epochs": 1, "train_steps_per_epoch": 2, "train_batch_size": 2}
KINDS = {
    "planes": {},
    "stacks": {"axes": "ZYX"},
    "separation": {"n_channel_in": 1, "n_channel_out": 2},
    "two channels": {"n_channel_in": 2, "n_channel_out": 2},
    "probabilistic": {"loss": "Laplace"},
}


def draw(folder: Path, axes: str, *, n_files: int = 1, seed: int = 0) -> data.ImageFiles:
    """Write a raw image of 150 x 141 px, with as many files as channels, and return the paths."""
    rng, shape = np.random.default_rng(seed), (10, 150, 141)[-len(axes) :]
    size, paths = tiff.PixelSize(0.1, 0.11, "um", 0.3), tuple(folder / f"{seed}_{i}.tif" for i in range(n_files))
    for path in paths:
        image = ndimage.gaussian_filter(rng.random(shape), 1) * 5000 + 20 * rng.standard_normal(shape)
        data.write_image(path, image.astype(np.uint16), axes=axes, dtype="uint16", like=size)
    return paths if n_files > 1 else paths[0]


def train(folder: Path, *, axes: str = "YX", n_channel_in: int = 1, n_channel_out: int = 1, loss: str = "L1"):
    """Return a model that was trained a little, with percentiles that are not the default."""
    rng, shape = np.random.default_rng(1), (6, *(8, 64, 64)[-len(axes) :])
    parts = [rng.random((*shape, n), dtype=np.float32) for n in (n_channel_in, n_channel_out)]
    channels = {"n_channel_in": n_channel_in, "n_channel_out": n_channel_out}
    of_stacks = {"axes": axes} if axes == "ZYX" else {}
    options = {"loss": loss, "pmin": 3.0, "pmax": 99.0, **channels, **of_stacks, **TINY}
    model = care.create(name="model", basedir=folder, **options)
    care.train(
        model, patches.Patches(*(p[2:] for p in parts)), patches.Patches(*(p[:2] for p in parts)), precision="float32"
    )
    return model


@pytest.fixture(scope="module")
def package(model, tmp_path_factory) -> Path:
    """Return the unzipped package of the shared model."""
    folder = tmp_path_factory.mktemp("package")
    path = model_package.export(model.logdir, folder / "m.zip", image=draw(folder, "YX"), about=ABOUT)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "unzipped")
    return folder / "unzipped"


@pytest.fixture(scope="module")
def description(package) -> dict:
    """Return the content of its rdf.yaml."""
    return yaml.safe_load((package / "rdf.yaml").read_text("utf-8"))


def test_every_file_is_named_with_its_checksum(package, description):
    """What the description names is there, and what is there is named."""
    tensors = [description[side][0]["test_tensor"] for side in ("inputs", "outputs")]
    named = [*description["weights"].values(), *tensors, *description["attachments"]]
    assert {entry["source"]: entry["sha256"] for entry in named} == {
        entry["source"]: data.checksum(package / entry["source"]) for entry in named
    }
    plain = {"rdf.yaml", description["documentation"], *description["covers"]}
    assert plain | {entry["source"] for entry in named} == {path.name for path in package.iterdir()}


def test_the_description_says_what_is_known(description):
    """Authors, licence, citations, parent, tags, training data, pixel size, sizes and percentiles are the model's."""
    assert description["format_version"].startswith("0.5.")
    assert description["authors"] == description["training_data"]["authors"] == AUTHORS
    assert (description["license"], description["parent"]) == ("CC-BY-4.0", {"id": "nice-frog"})
    assert {entry["doi"] for entry in description["cite"]} == {"10.1242/jcs.258994", "10.1038/s41592-018-0216-7"}
    assert {"drawn", "2d", "label2label"} <= set(description["tags"])
    assert description["training_data"]["description"] == "20 drawn images"
    axes = {axis["id"]: axis for axis in description["inputs"][0]["axes"] if axis["type"] == "space"}
    assert [axes[name]["scale"] for name in "yx"] == pytest.approx([0.1, 0.11])
    assert axes["y"]["size"] == {"min": 32, "step": 4}
    steps = {step["id"]: step["kwargs"] for step in description["inputs"][0]["preprocessing"]}
    assert (steps["scale_range"]["min_percentile"], steps["scale_range"]["max_percentile"]) == (1.0, 99.9)
    assert description["config"]["label2label"]["loss"] == "3S-SSIM"


def test_the_page_and_the_cover(package, model):
    """The page names the training, warns of intensities and Fiji, and says how to validate; the cover is 2 : 1."""
    page = (package / "README.md").read_text("utf-8")
    expected = ("training loss: 3S-SSIM", "must not be measured", "Fiji", "## Validation", "multiple of 4 px", "22 px")
    assert all(text in page for text in expected)
    assert str(Path.home()) not in page
    with Image.open(package / "cover.png") as cover:
        assert cover.size == (512, 256)
    assert (package / "cover.png").stat().st_size < 500_000
    opened = care.load(package)
    assert care.weights_sha256(opened) == care.weights_sha256(model)


@pytest.mark.parametrize("kind", ["planes", *(pytest.param(kind, marks=pytest.mark.slow) for kind in [*KINDS][1:])])
def test_the_weights_restore_as_the_book_does(kind, tmp_path):
    """The network in the package, fed with the normalised image, gives what `care.restore` gives: other image, size."""
    model, axes = train(tmp_path, **KINDS[kind]), KINDS[kind].get("axes", "YX")
    n_files = model.config.n_channel_in
    path = model_package.export(
        model.logdir, tmp_path / "m.zip", image=draw(tmp_path, axes, n_files=n_files), about=ABOUT
    )
    with zipfile.ZipFile(path) as archive:
        inner = zipfile.ZipFile(io.BytesIO(archive.read("tensorflow_saved_model_bundle.zip")))
        inner.extractall(tmp_path / "weights")
        test_input, test_output = (
            np.load(io.BytesIO(archive.read(f"test_{what}.npy"))) for what in ("input", "output")
        )
    restore = tf.saved_model.load(str(tmp_path / "weights")).signatures["serving_default"]
    image = np.random.default_rng(5).random((*(4, 48, 36)[-len(axes) :], n_files), dtype=np.float32)
    for raw, expected in [(test_input[0], test_output[0]), (image, care.restore(model, image, axes=f"{axes}C"))]:
        scaled = np.stack([normalization.normalize(raw[..., i], pmin=3, pmax=99) for i in range(n_files)], -1)
        found = restore(tf.constant(scaled[None]))["restored"].numpy()[0]
        np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a/b"}, r"5 to 128 letters.*'a/b'"),
        ({"description": ""}, "1 to 512 characters, found 0"),
        ({"authors": []}, "at least one author"),
        ({"authors": [{"affiliation": "x"}]}, "each with a name"),
        ({"authors": [{"name": "x", "institute": "y"}]}, "otherwise only affiliation, email, github_user, name, orcid"),
    ],
)
def test_a_description_that_bioimageio_refuses_is_refused_here(change, message):
    """Names, authors and lengths are checked before anything is made of them."""
    given = {"name": "Tiny model", "description": "Restores.", "authors": AUTHORS}
    with pytest.raises(ValueError, match=message):
        About(**given | change)


def test_nothing_is_overwritten_or_left_half(model, tmp_path):
    """A file in the way, an image too small, of other axes, or with channels that the network lacks: each is named."""
    (tmp_path / "m.zip").write_text("mine")
    plane, stack = draw(tmp_path, "YX"), draw(tmp_path, "ZYX", seed=1)
    with pytest.raises(FileExistsError, match=r"m\.zip: expected no such file"):
        model_package.export(model.logdir, tmp_path / "m.zip", image=plane, about=ABOUT)
    assert (tmp_path / "m.zip").read_text() == "mine"
    data.write_image(tmp_path / "small.tif", np.random.default_rng(1).random((40, 31)))
    cases = {"small.tif: expected at least 32 x 32 px": tmp_path / "small.tif", "1_0.tif: expected one plane": stack}
    for message, image in (cases | {r"1 channel\(s\).*found 2": (plane, plane)}).items():
        with pytest.raises(ValueError, match=message):
            model_package.export(model.logdir, tmp_path / "n.zip", image=image, about=ABOUT)
    with pytest.raises(FileNotFoundError, match="trained model"):
        model_package.export(tmp_path, tmp_path / "n.zip", image=plane, about=ABOUT)
    assert not (tmp_path / "n.zip").exists()


def test_the_command_line_writes_one(model, tmp_path, capsys):
    """All that a package needs can be given on the command line; an error is one message."""
    arguments = [str(model.logdir), str(draw(tmp_path, "YX")), str(tmp_path / "m.zip"), "--name", "Tiny model"]
    arguments += ["--description", "Restores.", "--author", "A. Name", "An Institute", "--license", "CC0-1.0"]
    model_package.main(arguments)
    assert capsys.readouterr().out == f"{tmp_path / 'm.zip'}\n"
    with zipfile.ZipFile(tmp_path / "m.zip") as archive:
        assert yaml.safe_load(archive.read("rdf.yaml"))["license"] == "CC0-1.0"
    with pytest.raises(SystemExit, match=r"^Error: .*m\.zip: expected no such file"):
        model_package.main(arguments)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["planes", "stacks"])
def test_bioimageio_runs_it(kind, tmp_path):
    """Its own library finds nothing wrong, reproduces the test output, and restores another image as the book does."""
    subprocess.run(["make", ".venv-bioimageio/.ready"], cwd=ROOT, check=True)
    model, axes = train(tmp_path, **KINDS[kind]), KINDS[kind].get("axes", "YX")
    n_files = model.config.n_channel_in
    path = model_package.export(
        model.logdir, tmp_path / "m.zip", image=draw(tmp_path, axes, n_files=n_files), about=ABOUT
    )
    image = np.random.default_rng(5).gamma(2, 300, (*(8, 64, 96)[-len(axes) :], n_files)).astype(np.uint16)
    np.save(tmp_path / "image.npy", image[None])
    python, script = ROOT / ".venv-bioimageio/bin/python", ROOT / "tests/run_bioimageio.py"
    command = [python, script, path, tmp_path / "image.npy", tmp_path / "restored.npy"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed bioimageio.spec format validation model" in done.stdout
    assert "passed Reproduce test outputs from test inputs (tensorflow_saved_model_bundle)" in done.stdout
    expected = care.restore(model, image, axes=f"{axes}C")
    np.testing.assert_allclose(np.load(tmp_path / "restored.npy").reshape(expected.shape), expected, atol=1e-3)
