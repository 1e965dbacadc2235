"""A bar with the time left, or plain lines where nobody watches."""

from __future__ import annotations

import sys
import time
from typing import Any, Final

from tqdm import tqdm

SECONDS_BETWEEN_LINES: Final = 20


class Lines:
    """A text stream to standard error that makes of a bar's many states a line now and then, and one at the end."""

    def __init__(self) -> None:
        self._next = 0.0

    def write(self, text: str) -> None:
        """Pass on text, but of the states of a bar only those that are due."""
        for state in text.splitlines(keepends=True):
            is_state = text.startswith("\r")
            if not state.strip() or (is_state and "100%" not in state and time.monotonic() < self._next):
                continue
            if is_state:
                self._next = time.monotonic() + SECONDS_BETWEEN_LINES
            sys.stderr.write(state.strip("\r\n") + "\n")

    def flush(self) -> None:
        """Pass on what standard error holds back."""
        sys.stderr.flush()


def bar(*args: Any, **options: Any) -> tqdm:
    """Return tqdm's bar for a terminal or a notebook, and one that writes lines to a log file.

    Parameters
    ----------
    *args, **options
        What tqdm takes, such as the iterable, ``desc``, ``unit`` and ``total``.

    Returns
    -------
    tqdm
        To loop over, or to update by hand.
    """
    ipython = sys.modules.get("IPython")
    watched = sys.stderr.isatty() or (ipython and ipython.get_ipython())
    return tqdm(*args, **options) if watched else tqdm(*args, **options, file=Lines(), ascii=True, ncols=100)
