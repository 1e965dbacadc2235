"""The quality report of a training: one page of HTML that can be kept, sent and printed."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
import tifffile

from l2l_utils import data, files, manuscript, notebook, plot, quality, record, scores
from l2l_utils import report_pictures as pictures
from l2l_utils import report_texts as texts

FILE: Final = "quality_report.html"
# Nothing but the page itself: no script, no request to any host.
POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write(
    judged: quality.Judged,
    output_dir: data.PathLike,
    *,
    dataset: str,
    models: Mapping[tuple[str, int], Any] | None = None,
    splits: Mapping[str, Any] | None = None,
) -> Path:
    """Write what was trained, on what, and how good it is, as one file of HTML that needs no other.

    Parameters
    ----------
    judged : Judged
        Of `quality.write`.
    output_dir : path
        Folder of ``quality_report.html``, which is replaced, whole or not at all.
    dataset : str
        What the images are called.
    models : mapping of (str, int) to csbdeep.models.CARE, optional
        By method and seed, the networks; what their folders have on record is told.
    splits : mapping of str to patches.Split, optional
        By method, which images trained, chose the weights, and were held out; the report lists those of its method.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If there is no method but ``input``, or no held-out image.
    """
    method = texts.main_method(judged)
    folders = {key: Path(model.logdir) for key, model in (models or {}).items()}
    records = {key: record.read(folder) for key, folder in folders.items()}
    split = splits[method]._asdict() if splits and method in splits else {"held_out": judged.held_out}
    mine = next((folder for (name, _), folder in folders.items() if name == method), None)
    sections = {
        "What to watch": f'<ul class="watch">{_items(map(html.escape, texts.watch(judged, records)))}</ul>',
        "Best, median and worst image": _examples(judged),
        "Scores": _scores(judged),
        "Every held-out image": _images(judged),
        "Training": _training(folders),
        "Methods paragraph": _methods(mine, len(judged.held_out)),
        "How to cite": f"<ul>{_items(texts.citations(list(judged.shown)))}</ul>",
        "Data": _data(split, record.read(mine) if mine else {}),
        "Settings, versions and device": _settings(folders, judged.percentiles),
    }
    path = Path(output_dir) / FILE
    with files.whole_file(path) as unfinished:
        unfinished.write_text(_page(dataset, texts.in_short(judged), sections), encoding="utf-8")
    return path


def _page(dataset: str, in_short: str, sections: Mapping[str, str]) -> str:
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    shown = {title: body for title, body in sections.items() if body}
    links = "".join(f'<a href="#s{i}">{title}</a>' for i, title in enumerate(shown))
    body = "".join(
        f'<section><h2 id="s{i}">{title}</h2>{section}</section>' for i, (title, section) in enumerate(shown.items())
    )
    title, made = f"Quality report: {html.escape(dataset)}", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body><main><h1>{title}</h1>"
        f'<p class="made">Written {made}</p><p class="lead">{html.escape(in_short)}</p>'
        f'<nav aria-label="Sections">{links}</nav>{body}</main></body></html>\n'
    )


def _examples(judged: quality.Judged) -> str:
    """Return pictures of three fields, all maps of one kind in the same colours."""
    ranked = texts.ranking(judged)
    last = len(ranked) - 1
    places = {last // 2: "Median", last: "Worst", 0: "Best"} if last else {0: "The only image"}
    chosen = {ranked.index[place]: places[place] for place in sorted(places)}
    pairs = {pair.name: pair for pair in judged.held_out if pair.name in chosen}
    errors = {name: {m: tifffile.imread(maps["error"][name]) for m, maps in judged.maps.items()} for name in pairs}
    looks = {
        "ssim": pictures.SIMILARITY,
        "error": pictures.error_look([error for found in errors.values() for error in found.values()]),
    }
    unknown = [html.escape(method) for method, (scale, _) in judged.shown.items() if scale == "unknown"]
    fitted = f" The scale of {', '.join(unknown)} is not known, so it was fitted to the benchmark." if unknown else ""
    parts = [
        '<p class="note">By 3S-SSIM to the benchmark, mean over trainings; shown is the first training. Images and '
        "benchmark are scaled so that their percentiles "
        f"{judged.percentiles['pmin']:g} and {judged.percentiles['pmax']:g} are 0, black, and 1, white.{fitted} Below, "
        "the square where the benchmark varies most, enlarged. Every map of one kind has the same colours.</p>"
    ]
    for name, word in chosen.items():
        value = f"{texts.main_method(judged)}, 3S-SSIM {ranked[name]:.3f}"
        parts += [f"<h3>{word}: {html.escape(name)} ({html.escape(value)})</h3>", _field(judged, pairs[name], looks)]
    return "".join(parts)


def _field(judged: quality.Judged, pair: data.Pair, looks: Mapping[str, pictures.Look]) -> str:
    """Return pictures of one field: all methods with the benchmark, a detail of these, and the maps."""
    um = data.pixel_size_um(pair.source)
    pixel_um = um[1] if um else None
    images = {}
    for method, (scale, found) in judged.shown.items():
        compared = scores.read_compared(found[pair.name], pair.target, scale=scale, **judged.percentiles)
        images["raw" if method == "input" else method] = compared.matched
    images["benchmark"] = compared.benchmark
    top, left, side = plot.busiest_square(images["benchmark"])
    details = {name: image[top : top + side, left : left + side] for name, image in images.items()}
    parts = [
        pictures.row(images, alt=f"held-out image {pair.name}", pixel_um=pixel_um),
        pictures.row(details, alt=f"detail of {pair.name}, enlarged", pixel_um=pixel_um),
    ]
    for kind, what in {"ssim": "SSIM map", "error": "Error map"}.items():
        maps = {
            f"{what}, {'raw' if method == 'input' else method}": tifffile.imread(found[kind][pair.name])
            for method, found in judged.maps.items()
        }
        alt = f"compared with the benchmark, {pair.name}"
        parts += [pictures.row(maps, alt=alt, look=looks[kind], pixel_um=pixel_um), pictures.colour_scale(looks[kind])]
    return "".join(parts)


def _scores(judged: quality.Judged) -> str:
    note = (
        '<p class="note">Means over the held-out images, ± standard deviation over trainings. PSNR and the SSIM family '
        "are better when higher, NRMSE and structure errors when lower. SI-PSNR is PSNR after gain and offset were "
        "fitted.</p>"
    )
    tables = [
        f"<h3>Against the {reference}</h3>{_table(table)}" for reference, table in texts.score_tables(judged).items()
    ]
    return note + "".join(tables)


def _images(judged: quality.Judged) -> str:
    note = f'<p class="note">Against the benchmark, means over trainings; each training is in {quality.FILE}.</p>'
    return note + _table(texts.image_table(judged))


def _training(folders: Mapping[tuple[str, int], Path]) -> str:
    logs = {
        f"{method} {seed}": pd.read_csv(folder / "training_log.csv")
        for (method, seed), folder in folders.items()
        if (folder / "training_log.csv").is_file()
    }
    if not logs:
        return ""
    last = {name: f"{log.val_loss.iloc[-1]:.3f} in epoch {len(log)}" for name, log in logs.items()}
    alt = "Loss over the epochs, linear axis left, logarithmic axis right. Validation loss at the end: "
    alt += "; ".join(f"{name}: {value}" for name, value in last.items())
    note = (
        '<p class="note">Solid: training patches; dashed: validation patches. Both should fall and level off. Methods '
        "have different targets, so the heights of their curves do not say which is better.</p>"
    )
    return note + pictures.chart(plot.training_curves(logs), alt=alt)


def _data(split: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    numbers = ", ".join(f"{len(pairs)} {use.replace('_', ' ')}" for use, pairs in split.items())
    note = f"<p>Image pairs: {numbers}. No image served two of these.</p>" if len(split) > 1 else f"<p>{numbers}.</p>"
    table = texts.data_table(split, content.get("about", {}).get("sha256", {}))
    return note + _table(table, "hashes")


def _settings(folders: Mapping[tuple[str, int], Path], percentiles: Mapping[str, float]) -> str:
    first = {method: folder for (method, _), folder in reversed(folders.items())}
    now = notebook.setup_report().rename_axis(None)
    scored = ", ".join(f"{name} {value:g}" for name, value in percentiles.items())
    parts = [f"<h3>Scored with</h3><p>Percentiles {scored}.</p>", _table(now, "words")]
    if first:
        names = ", ".join(folder.name for folder in folders.values())
        parts += [
            f"<h3>Trained with</h3><p>Models: {html.escape(names)}. Here is the record of the first of each method.</p>"
        ]
        parts += [_table(texts.settings_table(dict(reversed(first.items()))), "words")]
    return "".join(parts)


def _methods(folder: Path | None, n_held_out: int) -> str:
    if folder is None:
        return ""
    return f"<p>{html.escape(manuscript.methods_paragraph(folder, n_held_out=n_held_out))}</p>"


def _table(table: pd.DataFrame, kind: str = "numbers") -> str:
    body = table.to_html(border=0, float_format="{:.3f}".format, classes=kind, index_names=False)
    return f'<div class="table" tabindex="0">{body}</div>'


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{line}</li>" for line in lines)
