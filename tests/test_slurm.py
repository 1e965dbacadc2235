"""The sweep on a real SLURM: a cluster of this one machine, started for the test."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_sweep import ROOT, TinySweep, wait_until

# Commands find the cluster by this file alone: jobs of Snakemake do not keep the variable SLURM_CONF.
KNOWN_AS = Path("/etc/slurm/slurm.conf")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("slurmctld"), reason="slurmctld is not installed (Debian: slurm-wlm, munge)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="SLURM's daemons need root"),
    pytest.mark.skipif(KNOWN_AS.exists(), reason=f"{KNOWN_AS}: this machine is part of a cluster already"),
]
# Its two processors and graphics cards are made up, so that the test asks for the same on any machine.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=64000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Start SLURM, and stop it when the tests are done."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(secrets.token_bytes(128))
    (folder / "munge.key").chmod(0o600)
    host, ports = socket.gethostname().split(".")[0], free_ports(2)
    (folder / "slurm.conf").write_text(CONFIGURATION.format(folder=folder, host=host, ports=ports))
    for card in ("gpu0", "gpu1"):
        (folder / card).touch()
    (folder / "gres.conf").write_text(f"Name=gpu File={folder}/gpu[0-1]\n")
    KNOWN_AS.unlink(missing_ok=True)
    KNOWN_AS.symlink_to(folder / "slurm.conf")
    files = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munged.pid"}
    files |= {"log-file": "munged.log", "seed-file": "munged.seed"}
    try:
        subprocess.run(["munged", "--force", *(f"--{o}={folder / f}" for o, f in files.items())], check=True)
        for daemon in ("slurmctld", "slurmd"):
            subprocess.run([daemon, "-f", f"{folder}/slurm.conf"], check=True)
        wait_until(lambda: ask("sinfo", "--noheader", "--format=%T") == ["idle"])
        yield
    finally:
        for name in ("slurmd.pid", "slurmctld.pid", "munged.pid"):
            stop(folder / name)
        KNOWN_AS.unlink()
        shutil.rmtree(folder)


def free_ports(n_ports: int) -> list[int]:
    """Return ports that nobody uses."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n_ports)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def stop(pid_file: Path) -> None:
    """End a daemon and wait until it is gone."""
    if pid_file.exists():
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
        wait_until(lambda: not pid_file.exists())


def ask(*command: str) -> list[str]:
    """Return the lines that a command of SLURM prints."""
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()


@pytest.fixture
def sweep(tmp_path, cluster):  # noqa: ARG001
    sweep = TinySweep(tmp_path)
    yield sweep
    (sweep.output / "go").touch()
    wait_until(lambda: not ask("squeue", "--noheader"))


def test_a_cancelled_job_is_reported_and_only_it_is_missing(sweep, tmp_path):
    """Sixteen jobs with a graphics card each: one is cancelled, all others are done, and the next call does it."""
    sweep.write(*range(16))
    options = ["--profile", "workflow/slurm", "--slurm-no-account", "--slurm-status-command", "squeue"]
    command = sweep.snakemake(*options, "--slurm-init-seconds-before-status-checks", "3")
    with (tmp_path / "said").open("w") as said:
        first = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)
        sweep.hold(2)
        assert ask("squeue", "--noheader", "--states=running", "--format=%b") == ["gres:gpu:1"] * 2
        ask("scancel", ask("squeue", "--noheader", "--states=running", "--format=%i")[0])
        wait_until(lambda: len(sweep.running()) == 1)
        (sweep.output / "go").touch()
        assert first.wait(timeout=600) != 0
    (missing,) = sweep.executions().keys() - sweep.finished()
    assert f"1 of 16 runs are not finished:\n{missing} (" in (tmp_path / "said").read_text()
    subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    assert {run: len(n) for run, n in sweep.executions().items()} == {
        f"run-{n}": 1 + (f"run-{n}" == missing) for n in range(1, 17)
    }
    assert sweep.scores() == {f"run-{n + 1}": n for n in range(16)}


def test_an_array_of_jobs_runs_the_rows(sweep):
    """Without Snakemake: each task of the array executes the row of its number."""
    sweep.write(5, 6, 7)
    script = ["workflow/array.sh", sweep.table, sweep.output, "--notebooks", sweep.folder / "notebooks"]
    ask("sbatch", "--array=2-3%1", f"--output={sweep.folder}/%a.txt", *map(str, script))
    wait_until(lambda: sweep.finished() == {"run-2", "run-3"})
    assert "value=6" in (sweep.output / "run-2" / "tiny.ipynb").read_text().replace(" ", "")
