"""Write the checksums of the virtual data sets into the manifest: python tests/freeze.py [name ...].

To be run when the virtual microscope is meant to have changed; raise the versions of the sets that did.
"""

import re
import sys
import tempfile
import warnings
from pathlib import Path

from l2l_utils import manifest, virtual_sets


def frozen(text: str, name: str, sha256: str) -> str:
    """Return the text of a manifest with the checksum as the last line of one entry."""
    entry = re.search(rf"^{name}:.*?(?=\n\n|\n?\Z)", text, re.MULTILINE | re.DOTALL)
    lines = re.sub(r"\n  sha256: \w+", "", entry[0]) + f"\n  sha256: {sha256}"
    return text[: entry.start()] + lines + text[entry.end() :]


def main() -> None:
    """Make each set, and write its checksum."""
    path = manifest.manifest_path()
    for name, entry in manifest.read_manifest().items():
        if entry["kind"] == "virtual" and (not sys.argv[1:] or name in sys.argv[1:]):
            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
                sha256 = virtual_sets.make(name, entry, Path(folder))
            state = "as before" if sha256 == entry.get("sha256") else f"new at version {entry['version']}"
            sys.stdout.write(f"{name} {sha256} {state}\n")
            path.write_text(frozen(path.read_text(encoding="utf-8"), name, sha256), encoding="utf-8")


if __name__ == "__main__":
    main()
