"""What a CycleGAN and its training are set to, and how learning rate and constraint go down over the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

CRITERIA: Final = ("unpaired", "pairs")


@dataclass(frozen=True)
class Structure:
    """The constraint of c2GAN: where one kind of image shows structure, its translation shows structure.

    Parameters
    ----------
    source_threshold, target_threshold : float, optional
        Normalised intensities, 0 to 1, that separate structure from background; Otsu's on the training patches where
        none is given.
    source_inverted, target_inverted : bool
        Whether structure is darker than its background, as in transmitted light.
    steepness : float
        Of the sigmoid that takes the place of a threshold, on the networks' scale of -1 to 1. The authors' programs
        have 100, and 10 in an earlier one; noise of single pixels passes a steep one unhindered.
    weight : float
        Of the constraint at the start, where a GAN's loss has the weight 1.
    decay_epochs : float
        After so many epochs the weight has fallen to 1 / e.

    References
    ----------
    Li et al. (2021), https://doi.org/10.1038/s41377-021-00484-y
    """

    source_threshold: float | None = None
    target_threshold: float | None = None
    source_inverted: bool = False
    target_inverted: bool = False
    steepness: float = 10.0
    weight: float = 5.0
    decay_epochs: float = 5.0

    def __post_init__(self) -> None:
        thresholds = [t for t in (self.source_threshold, self.target_threshold) if t is not None]
        if not all(0 < threshold < 1 for threshold in thresholds):
            raise ValueError(
                f"Expected thresholds between 0 and 1, the normalised intensities, found {thresholds}. "
                "Give none to have them found."
            )
        _check_positive(self, "steepness", "weight", "decay_epochs")

    @property
    def thresholds(self) -> dict[str, float | None]:
        """Both thresholds, by the kind of image."""
        return {"source": self.source_threshold, "target": self.target_threshold}

    def weight_at(self, epochs_done: float) -> float:
        """Return the weight after a number of epochs, fractions included."""
        return self.weight * math.exp(-epochs_done / self.decay_epochs)


@dataclass(frozen=True)
class Settings:
    """A CycleGAN, or with `structure` a c2GAN, and how it is trained; the defaults are small and for a CPU.

    `paper` has those of Kölln et al. (2022).

    Parameters
    ----------
    n_first, n_blocks : int
        Filters of a generator's first convolution, and its residual blocks.
    n_first_discriminator : int
        Filters of a discriminator's first convolution.
    init_scale : float
        Standard deviation of the initial weights.
    start_at_mean : bool
        Whether a generator's first images have the mean intensity of the images they shall become. In a short training
        without it, some never get brighter than half of the range.
    epochs, decay_epochs : int
        All epochs, and for how many of these, at the end, the learning rate goes down. An epoch shows as many patches
        as the larger of both sets has.
    batch_size, learning_rate : int, float
        Patches of each kind per step; Adam's rate at the start.
    cycle_weight : float
        Of the difference between an image and itself after both translations, each way.
    identity_weight : float
        Of the difference between an image and its translation into its own kind, as a share of `cycle_weight`.
    pool_size : int
        Generated images that are kept for the discriminators, of each kind.
    smoothing_px : float
        Standard deviation of a Gaussian filter, of images of both kinds before all else; 0 for none.
    chosen_by : {"unpaired", "pairs"}
        What chooses the best epoch, see `gan_training.criteria`.
    structure : Structure, optional
        The constraint of c2GAN.
    """

    n_first: int = 16
    n_blocks: int = 3
    n_first_discriminator: int = 16
    init_scale: float = 0.0005
    start_at_mean: bool = True
    epochs: int = 6
    decay_epochs: int = 3
    batch_size: int = 4
    learning_rate: float = 5e-4
    cycle_weight: float = 10.0
    identity_weight: float = 0.5
    pool_size: int = 50
    smoothing_px: float = 0.0
    chosen_by: str = "unpaired"
    structure: Structure | None = None

    def __post_init__(self) -> None:
        names = ("n_first", "n_blocks", "n_first_discriminator", "init_scale", "epochs", "batch_size", "learning_rate")
        _check_positive(self, *names)
        if min(self.cycle_weight, self.identity_weight, self.pool_size, self.smoothing_px) < 0:
            raise ValueError("Expected weights, pool size and smoothing of 0 or more, found one below. Correct it.")
        if self.chosen_by not in CRITERIA or not 0 <= self.decay_epochs < self.epochs:
            raise ValueError(
                f"Expected chosen_by among {', '.join(CRITERIA)} and 0 to {self.epochs - 1} decay_epochs, fewer than "
                f"all epochs, found {self.chosen_by!r} and {self.decay_epochs}. Change these."
            )

    @classmethod
    def paper(cls, *, epochs: int = 10, **others: Any) -> Self:
        """Return the settings of the paper: 10 epochs, all but the first with decay; 4 for paxillin."""
        network = {"n_first": 64, "n_blocks": 9, "n_first_discriminator": 64}
        start = {"start_at_mean": False, "learning_rate": 2e-4}
        return cls(**network, **start, epochs=epochs, decay_epochs=epochs - 1, **others)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings that `to_dict` wrote."""
        structure = values["structure"]
        return cls(**{**values, "structure": structure and Structure(**structure)})

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as they are written down."""
        return asdict(self)

    def learning_rate_at(self, epoch: int) -> float:
        """Return the rate of an epoch, from 0; the last one's is above 0."""
        n_lower = max(0, epoch + 1 - (self.epochs - self.decay_epochs))
        return self.learning_rate * (1 - n_lower / (self.decay_epochs + 1))


def _check_positive(settings: object, *names: str) -> None:
    wrong = {name: getattr(settings, name) for name in names if not getattr(settings, name) > 0}
    if wrong:
        found = ", ".join(f"{name}={value!r}" for name, value in wrong.items())
        raise ValueError(f"Expected numbers above 0, found {found}. Correct these.")
