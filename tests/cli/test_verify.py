"""`llmops verify`: read a run again, and show what is damaged."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Command


def test_a_sound_run_and_a_damaged_one(llmops: Command, folder: Path) -> None:
    """The exit code is 3 if something is damaged; a resumed run is sound again."""
    llmops("run", "echoes.yaml", "-q", "--offline")
    assert "sound: 1 runs" in llmops("verify").text
    results = next((folder / "llmops-runs" / "runs").glob("*/results.json"))
    results.write_bytes(results.read_bytes()[:40])

    assert "damaged: results.json of run echoes-" in llmops("verify", "--all", code=3).text
    assert 1 == len(json.loads(llmops("verify", "--json", code=3).out)["damages"])

    llmops("run", "--resume", "latest", "-q", "--offline")
    llmops("verify")
