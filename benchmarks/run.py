"""All benchmarks but those of other packages, and their results in `README.md`: `make bench`, minutes on two cores."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
README: Final = HERE / "README.md"
SCRIPTS: Final = (
    *("bench_losses.py", "bench_training.py", "bench_restoration.py", "bench_memory.py", "bench_stacks.py"),
    *("bench_drift.py", "bench_musical.py"),
)
NUMBER_FORMATS: Final = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
LIST_GPUS: Final = (
    "import json, tensorflow as tf; gpus = tf.config.list_physical_devices('GPU');"
    "print(json.dumps([tf.config.experimental.get_device_details(gpu).get('device_name', 'GPU') for gpu in gpus]))"
)


def main() -> None:
    """Run the scripts one after the other, and put what they print under this lane and device into the README."""
    parser = argparse.ArgumentParser()
    parser.add_argument("scripts", nargs="*", default=SCRIPTS, help=f"which to run; all of {', '.join(SCRIPTS)}")
    parser.add_argument("--smoke", action="store_true", help="smallest sizes; leaves the README as it is")
    options = parser.parse_args()
    gpus = _gpus()
    lane = f"TensorFlow {version('tensorflow')}, {gpus[0] if gpus else 'CPU'}"
    for script in options.scripts:
        arguments = ["--smoke"] if options.smoke and script != "bench_losses.py" else []
        load = os.getloadavg()[0]
        command = [sys.executable, str(HERE / script), *arguments]
        done = subprocess.run(command, env=_quiet(), stdout=subprocess.PIPE, text=True, check=True)
        print(done.stdout, flush=True)
        if not options.smoke:
            _write(
                f"{lane}, {Path(script).stem}",
                f"## {lane}: {script}\n\n{_machine(load)}\n\n{_as_markdown(done.stdout)}",
            )


def _as_markdown(printed: str) -> str:
    """Return tables as they are, other lines as preformatted text."""
    return printed.strip() if "| --- |" in printed else f"```text\n{printed.strip()}\n```"


def _quiet() -> dict[str, str]:
    return os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}


def _gpus() -> list[str]:
    command = [sys.executable, "-c", LIST_GPUS]
    listed = subprocess.run(command, env=_quiet(), capture_output=True, text=True, check=True).stdout
    return json.loads(listed.splitlines()[-1])


def _machine(load: float) -> str:
    """Return what the figures depend on: processor, memory, versions, date, and what else ran."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"model name\s*: (.*)", cpuinfo)
    flags = set(re.findall(r"\w+", (re.search(r"flags\s*: (.*)", cpuinfo) or [""])[0]))
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in ("csbdeep", "tensorflow", "keras", "numpy"))
    return (
        f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}; {model[1] if model else platform.machine()}, "
        f"{os.cpu_count()} cores ({', '.join(name for name in NUMBER_FORMATS if name in flags) or 'no AVX'}), "
        f"{memory_gib:.0f} GiB; Python {platform.python_version()}, {packages}; "
        f"{load:.1f} other processes wanted a core when it began."
    )


def _write(name: str, text: str) -> None:
    """Put a section between its markers in the README, in place of the last one of that name."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    readme = README.read_text(encoding="utf-8")
    section = f"{begin}\n{text}\n{end}"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    updated = pattern.sub(lambda _: section, readme) if pattern.search(readme) else f"{readme.rstrip()}\n\n{section}\n"
    README.write_text(updated, encoding="utf-8")


if __name__ == "__main__":
    main()
