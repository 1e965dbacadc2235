"""Restored files as ImageJ opens them: size, number format, pixel size, distance of planes, channels, and origin."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from imagej_macro import needs_imagej, run_macro

from l2l_utils import care, data, restoration

pytestmark = [pytest.mark.slow, needs_imagej]
PIXEL_UM, PLANES_UM = 0.065, 0.3
BITS = {"float32": 32, "uint16": 16, "uint8": 8}
FILES = {**dict.fromkeys(BITS, "YX"), "stack": "ZYX", "channels": "CYX"}
COLUMNS = ["file", "unit", "x", "y", "z", "bits", "width", "height", "channels", "planes", "mode", "brightest"]
MACRO = """
setBatchMode(true);
folder = getArgument() + "/opened/";
files = getFileList(folder);
for (i = 0; i < files.length; i++) {
  open(folder + files[i]);
  getVoxelSize(x, y, z, unit);
  getDimensions(width, height, channels, slices, frames);
  mode = "none";
  if (is("composite")) Stack.getDisplayMode(mode);
  sizes = unit + "," + d2s(x, 9) + "," + d2s(y, 9) + "," + d2s(z, 9) + "," + bitDepth();
  counts = "" + width + "," + height + "," + channels + "," + slices + "," + mode;
  brightest = 0;
  for (s = 1; s <= nSlices; s++) {
    setSlice(s);
    getStatistics(area, mean, min, max);
    brightest = brightest + max;
  }
  print("MEASURED," + files[i] + "," + sizes + "," + counts + "," + d2s(brightest, 6));
  File.saveString(getMetadata("Info"), getArgument() + "/" + files[i] + ".txt");
  close("*");
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model) -> Path:
    """Restore an image in every number format, a stack and two channels; return where they and ImageJ's notes lie."""
    folder, rng = tmp_path_factory.mktemp("restored"), np.random.default_rng(4)
    networks = {"YX": model}
    for axes, config in {"ZYX": {"axes": "ZYX", "unet_n_depth": 1}, "CYX": {"n_channel_out": 2}}.items():
        networks[axes] = care.create(name=axes, basedir=folder / "models", unet_n_first=4, **config)
        networks[axes].keras_model.save_weights(networks[axes].logdir / "weights_best.h5")
    for name, axes in FILES.items():
        raw = folder / "raw" / f"{name}.tif"
        shape = (8, 40, 56) if axes == "ZYX" else (40, 56)
        size = {"axes": axes.replace("C", ""), "unit": "um"} | ({"spacing": PLANES_UM} if axes == "ZYX" else {})
        raw.parent.mkdir(exist_ok=True)
        image = rng.integers(100, 900, shape).astype(np.uint16)
        tifffile.imwrite(raw, image, imagej=True, resolution=(1 / PIXEL_UM,) * 2, metadata=size)
        dtype = name if name in BITS else "float32"
        stacked = "ZYX" if axes == "ZYX" else "YX"
        restoration.restore_files(networks[axes], [raw], folder / "opened", axes=stacked, dtype=dtype)
    lines = [line.split(",")[1:] for line in run_macro(MACRO, folder).splitlines() if line.startswith("MEASURED,")]
    pd.DataFrame(lines, columns=COLUMNS).to_csv(folder / "measured.csv", index=False)
    return folder


def measured(folder: Path, name: str) -> pd.Series:
    """Return what ImageJ measured in a file."""
    return pd.read_csv(folder / "measured.csv", keep_default_na=False).set_index("file").loc[f"{name}.tif"]


@pytest.mark.parametrize("name", FILES)
def test_pixel_size_is_the_raw_image_s(folder, name):
    """ImageJ reads the pixel size in micrometres, and of a stack the distance of its planes."""
    found = measured(folder, name)
    assert found.unit in ("um", "µm", "micron")
    assert [found.x, found.y] == pytest.approx([PIXEL_UM] * 2, rel=1e-6)
    assert found.z == pytest.approx(PLANES_UM if name == "stack" else 1, rel=1e-6)


@pytest.mark.parametrize("name", FILES)
def test_format_and_grey_values(folder, name):
    """Size, bits, channels, planes and the brightest pixels are those of the file, to six digits."""
    found, image = measured(folder, name), tifffile.imread(folder / "opened" / f"{name}.tif")
    assert [found.height, found.width] == list(image.shape[-2:])
    assert found.bits == BITS.get(name, 32)
    assert [found.channels, found.planes] == {"stack": [1, 8], "channels": [2, 1]}.get(name, [1, 1])
    assert found["mode"] == ("composite" if name == "channels" else "none")
    assert found.brightest == pytest.approx(image.max(axis=(-2, -1)).astype(float).sum(), rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("name", FILES)
def test_info_names_the_origin(folder, name):
    """*Image > Show Info* has the provenance: source, model, and that intensities must not be measured."""
    text = (folder / f"{name}.tif.txt").read_text(encoding="utf-8")
    (origin,) = json.loads(text[text.index("{") : text.rindex("}") + 1]).values()
    assert origin == data.read_provenance(folder / "opened" / f"{name}.tif")
    assert origin["source"] == f"{name}.tif"
    assert "Not for intensity measurement" in origin["note"]
