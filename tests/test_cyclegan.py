"""CycleGANs are trained, killed, resumed, opened at any epoch, and restore images of any size without a seam."""

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from csbdeep.utils.tf import keras_import
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.filters import threshold_otsu

from l2l_utils import (
    checkpoint,
    cyclegan,
    data,
    files,
    gan_inference,
    gan_training,
    normalization,
    record,
    restoration,
    unpaired,
)

TINY = cyclegan.Settings(
    n_first=4, n_blocks=1, n_first_discriminator=4, init_scale=0.02, epochs=3, decay_epochs=1, batch_size=2, pool_size=3
)
C2GAN = replace(TINY, structure=cyclegan.Structure(), smoothing_px=1.0)


def cut():
    """Return patches for training and validation, always the same, from images drawn here."""
    rng = np.random.default_rng(0)

    def draw(n):
        smooth = ndimage.gaussian_filter(rng.random((n, 48, 48, 1)), (0, 2, 2, 0))
        return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)

    return [unpaired.Domains(Drawn(draw(n) ** 0.5), Drawn(draw(m) ** 2)) for n, m in ((6, 4), (4, 4))]


class Drawn(np.ndarray):
    """Patches that know what the training asks of them."""

    def __new__(cls, patches):
        """View an array so."""
        return patches.view(cls)

    def at_epoch(self, epoch):
        """Return the patches, upside down in every second epoch."""
        return np.flip(self, 1).view(Drawn) if epoch % 2 else self

    def description(self):
        """Return something like a checksum."""
        return {"sha256": f"{float(self.sum()):.3f}"}


def train(folder, settings=TINY, seed=0):
    """Create and train a model, or go on."""
    keras_import("utils", "set_random_seed")(seed)
    model = cyclegan.create(name="model", basedir=folder, settings=settings)
    return model, cyclegan.train(model, *cut(), seed=seed)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a finished c2GAN with its log."""
    return train(tmp_path_factory.mktemp("trained"), C2GAN)


def weights(model):
    """Return all weights of the generator that restores, its fixed normalisation included, in one array."""
    return np.concatenate([w.ravel() for w in model.keras_model.get_weights()])


def test_what_a_training_leaves_behind(trained):
    """A record, a log with a row per epoch, both generators and a sample of each epoch, and no state."""
    model, log = trained
    names = {path.name for path in model.logdir.iterdir()}
    assert names == {record.FILE, checkpoint.LOG, "epochs", "samples"}
    content = record.read(model.logdir)
    assert content["finished"]
    assert content["best_epoch"] == log.criterion.idxmin() + 1
    assert content["weights_sha256"] == checkpoint.weights_sha256(model)
    training, _ = cut()
    assert content["thresholds"]["source"] == pytest.approx(
        threshold_otsu(ndimage.gaussian_filter(np.asarray(training.source), (0, 1, 1, 0)))
    )
    assert list(log.epoch) == [0, 1, 2]
    assert log.learning_rate.tolist() == pytest.approx([5e-4, 5e-4, 2.5e-4])
    assert {"gan", "cycle", "identity", "structure", "discriminators"} <= set(log.columns)
    np.testing.assert_allclose(log.criterion, log.val_cycle + log.val_distance)
    assert len(list((model.logdir / "epochs").iterdir())) == 3
    assert data.read_image(model.logdir / "samples" / "0003.tif").shape == (96, 192)


def test_any_epoch_can_be_opened(trained):
    """Without a number the best epoch's generators are opened; each number opens its own."""
    model, log = trained
    opened = [weights(cyclegan.load(model.logdir, epoch=epoch)) for epoch in (1, 2, 3)]
    np.testing.assert_array_equal(opened[log.criterion.idxmin()], weights(cyclegan.load(model.logdir)))
    np.testing.assert_array_equal(weights(model), weights(cyclegan.load(model.logdir)))
    assert not np.array_equal(opened[0], opened[1])
    with pytest.raises(FileNotFoundError, match="epoch 7"):
        cyclegan.load(model.logdir, epoch=7)


