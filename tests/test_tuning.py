"""A filter gets the benchmark's scale, and tuning finds the settings with which a benchmark was made."""

import numpy as np
import pytest
from scipy import ndimage

from l2l_utils import filters, normalization, tuning

PLANTED = {
    "gaussian": {"sigma_px": 2},
    "rolling_ball": {"sigma_px": 1, "radius_px": 5},
    "top_hat": {"sigma_px": 1, "size_px": 11},
    "clahe": {"sigma_px": 1, "n_tiles": 4, "clip_limit": 2},
}


@pytest.fixture
def sources(rng):
    """Return two smooth random images, 0 to 1."""
    return [normalization.normalize(ndimage.gaussian_filter(rng.random((64, 64)), 1)) for _ in range(2)]


@pytest.mark.parametrize("name", filters.FILTERS)
def test_planted_optimum_is_found(name, sources):
    """Where the benchmark is the filtered source on another scale, the filter's settings come first, with score 1."""
    examples = [(source, 3 * filters.apply(name, source, PLANTED[name]) - 0.1) for source in sources]
    grid = {argument: (2 * value, value) for argument, value in PLANTED[name].items()}
    table = tuning.tune(name, examples, grid=grid)
    assert len(table) == 2 ** len(grid)
    assert table.loc[0, list(grid)].to_dict() == PLANTED[name]
    assert table.ms_ssim_3[0] == pytest.approx(1, abs=1e-5)
    assert (np.diff(table.ms_ssim_3) <= 0).all()


def test_scale_is_the_benchmarks(sources):
    """A planted gain and offset come back; in general mean and standard deviation over all examples are equal."""
    settings = {"sigma_px": 1.5}
    examples = [(source, 2.5 * filters.apply("gaussian", source, settings) + 0.2) for source in sources]
    scaled = tuning.calibrate("gaussian", settings, examples)
    assert (scaled.gain, scaled.offset) == pytest.approx((2.5, 0.2), abs=1e-4)
    np.testing.assert_allclose(scaled.apply(sources[0]), examples[0][1], atol=1e-4)
    scaled = tuning.calibrate("top_hat", {"sigma_px": 0, "size_px": 7}, examples)
    results, targets = [scaled.apply(source) for source in sources], [target for _, target in examples]
    assert np.mean(results) == pytest.approx(np.mean(targets), rel=1e-4)
    assert np.std(results) == pytest.approx(np.std(targets), rel=1e-4)


def test_filters_are_prepared_at_the_papers_settings_and_tuned(sources, monkeypatch):
    """Beside the paper's settings stand CLAHE's other limit and the best of the grid, each on the benchmark's scale."""
    grids = {name: {argument: (value,) for argument, value in settings.items()} for name, settings in PLANTED.items()}
    monkeypatch.setattr(tuning, "GRIDS", grids)
    examples = [(source, filters.gaussian(source, sigma_px=2)) for source in sources]
    prepared = tuning.prepare("caveolae", examples)
    paper = filters.PAPER_SETTINGS["caveolae"]
    assert {name: prepared[name].settings for name in paper} == paper
    assert prepared["clahe, limit 2"].settings == paper["clahe"] | {"clip_limit": 2}
    assert {name: prepared[f"tuned {name}"].settings for name in PLANTED} == PLANTED
    assert prepared["tuned gaussian"].ms_ssim_3 == pytest.approx(1, abs=1e-5)
    assert tuning.best(prepared) == "tuned gaussian"
    np.testing.assert_allclose(prepared["tuned gaussian"].apply(sources[0]), examples[0][1], atol=1e-4)


def test_grids_try_what_the_filters_take():
    """Each filter has a grid over exactly its arguments."""
    for name, settings in filters.PAPER_SETTINGS["tubulin"].items():
        assert list(tuning.GRIDS[name]) == list(settings)


def test_what_cannot_be_scaled_is_said():
    with pytest.raises(ValueError, match="none"):
        tuning.calibrate("gaussian", {"sigma_px": 1}, [])
    flat = np.full((64, 64), 0.5, np.float32)
    with pytest.raises(ValueError, match="nothing left"):
        tuning.calibrate("top_hat", {"sigma_px": 1, "size_px": 7}, [(flat, flat)])
