"""The data sets of the manifest: whole and as described, or not there."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from explanations import assert_explains
from small_disk import on_small_disk

from l2l_utils import data, luminescence, simulation, virtual_sets

ROOT = Path(data.__file__).parents[1]
SMALL = "virtual/tubulin-small"
ROLES = ["source", "source_average", "source_repeat", "sted", "target", "truth"]
FETCH = f"from l2l_utils import data; data.fetch({SMALL!r})"
# The third cell is the last that this process begins.
KILLED_FETCH = """
import os, signal
from l2l_utils import data, simulation

simulate_cell, begun = simulation.simulate_cell, []

def interrupted(*args, **kwargs):
    begun.append(1)
    if len(begun) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return simulate_cell(*args, **kwargs)

simulation.simulate_cell = interrupted
""" + FETCH.split(";")[1].strip()


def contents(folder):
    """Return the bytes of every file below a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder L2L_DATA after the small data set was fetched into it."""
    root = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("L2L_DATA", str(root))
        patch.setenv("XDG_CACHE_HOME", str(root / "no_cache"))
        assert data.fetch(SMALL) == root / SMALL
    return root


@pytest.fixture
def copied(made, tmp_path, monkeypatch):
    """Return the folder of a copy of the small data set, to be damaged."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("L2L_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no_cache"))
    return tmp_path / SMALL


def test_manifest_agrees_with_the_microscope():
    """Each virtual set has the pixel size of its structure, and the roles that DESIGN asks of it."""
    manifest = data.read_manifest()
    assert {"virtual/tubulin", SMALL} <= manifest.keys()
    for name, entry in manifest.items():
        if entry["kind"] == "virtual":
            assert entry["licence"] == "CC0-1.0"
        if entry["kind"] == "virtual" and entry["axes"] == "YX":
            assert entry["pixel_size_nm"] == simulation.STRUCTURES[entry["structure"]].pixel_size_nm
            images = simulation.simulate_cell(entry["structure"], (64, 64), rng=np.random.default_rng(0))
            assert entry["roles"].keys() <= images.keys()
            if "nucleus" not in entry["roles"]:
                assert {*entry["roles"], "sted"} == {*ROLES}, name


def test_manifest_agrees_with_the_luminescence_microscope():
    """Each virtual set of stacks has the sizes of its structures, and roles that the microscope makes."""
    stacks = [entry for entry in data.read_manifest().values() if "z_step_nm" in entry]
    assert len(stacks) == 6
    for entry in stacks:
        for structure in set(virtual_sets.cell_names(entry).values()):
            row = luminescence.LUMINESCENT[structure]
            sizes_nm = 1000 * row.objective.pixel_um, 1000 * row.plane_um
            assert (entry["pixel_size_nm"], entry["z_step_nm"]) == pytest.approx(sizes_nm)
            images = luminescence.simulate_cell(structure, (2, 64, 64), rng=np.random.default_rng(0))
            assert entry["roles"].keys() <= images.keys()


def test_fetched_files_are_the_simulated_cells(made):
    """Every file holds the image of its cell, drawn from the set's seed and the cell's number alone."""
    entry = data.read_manifest()[SMALL]
    assert sorted(path.name for path in (made / SMALL).iterdir() if path.is_dir()) == ROLES
    for cell in range(entry["n_cells"]):
        rng = np.random.default_rng([entry["seed"], cell])
        images = simulation.simulate_cell(entry["structure"], tuple(entry["shape"]), rng=rng)
        for role in ROLES:
            path = made / SMALL / role / f"cell_{cell:03d}.tif"
            found = data.read_image(path)
            assert found.dtype == (np.float32 if role == "truth" else np.uint16)
            np.testing.assert_array_equal(found, images[role])
            pixel_um = entry["pixel_size_nm"] / 1000
            assert data.pixel_size_um(path) == pytest.approx((pixel_um, pixel_um), rel=1e-6)
            assert data.read_provenance(path) == {
                "dataset": SMALL,
                "version": entry["version"],
                "cell": cell,
                "image": role,
            }


