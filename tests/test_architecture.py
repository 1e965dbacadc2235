"""The package keeps its shape: imports go downward, TensorFlow stays out of the NumPy level, all is explained."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import l2l_utils

PACKAGE = Path(l2l_utils.__file__).parent
ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
TREES = {name: ast.parse((PACKAGE / f"{name}.py").read_text("utf-8")) for name in MODULES}

NUMPY, TENSORFLOW, NOTEBOOK = range(3)
LEVELS = dict.fromkeys(
    (
        # the virtual microscope
        *("areas", "cells", "detector", "drawing", "faults", "filaments", "labels"),
        *("simulation", "specimen", "spots", "structures"),
        # the virtual luminescence microscope
        *("binning", "bodies", "emccd", "luminescence", "luminescent_structures"),
        *("membranes", "mitochondria", "nuclei", "widefield"),
        # the virtual nanoscope
        *("emitters", "gibson_lanni", "nanoscope", "optics", "photokinetics", "point_images"),
        # files and data sets
        *("colab", "data", "files", "model_card", "progress", "record", "settings", "shipped", "tiff"),
        *("tiff_header", "windows"),
        # the data sets of the manifest
        *("archives", "datasets", "deposits", "download", "manifest", "recognition", "remote_sets"),
        *("set_folders", "virtual_sets"),
        # a user's own files
        *("file_image", "importing", "microscope_files", "projection", "vendor_files"),
        # from images to patches
        *("augmentation", "normalization", "patch_memory", "patches", "splits"),
        # measures and filters
        *("evidence", "preflight", "verdicts"),
        *("binarisation", "rolling_ball", "tuning", "wiener"),
        # read-outs of Fiji and ilastik
        *("imagej_thresholds", "mask_measures", "particles", "pixel_classifier"),
        *("luminescence_claims", "luminescence_measures", "luminescence_tasks", "phenotype"),
        # nanoscopy
        *("musical", "musical_points", "musical_windows", "optics", "sofi", "srrf"),
        # two structures in one image
        *("jitter", "overlap", "separation", "superposition"),
        # images that are not paired
        *("gan_settings", "unpaired", "unpaired_images"),
        *("filters", "label_contrast", "metrics", "pairs", "papers", "registration", "residual", "scores", "shifts"),
        # cross-validation
        *("cross_validation_claims", "folds", "hard_images", "learning_curves", "relative_change"),
        # alarms without a truth
        *("alarms", "examination", "likeness", "noise", "reliability", "treatment", "uncertainty", "variants"),
        # artefacts of nanoscopy
        *("nanoscopy_crops",),
        # nanoscopy
        *("nanoscopy_claims", "nanoscopy_measures", "nanoscopy_pairs", "sofi", "srrf"),
        # judging restorations
        *(
            "against_truth",
            "claims",
            "intervals",
            "judging",
            "manuscript",
            "orderings",
            "profiles",
            "provenance",
            "quality",
            "ranges",
            "records",
            "resolving",
            "scorecard",
            "separation_claims",
            "unpaired_claims",
            "untrained_claims",
            "verdict_table",
        ),
    ),
    NUMPY,
)
LEVELS |= dict.fromkeys(
    (
        *("care", "checkpoint", "device", "fitting", "inference", "losses", "model_package", "precisions"),
        *("restoration", "tiling", "training"),
        *("cyclegan", "gan_networks", "gan_steps", "gan_inference", "gan_training"),
        *("cross_validation", "luminescence_study", "nanoscopy_study", "separation_study", "unpaired_study"),
        *("autoencoders", "nanoscopy_losses", "nanoscopy_recipe", "nanoscopy_training", "perceptual"),
    ),
    TENSORFLOW,
)
LEVELS |= dict.fromkeys(
    (
        *("alarm_charts", "charts", "execute", "mask_charts", "notebook", "plot", "support", "trust"),
        *("report", "report_pictures", "report_texts", "viewer"),
        *("cross_validation_charts", "luminescence_charts", "nanoscopy_charts", "separation_charts", "unpaired_charts"),
        "verdict_charts",
    ),
    NOTEBOOK,
)
LEVELS |= dict.fromkeys(("cross_validation_charts", "hard_image_charts"), NOTEBOOK)
# Within a level, these and no others.
ARROWS = {
    "care": {"checkpoint", "device", "fitting", "inference", "losses", "precisions"},
    "inference": {"tiling"},
    "fitting": {"checkpoint", "losses", "precisions"},
    "precisions": {"losses"},
    "restoration": {"care"},
    "model_package": {"care", "tiling"},
    "training": {"care", "cyclegan"},
    "cyclegan": {"checkpoint", "gan_inference", "gan_steps", "gan_training"},
    "gan_training": {"checkpoint", "gan_inference", "gan_steps"},
    "gan_steps": {"gan_networks"},
    "gan_inference": {"gan_networks", "tiling"},
    "nanoscopy_crops": {"augmentation"},
    "nanoscopy_losses": {"losses", "perceptual"},
    "nanoscopy_recipe": {"autoencoders", "nanoscopy_losses"},
    "nanoscopy_training": {"autoencoders", "checkpoint", "losses", "nanoscopy_losses", "nanoscopy_recipe"},
    "unpaired": {"data", "patches"},
    "unpaired_images": {"data", "metrics", "normalization", "unpaired"},
    "scores": {"against_truth", "data", "metrics", "pairs", "patches", "progress"},
    "against_truth": {"metrics"},
    "metrics": {"label_contrast"},
    "manuscript": {"data", "record"},
    "provenance": {"data", "files"},
    "quality": {"data", "files", "metrics", "progress", "scores"},
    "binarisation": {"against_truth", "filters", "judging"},
    "filters": {"rolling_ball"},
    "mask_measures": {"metrics"},
    "pixel_classifier": {"rolling_ball"},
    "tuning": {"filters", "metrics", "progress"},
    "judging": {"against_truth", "data", "metrics", "normalization", "pairs", "profiles", "progress", "scores"}
    | {"unpaired", "virtual_sets"},
    "ranges": {"records"},
    "records": {"files"},
    "alarms": {"drawing"},
    "examination": {"alarms", "noise", "normalization"},
    "likeness": {"data", "evidence", "files", "metrics", "progress"},
    "reliability": {"against_truth", "examination", "intervals", "progress"},
    "variants": {"detector", "labels", "simulation", "specimen"},
    "orderings": {"intervals", "papers"},
    "alarm_charts": {"plot"},
    "charts": {"plot"},
    "report": {"notebook", "plot", "report_pictures", "report_texts"},
    "report_pictures": {"plot"},
    "viewer": {"notebook"},
    "mask_charts": {"plot"},
    "scorecard": {"claims", "cross_validation_claims", "intervals", "luminescence_claims", "nanoscopy_claims"}
    | {"separation_claims", "unpaired_claims", "untrained_claims"},
    "untrained_claims": {"claims", "papers"},
    "verdict_table": {"intervals", "records", "scorecard", "scores", "untrained_claims"},
    "separation_claims": {"claims"},
    "luminescence_claims": {"claims"},
    "luminescence_measures": {"data", "imagej_thresholds", "judging", "mask_measures", "metrics", "normalization"}
    | {"particles", "pixel_classifier"},
    "luminescence_study": {"restoration", "training"},
    "luminescence_charts": {"charts"},
    "phenotype": {"claims", "luminescence_measures", "treatment"},
    "separation": {"data", "drawing", "jitter", "judging", "normalization", "pairs", "virtual_sets"},
    "separation_study": {"restoration", "training"},
    "overlap": {"intervals", "judging", "separation"},
    "separation_charts": {"charts"},
    "jitter": {"data"},
    "superposition": {"data", "normalization", "splits"},
    "folds": {"data"},
    "hard_image_charts": {"cross_validation_charts"},
    "relative_change": {"data", "metrics", "normalization", "pairs"},
    "learning_curves": {"intervals", "relative_change"},
    "cross_validation_claims": {"intervals", "learning_curves"},
    "cross_validation": {"restoration", "training"},
    "unpaired_charts": {"charts"},
    "unpaired_claims": {"claims"},
    "unpaired_study": {"checkpoint", "cyclegan", "restoration", "training"},
    "profiles": {"drawing"},
    "resolving": {"detector", "judging", "normalization", "profiles", "scores", "simulation", "specimen"},
    "pairs": {"metrics", "normalization"},
    "preflight": {"data", "evidence", "metrics", "pairs", "progress", "tiff", "verdicts"},
    "faults": {"detector", "drawing", "labels", "simulation", "specimen"},
    "registration": {"data", "metrics", "normalization", "progress", "shifts"},
    "shifts": {"metrics"},
    "patch_memory": {"patches"},
    "patches": {"augmentation", "data", "normalization", "progress", "splits"},
    "normalization": {"data", "windows"},
    "splits": {"data"},
    "windows": {"tiff"},
    "colab": {"data", "files", "progress"},
    "shipped": {"tiff"},
    "data": {"datasets", "files", "manifest", "tiff"},
    "datasets": {"deposits", "manifest", "remote_sets", "set_folders", "tiff", "virtual_sets"},
    "remote_sets": {"archives", "download", "importing", "set_folders", "tiff"},
    "deposits": {"archives", "files", "importing", "microscope_files", "recognition"}
    | {"progress", "set_folders", "tiff"},
    "recognition": {"files", "microscope_files", "tiff"},
    "virtual_sets": {"luminescence", "progress", "simulation", "specimen", "tiff"},
    "luminescence": {"binning", "bodies", "drawing", "emccd", "luminescent_structures", "widefield"},
    "luminescent_structures": {"bodies", "mitochondria", "nuclei", "widefield"},
    "mitochondria": {"bodies", "cells", "drawing", "filaments", "membranes"},
    "nuclei": {"bodies", "cells", "drawing"},
    "bodies": {"cells", "drawing"},
    "emccd": {"binning"},
    "nanoscopy_claims": {"claims"},
    "nanoscopy_measures": {"judging", "metrics", "nanoscope"},
    "nanoscopy_pairs": {"data", "emitters", "musical", "nanoscope", "nanoscopy_measures", "patches", "progress"}
    | {"sofi", "srrf", "tiff", "virtual_sets"},
    "nanoscopy_study": {"checkpoint", "nanoscopy_training"},
    "nanoscopy_charts": {"plot"},
    "nanoscope": {"emitters", "optics", "photokinetics", "point_images"},
    "point_images": {"gibson_lanni", "optics"},
    "gibson_lanni": {"optics"},
    "musical": {"musical_points", "musical_windows", "optics"},
    "musical_points": {"musical_windows", "optics"},
    "musical_windows": {"optics"},
    "sofi": {"musical_points", "optics"},
    "set_folders": {"files", "progress", "tiff"},
    "download": {"progress", "tiff"},
    "archives": {"files", "progress", "tiff"},
    "manifest": {"tiff"},
    "importing": {"file_image", "files", "microscope_files", "progress", "projection", "set_folders", "tiff"},
    "projection": {"file_image", "tiff"},
    "microscope_files": {"file_image", "files", "tiff", "vendor_files"},
    "vendor_files": {"file_image", "tiff"},
    "file_image": {"tiff"},
    "record": {"files"},
    "settings": {"files", "shipped", "tiff"},
    "tiff": {"files", "tiff_header"},
    "simulation": {"detector", "drawing", "labels", "specimen", "structures"},
    "specimen": {"cells", "drawing", "labels"},
    "detector": {"labels"},
    "structures": {"areas", "filaments", "labels", "spots"},
    "areas": {"cells", "drawing"},
    "filaments": {"cells", "drawing"},
    "spots": {"cells"},
}
ARROWS = {(module, other) for module, others in ARROWS.items() for other in others}


def imports(name: str) -> set[str]:
    """Return the dotted names that a module imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def siblings(name: str) -> set[str]:
    """Return the modules of the package that a module imports."""
    return {
        module for module in MODULES for imported in imports(name) if f"{imported}.".startswith(f"l2l_utils.{module}.")
    }


