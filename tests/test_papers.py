"""The papers' numbers are those in the papers, and stand beside ours."""

import pandas as pd

from l2l_utils import papers


def test_reported_numbers_are_the_papers():
    """Known cells of Table 1 and of the text; a contrast has its standard deviation, a score has none."""
    table = papers.reported("Table 1", "Results text").set_index(["dataset", "method", "loss", "metric"])
    assert table.value["tubulin", "input", "", "psnr"] == 17.20
    assert table.value["sytox", "input", "", "ms_ssim_3"] == 0.499
    assert tuple(table.loc["actin", "benchmark", "", "michelson"]) == (0.96, 0.04)
    assert table.sd.isna()["actin", "input", "", "ssim"]
    assert not table.index.duplicated().any()


def test_ours_stand_beside_the_papers():
    """Mean and spread over images of what the paper has too; what it has not is left out."""
    key = {"dataset": "tubulin", "method": "input", "metric": "psnr"}
    rows = [key | {"value": 16.0}, key | {"value": 18.0}, key | {"metric": "sharpness", "value": 1.0}]
    rows.append({"dataset": "actin", "method": "benchmark", "metric": "michelson", "value": 0.9})
    table = papers.beside_paper(pd.DataFrame(rows))
    assert table.loc[("tubulin", "input"), "psnr"] == "17.2 | 17 ± 1.4"
    assert table.loc[("actin", "benchmark"), "michelson"].startswith("0.96 | 0.9")
    assert list(table.columns) == ["psnr", "michelson"]
    assert table.loc[("tubulin", "input"), "michelson"] == ""
