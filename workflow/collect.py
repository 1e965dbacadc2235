"""Collect the scores of a sweep into one table, and write what the book keeps of it.

`python workflow/collect.py OUTPUT RESULTS SCORES...` writes OUTPUT, and from it losses.csv, orderings.csv and
claims.csv to the folder RESULTS.
"""

import sys
from pathlib import Path

import pandas as pd

from l2l_utils import intervals, orderings, records, scorecard
from l2l_utils.files import whole_file


def main(output: Path, folder: Path, paths: list[Path]) -> None:
    """Read the scores, write them as one, and record means, orderings and claims."""
    everything = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    with whole_file(output) as unfinished:
        everything.to_csv(unfinished, index=False)
    # Chapter 05 names the claims of its rows, and `collect_filters.py` records those.
    scores = everything[everything.claim.isna()]
    plain = scores[(scores.reference == "benchmark") & scores.condition.isna()]
    found = {
        "losses": intervals.summarise(scores),
        "orderings": orderings.compare(plain, "Table 1"),
        "claims": scorecard.judge(scores),
    }
    for name, table in found.items():
        seeds = sorted(scores.seed.dropna().astype(int).unique())
        records.write(table, folder / f"{name}.csv", command="make sweep", seeds=seeds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(path) for path in sys.argv[3:]])
