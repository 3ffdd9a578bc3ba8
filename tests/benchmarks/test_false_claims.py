"""The simulation of false claims, in its small form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SIMULATION = Path(__file__).parents[2] / "benchmarks" / "false_claims.py"


@pytest.mark.slow
def test_a_small_simulation_is_within_its_limits() -> None:
    """False claims on equal candidates and recipes, and with early stopping; coverage; power."""
    done = subprocess.run([sys.executable, str(SIMULATION), "--small"], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert done.stdout.endswith("every figure is within its limit\n")
    for title in ("Equal candidates", "Ties at the top", "Power", "Recipes", "Early stopping"):
        assert f"\n{title}" in f"\n{done.stdout}"
