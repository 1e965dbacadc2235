"""The memory that an image takes grows with its number of pixels, and no faster."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PEAK = r"VmHWM:\s+(\d+) kB"
CODE = """
import sys
from pathlib import Path
import numpy as np
from l2l_utils import simulation
name, *sides = sys.argv[1:]
for side in map(int, sides):
    simulation.simulate_cell(name, (side, side), rng=np.random.default_rng(0))
    print(Path("/proc/self/status").read_text())
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("structure", ["tubulin", "caveolae"])
def test_memory_per_pixel_does_not_grow(structure):
    """A field of 2048 px takes no more bytes per pixel than one of 1024 px, and less than 80 in all."""
    output = subprocess.run(
        [sys.executable, "-c", CODE, structure, "64", "1024", "2048"], capture_output=True, text=True, check=True
    ).stdout
    idle, small, large = (1024 * int(kilobytes) for kilobytes in re.findall(PEAK, output))
    assert (large - idle) / 2048**2 < 1.1 * (small - idle) / 1024**2
    assert (large - idle) / 2048**2 < 80