def public_definitions(name: str) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Yield a module's public functions and classes, and the public methods of these classes."""
    for node in TREES[name].body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            methods = node.body if isinstance(node, ast.ClassDef) else []
            yield from (m for m in methods if isinstance(m, ast.FunctionDef) and not m.name.startswith("_"))


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_downward(name):
    """A module imports lower levels, and in its own level only what the table of arrows names."""
    assert name in LEVELS, f"say in LEVELS of {Path(__file__).name} to which level {name}.py belongs"
    upward = {other for other in siblings(name) if LEVELS[other] > LEVELS[name]}
    sideways = {other for other in siblings(name) if LEVELS[other] == LEVELS[name]}
    assert not upward
    assert {(name, other) for other in sideways} <= ARROWS


def test_arrows_have_no_cycle():
    """Following the arrows within a level never leads back to a module."""
    for start, following in ARROWS:
        reached = {following}
        for _ in ARROWS:
            reached |= {target for source, target in ARROWS if source in reached}
        assert start not in reached


def test_numpy_level_leaves_tensorflow_unloaded():
    """A fresh Python that has imported the whole NumPy level has not imported TensorFlow or Keras."""
    lower = [name for name in MODULES if LEVELS[name] == NUMPY]
    code = f"import sys\nfor name in {lower}:\n    __import__('l2l_utils.' + name)\n"
    code += "    assert not {'tensorflow', 'keras'} & set(sys.modules), name"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_itself_imports_nothing():
    """``import l2l_utils`` runs a docstring and the version, so it costs nothing."""
    docstring, *rest = ast.parse((PACKAGE / "__init__.py").read_text("utf-8")).body
    assert isinstance(docstring.value, ast.Constant)
    assert [ast.unparse(node.targets[0]) for node in rest] == ["__version__"]


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_documented_and_annotated(name):
    """Every public function and class has a docstring, and every argument and result of a function its type."""
    assert ast.get_docstring(TREES[name])
    for node in public_definitions(name):
        assert ast.get_docstring(node), f"{node.name} has no docstring"
        if isinstance(node, ast.FunctionDef):
            arguments = [
                *node.args.posonlyargs,
                *node.args.args,
                *node.args.kwonlyargs,
                node.args.vararg,
                node.args.kwarg,
            ]
            bare = [a.arg for a in arguments if a and a.annotation is None and a.arg not in ("self", "cls")]
            assert not bare, f"{node.name}: no type for {bare}"
            assert node.returns, f"{node.name}: no type for the result"


@pytest.mark.parametrize("name", MODULES)
def test_every_error_has_a_message(name):
    """Every ``raise`` of a new exception says something."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Raise) and node.exc:
            silent = isinstance(node.exc, ast.Name) and node.exc.id[0].isupper()
            silent |= isinstance(node.exc, ast.Call) and not (node.exc.args or node.exc.keywords)
            assert not silent, f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_short(name):
    """One idea per file: no module is longer than 250 lines."""
    n_lines = (PACKAGE / f"{name}.py").read_text("utf-8").count("\n")
    assert n_lines <= 250


@pytest.mark.parametrize(
    "path",
    [*PACKAGE.glob("*.py"), *ROOT.glob("book/**/*.py"), *ROOT.glob("benchmarks/*.py"), *ROOT.glob("notebooks/*.ipynb")],
    ids=lambda path: path.name,
)
def test_nothing_is_left_over(path):
    """No file holds a note to do something later, or a path that exists on one machine only."""
    assert not re.search(r"\b(TODO|FIXME|XXX)\b|[\"'](/home/|/root/|/tmp/|/Users/|[A-Z]:\\)", path.read_text("utf-8"))
