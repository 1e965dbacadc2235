"""A download ends with the verified file or with nothing, whatever server, disk and power supply do."""

import hashlib
import resource
import signal
import subprocess
import sys
import time

import faulty_server as faulty
import numpy as np
import pytest
from explanations import assert_explains

from l2l_utils.download import download

CONTENT = np.random.default_rng(1).bytes(100_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PASSING = [
    *(faulty.cut(share) for share in (0, 0.001, 0.5, 0.999)),
    *(faulty.stall(share) for share in (0, 0.5)),
    *(faulty.answers(status) for status in (408, 429, 500, 502, 503, 504)),
    *(faulty.chunked, faulty.chunked_cut, faulty.disguised_page, faulty.empty, faulty.flipped_bit),
    *(faulty.half_of_another, faulty.hang_up, faulty.ignores_range, faulty.no_http, faulty.no_length),
    *(faulty.no_length_cut, faulty.packed, faulty.redirect, faulty.silent, faulty.too_long_announced),
    *(faulty.too_short_announced, faulty.trickle, faulty.wrong_bytes),
]
LASTING = [
    *(faulty.answers(status) for status in (200, 401, 403, 404, 410, 500)),
    *(faulty.cut(share) for share in (0, 0.001)),
    *(faulty.disguised_page, faulty.empty, faulty.endless, faulty.flipped_bit, faulty.hang_up, faulty.no_http),
    *(faulty.no_length_cut, faulty.packed, faulty.redirect_for_ever, faulty.silent, faulty.stall(0)),
    *(faulty.too_short_announced, faulty.trickle, faulty.wrong_bytes, faulty.wrong_range),
]
AFTER_A_CUT = [faulty.ignores_range, faulty.lying_range, faulty.no_range, faulty.wrong_range, faulty.wrong_bytes]


def get(server, path, patience_s=0.15):
    """Download the server's file."""
    return download(server.url, path, sha256=SHA256, max_bytes=150_000, patience_s=patience_s)


def name_of(fault):
    """Return the name of a fault for the test's title."""
    return fault.__qualname__.partition(".")[0]


@pytest.mark.parametrize("fault", [faulty.well, *PASSING], ids=name_of)
def test_passing_faults_are_overcome(tmp_path, fault):
    """After a fault that does not come again the file is there, whole, and nothing else."""
    with faulty.serving(CONTENT, fault) as server:
        assert get(server, tmp_path / "new" / "cells.tif").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["cells.tif"]


@pytest.mark.parametrize("fault", AFTER_A_CUT, ids=name_of)
def test_faults_of_resuming_are_overcome(tmp_path, fault):
    """A server that does not give the rest that it is asked for costs time, not the file."""
    with faulty.serving(CONTENT, faulty.cut(0.5), fault) as server:
        assert get(server, tmp_path / "cells.tif").read_bytes() == CONTENT
        assert server.ranges[:2] == [None, "bytes=50000-"]


@pytest.mark.parametrize("fault", LASTING, ids=name_of)
def test_lasting_faults_end_in_a_clear_message(tmp_path, fault):
    """A fault that stays ends in a message with a remedy, and no file; later, from a good server, all is well."""
    path = tmp_path / "cells.tif"
    with faulty.serving(CONTENT, fault, persistent=True) as server:
        with pytest.raises((ConnectionError, ValueError), match="found") as error:
            get(server, path, patience_s=0.15)
        assert_explains(error.value, server.url, "(file|at most)", ".*")
        assert "L2L_DATA" in str(error.value)
    assert not path.exists()
    with faulty.serving(CONTENT) as server:
        assert get(server, path).read_bytes() == CONTENT
    assert [file.name for file in tmp_path.iterdir()] == ["cells.tif"]


def test_only_the_rest_is_fetched(tmp_path):
    """Each try asks for what is not there yet; another call goes on where one gave up."""
    path = tmp_path / "cells.tif"
    with faulty.serving(CONTENT, *[faulty.cut(share) for share in (0.1, 0.2, 0.3, 0.4)]) as server:
        with pytest.raises(ConnectionError, match="40000 bytes, then"):
            get(server, path)
        assert get(server, path).read_bytes() == CONTENT
        assert server.ranges == [None, "bytes=10000-", "bytes=20000-", "bytes=30000-", "bytes=40000-"]


def test_verified_file_is_not_fetched_again(tmp_path):
    """A file that is there with the right checksum is taken as it is; a damaged one is replaced."""
    path = tmp_path / "cells.tif"
    with faulty.serving(CONTENT) as server:
        for content, n_requests in ((CONTENT, 0), (CONTENT[:-1], 1)):
            path.write_bytes(content)
            assert get(server, path).read_bytes() == CONTENT
            assert len(server.ranges) == n_requests


def test_no_server_at_all(tmp_path):
    """Without a server the message says so, and what to do."""
    with faulty.serving(CONTENT) as server:
        pass
    with pytest.raises(ConnectionError) as error:
        get(server, tmp_path / "cells.tif", patience_s=0.1)
    assert_explains(error.value, server.url, "the whole file", "0 bytes, then: .*refused")
    assert not (tmp_path / "cells.tif").exists()


def test_full_disk(tmp_path):
    """On a full disk the error is the system's, and there is no file; with room again there is."""
    path = tmp_path / "cells.tif"
    part = tmp_path / ".cells.tif.part"
    with faulty.serving(CONTENT) as server:
        part.symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left"):
            get(server, path)
        assert not path.exists()
        part.unlink()
        assert get(server, path).read_bytes() == CONTENT


def start(server, path, before="", patience_s=60):
    """Start a download in a process of its own."""
    code = f"{before}\nfrom pathlib import Path\nfrom l2l_utils.download import download\n"
    code += (
        f"download({server.url!r}, Path({str(path)!r}), sha256={SHA256!r}, max_bytes=150000, patience_s={patience_s})"
    )
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)


