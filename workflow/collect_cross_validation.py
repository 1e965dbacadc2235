"""Write what the book keeps of chapter 09 in all its runs.

`python workflow/collect_cross_validation.py RESULTS SCORES...` writes cross_validation.csv and
cross_validation_claims.csv to the folder RESULTS, from the cross_validation.csv beside each table of scores.
"""

import sys
from pathlib import Path

import pandas as pd

from l2l_utils import cross_validation_claims, records


def main(folder: Path, paths: list[Path]) -> None:
    """Read every run's comparisons, and record them and the claims."""
    table = pd.concat([pd.read_csv(path.with_name("cross_validation.csv")) for path in paths], ignore_index=True)
    table = table.sort_values(["dataset", "n_pairs", "repetition"], kind="stable", ignore_index=True)
    found = {"cross_validation": table, "cross_validation_claims": cross_validation_claims.judge(table)}
    seeds = sorted(table.repetition.unique())
    for name, part in found.items():
        records.write(part, folder / f"{name}.csv", command="the runs of workflow/cross_validation.csv", seeds=seeds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]])
