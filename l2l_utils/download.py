"""A file from the network: the verified file or nothing, resumed where the server allows it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import pooch
import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from l2l_utils import progress
from l2l_utils.tiff import problem

PATIENCE_S: Final = 30.0
TRIES: Final = 4
WORTH_ANOTHER_TRY_BYTES: Final = 2**20
SLOWEST_BYTES_PER_S: Final = 1000
BYTES_PER_READ: Final = 2**18
# Servers that say so may do better in a moment.
BUSY: Final = {408, 425, 429, 500, 502, 503, 504}
BY_HAND: Final = (
    "Run this again later: it goes on where it stopped. Or fetch the file by other means, and put it into a folder "
    "that the environment variable L2L_DATA names."
)


def download(url: str, path: Path, *, sha256: str, max_bytes: int, patience_s: float = PATIENCE_S) -> Path:
    """Download a file, or return it where it is already there with the right checksum.

    What has arrived when a connection breaks, or the process is killed, waits in a file beside `path` that ends in
    .part, and the next try or call asks for the rest. The checksum decides whether the whole is right; if not, it is
    thrown away and fetched anew once.

    Parameters
    ----------
    url : str
        Address of the file.
    path : Path
        Where the file shall be, in a folder for it alone.
    sha256 : str
        Checksum of the file.
    max_bytes : int
        No file larger than this is accepted.
    patience_s : float
        The connection counts as broken after this time without a byte, or with hardly any.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ConnectionError
        The server does not give the file.
    ValueError
        It gives another file.
    OSError
        The disk is full.
    """
    part = path.with_name(f".{path.name}.part")
    downloader = partial(_complete, part=part, max_bytes=max_bytes, patience_s=patience_s)
    # One wrong file may be the fault of what an earlier try left; a second one is the server's.
    for _ in range(2):
        with suppress(ValueError):
            pooch.retrieve(url, sha256, fname=path.name, path=path.parent, downloader=downloader)
            return path
    raise problem(url, f"a file with sha256 {sha256}", "another file, twice", BY_HAND)


def _complete(url: str, output: str, _: Any, *, part: Path, max_bytes: int, patience_s: float) -> None:
    """Be pooch's downloader: complete the part of the file that is there, and move it to `output`."""
    failures = 0
    with progress.bar(desc=f"Downloading {url.rpartition('/')[2]}", unit="B", unit_scale=True, mininterval=1) as bar:
        while True:
            before = _size(part)
            try:
                _receive(url, part, max_bytes=max_bytes, patience_s=patience_s, bar=bar)
                break
            except (requests.RequestException, HTTPError) as error:
                failures = 1 if _size(part) > before + WORTH_ANOTHER_TRY_BYTES else failures + 1
                response = getattr(error, "response", None)
                if failures == TRIES or (response is not None and response.status_code not in BUSY):
                    raise _unavailable(url, "the whole file", f"{_size(part)} bytes, then: {error}") from error
                time.sleep(min(2 ** (failures - 1), patience_s))
    part.replace(output)


def _receive(url: str, part: Path, *, max_bytes: int, patience_s: float, bar: tqdm) -> None:
    have = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=patience_s) as response:
        content_range = response.headers.get("Content-Range", "")
        if have and response.status_code == requests.codes.requested_range_not_satisfiable:
            if content_range == f"bytes */{have}":
                return
            part.unlink()
            raise requests.ConnectionError("what had arrived before is no part of this file")
        response.raise_for_status()
        if "text/html" in response.headers.get("Content-Type", ""):
            raise _unavailable(url, "a file", "a web page, perhaps to log in")
        resumes = content_range.startswith(f"bytes {have}-")
        have *= resumes
        n_bytes = int(response.headers.get("Content-Length", 0))
        bar.reset(total=have + n_bytes or None)
        bar.update(have)
        with part.open("ab" if resumes else "wb") as file:
            for chunk in _chunks(response, patience_s):
                have += len(chunk)
                if have > max_bytes:
                    file.truncate(0)
                    raise _unavailable(url, f"at most {max_bytes} bytes", "a larger file")
                file.write(chunk)
                bar.update(len(chunk))


def _chunks(response: requests.Response, patience_s: float) -> Iterator[bytes]:
    """Yield a body as it comes; ConnectionError where it only trickles."""
    start, n_bytes = time.monotonic(), 0
    while chunk := response.raw.read1(BYTES_PER_READ):
        yield chunk
        n_bytes += len(chunk)
        seconds = time.monotonic() - start
        if seconds > patience_s:
            if n_bytes < SLOWEST_BYTES_PER_S * seconds:
                raise requests.ConnectionError(f"only {n_bytes} bytes came in {seconds:.0f} s")
            start, n_bytes = time.monotonic(), 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _unavailable(url: str, expected: str, found: str) -> ConnectionError:
    return ConnectionError(str(problem(url, expected, found, BY_HAND)))
