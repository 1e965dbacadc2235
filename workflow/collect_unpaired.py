"""Write what the book keeps of chapter 07 on all structures.

`python workflow/collect_unpaired.py RESULTS SCORES...` writes unpaired.csv, unpaired_claims.csv and unpaired_epochs.csv
to the folder RESULTS; the last from the epochs.csv beside each table of scores.
"""

import sys
from pathlib import Path

import pandas as pd

from l2l_utils import intervals, records, scorecard
from l2l_utils.unpaired_claims import UNPAIRED_CLAIMS

METRICS = ["psnr", "ssim", "ms_ssim_3", "false_structure", "missed_structure", "false_objects"]
METRICS += ["change", "histogram_distance", "saturated", "structure_error", "failed"]


def main(folder: Path, paths: list[Path]) -> None:
    """Read the scores, and record means and claims."""
    scores = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    epochs = pd.concat([pd.read_csv(path.with_name("epochs.csv")) for path in paths], ignore_index=True)
    found = {
        "unpaired": intervals.summarise(scores[scores.metric.isin(METRICS)]),
        "unpaired_claims": scorecard.judge(scores, UNPAIRED_CLAIMS),
        "unpaired_epochs": epochs,
    }
    seeds = sorted(scores.seed.dropna().astype(int).unique())
    for name, table in found.items():
        records.write(table, folder / f"{name}.csv", command="snakemake unpaired", seeds=seeds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]])
