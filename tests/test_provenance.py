"""What restored images say about themselves, as a table that OMERO's script reads."""

import csv
import json

import numpy as np
import pytest

from l2l_utils import care, data, patches, provenance, restoration


def read_as_omero(path):
    """Read a table as "Import from CSV" 2.0.0 does: guess the separator on four lines, need rows of one length."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    delimiter = csv.Sniffer().sniff("\n".join(lines[:4]), ",;\t").delimiter
    rows = list(csv.reader(lines, delimiter=delimiter))
    header = [name.strip() for name in rows[0]]
    assert header[0].lower() != "namespace"
    assert {len(row) for row in rows} == {len(header)}
    by_name = [row[header.index("OBJECT_NAME")] for row in rows[1:]]
    assert len(set(by_name)) == len(by_name)
    return {name: dict(zip(header, row, strict=True)) for name, row in zip(by_name, rows[1:], strict=True)}


@pytest.mark.parametrize("names", [["cell 1.tif"], ["Zelle, grün; 3.tif", 'the "best".tif', "c.ome.tif"]])
@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_round_trip(names, dtype, model, tmp_path, rng):
    """All that a restored image knows of itself comes back, whatever its name; numbers as they were."""
    raw = [tmp_path / "raw" / name for name in names]
    for path in raw:
        data.write_image(path, rng.integers(100, 900, (40, 44)).astype(np.uint16), dtype="uint16")
    restored = restoration.restore_files(model, raw, tmp_path / "restored", dtype=dtype)
    provenance.write_key_values(restored, tmp_path / "key_values.csv")
    table = read_as_omero(tmp_path / "key_values.csv")
    assert list(table) == names
    for path, source in zip(restored, raw, strict=True):
        row, origin = table[path.name], data.read_provenance(path)
        assert row["source"] == path.name
        assert row["model_sha256"] == care.weights_sha256(model)
        assert row["source_sha256"] == data.checksum(source)
        assert row["note"] == origin["note"] == "Restored by a neural network. Not for intensity measurement."
        assert json.loads(row["percentiles.pmax"]) == 99.9
        low_and_high = json.loads(row["raw_0_and_1"])
        assert low_and_high == origin["raw_0_and_1"] == list(patches.percentile_range(data.read_image(source)))
        assert row["software"].startswith("l2l_utils ")
        flat = {key.split(".")[0] for key in row} - {"OBJECT_NAME"}
        assert flat == origin.keys()


def test_two_images_of_one_name(model, tmp_path, rng):
    """OMERO could not tell them apart, so nothing is written."""
    data.write_image(tmp_path / "raw" / "a.tif", rng.integers(100, 900, (40, 44)).astype(np.uint16), dtype="uint16")
    found = [restoration.restore_files(model, [tmp_path / "raw" / "a.tif"], tmp_path / seed)[0] for seed in "01"]
    with pytest.raises(ValueError, match=r"several named a\.tif"):
        provenance.write_key_values(found, tmp_path / "key_values.csv")
    assert not (tmp_path / "key_values.csv").exists()


def test_an_image_without_origin_is_named(tmp_path, rng):
    """A file that is no restored image is refused by its name."""
    data.write_image(tmp_path / "a.tif", rng.random((9, 9)))
    with pytest.raises(ValueError, match=r"a\.tif: expected an image with its provenance"):
        provenance.write_key_values([tmp_path / "a.tif"], tmp_path / "key_values.csv")


def test_nested_entries_and_channels():
    """Keys of nested entries are joined by a dot, lists of ranges stay readable, line breaks become spaces."""
    origin = {"a": {"b": {"c": 0.1}}, "raw_0_and_1": [[1.5, 2], [3, 4]], "note": "two\nlines", "none": None}
    expected = {"a.b.c": "0.1", "raw_0_and_1": "[[1.5, 2], [3, 4]]", "note": "two lines", "none": "null"}
    assert provenance.key_values(origin) == expected
