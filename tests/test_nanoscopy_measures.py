"""What is counted against the emitters has its known answer in drawn images."""

import numpy as np
import pandas as pd
import pytest

from l2l_utils import nanoscope, nanoscopy_measures
from l2l_utils.emitters import Structure
from l2l_utils.nanoscopy_measures import Field
from l2l_utils.optics import Optics

OPTICS = Optics(numerical_aperture=1.3, pixel_nm=100)
SIDE = 200  # sub-pixels of 10 nm
LINE = np.stack([np.zeros(201), np.zeros(201), np.linspace(-1, 1, 201)], axis=1)  # along x, through the middle
ROWS_UM = (np.arange(SIDE) - (SIDE - 1) / 2)[:, None] * 0.01 * np.ones((1, SIDE))


def sample(line=LINE, emitters=None):
    return nanoscope.Sample(Structure(line if emitters is None else emitters, [line]), OPTICS, 1, 1, field_um=2.0)


def test_debris_is_the_light_far_from_emitters():
    """Of one emitter in the middle: all light farther from it than half of Rayleigh's distance."""
    alone = sample(emitters=np.array([[0.3, 0.004, 0.004]]))
    distance_nm = 10 * np.hypot(*(np.indices((SIDE, SIDE)) - SIDE // 2))
    far = distance_nm > 0.61 * 660 / 1.3 / 2
    assert nanoscopy_measures.debris(alone, ~far) == 0
    assert nanoscopy_measures.debris(alone, far) == 1
    assert nanoscopy_measures.debris(alone, np.ones((SIDE, SIDE))) == pytest.approx(far.mean())
    assert nanoscopy_measures.debris(alone, 7.0 * far + 3.0 * ~far) == pytest.approx(
        7 * far.mean() / (7 * far.mean() + 3 * (1 - far.mean()))
    )


def test_debris_needs_a_background(rng):
    """Where emitters are everywhere, nothing can be said."""
    everywhere = np.concatenate([np.zeros((4000, 1)), rng.uniform(-1, 1, (4000, 2))], axis=1)
    assert np.isnan(nanoscopy_measures.debris(sample(emitters=everywhere), np.ones((SIDE, SIDE))))


@pytest.mark.parametrize(("wall", "centre"), [(1.0, 0.25), (0.5, 0.5), (0.2, 0.6)])
def test_boundary_contrast_is_michelsons(wall, centre):
    """Walls 150 nm from the centre line, and what lies between them."""
    image = np.where(np.abs(np.abs(ROWS_UM) - 0.15) < 0.03, wall, np.where(np.abs(ROWS_UM) < 0.08, centre, 0))
    found = nanoscopy_measures.boundary_contrast(sample(), image)
    assert found == pytest.approx((wall - centre) / (wall + centre), abs=1e-9)


def test_boundary_contrast_turns_with_the_tube():
    """Rows and columns are treated alike."""
    image = np.abs(np.abs(ROWS_UM) - 0.15) < 0.03
    upright = sample(LINE[:, [0, 2, 1]])
    assert nanoscopy_measures.boundary_contrast(upright, image.T) == pytest.approx(1)
    assert nanoscopy_measures.boundary_contrast(sample(), image) == pytest.approx(1)


@pytest.mark.parametrize("measure", [nanoscopy_measures.boundary_contrast, nanoscopy_measures.continuity])
def test_lines_out_of_focus_do_not_count(measure):
    """Nothing can be said where no line is within 250 nm of the focus."""
    assert np.isnan(measure(sample(LINE + np.array([0.3, 0, 0])), np.ones((SIDE, SIDE))))


def test_empty_images_show_nothing():
    """A network may restore nothing at all: no debris, no contrast, no strand."""
    nothing = np.zeros((SIDE, SIDE))
    for measure in (nanoscopy_measures.debris, nanoscopy_measures.boundary_contrast, nanoscopy_measures.continuity):
        assert measure(sample(), nothing) == 0


def test_a_line_of_one_point_is_none():
    """What the field leaves of a line that it cuts off tells no direction, and changes nothing."""
    image = np.abs(np.abs(ROWS_UM) - 0.15) < 0.03
    alone = sample()
    with_rest = alone._replace(structure=Structure(LINE, [LINE, np.zeros((1, 3))]))
    assert nanoscopy_measures.boundary_contrast(with_rest, image) == pytest.approx(1)


@pytest.mark.parametrize("shown", [0.25, 0.5, 1.0])
def test_continuity_is_the_share_of_the_length(shown):
    """A strand that is drawn along a part of its length."""
    image = (np.abs(ROWS_UM) < 0.03) & (np.arange(SIDE) < shown * SIDE)
    assert nanoscopy_measures.continuity(sample(), image) == pytest.approx(shown, abs=0.01)


def test_continuity_asks_for_contrast():
    """A strand counts where it is more than three times as bright as what lies aside, whatever its brightness."""
    image = np.where(np.abs(ROWS_UM) < 0.03, 1.0, 0.3)
    assert nanoscopy_measures.continuity(sample(), 0.01 * image) == 1
    assert nanoscopy_measures.continuity(sample(), image + 0.1) == 0


def test_judging_names_what_is_measured(rng):
    """PSNR and SSIM against the image without noise, the rest against the emitters."""
    image = rng.random((SIDE, SIDE))
    kinds = {"mitochondria": "boundary_contrast", "microtubules": "continuity", "actin": None}
    for structure, own in kinds.items():
        found = nanoscopy_measures.judge(Field("a", structure, sample(), image), image + 0.1)
        assert found["benchmark", "psnr"] == pytest.approx(20)
        expected = {("benchmark", "psnr"), ("benchmark", "ssim"), ("truth", "debris"), ("truth", own)}
        assert set(found) == expected - {("truth", None)}


def test_disagreements_are_counted():
    """Of three networks, ordered by PSNR, two pairs of three are ordered the other way round by debris."""
    psnr, debris = {"a": 20, "b": 25, "c": 30}, {"a": 0.1, "b": 0.3, "c": 0.2}
    rows = [
        {"dataset": "actin", "method": "UNet", "loss": loss, "seed": 0, "image": "x", "metric": name, "value": of[loss]}
        for name, of in {"psnr": psnr, "debris": debris}.items()
        for loss in psnr
    ]
    scores = pd.DataFrame(rows).assign(condition=None, reference="any")
    untrained = scores.assign(method="input", loss=None, value=99)
    (row,) = nanoscopy_measures.disagreements(pd.concat([scores, untrained])).itertuples()
    assert (row.dataset, row.seed, row.image, row.method) == ("actin", 0, "x", "pairs of networks")
    assert row.value == pytest.approx(2 / 3)
