"""What chapter 06 needs around the alarms: models of several seeds, planted trouble, recorded rates, its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from csbdeep.models import CARE
from numpy.typing import NDArray

from l2l_utils import care, data, examination, likeness, record, records, scores, simulation, variants

BLANK_SHAPE = (512, 512)
NEW = "new cells"
DEFAULT_RESOLUTION_PX = 5.0


def open_models(folder: data.PathLike, *, loss: str) -> list[CARE]:
    """Open the models of a folder that were trained with different seeds.

    Parameters
    ----------
    folder : path
        Folder of models' folders, such as ``models`` in the output of chapter 03.
    loss : str
        Of several kinds of models, those named ``L2L_<loss>_seed...`` are taken; otherwise all.

    Raises
    ------
    FileNotFoundError
        If there is no model in it.
    """
    found = sorted(path.parent for path in Path(folder).glob("*/config.json")) if folder else []
    if not found:
        raise FileNotFoundError(
            f"models_dir={str(folder)!r}: expected a folder that holds models' folders, found none in it. "
            "Give the folder models that chapter 3 left in its output_dir."
        )
    return [care.load(path) for path in [p for p in found if p.name.startswith(f"L2L_{loss}_")] or found]


def choices(images: data.Folders | None, model: CARE, *, resolution_px: float, n_renoised: int) -> dict[str, object]:
    """Return the options of `examination.examine`: what is not given is taken from the images or the model."""
    known = images.resolution_px if images else None
    return {
        "resolution_px": resolution_px or known or DEFAULT_RESOLUTION_PX,
        "percentiles": record.percentiles(model.logdir),
        "n_renoised": n_renoised,
    }


def verdict(image: NDArray, model: CARE) -> str:
    """Return the likeness verdict on a raw image (Y, X) in words, also where a model cannot give one."""
    training = likeness.read(model.logdir)
    if len(training) < likeness.FEWEST:
        return f"not judged, because the model knows {len(training)} training images only"
    return str(likeness.compare(image, training))


def without_structure(structure: str) -> NDArray[np.uint16]:
    """Return the raw image of a virtual cell whose label finds nothing to bind: background, bright spots and noise."""
    row = variants.fewer_pieces(simulation.STRUCTURES[structure], 0.0)
    return variants.simulate_variant(row, BLANK_SHAPE, rng=np.random.default_rng(0))["source"]


def count_verdicts(checked: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return for each group of images how many the likeness verdict warns of, and the most frequent reason."""
    rows = {}
    for name, table in checked.items():
        unlike = table[table.verdict == "UNLIKE"]
        reasons = unlike.why.str.split("; ").str[0].mode()
        rows[name] = {
            "warned": f"{len(unlike)} of {len(table)}",
            "not judged": int((table.verdict == "not judged").sum()),
            "most frequent reason": reasons.iloc[0] if len(reasons) else "",
        }
    return pd.DataFrame(rows).T


def warned() -> pd.DataFrame:
    """Return the recorded rates of the likeness verdict as texts: a row per kind of image, a column per model."""
    recorded = records.read("likeness")
    text = recorded.apply("{0.n_warned} of {0.n_images} ({0.low:.0%} to {0.high:.0%})".format, axis=1)
    table = recorded.assign(text=text).pivot_table("text", "images", "structure", aggfunc="first", sort=False)
    return table.rename_axis(index="images of", columns="warned, model of")


def areas_by_loss(alarm: str) -> pd.DataFrame:
    """Return the recorded areas under the ROC curve of one alarm on new cells, a row per structure and method."""
    recorded = records.read("alarms")
    chosen = recorded[(recorded.alarm == alarm) & (recorded.images == NEW)]
    table = _areas(chosen).pivot_table("text", ["structure", "method"], "loss", aggfunc="first", sort=False)
    return table.rename_axis(columns=f"area of the {alarm} alarm")


def areas_by_case(structure: str) -> pd.DataFrame:
    """Return the recorded areas of every alarm for one structure's networks, a row per kind of image."""
    recorded = records.read("alarms")
    chosen = recorded[(recorded.structure == structure) & (recorded.method == "L2L") & (recorded.loss == "3S-SSIM")]
    table = _areas(chosen).pivot_table("text", "images", "alarm", aggfunc="first", sort=False)
    return table.rename_axis(index=f"networks of {structure}, images of", columns="area of")


