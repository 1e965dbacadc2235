"""The settings of the paper, and how rate and constraint go down."""

import math

import pytest

from l2l_utils.gan_settings import Settings, Structure


@pytest.mark.parametrize(
    ("epochs", "factors"),
    [(4, [1, 0.75, 0.5, 0.25]), (10, [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])],
)
def test_learning_rate_epoch_by_epoch(epochs, factors):
    """Paxillin's 4 and the others' 10 epochs, all but the first with decay; no epoch trains at rate 0."""
    settings = Settings.paper(epochs=epochs)
    rates = [settings.learning_rate_at(epoch) for epoch in range(epochs)]
    assert rates == pytest.approx([2e-4 * factor for factor in factors])


def test_learning_rate_is_constant_first():
    """Without decay the rate stays; with some, the first epochs keep it."""
    assert {Settings(epochs=3, decay_epochs=0).learning_rate_at(epoch) for epoch in range(3)} == {5e-4}
    settings = Settings(epochs=6, decay_epochs=2, learning_rate=3)
    assert [settings.learning_rate_at(epoch) for epoch in range(6)] == [3, 3, 3, 3, 2, 1]


def test_the_papers_settings():
    """Weights 10, 10 and 0.5, batches of 4, a pool of 50, initial weights of 0.0005."""
    paper = Settings.paper()
    assert (paper.n_first, paper.n_blocks, paper.n_first_discriminator) == (64, 9, 64)
    assert (paper.cycle_weight, paper.identity_weight, paper.pool_size) == (10, 0.5, 50)
    assert (paper.batch_size, paper.learning_rate, paper.init_scale) == (4, 2e-4, 0.0005)


def test_constraint_falls_to_one_over_e():
    """The weight is the given one at the start, and a share of 1 / e of it after the decay's epochs."""
    structure = Structure(weight=50, decay_epochs=2)
    assert structure.weight_at(0) == 50
    assert structure.weight_at(2) == pytest.approx(50 / math.e)
    assert structure.weight_at(1) / structure.weight_at(0) == pytest.approx(
        structure.weight_at(3) / structure.weight_at(2)
    )


@pytest.mark.parametrize("structure", [None, Structure(0.2, None, target_inverted=True)])
def test_settings_survive_being_written(structure):
    """What was written down is read again as the same settings."""
    settings = Settings(structure=structure, smoothing_px=2)
    assert Settings.from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Settings(batch_size=0), "batch_size=0"),
        (lambda: Settings(smoothing_px=-1), "0 or more"),
        (lambda: Settings(chosen_by="eye"), "unpaired, pairs"),
        (lambda: Settings(epochs=3, decay_epochs=3), "0 to 2 decay_epochs"),
        (lambda: Structure(source_threshold=120), "between 0 and 1"),
        (lambda: Structure(steepness=-1), "steepness=-1"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    """A setting out of its range is named, with what it may be."""
    with pytest.raises(ValueError, match=message):
        make()
