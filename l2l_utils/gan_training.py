"""The epochs of a CycleGAN's training: which patches come when, what is kept, and which epoch was the best."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.util import montage

from l2l_utils import checkpoint, data, files, gan_steps, metrics, progress, unpaired
from l2l_utils.gan_settings import Settings

EPOCHS: Final = "epochs"
SAMPLES: Final = "samples"
N_SAMPLES: Final = 4
SMALLEST_PX: Final = 44  # for three scales of similarity


class Training(NamedTuple):
    """What a training needs; `seed` decides which patches come when, and what the pools return."""

    folder: Path
    settings: Settings
    networks: gan_steps.Networks
    training: unpaired.Domains
    validation: unpaired.Domains
    seed: int


def with_thresholds(settings: Settings, training: unpaired.Domains, *, seed: int) -> Settings:
    """Return settings whose constraint, if they have one, has both thresholds: those that are missing are found."""
    structure = settings.structure
    if structure is None:
        return settings
    rng = np.random.default_rng(seed)
    found = [unpaired.threshold(part, sigma_px=settings.smoothing_px, rng=rng) for part in training]
    given = structure.source_threshold, structure.target_threshold
    source, target = (own if own is not None else otsu for own, otsu in zip(given, found, strict=True))
    return replace(settings, structure=replace(structure, source_threshold=source, target_threshold=target))


def fit(run: Training) -> pd.DataFrame:
    """Train to the last epoch, from the last one that was finished.

    Every epoch leaves both generators in ``epochs/``, four validation patches above their translations in
    ``samples/``, and a row in the log.

    Parameters
    ----------
    run : Training
        The networks are trained in place.

    Returns
    -------
    pandas.DataFrame
        The log; shorter than the training if a loss stopped being a number.
    """
    for leftover in [*run.folder.rglob(f"{files.UNFINISHED}*")]:
        shutil.rmtree(leftover)
    settings, state = run.settings, checkpoint.State.read(run.folder)
    steps = gan_steps.Steps(run.networks, settings)
    pools = [gan_steps.Pool(settings.pool_size) for _ in range(2)]
    log = []
    if state:
        log, n_pool = state.log, len(state.pool) // 2
        pools = [gan_steps.Pool(settings.pool_size, part) for part in (state.pool[:n_pool], state.pool[n_pool:])]
        for variable, value in zip(_variables(steps), state.weights + state.optimizer, strict=True):
            variable.assign(value)
    with progress.bar(total=settings.epochs, initial=len(log), desc=run.folder.name, unit="epoch") as bar:
        for epoch in range(len(log), settings.epochs):
            start = time.perf_counter()
            rate = settings.learning_rate_at(epoch)
            steps.set_learning_rate(rate)
            row = {"epoch": epoch, **_run_epoch(run, steps, pools, epoch), **criteria(run)}
            if not np.isfinite(list(row.values())).all():
                break
            log = [*log, row | {"learning_rate": rate, "seconds": round(time.perf_counter() - start, 3)}]
            _keep(run, steps, pools, log)
            bar.set_postfix({name: f"{row[name]:.3f}" for name in ("cycle", "criterion")}, refresh=False)
            bar.update()
    return pd.DataFrame(log)


def criteria(run: Training) -> dict[str, float]:
    """Return what an epoch is worth on the validation patches.

    Parameters
    ----------
    run : Training
        The training.

    Returns
    -------
    dict of str to float
        ``val_cycle``, the mean absolute difference between source patches and what comes back of them;
        ``val_distance``, `unpaired.domain_distance` of translated and real target patches; ``val_ms_ssim_3`` of each
        translated patch and its target, where the epoch is chosen by pairs; and ``criterion``, the lower the better:
        the sum of the first two, or the third subtracted from 1. All on the scale of 0 to 1.
    """
    source, target = (unpaired.smooth(part[:], run.settings.smoothing_px) for part in run.validation)
    translated = translate(run.networks.to_target, source)
    back = translate(run.networks.to_source, translated)
    found = {
        "val_cycle": float(np.abs(back - source).mean()),
        "val_distance": unpaired.domain_distance(translated, target),
    }
    if run.settings.chosen_by == "unpaired":
        return found | {"criterion": sum(found.values())}
    both = zip(target[..., 0], translated[..., 0], strict=True)
    similarity = float(np.mean([metrics.ms_ssim(true, test, n_scales=3) for true, test in both]))
    return found | {"val_ms_ssim_3": similarity, "criterion": 1 - similarity}


def translate(generator: Any, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return patches (patch, Y, X, 1), 0 to 1, as a generator translates them, one by one to save memory."""
    return np.stack([(generator.predict_on_batch(2 * patch[None] - 1)[0] + 1) / 2 for patch in batch])


