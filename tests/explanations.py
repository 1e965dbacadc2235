"""What every message for a user must hold."""

import re


def assert_explains(error, what, expected, found):
    """Check that a message names the file, what was expected, what was found, and something to do about it."""
    pattern = f"{re.escape(str(what))}: expected .*{expected}.*, found .*{found}.*\\. [A-Z].*\\."
    assert re.fullmatch(pattern, str(error), re.DOTALL), str(error)
