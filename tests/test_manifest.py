"""The manifest is as its schema wants it, and every breach of the schema is explained."""

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from explanations import assert_explains
from skimage.data import _registry

from l2l_utils import data, manifest

ROOT = Path(manifest.__file__).parents[1]
VIRTUAL, DOWNLOAD, MANUAL = "virtual/tubulin", "skimage/cells3d", "paper/actin"
STACKS = "virtual/luminescence_tomm20"
REQUIRED = {
    VIRTUAL: ["structure", "seed", "n_cells", "shape"],
    STACKS: ["structure", "seed", "n_cells", "shape", "z_step_nm"],
    DOWNLOAD: ["url", "sha256", "max_mb", "channels"],
    MANUAL: ["doi", "words", "markers", "channels"],
}
OPTIONAL = {VIRTUAL: ["sha256"], STACKS: ["sha256", "conditions"]}
COMMON = ["title", "kind", "version", "licence", "citation", "axes", "pixel_size_nm", "roles", "percentiles"]
WRONG = [
    *[(VIRTUAL, key, value) for key in ("title", "licence", "citation", "structure") for value in ("", 1, None)],
    *[(VIRTUAL, "kind", value) for value in ("simulated", None)],
    *[(VIRTUAL, "version", value) for value in (0, 1.5, "1")],
    *[(VIRTUAL, "axes", value) for value in ("XY", "yx", "", "YXS")],
    *[(VIRTUAL, "pixel_size_nm", value) for value in (0, -45, "45")],
    *[(VIRTUAL, "roles", value) for value in ({}, {"source": "x", "goal": "y"}, {"source": "x", "target": 1})],
    *[
        (VIRTUAL, "percentiles", value)
        for value in ({}, {"pmin": 1}, {"pmin": -1, "pmax": 99}, {"pmin": 1, "pmax": 101})
    ],
    *[(VIRTUAL, "percentiles", value) for value in ({"pmin": 60, "pmax": 99}, {"pmin": 1, "pmax": 50}, [1, 99])],
    (VIRTUAL, "percentiles", {"pmin": 1, "pmax": 99, "pmid": 50}),
    *[(VIRTUAL, "sample_percent", value) for value in (0, 51, "ten")],
    *[(VIRTUAL, "seed", value) for value in (-1, 1.5, "1")],
    *[(VIRTUAL, "n_cells", value) for value in (0, "36")],
    *[(VIRTUAL, "shape", value) for value in ([512], [512, 512, 2], [63, 512], [64.5, 64], "512 x 512")],
    *[(STACKS, "shape", value) for value in ([512, 512], [8, 63, 64], [8, 64, 63], [1, 64, 64], [8, 64, 64, 64])],
    *[(STACKS, "z_step_nm", value) for value in (0, -130, "130", None)],
    *[(STACKS, "conditions", value) for value in ({}, {"control": "tomm20"}, {"a": "b", "c": 1}, {"A": "b", "c": "d"})],
    *[(name, "axes", "CYX") for name in (VIRTUAL, STACKS)],
    *[(name, "sha256", value) for name in (VIRTUAL, DOWNLOAD) for value in ("0" * 63, "g" * 64, 0)],
    *[(DOWNLOAD, "url", value) for value in ("http://x.org/a.tif", "https://x.org", "https://x.org/", "file:///a.tif")],
    *[(DOWNLOAD, "max_mb", value) for value in (0, "20")],
    *[(name, "channels", value) for name in (DOWNLOAD, MANUAL) for value in ({}, {"source": 0, "goal": 1})],
    (MANUAL, "channels", {"source": 0, "target": -1}),
    *[(MANUAL, "doi", value) for value in ("https://doi.org/10.15129/x", "15129/x", 10.15129)],
    *[(MANUAL, "words", value) for value in ([], "actin", [""])],
    *[(MANUAL, "markers", value) for value in ([], {"goal": ["x"]}, {"source": []}, {"source": "AC-15"})],
    *[(VIRTUAL, key, value) for key, value in (("url", "https://x.org/a.tif"), ("colour", "red"))],
    (DOWNLOAD, "seed", 1),
    (MANUAL, "sha256", "0" * 64),
]


def entries_of(name):
    """Return the keys that the kind of an entry may have."""
    return {*COMMON, *REQUIRED[name], *OPTIONAL.get(name, [])}


@pytest.fixture
def entries():
    """Return a copy of the manifest to be spoilt."""
    return copy.deepcopy(data.read_manifest())


