"""The simulation of biased judges, in its small form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SIMULATION = Path(__file__).parents[2] / "benchmarks" / "judge_claims.py"


@pytest.mark.slow
def test_a_small_simulation_is_within_its_limits() -> None:
    """A judge that favours one of equal candidates misleads; corrected with grades it does so in few runs."""
    done = subprocess.run([sys.executable, str(SIMULATION), "--small"], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert done.stdout.endswith("every figure is within its limit\n")
    for title in ("Equal candidates on 200 records", "Power: the first of two", "A gate at its limit"):
        assert f"\n{title}" in f"\n{done.stdout}"
