"""Progress where nobody watches: few lines, the last one at the end."""

import itertools
import sys

import IPython
import pytest

from l2l_utils import progress


class Clock:
    """A clock that the test moves."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        """Return what the test set."""
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_states_become_few_lines(capsys, clock):
    """Of states that come every second, one in twenty becomes a line, and the last one at 100 % always."""
    lines = progress.Lines()
    n_states = 10 * progress.SECONDS_BETWEEN_LINES + 5
    for i in range(n_states):
        clock.now += 1
        lines.write(f"\r{100 * i // n_states:3}% {i}/{n_states}")
    lines.write(f"\r100% {n_states}/{n_states}")
    lines.flush()
    *states, last = capsys.readouterr().err.splitlines()
    seconds = [int(state.split()[1].split("/")[0]) for state in states]
    assert len(states) == 11
    assert all(later - sooner == progress.SECONDS_BETWEEN_LINES for sooner, later in itertools.pairwise(seconds))
    assert last == f"100% {n_states}/{n_states}"


def test_other_text_passes(capsys):
    """What is no state of a bar is written as it comes, in whole lines; blanks that clear a bar are left out."""
    lines = progress.Lines()
    for text in ("first\n", "\r  0%", "second\nthird", "\n", "\r      \r", "\r  1%"):
        lines.write(text)
    assert capsys.readouterr().err.splitlines() == ["first", "  0%", "second", "third"]


def test_no_carriage_return_in_a_log(capsys):
    """Without a terminal a loop over a thousand items leaves a line at its begin and one at its end."""
    assert list(progress.bar(range(1000), desc="cells", unit="cell")) == list(range(1000))
    written = capsys.readouterr().err
    assert "\r" not in written
    lines = written.splitlines()
    assert len(lines) == 2
    assert "cells" in lines[0]
    assert "100%" in lines[-1]
    assert "1000/1000" in lines[-1]
    assert all(len(line) <= 100 and line.isascii() for line in lines)


def test_by_hand_from_the_middle(capsys):
    """A bar that is updated by hand, and begins where an earlier one ended, comes to 100 % as well."""
    with progress.bar(total=8, initial=5, unit="epoch") as bar:
        for _ in range(3):
            bar.update()
    assert "8/8" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("where", ["terminal", "notebook"])
def test_a_bar_where_somebody_watches(where, capsys, monkeypatch):
    """On a terminal and in a notebook the bar stays in its line."""
    if where == "terminal":
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    else:
        monkeypatch.setattr(IPython, "get_ipython", object)
    for _ in progress.bar(range(3)):
        pass
    assert "\r" in capsys.readouterr().err


def test_switched_off(capsys):
    """A bar that is not wanted writes nothing."""
    assert len(list(progress.bar(range(3), disable=True))) == 3
    assert capsys.readouterr().err == ""