def check_patches(training: unpaired.Domains, validation: unpaired.Domains, *, chosen_by: str) -> None:
    """Raise ValueError for patches that the networks, or what chooses the epoch, cannot take."""
    for part in (*training, *validation):
        side = part.shape[1]
        if side < SMALLEST_PX or side % 4:
            raise ValueError(
                f"Expected patches of at least {SMALLEST_PX} px per side, a multiple of 4, found {side} px. "
                "Choose another size."
            )
    if chosen_by == "pairs" and len(validation.source) != len(validation.target):
        raise ValueError(
            f"Expected pairs of validation patches to choose the epoch by, found {len(validation.source)} source and "
            f'{len(validation.target)} target patches. Cut them from pairs, or use chosen_by="unpaired".'
        )


def _run_epoch(run: Training, steps: gan_steps.Steps, pools: list[gan_steps.Pool], epoch: int) -> dict[str, float]:
    """Go once through the larger of both sets; return the means of the losses."""
    settings, now, rng = run.settings, run.training.at_epoch(epoch), np.random.default_rng((run.seed, epoch))
    n_steps = -(-max(len(part) for part in now) // settings.batch_size)
    orders = [_order(len(part), n_steps * settings.batch_size, rng) for part in now]
    losses = []
    for i in range(n_steps):
        chosen = slice(i * settings.batch_size, (i + 1) * settings.batch_size)
        source, target = (
            2 * unpaired.smooth(part[order[chosen]], settings.smoothing_px) - 1
            for part, order in zip(now, orders, strict=True)
        )
        weight = settings.structure.weight_at(epoch + i / n_steps) if settings.structure else 0.0
        fake_target, fake_source, found = steps.generate(source, target, np.float32(weight))
        pooled = [
            pool.exchange(fake.numpy(), rng) for pool, fake in zip(pools, (fake_target, fake_source), strict=True)
        ]
        found["discriminators"] = steps.discriminate(source, target, *pooled)
        losses.append({name: float(value) for name, value in found.items()})
    return pd.DataFrame(losses).mean().to_dict()


def _order(n: int, n_needed: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return indices of all patches in random order, and again in another one, as many as are needed."""
    return np.concatenate([rng.permutation(n) for _ in range(-(-n_needed // n))])[:n_needed]


def _variables(steps: gan_steps.Steps) -> list[Any]:
    weights = [variable for network in steps.networks for variable in network.weights]
    return weights + [variable for optimizer in steps.optimizers for variable in optimizer.variables]


def _keep(run: Training, steps: gan_steps.Steps, pools: list[gan_steps.Pool], log: list[dict[str, float]]) -> None:
    """Write an epoch down; the state comes last, so that whatever is missing after a kill is written again."""
    number = len(log)
    generators = {
        f"{name}_{i}": weights
        for name in ("to_target", "to_source")
        for i, weights in enumerate(getattr(run.networks, name).get_weights())
    }
    folder = run.folder / EPOCHS
    folder.mkdir(exist_ok=True)
    with files.whole_file(folder / f"{number:04d}.npz") as path:
        np.savez(path, **generators)
    _write_sample(run, number)
    with files.whole_file(run.folder / checkpoint.LOG) as path:
        pd.DataFrame(log).to_csv(path, index=False)
    n_weights = sum(len(network.weights) for network in run.networks)
    values = [variable.numpy() for variable in _variables(steps)]
    pool = [image for pool in pools for image in pool.images]
    checkpoint.State(log, values[:n_weights], values[n_weights:], pool=pool).write(run.folder)


def _write_sample(run: Training, number: int) -> None:
    source = unpaired.smooth(run.validation.source[:N_SAMPLES], run.settings.smoothing_px)
    both = np.concatenate([source, translate(run.networks.to_target, source)])[..., 0]
    picture = montage(both, grid_shape=(2, len(source)))
    (run.folder / SAMPLES).mkdir(exist_ok=True)
    data.write_image(run.folder / SAMPLES / f"{number:04d}.tif", picture.astype(np.float32))
