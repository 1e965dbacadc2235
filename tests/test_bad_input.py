"""What a user can do wrong: each is explained, and nothing is made or changed by it."""

import os
import re
import shutil
from functools import partial
from typing import NamedTuple

import mistakes as m
import numpy as np
import pytest
import tifffile
from mistakes import CELL, STACK

FILE, STATE, RECORD, WEIGHTS = "source/b.tif", "new/training_state.npz", "model/training.json", "model/weights_best.h5"
TARGETS = [f"target/{name}.tif" for name in "abc"]
SPECK, EDGE = np.zeros((200, 200), np.uint16), np.zeros_like(CELL)
SPECK[90:95, 90:95] = EDGE[0] = 900
NAN = np.where(CELL > 990, np.nan, CELL).astype(np.float32)
SHAPE = (4, 32, 32, 1)


class Case(NamedTuple):
    """What was done to a good data set and its model, what is asked of them then, and what is said to that."""

    spoil: m.Step
    call: m.Step
    message: str
    error: type[Exception] = ValueError
    changed: frozenset[str] = frozenset()


# The file of a raw image is spoiled: every call that reads it says the same.
FILES = {
    "missing": (m.remove(FILE), "a TIFF file, found no such file. Check the name", FileNotFoundError),
    "text": (m.text(FILE, "Hello"), "a whole TIFF.*not a TIFF.*export it again"),
    "no content": (m.text(FILE, ""), "a whole TIFF.*cannot be read.*export it again"),
    "truncated": (m.shorten(FILE), r"a whole TIFF.*ends after \d+ of \d+ bytes.*export it again"),
    "colour": (m.write(FILE, STACK.astype(np.uint8), photometric="rgb"), "one greyscale.*RGB.*Split Channels"),
    "stack": (m.write(FILE, STACK, photometric="minisblack"), "one plane.*3 planes.*Save one plane"),
    "complex": (m.write(FILE, CELL.astype(np.complex64)), "grey values.*complex64.*16 bit"),
    "mask": (m.write(FILE, CELL > 500), "grey values.*bool.*16 bit"),
    "NaN": (m.write(FILE, NAN), "a number in every pixel.*NaN.*leave it out"),
    "constant": (m.write(FILE, np.full_like(CELL, 7)), "contrast.*value 7 in every pixel.*Export the right channel"),
}
# Nothing is spoiled, but an argument.
ARGUMENTS = {
    "misspelt folder": (m.pair, {"target": "traget"}, "traget: .*no such folder.*Put one", FileNotFoundError),
    "same folder": (m.pair, {"target": "source"}, "source: expected two folders.*the same folder.*Put the input label"),
    "too few pairs": (m.split, {"n_held_out": 2}, "at least 4 image pairs.*found 3.*add pairs"),
    "pattern": (m.split, {"held_out_names": ["z*"]}, r"held-out pattern 'z\*', found none among a, b, c\. Correct"),
    "negative validation": (m.split, {"n_validation": -1}, "0 or more.*found -1 and 0.*Give"),
    "negative held out": (m.split, {"n_held_out": -2}, "0 or more.*found 1 and -2.*Give"),
    "large patch": (m.cut, {"patch_px": 128}, r"target/a\.tif: .*128 x 128 px.*found 64 x 68 px.*smaller patches"),
    "zoomed patch": (m.cut, {"zooms": (0.25,)}, r"target/a\.tif: .*128 x 128 px.*found 64 x 68 px.*no zoom below 1"),
    "percentiles swapped": (m.cut, {"pmin": 99, "pmax": 1}, "0 <= pmin < pmax <= 100, found pmin 99 and pmax 1.*Give"),
    "percentile 101": (m.cut, {"pmax": 101}, "0 <= pmin < pmax <= 100, found pmin 1 and pmax 101.*Give"),
    "percentile -1": (m.cut, {"pmin": -1}, "0 <= pmin < pmax <= 100, found pmin -1 and pmax 99.9.*Give"),
    "no patch": (m.cut, {"n_per_image": 0}, "n_per_image of 1 or more, found 32 and 0.*Give"),
    "negative patches": (m.cut, {"n_per_image": -1}, "n_per_image of 1 or more, found 32 and -1.*Give"),
    "patches of no size": (m.cut, {"patch_px": 0}, "patch_px and .* of 1 or more, found 0 and 2.*Give"),
    "zoom 0": (m.cut, {"zooms": (1.5, 0)}, "zooms above 0.*found 1.5, 0.*Give"),
    "negative zoom": (m.cut, {"zooms": (-0.5,)}, "zooms above 0.*found -0.5.*Give"),
    "zoom to nothing": (m.cut, {"zooms": (99,)}, "zooms above 0.*found 99.*Give"),
    "no pairs": (m.cut, {"names": ""}, "at least one image pair.*found none.*Give"),
    "unknown loss": (m.create, {"loss": "SSIM3"}, "'SSIM3'.*Known.*3S-SSIM"),
    "unknown option": (m.create, {"epochs": 3}, "options of CSBDeep.*found epochs.*Choose among.* train_epochs"),
    "option out of range": (m.create, {"train_epochs": 0}, "range of CSBDeep.*found train_epochs=0.*Give"),
    "percentiles of a model": (m.create, {"pmin": 99, "pmax": 1}, "0 <= pmin < pmax <= 100.*pmin 99 and pmax 1.*Give"),
    "unknown axes": (m.restore, {"axes": "XY"}, r"YX, YXC or CYX.*'XY'.*\(64, 68\).*one by one"),
    "axes of a stack": (m.restore, {"image": STACK}, r"YX, YXC or CYX.*'YX'.*\(3, 64, 68\).*one by one"),
    "channels to restore": (m.restore, {"image": STACK, "axes": "CYX"}, "1 channel.*found 3.*Choose the channels"),
    "complex array": (m.restore, {"image": CELL.astype(complex)}, "a real image.*complex128"),
    "NaN in an array": (m.restore, {"image": NAN}, "a number in every pixel.*found NaN.*leave it out"),
    "empty array": (m.restore, {"image": CELL[:0]}, r"Expected a real image.*\(0, 68\)"),
    "constant array": (m.restore, {"image": np.ones((64, 64))}, "percentile.*found 1 for both.*Leave it out"),
    "little memory": (m.restore, {"memory_gb": 1e-6}, "64 x 68 px.*expected at least .* GiB more.*larger memory_gb"),
    "no memory": (m.restore_files, {"memory_gb": 0}, r"b\.tif: .*64 x 68 px.*at least .* GiB more.*larger memory_gb"),
    "dtype int8": (m.restore_files, {"dtype": "int8"}, "float32, uint16, uint8, input, found 'int8'.*Choose"),
    "dtype float64": (m.restore_files, {"dtype": "float64"}, "float32, uint16, uint8, input, found 'float64'.*Choose"),
    "one name": (m.restore_files, {"names": (FILE, "target/b.tif")}, "one name.*images named b.tif.*different folders"),
    "output on input": (
        m.restore_files,
        {"output": "source"},
        r"b\.tif: .*found another file.*another",
        FileExistsError,
    ),
    "no model": (m.load, {"name": "modle"}, "modle: .*config.json.*found none.*Give the folder", FileNotFoundError),
    "other settings": (
        m.create,
        {"name": "model", "unet_n_first": 8},
        "model holds.*8, found 4.*name",
        FileExistsError,
    ),
}
# A fresh model called "new" is trained.
TRAININGS = {
    "unknown precision": ({"precision": "half"}, "'half'.*Known.*bfloat16"),
    "odd side": ({"shapes": [(4, 30, 30, 1)] * 2}, "a multiple of 4 px.*found 30 x 30 px.*Choose"),
    "unlike numbers": ({"shapes": [SHAPE, (3, 32, 32, 1)]}, r"one shape.*found \(4, .*and \(3, .*Cut both"),
    "channels": ({"shapes": [(4, 32, 32, 2), SHAPE]}, "1 source and 1 target.*found 2 and 1.*n_channel_in"),
    "no channel axis": ({"shapes": [SHAPE[:3]] * 2}, r"one shape.*found \(4, 32, 32\) .*Cut both"),
    "no patches": ({"shapes": [(0, 32, 32, 1)] * 2}, r"one shape.*found \(0, 32, 32, 1\).*Cut both"),
}
DAMAGED_STATE = "training_state.npz: expected the state of this training, found a damaged file.*Delete it"
DAMAGED_RECORD = "training.json: expected the record of a training, found a damaged file.*Copy the model's folder"
UNOPENED = "model: expected a trained CARE model, found one that cannot be opened.*Copy the model's folder"
FOREIGN = "restored/b.tif: .*restored by this model, found another file.*another output folder"
BEGUN = frozenset({"new/training.json"})
SETTINGS = {
    "empty folder": Case(m.remove(*TARGETS), m.pair, "target: .*an empty folder.*Put one TIFF", FileNotFoundError),
    "no TIFFs": Case(
        m.both(*(m.rename(name, f"{name}.lif") for name in TARGETS)),
        m.pair,
        "target: .*3 other files.*Put",
        FileNotFoundError,
    ),
    "other names": Case(m.rename(TARGETS[1], "target/B2.tif"), m.pair, "target: .*in .* for b; .* for B2.*same name"),
    "two of one name": Case(m.write("source/a.tiff", CELL), m.pair, "source: .*a.tif and a.tiff.*Rename or remove"),
    "truncated before pairing": Case(m.shorten(FILE), m.pair, r"b\.tif: .*a whole TIFF.*export it again"),
    "two shapes": Case(m.write(FILE, CELL[:60]), m.pair, r"b\.tif and .*b\.tif: .*\(60, 68\) and \(64, .*crop both"),
    "two shapes to cut": Case(
        m.write(FILE, CELL[:60]), m.cut, r"b\.tif: .*\(64, 68\), found \(60, 68\)\. Crop all images alike"
    ),
    "nearly empty": Case(m.write(FILE, SPECK), m.restore_files, r"b\.tif: .*found 0 for both.*move the percentiles"),
    "edge": Case(
        m.write(TARGETS[1], EDGE), m.cut, r"target/b\.tif: .*bright structure.*found none.*leave this pair out"
    ),
    "foreign files": Case(
        m.both(m.make("new"), m.text("new/thesis.txt", "mine")),
        m.create,
        "new: .*an empty one, found thesis.txt.*another model name",
        FileExistsError,
    ),
    "file for a model": Case(m.text("new", ""), m.create, "new: expected a folder to write into.*Choose", OSError),
    "file for results": Case(
        m.text("restored", ""), m.restore_files, "restored: .*folder to write into.*Choose", OSError
    ),
    "broken record": Case(m.text(RECORD, "{"), partial(m.create, name="model"), DAMAGED_RECORD),
    "broken record to restore": Case(m.text(RECORD, "{"), m.restore_files, DAMAGED_RECORD),
    "small for the loss": Case(
        partial(m.create, loss="3S-SSIM"),
        partial(m.train, loss="3S-SSIM"),
        r"3S-SSIM needs.*at least \d+ px.*found 32 x 32 px.*Choose",
    ),
    "other images": Case(
        m.copy_model("new"), m.train, "new holds.*expected the same.*other images.*or model name", FileExistsError
    ),
    "other seed": Case(
        m.copy_model("new"),
        partial(m.train, shapes=[SHAPE] * 2, seed=7),
        "new holds.*found another seed.*or model name",
        FileExistsError,
    ),
    "plain model": Case(
        m.plain_model, m.train_loaded, "new: .*care.create made, found one without training.json.*Create"
    ),
    "broken state": Case(m.both(m.create, m.text(STATE, "PK")), m.train, DAMAGED_STATE, changed=BEGUN),
    "empty state": Case(m.both(m.create, m.text(STATE, "")), m.train, DAMAGED_STATE, changed=BEGUN),
    "other state": Case(m.other_state, m.train, DAMAGED_STATE, changed=BEGUN),
    "truncated state": Case(m.both(m.other_state, m.shorten(STATE)), m.train, DAMAGED_STATE, changed=BEGUN),
    "not a number": Case(
        m.create,
        partial(m.train, shapes=[SHAPE] * 2, value=np.nan),
        "new: .*stopped being a number in epoch 1 of 1.*lower learning rate",
        FloatingPointError,
        BEGUN,
    ),
    "no weights": Case(
        m.remove(WEIGHTS, WEIGHTS.replace("best", "last")),
        m.load,
        "model: .*trained weights.*found none.*Give",
        FileNotFoundError,
    ),
    "broken config": Case(m.text("model/config.json", '{"n_dim": 2,'), m.load, UNOPENED),
    "truncated weights": Case(m.shorten(WEIGHTS), m.load, UNOPENED),
    "foreign weights": Case(m.text(WEIGHTS, "Hello"), m.load, UNOPENED),
    "mixed models": Case(m.mix_models, m.load, UNOPENED),
    "someone's result": Case(
        m.both(m.make("restored"), m.write("restored/b.tif", CELL)), m.restore_files, FOREIGN, FileExistsError
    ),
    "someone's text": Case(
        m.both(m.make("restored"), m.text("restored/b.tif", "mine")), m.restore_files, FOREIGN, FileExistsError
    ),
    "no TIFF name": Case(
        m.rename(FILE, "source/b.lsm"),
        partial(m.restore_files, names=["source/b.lsm"]),
        r"b\.lsm: .*ends in \.tif.*another name",
    ),
}
CASES = {
    **{
        f"{name}, {call.__name__}": Case(spoil, call, rf"source/b\.tif: expected .*{message}", *error)
        for name, (spoil, message, *error) in FILES.items()
        for call in (m.read, m.cut, m.restore_files)
    },
    **{name: Case(m.nothing, partial(call, **options), *said) for name, (call, options, *said) in ARGUMENTS.items()},
    **{name: Case(m.create, partial(m.train, **options), message) for name, (options, message) in TRAININGS.items()},
    **SETTINGS,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the folder of a model that was trained for a step."""
    folder = tmp_path_factory.mktemp("trained")
    m.train(folder, shapes=[SHAPE] * 2)
    return folder / "new"


@pytest.fixture
def folder(tmp_path, trained):
    """Return a folder with three good pairs and a trained model."""
    for role in ("source", "target"):
        (tmp_path / role).mkdir()
        for name in "abc":
            tifffile.imwrite(tmp_path / role / f"{name}.tif", CELL)
    shutil.copytree(trained, tmp_path / "model")
    return tmp_path


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_explained(name, folder):
    """The message says where, what was expected, what was found and what to do; nothing on disk is made or changed."""
    case = CASES[name]
    case.spoil(folder)
    before = m.contents(folder)
    with pytest.raises(case.error) as error:
        case.call(folder)
    assert re.search(case.message, str(error.value), re.DOTALL), str(error.value)
    after = m.contents(folder)
    assert {path for path in before | after if before.get(path) != after.get(path)} <= case.changed


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="who may write everywhere cannot test this")
@pytest.mark.parametrize("call", [m.create, m.restore_files])
def test_folder_without_permission(call, folder):
    """A folder in which nothing can be written is named, and is as it was."""
    for name in ("new", "restored"):
        (folder / name).mkdir(mode=0o500)
    before = m.contents(folder)
    with pytest.raises(PermissionError, match=r"expected a folder to write into.*Choose another folder"):
        call(folder)
    assert m.contents(folder) == before
