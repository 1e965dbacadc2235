"""Fetch every data set that the book would download, into the folder that L2L_DATA names."""

from __future__ import annotations

import sys

from l2l_utils import data

for name, entry in data.read_manifest().items():
    if entry["kind"] == "download":
        try:
            data.fetch(name)
        except OSError as error:
            sys.stderr.write(f"Left out, so that chapters do without it: {error}\n")
