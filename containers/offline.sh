#!/usr/bin/env bash
# Collect in build/offline what a machine without a network needs to install and run the book; run by `make offline`.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
made=build/offline.making
rm -rf "$made"
mkdir -p "$made/label2label-book"

# The build of the package, which `make` installs from its source, needs hatchling and editables.
"$python" -m pip wheel --quiet --wheel-dir "$made/wheels" --constraint requirements.txt \
    --requirement requirements.txt . hatchling editables
tar -c --exclude=./.git --exclude='./.venv*' --exclude=./build --exclude=__pycache__ . | tar -x -C "$made/label2label-book"
L2L_DATA="$made/data" "$python" containers/downloads.py

cat > "$made/install.sh" << END
#!/usr/bin/env bash
# Install the book from this folder, without a network: ./install.sh, or ./install.sh /path/to/python$version
set -euo pipefail
cd "\$(dirname "\$0")/label2label-book"
python=\${1:-python$version}
"\$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$version")' || {
    echo "Error: these packages are for Python $version. Install it, or name it: ./install.sh /path/to/python$version" >&2
    exit 1
}
export PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS=../wheels
make .venv/.ready PYTHON="\$python"
END
chmod +x "$made/install.sh"
cat > "$made/README.md" << END
# The Label2label book, for a machine without a network

For $(uname -sm), Python $version with its venv module, and make. Copy this folder there, then:

    ./install.sh
    cd label2label-book
    export L2L_DATA=\$PWD/../data
    .venv/bin/python -m l2l_utils.execute 03_label2label --profile smoke
    .venv/bin/jupyter lab notebooks

The first command installs from \`wheels\` only; the last but one takes a minute and shows that all is well.
END
rm -rf build/offline
mv "$made" build/offline
du -sh build/offline/*
