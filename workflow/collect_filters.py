"""Write what the book keeps of chapter 05 on all structures.

`python workflow/collect_filters.py RESULTS SCORES...` writes filters.csv, filter_orderings.csv and filter_claims.csv to
the folder RESULTS.
"""

import sys
from pathlib import Path

import pandas as pd

from l2l_utils import intervals, orderings, records, scorecard
from l2l_utils.claims import FILTER_CLAIMS

METRICS = ["psnr", "nrmse", "ssim", "ms_ssim_3", "ms_ssim_5", "false_structure", "missed_structure", "fwhm_nm"]
MASK_METRICS = ["dice", "distance_error_px", "dice_equal_area", "distance_error_px_equal_area"]


def main(folder: Path, paths: list[Path]) -> None:
    """Read the scores, and record means, orderings and claims."""
    scores = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    plain = scores[(scores.reference == "benchmark") & scores.condition.isna()]
    found = {
        "filters": intervals.summarise(scores[scores.metric.isin(METRICS + MASK_METRICS)]),
        "filter_orderings": orderings.compare(plain, "Table S1"),
        "filter_claims": scorecard.judge(scores, FILTER_CLAIMS),
    }
    seeds = sorted(scores.seed.dropna().astype(int).unique())
    for name, table in found.items():
        records.write(table, folder / f"{name}.csv", command="make sweep", seeds=seeds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]])
