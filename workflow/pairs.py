"""Make the pairs of nanoscopy images that a profile of chapter 11 trains on and is judged by.

`python workflow/pairs.py PROFILE`, on as many cores and machines at once as there are: they share the work. What is
there already is left alone; the chapter finds it in its `data_dir`.
"""

import itertools
import sys

from l2l_utils import execute, nanoscopy_claims, nanoscopy_pairs

CHAPTER = "11_nanoscopy"


def main(profile: str) -> None:
    """Make all pairs, of all structures in turn."""
    values = execute.read_parameters(CHAPTER) | execute.resolve_parameters(CHAPTER, profile=profile, parameters={})
    numbers = {part: values[f"n_{part}"] for part in nanoscopy_pairs.PARTS}
    names = list(itertools.chain(*nanoscopy_pairs.names(numbers).values()))
    for structure in nanoscopy_claims.STRUCTURES:
        simulation = nanoscopy_pairs.Simulation(structure, values["field_um"], values["n_frames"])
        simulation.make(simulation.folder(values["data_dir"]), names)


if __name__ == "__main__":
    main(sys.argv[1])
