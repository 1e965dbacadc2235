"""Records come back as written, and say where they come from."""

import numpy as np
import pandas as pd
import pytest

from l2l_utils import records


@pytest.fixture
def table():
    """Return a summary of two methods, one of them untrained."""
    rows = [["tubulin", "L2L", "L1", "psnr", 20.5, 0.25], ["tubulin", "input", "", "psnr", 15.0, np.nan]]
    return pd.DataFrame(rows, columns=["dataset", "method", "loss", "metric", "value", "sd"])


def test_a_record_comes_back_with_its_provenance(table, tmp_path, monkeypatch):
    """Values, gaps and texts are those written; the head has command, commit, date, seeds and versions."""
    monkeypatch.setattr(records, "__file__", str(tmp_path / "records.py"))
    records.write(table, tmp_path / "losses.csv", command="make sweep", seeds=[0, 1, 2])
    found = records.read("losses")
    pd.testing.assert_frame_equal(found, table)
    assert found.attrs["command"] == "make sweep"
    assert found.attrs["seeds"] == "0 1 2"
    assert "numpy " + np.__version__ in found.attrs["versions"]
    assert {"commit", "date"} <= found.attrs.keys()


def test_a_failed_write_leaves_the_record_that_was_there(table, tmp_path):
    """A table that cannot be written changes nothing."""
    path = tmp_path / "losses.csv"
    records.write(table, path, command="make sweep", seeds=[0])
    before = path.read_bytes()
    with pytest.raises(AttributeError):
        records.write(None, path, command="make sweep", seeds=[0])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["losses.csv"]


def test_a_missing_record_is_named():
    """The message says which, and what makes it."""
    with pytest.raises(FileNotFoundError, match=r"no_such\.csv.*make sweep"):
        records.read("no_such")