def rates(alarm: str) -> pd.DataFrame:
    """Return hits and false alarms of one alarm on new cells, with the threshold set on the other structures."""
    recorded = records.read("alarms")
    chosen = recorded[(recorded.alarm == alarm) & (recorded.images == NEW) & (recorded.method == "L2L")]
    text = chosen.apply("{0.hits:.0%} hits, {0.false_alarms:.0%} false alarms".format, axis=1)
    table = chosen.assign(text=text).pivot_table("text", "structure", "loss", aggfunc="first", sort=False)
    return table.rename_axis(columns=f"{alarm} alarm, L2L")


def read_effects(structure: str) -> pd.DataFrame:
    """Return the recorded effects of treatments on one structure; ``what`` names the images that were measured.

    Structures that were not recorded get those of tubulin.
    """
    recorded = records.read("treatment")
    chosen = recorded[recorded.structure == (structure if structure in set(recorded.structure) else "tubulin")]
    return chosen.assign(what=(chosen.images + " " + chosen.normalisation).str.strip())


def effect_sizes(effects: pd.DataFrame) -> pd.DataFrame:
    """Return Cohen's d, mean over the trainings, and the rate of effects found where there is none, as a table."""
    rows, columns = ["measure", "what"], "treatment"
    size = effects.pivot_table("cohens_d", rows, columns, sort=False).round(1)
    untreated = effects.pivot_table("false_positives", rows, sort=False).false_positives
    return size.assign(**{"found without treatment": untreated.map("{:.1%}".format)})


def score_verdicts(checked: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the scores of `likeness.check_files`, by group of images, as rows of `scores.csv`."""
    rows = [
        {"image": name, "condition": f"images={group};limit={row.limit}", "metric": "unlikeness", "value": row.score}
        for group, table in checked.items()
        if "score" in table
        for name, row in table.iterrows()
    ]
    return pd.DataFrame(rows, columns=["image", "condition", "metric", "value"]).assign(reference="none")


def score_comparison(examined: examination.Examined, path: Path) -> pd.DataFrame:
    """Return the two numbers of SQUIRREL for an examined image as rows of `scores.csv`."""
    values = {"rsp": examined.comparison.rsp, "rse": examined.comparison.rse}
    return pd.DataFrame({"image": path.stem, "reference": "none", "metric": values.keys(), "value": values.values()})


def score_alarms(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the areas of `reliability.summarise` and their intervals as rows of `scores.csv`."""
    parts = [
        pd.DataFrame(
            {"condition": "alarm=" + summary.alarm + ";images=held-out cells", "value": summary[column]}
        ).assign(metric=metric, reference="truth")
        for metric, column in {"auc": "auc", "auc_low": "low", "auc_high": "high"}.items()
    ]
    return pd.concat(parts)


def write_scores(parts: Sequence[pd.DataFrame], path: Path, **labels: str) -> None:
    """Write rows of several kinds as one `scores.csv`, in the common columns; `labels` are the same for all rows."""
    filled = [part for part in parts if len(part)]  # pandas warns of empty ones
    table = pd.concat(filled).assign(method="L2L", **labels).reindex(columns=scores.COLUMNS)
    table.dropna(subset="value").to_csv(path, index=False)


def measured_verdict() -> str:
    """Return in plain words how often the likeness verdict was right, from its recorded rates."""
    recorded = records.read("likeness")
    same = (recorded.images == recorded.structure) | (recorded.images == NEW)
    other = recorded.images.isin(set(recorded.structure)) & ~same
    wrong, own = (recorded.loc[part, ["n_warned", "n_images"]].sum() for part in (other, same))
    return (
        f"In simulation the verdict warned of {wrong.n_warned} of {wrong.n_images} images that showed another "
        f"structure than the model had learnt (hits), and of {own.n_warned} of {own.n_images} that showed the same "
        "(false alarms)."
    )


def _areas(recorded: pd.DataFrame) -> pd.DataFrame:
    text = recorded.apply("{0.auc:.2f} [{0.low:.2f}, {0.high:.2f}]".format, axis=1)
    return recorded.assign(text=text.mask(recorded.auc.isna(), "too little false structure"))
