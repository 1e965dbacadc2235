"""Make a share of the pairs of nanoscopy images that a profile of chapter 11 trains on and is judged by.

`python workflow/pairs.py PROFILE SHARE OF` makes the pairs SHARE, SHARE + OF, SHARE + 2 OF, ..., so that OF processes,
on one machine or many, make them all. What is there already is left alone; the chapter finds them in its `data_dir`.
"""

import itertools
import sys
from pathlib import Path

from l2l_utils import execute, nanoscopy_claims, nanoscopy_pairs

CHAPTER = "11_nanoscopy"


def main(profile: str, share: int, n_shares: int) -> None:
    """Make one share of all pairs, of all structures in turn."""
    values = execute.resolve_parameters(CHAPTER, profile=profile, parameters={}, notebooks=Path("notebooks"))
    numbers = {part: values[f"n_{part}"] for part in nanoscopy_pairs.PARTS}
    names = list(itertools.chain(*nanoscopy_pairs.names(numbers).values()))
    for structure in nanoscopy_claims.STRUCTURES:
        simulation = nanoscopy_pairs.Simulation(structure, values["field_um"], values["n_frames"])
        simulation.make(Path(values["data_dir"]) / structure, names[share::n_shares])


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:4]))
