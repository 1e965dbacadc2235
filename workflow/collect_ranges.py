"""Keep what runs of a chapter in several lanes of software gave, as the record that `l2l_utils.ranges` reads.

``python workflow/collect_ranges.py 03_label2label pinned=FOLDER/scores.csv colab=FOLDER/scores.csv``, where each run
was ``python -m l2l_utils.execute 03_label2label -p n_seeds 4 -p output_dir FOLDER`` with the lane's own Python; lanes
may have different numbers of trainings. Rows of other chapters are kept. The head names the versions of one lane only.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from l2l_utils import ranges, records

RECORD = Path(__file__).parents[1] / "results/ranges.csv"


def main() -> None:
    """Read the command line and the scores, and write the record."""
    chapter, *named = sys.argv[1:]
    lanes = dict(lane.split("=", 1) for lane in named)
    new = ranges.record({lane: pd.read_csv(path) for lane, path in lanes.items()}, chapter=chapter)
    old = records.read("ranges") if RECORD.exists() else new[:0]
    table = pd.concat([old[old.chapter != chapter], new])
    command = "workflow/collect_ranges.py, from runs of l2l_utils.execute, book profile, in each lane of software"
    records.write(table, RECORD, command=command, seeds=range(int(table.n_trainings.max())))


if __name__ == "__main__":
    main()