def test_a_finished_model_is_left_as_it_is(trained):
    """The same call opens it; other settings, another seed or other images are refused."""
    model, log = trained
    folder = model.logdir.parent
    before = {path: path.stat().st_mtime_ns for path in model.logdir.rglob("*")}
    again, same = train(folder, C2GAN)
    assert {path: path.stat().st_mtime_ns for path in again.logdir.rglob("*")} == before
    pd.testing.assert_frame_equal(same, log)
    with pytest.raises(FileExistsError, match="smoothing_px"):
        train(folder, replace(C2GAN, smoothing_px=2.0))
    with pytest.raises(FileExistsError, match="another seed"):
        train(folder, C2GAN, seed=1)


@pytest.mark.slow
def test_interrupted_anywhere_it_ends_as_if_nothing_had_been(tmp_path, monkeypatch):
    """Stopped within epochs, and while each file is written, the weights and the log come out the same."""
    whole, expected = train(tmp_path / "whole")
    moments = [("generate", 2), ("generate", 5), ("write", 5), ("write", 3), ("generate", 4)]
    for kind, n in moments:
        with monkeypatch.context() as patched:
            interrupt(patched, kind, n)
            with pytest.raises(KeyboardInterrupt):
                train(tmp_path / "interrupted")
    found, log = train(tmp_path / "interrupted")
    pd.testing.assert_frame_equal(log.drop(columns="seconds"), expected.drop(columns="seconds"), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weights(found), weights(whole), atol=1e-6)
    assert {p.name for p in found.logdir.iterdir()} == {p.name for p in whole.logdir.iterdir()}


def interrupt(patched, kind, n):
    """Let the n-th step, or the writing of the n-th file, be interrupted."""
    left = [n]

    def count(call, *arguments):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return call(*arguments)

    if kind == "write":
        write = files.whole_file
        patched.setattr(files, "whole_file", lambda path: count(write, path))
    else:
        smooth = unpaired.smooth
        patched.setattr(gan_training.unpaired, "smooth", lambda *arguments: count(smooth, *arguments))


