"""How a network against artefacts of nanoscopy is made and trained."""

from __future__ import annotations

from dataclasses import dataclass

from l2l_utils import autoencoders, nanoscopy_losses


@dataclass(frozen=True)
class Recipe:
    """How a network is made and trained; the defaults are the paper's, as far as it says.

    Parameters
    ----------
    model : str
        Name of the network, see `autoencoders.create`.
    loss : str
        Name of the training loss, see `nanoscopy_losses.get`.
    patch_px : int
        Side of the training crops, a multiple of 32.
    batch_size : int
        Crops per step.
    epochs, steps_per_epoch : int
        The validation loss is computed after each epoch.
    learning_rate : float
        Of Adam.
    n_filters : int
        Width of the network; 64 is the paper's.
    """

    model: str
    loss: str
    patch_px: int = 128
    batch_size: int = 4
    epochs: int = 60
    steps_per_epoch: int = 100
    learning_rate: float = 1e-3
    n_filters: int = autoencoders.N_FILTERS

    def __post_init__(self) -> None:
        if self.model not in autoencoders.NAMES or self.loss not in nanoscopy_losses.NAMES:
            raise ValueError(
                f"Expected a network among {', '.join(autoencoders.NAMES)} and a loss among "
                f"{', '.join(nanoscopy_losses.NAMES)}, found {self.model!r} and {self.loss!r}. Choose among those."
            )
        smallest = nanoscopy_losses.minimum_patch_px(self.loss)
        if self.patch_px < smallest or self.patch_px % autoencoders.DIVISOR or self.patch_px < 1:
            raise ValueError(
                f"The loss {self.loss} needs patches of at least {smallest} px per side, and the network a multiple of "
                f"{autoencoders.DIVISOR} px; found {self.patch_px} px. Choose another size."
            )
        if min(self.batch_size, self.epochs, self.steps_per_epoch, self.learning_rate) <= 0:
            raise ValueError(f"Expected batch size, epochs, steps and rate above 0, found {self}. Correct these.")
