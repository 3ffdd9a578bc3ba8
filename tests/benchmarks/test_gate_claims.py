"""The simulation of gates at their limits, in its small form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SIMULATION = Path(__file__).parents[2] / "benchmarks" / "gate_claims.py"


@pytest.mark.slow
def test_a_small_simulation_is_within_its_limits() -> None:
    """False GO and false NO-GO of every kind of condition, of the best of several, and of a gate with several conditions."""
    done = subprocess.run([sys.executable, str(SIMULATION), "--small"], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert done.stdout.endswith("every figure is within its limit\n")
    for title in (
        "`not_worse_than`, the candidate",
        "`at_least`",
        "`failed_answers`",
        "`not_worse_than` on 50 records",
    ):
        assert f"\n{title}" in f"\n{done.stdout}"