@pytest.mark.slow
def test_a_killed_process_goes_on(tmp_path):
    """A process that is killed while it writes its second epoch down leaves what the next one needs."""
    code = f"""
import contextlib, os, pathlib, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_cyclegan
from l2l_utils import checkpoint, files

write = files.whole_file

@contextlib.contextmanager
def die(path):
    with write(path) as unfinished:
        yield unfinished
        if path.name == checkpoint.STATE and len(list(path.parent.glob("epochs/*.npz"))) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

files.whole_file = die
test_cyclegan.train(pathlib.Path({str(tmp_path / "killed")!r}))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert list((tmp_path / "killed").rglob(f"{files.UNFINISHED}*"))
    found, log = train(tmp_path / "killed")
    assert not list((tmp_path / "killed").rglob(f"{files.UNFINISHED}*"))
    whole, expected = train(tmp_path / "whole")
    assert list(log.epoch) == list(expected.epoch)
    np.testing.assert_allclose(weights(found), weights(whole), atol=1e-6)


def test_a_loss_that_is_no_number_ends_loudly(tmp_path):
    """With an absurd learning rate the training says so, and what was learnt before is kept."""
    with pytest.raises(FloatingPointError, match="stopped being a number"):
        train(tmp_path, replace(TINY, learning_rate=1e30, structure=cyclegan.Structure()))
    assert not record.read(tmp_path / "model")["finished"]


def test_chosen_by_pairs(tmp_path):
    """Where the validation patches are pairs, the epoch with the highest 3S-SSIM is taken."""
    _, log = train(tmp_path, replace(TINY, chosen_by="pairs"))
    np.testing.assert_allclose(log.criterion, 1 - log.val_ms_ssim_3)


def test_patches_must_fit(tmp_path):
    """Patches whose side the generator cannot halve twice are refused."""
    model = cyclegan.create(name="model", basedir=tmp_path, settings=TINY)
    odd = unpaired.Domains(*(Drawn(np.zeros((2, 46, 46, 1), np.float32)) for _ in range(2)))
    with pytest.raises(ValueError, match="multiple of 4, found 46"):
        cyclegan.train(model, odd, odd)


def test_pairs_are_needed_to_choose_by_pairs(tmp_path):
    """Unequal numbers of validation patches are no pairs."""
    settings, (training, validation) = replace(TINY, chosen_by="pairs"), cut()
    model = cyclegan.create(name="model", basedir=tmp_path, settings=settings)
    with pytest.raises(ValueError, match=r'4 source and 2 target patches.*chosen_by="unpaired"'):
        cyclegan.train(model, training, validation._replace(target=validation.target[:2]))


@pytest.mark.parametrize("content", [None, "{}"])
def test_only_a_cyclegan_is_opened(tmp_path, content):
    """A folder without one, or with a model of another kind, is named."""
    if content:
        (tmp_path / record.FILE).write_text(content, encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="expected a CycleGAN"):
        cyclegan.load(tmp_path)


def test_a_damaged_epoch_is_named(trained, tmp_path):
    """Half a file of weights is reported by its name."""
    folder = tmp_path / "copy"
    shutil.copytree(trained[0].logdir, folder)
    path = folder / "epochs" / "0001.npz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"0001\.npz"):
        cyclegan.load(folder, epoch=1)


@hypothesis_settings(deadline=None, max_examples=6)
@given(rows=st.integers(9, 150), columns=st.integers(9, 150), dtype=st.sampled_from(["uint8", "uint16", "float32"]))
def test_any_size_and_number_type(trained, rows, columns, dtype):
    """The result has the image's shape, 0 to 1, and is that of the generator on the normalised, smoothed image."""
    model, _ = trained
    image = (np.random.default_rng(rows).random((rows, columns)) * 200).astype(dtype)
    before = image.copy()
    restored = cyclegan.restore(model, image)
    assert (restored.dtype, restored.shape) == (np.float32, image.shape)
    assert 0 <= restored.min() <= restored.max() <= 1
    np.testing.assert_array_equal(image, before)
    if rows % 4 == columns % 4 == 0:
        prepared = ndimage.gaussian_filter(normalization.normalize(image), 1)[None, ..., None]
        expected = (model.keras_model(2 * prepared - 1).numpy()[0, ..., 0] + 1) / 2
        np.testing.assert_allclose(restored, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(300, 260), (222, 333)])
def test_tiles_leave_no_seam(trained, rng, shape):
    """In tiles, on an image bright on one side only, the result is that of the whole image."""
    model, _ = trained
    image = rng.random(shape) * np.linspace(0, 1, shape[1]) ** 4
    whole = cyclegan.restore(model, image, memory_gb=1)
    needed = gan_inference.demands(model.settings)
    little = (130**2 * needed.bytes_per_px + 2 * 4 * (shape[0] + 4) * (shape[1] + 4)) / 2**30
    tiled = cyclegan.restore(model, image, memory_gb=little)
    assert whole.std() > 0.01
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    with pytest.raises(ValueError, match="GiB more"):
        cyclegan.restore(model, image, memory_gb=1e-4)


@pytest.mark.parametrize("image", [np.zeros((3, 8, 8)), np.zeros((8, 8), complex), np.zeros((0, 8))])
def test_other_arrays_are_refused(trained, image):
    """Stacks, complex numbers and empty images are none."""
    with pytest.raises(ValueError, match="axes YX"):
        cyclegan.restore(trained[0], image)


def test_restored_files_say_where_they_come_from(trained, tmp_path, rng):
    """`restore_files` serves CycleGANs too, and finds again what is there."""
    model, _ = trained
    source, image = tmp_path / "raw.tif", (1000 * rng.random((60, 50))).astype(np.uint16)
    data.write_image(source, image, dtype="uint16")
    (path,) = restoration.restore_files(model, [source], tmp_path / "restored", restore=cyclegan.restore)
    np.testing.assert_allclose(data.read_image(path), cyclegan.restore(model, image))
    assert data.read_provenance(path)["model_sha256"] == checkpoint.weights_sha256(model)
    written = path.stat().st_mtime_ns
    restoration.restore_files(model, [source], tmp_path / "restored", restore=cyclegan.restore)
    assert path.stat().st_mtime_ns == written