def refused(entries, folder, where):
    """Check that a manifest is refused, with the place of what is wrong."""
    path = folder / "manifest.yaml"
    path.write_text(yaml.safe_dump(entries))
    with pytest.raises(ValueError, match="expected") as error:
        manifest.read_manifest(path)
    what = str(error.value).partition(": expected")[0]
    assert what.startswith(f"{path}, {where}")
    assert_explains(error.value, what, ".*", ".*")


@pytest.mark.parametrize(("name", "key"), [(n, key) for n, keys in REQUIRED.items() for key in (*COMMON, *keys)])
def test_missing_keys_are_refused(entries, tmp_path, name, key):
    """No entry can lack what its kind needs."""
    del entries[name][key]
    refused(entries, tmp_path, name)


@pytest.mark.parametrize(("name", "key", "value"), WRONG, ids=[f"{key}={value}" for _, key, value in WRONG])
def test_wrong_values_are_refused(entries, tmp_path, name, key, value):
    """Each rule of the schema holds, and what it breaks is named."""
    entries[name][key] = value
    refused(entries, tmp_path, f"{name} / {key}" if key in entries_of(name) else name)


@pytest.mark.parametrize(
    "name", ["tubulin", "virtual/", "/tubulin", "Virtual/tubulin", "../tubulin", "a/b/c", "a/../b"]
)
def test_wrong_names_are_refused(entries, tmp_path, name):
    """A name has two parts, and none that leads elsewhere on the disk."""
    entries[name] = entries[VIRTUAL]
    refused(entries, tmp_path, "the whole file")


@pytest.mark.parametrize("entries", [{}, [], None, "virtual/tubulin", {VIRTUAL: None}])
def test_no_manifest(entries, tmp_path):
    """Something else than a table of entries is refused."""
    refused(entries, tmp_path, VIRTUAL if entries == {VIRTUAL: None} else "the whole file")


def test_every_rule_was_broken():
    """The schema has no key that the tests above do not break."""
    schema = json.loads(manifest.SCHEMA.read_text(encoding="utf-8"))["additionalProperties"]
    keys = set(schema["properties"]).union(*(branch["then"]["properties"] for branch in schema["allOf"]))
    assert keys == {key for _, key, _ in WRONG} - {"colour"}


def test_sets_are_those_of_the_paper(entries):
    """Pixel sizes and percentiles are those of the paper, for its own data and for their virtual twins."""
    paper = {"actin": (45, 1, 99.9), "tubulin": (45, 1, 99.9), "paxillin": (45, 1, 99.9)}
    paper |= {"caveolae": (10, 2, 99.5), "nucleus_membrane": (71, 2, 99.8)}
    for structure, expected in paper.items():
        for name in (f"paper/{structure}", f"virtual/{structure}", f"virtual/{structure}-small"):
            entry = entries[name]
            assert (entry["pixel_size_nm"], *entry["percentiles"].values()) == expected
    assert entries["virtual/tubulin"]["n_cells"] == 36
    assert entries["virtual/tubulin"]["shape"] == [512, 512]


def test_scikit_images_own_checksum(entries):
    """The checksum and address of cells3d are those that scikit-image itself uses."""
    name = "data/cells3d.tif"
    assert entries[DOWNLOAD]["sha256"] == _registry.registry[name]
    assert entries[DOWNLOAD]["url"] == _registry.registry_urls[name]


def test_channels_are_those_of_the_roles(entries):
    """Each role of a set that is not simulated has its channel."""
    for entry in entries.values():
        if entry["kind"] != "virtual":
            assert entry["channels"].keys() == entry["roles"].keys()
            assert entry.get("markers", entry["roles"]).keys() == entry["roles"].keys()


def test_unknown_data_set_is_explained():
    """An unknown name is answered with the known ones."""
    with pytest.raises(ValueError, match="expected") as error:
        data.fetch("virtual/tubelin")
    assert_explains(error.value, "data_manifest.yaml", "virtual/tubulin, virtual/tubulin-small", "'virtual/tubelin'")


def test_installed_package_finds_its_manifest(tmp_path):
    """With the manifest packed beside the modules, as in the wheel, it is found there."""
    shutil.copytree(ROOT / "l2l_utils", tmp_path / "l2l_utils")
    entry = yaml.safe_dump({"packed/set": data.read_entry(VIRTUAL)})
    (tmp_path / "l2l_utils" / "data_manifest.yaml").write_text(entry)
    code = "from l2l_utils import data; print(*data.read_manifest())"
    process = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True, text=True)
    assert process.stdout == "packed/set\n"