def test_file_size_limit(tmp_path):
    """Where the system allows no file so large, the message is the system's and there is no file."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50000, {resource.RLIM_INFINITY}))"
    with faulty.serving(CONTENT) as server:
        process = start(server, tmp_path / "cells.tif", limit)
        assert "File too large" in process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert not (tmp_path / "cells.tif").exists()


def test_killed_download_is_resumed(tmp_path):
    """A process that is killed in the middle leaves no file, and the next one asks for the rest alone."""
    path, part = tmp_path / "cells.tif", tmp_path / ".cells.tif.part"
    with faulty.serving(CONTENT, faulty.stall(0.7)) as server:
        process = start(server, path)
        while not (part.exists() and part.stat().st_size):
            time.sleep(0.01)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not path.exists()
        have = part.stat().st_size
        assert get(server, path).read_bytes() == CONTENT
        assert server.ranges == [None, f"bytes={have}-"]


@pytest.mark.slow
def test_many_random_faults(tmp_path):
    """Whatever faults come in whatever order, a download ends with the file or with a clear message and nothing."""
    rng = np.random.default_rng(20220201)
    kinds = list({name_of(fault): fault for fault in (*PASSING, *LASTING, *AFTER_A_CUT)}.values())
    outcomes = {True: 0, False: 0}
    for number in range(200):
        folder = tmp_path / str(number)
        faults = [
            faulty.cut(rng.uniform()) if rng.uniform() < 0.5 else kinds[rng.integers(len(kinds))]
            for _ in range(rng.integers(1, 7))
        ]
        with faulty.serving(CONTENT, *faults) as server:
            try:
                get(server, folder / "cells.tif", patience_s=0.1)
            except (ConnectionError, ValueError) as error:
                assert_explains(error, server.url, "(file|at most)", ".*")
            is_there = (folder / "cells.tif").exists()
            outcomes[is_there] += 1
            assert not is_there or (folder / "cells.tif").read_bytes() == CONTENT
    assert min(outcomes.values()) > 20, outcomes


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path):
    """However often it is killed, there is no file before it is whole, and in the end it is."""
    rng = np.random.default_rng(1)
    path = tmp_path / "cells.tif"

    def slowly(handler, content):
        wanted = handler.headers.get("Range") or "bytes=0-"
        first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        handler.start(206, len(content) - first, Content_Range=f"bytes {first}-{len(content) - 1}/{len(content)}")
        for place in range(first, len(content), 2000):
            handler.wfile.write(content[place : place + 2000])
            time.sleep(0.01)

    with faulty.serving(CONTENT, slowly, persistent=True) as server:
        for _ in range(15):
            process = start(server, path)
            time.sleep(rng.uniform(0.3, 1.2))
            process.kill()
            process.communicate()
            assert not path.exists() or path.read_bytes() == CONTENT
        assert get(server, path).read_bytes() == CONTENT