def test_fetched_set_is_like_a_users_folders(made):
    """The sub-folders of a fetched set pair like a user's own."""
    n_cells = data.read_manifest()[SMALL]["n_cells"]
    for target in ("target", "source_repeat", "truth"):
        assert len(data.pair_images(made / SMALL / "source", made / SMALL / target)) == n_cells


def test_complete_set_is_left_alone(copied):
    """A set that is there is not made again, whatever else a user keeps in its folder."""
    (copied / "restored.tif").write_bytes(b"mine")
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("*")}
    assert data.fetch(SMALL) == copied
    assert {path: path.stat().st_mtime_ns for path in copied.rglob("*")} == before


def drop_file(folder):
    (folder / "target" / "cell_003.tif").unlink()


def cut_file(folder):
    path = folder / "source" / "cell_001.tif"
    path.write_bytes(path.read_bytes()[:-1000])


def change_record(folder):
    record = json.loads((folder / "dataset.json").read_text())
    record["recipe"]["version"] = 0
    (folder / "dataset.json").write_text(json.dumps(record))


@pytest.mark.parametrize("damage", [drop_file, cut_file, change_record])
def test_incomplete_set_is_made_anew(made, copied, damage):
    """A set with a missing or changed file, or of another version, is replaced by a whole one, byte for byte."""
    damage(copied)
    assert contents(copied) != contents(made / SMALL)
    data.fetch(SMALL)
    assert contents(copied) == contents(made / SMALL)
    assert [path.name for path in copied.parent.iterdir()] == ["tubulin-small"]


def test_users_files_are_never_replaced(copied):
    """An incomplete set with a user's file in it is not replaced; the message says what is in the way."""
    (copied / "restored").mkdir()
    (copied / "restored" / "mine.tif").touch()
    drop_file(copied)
    before = contents(copied)
    with pytest.raises(FileExistsError) as error:
        data.fetch(SMALL)
    assert_explains(error.value, copied, "a data set that this book made", "other files: restored/mine.tif")
    assert contents(copied) == before


def start(code, folder):
    """Start Python code in a process of its own that keeps its data sets in `folder`."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={"L2L_DATA": str(folder), "XDG_CACHE_HOME": str(folder / "no_cache")},
        cwd=ROOT,
    )


@pytest.mark.slow
def test_two_processes_may_fetch_at_once(made, tmp_path):
    """Processes that make the same set at the same time all end with the whole set, and nothing else remains."""
    processes = [start(FETCH, tmp_path) for _ in range(3)]
    assert [process.wait(timeout=100) for process in processes] == [0, 0, 0]
    assert contents(tmp_path) == contents(made)


@pytest.mark.slow
@pytest.mark.parametrize("size_kb", [60, 200, 1500])
def test_full_disk(tmp_path, size_kb):
    """On a full disk there is no set, and a message that says so."""
    command = on_small_disk(tmp_path, size_kb, f'"$0" "$@"; test ! -e {tmp_path / SMALL}')
    process = subprocess.run(
        [*command, sys.executable, "-c", FETCH],
        env={"L2L_DATA": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "no_cache"), "PATH": os.environ["PATH"]},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{tmp_path / SMALL}: expected room on the disk, found a full disk. Make room" in process.stderr


@pytest.mark.slow
def test_killed_fetch_leaves_no_data_set(made, tmp_path):
    """A process that is killed while it makes a set leaves none under the set's name, and the next one makes it."""
    assert start(KILLED_FETCH, tmp_path).wait(timeout=100) == -signal.SIGKILL
    assert not (tmp_path / SMALL).exists()
    assert start(FETCH, tmp_path).wait(timeout=100) == 0
    assert contents(tmp_path / SMALL) == contents(made / SMALL)
