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

from l2l_utils import checkpoint, data, files, gan_inference, gan_steps, metrics, progress, unpaired
from l2l_utils.gan_settings import Settings

EPOCHS: Final = "epochs"
SAMPLES: Final = "samples"
N_SAMPLES: Final = 4
N_SAMPLED: Final = 48  # training patches whose mean normalisation is fixed for restoring
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

    Every epoch leaves both generators, ready to use, in ``epochs/``, four validation patches above their translations
    in ``samples/``, and a row in the log.

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
    steps, ready = gan_steps.Steps(run.networks, settings), Ready(run)
    pools = [gan_steps.Pool(settings.pool_size) for _ in range(2)]
    log = []
    if state:
        log, n_pool = state.log, len(state.pool) // 2
        pools = [gan_steps.Pool(settings.pool_size, part) for part in (state.pool[:n_pool], state.pool[n_pool:])]
        for variable, value in zip(_variables(steps), state.weights + state.optimizer, strict=True):
            variable.assign(value)
    elif settings.start_at_mean:
        source, target = ready.sample
        run.networks.start_at(target.mean(), source.mean())
    with progress.bar(total=settings.epochs, initial=len(log), desc=run.folder.name, unit="epoch") as bar:
        for epoch in range(len(log), settings.epochs):
            start = time.perf_counter()
            rate = settings.learning_rate_at(epoch)
            steps.set_learning_rate(rate)
            row = {"epoch": epoch, **_run_epoch(run, steps, pools, epoch)}
            ready.update()
            row |= criteria(run, ready)
            if not np.isfinite(list(row.values())).all():
                break
            log = [*log, row | {"learning_rate": rate, "seconds": round(time.perf_counter() - start, 3)}]
            ready.write(len(log))
            _keep(run, steps, pools, log)
            bar.set_postfix({name: f"{row[name]:.3f}" for name in ("cycle", "criterion")}, refresh=False)
            bar.update()
    return pd.DataFrame(log)


class Ready:
    """Both generators as they are used after an epoch, see `gan_inference`.

    Parameters
    ----------
    run : Training
        The training, whose patches give the statistics.
    """

    def __init__(self, run: Training) -> None:
        self.run, rng = run, np.random.default_rng(run.seed)
        self.to_target, self.to_source = (gan_inference.fixed_generator(run.settings) for _ in range(2))
        self._statistics = [gan_inference.Statistics(generator) for generator in run.networks[:2]]
        self.sample = []
        for part in run.training:
            chosen = np.sort(rng.choice(len(part), min(N_SAMPLED, len(part)), replace=False))
            self.sample.append(np.asarray(unpaired.smooth(part[chosen], run.settings.smoothing_px)))

    def update(self) -> None:
        """Take over the generators as they are now."""
        fixed = self.to_target, self.to_source
        for statistics, network, patches in zip(self._statistics, fixed, self.sample, strict=True):
            statistics.apply(network, patches)

    def write(self, number: int) -> None:
        """Write both generators of an epoch, from 1, and what the first one makes of a few validation patches."""
        folder, sigma_px = self.run.folder, self.run.settings.smoothing_px
        weights = {
            f"{name}_{i}": array
            for name in ("to_target", "to_source")
            for i, array in enumerate(getattr(self, name).get_weights())
        }
        with files.whole_file(folder / EPOCHS / f"{number:04d}.npz") as path:
            np.savez(path, **weights)
        source = np.asarray(unpaired.smooth(self.run.validation.source[:N_SAMPLES], sigma_px))
        both = np.concatenate([source, gan_inference.translate(self.to_target, source)])[..., 0]
        picture = montage(both, grid_shape=(2, len(source)))
        data.write_image(folder / SAMPLES / f"{number:04d}.tif", picture.astype(np.float32))


def criteria(run: Training, ready: Ready) -> dict[str, float]:
    """Return what an epoch is worth on the validation patches.

    Parameters
    ----------
    run : Training
        The training.
    ready : Ready
        Its generators.

    Returns
    -------
    dict of str to float
        ``val_cycle``, the mean absolute difference between source patches and what comes back of them;
        ``val_distance``, `unpaired.domain_distance` of translated and real target patches; ``val_ms_ssim_3`` of each
        translated patch and its target, where the epoch is chosen by pairs; and ``criterion``, the lower the better:
        the sum of the first two, or the third subtracted from 1. All on the scale of 0 to 1.
    """
    source, target = (np.asarray(unpaired.smooth(part[:], run.settings.smoothing_px)) for part in run.validation)
    translated = gan_inference.translate(ready.to_target, source)
    back = gan_inference.translate(ready.to_source, translated)
    found = {
        "val_cycle": float(np.abs(back - source).mean()),
        "val_distance": unpaired.domain_distance(translated, target),
    }
    if run.settings.chosen_by == "unpaired":
        return found | {"criterion": sum(found.values())}
    both = zip(target[..., 0], translated[..., 0], strict=True)
    similarity = float(np.mean([metrics.ms_ssim(true, test, n_scales=3) for true, test in both]))
    return found | {"val_ms_ssim_3": similarity, "criterion": 1 - similarity}


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
    with files.whole_file(run.folder / checkpoint.LOG) as path:
        pd.DataFrame(log).to_csv(path, index=False)
    n_weights = sum(len(network.weights) for network in run.networks)
    values = [variable.numpy() for variable in _variables(steps)]
    pool = [image for pool in pools for image in pool.images]
    checkpoint.State(log, values[:n_weights], values[n_weights:], pool=pool).write(run.folder)
