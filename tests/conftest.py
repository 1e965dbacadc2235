"""Fixtures shared by the tests."""

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator of its own for each test."""
    return np.random.default_rng(20220201)
