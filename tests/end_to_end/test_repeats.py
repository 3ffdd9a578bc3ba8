"""A run that asks each record several times is killed and resumed: no answer is lost or asked for again."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import pytest
import yaml

from llmops_sdk.pipeline.result import load
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.testing import InstantEndpoint

from .killing import KillingAnswers
from .test_kill import IN_FLIGHT, start

RECORDS, REPEATS = 15, 2
QUESTIONS = 2 * REPEATS * RECORDS
"""Each record as often as it is repeated, and as often again for the noise floor."""

_SPECIFICATION = {
    "name": "killed",
    "datasets": [{"use": "lines", "records": 2 * RECORDS, "test_fraction": 0.5}],
    "prompts": ["bare"],
    "evaluators": ["echo-score"],
    "generation": {"repeats": REPEATS, "temperature": 0.7},
    "noise_floor": True,
}


@pytest.mark.parametrize(
    ("number", "moment"), [(signal.SIGKILL, 20), pytest.param(signal.SIGTERM, 50, marks=pytest.mark.slow)]
)
def test_a_killed_run_with_repeats_resumes(number: int, moment: int, tmp_path: Path) -> None:
    """In the second repeat, and in the noise floor: only what was in flight is asked again."""
    killing = KillingAnswers(number, moment)
    endpoint = InstantEndpoint(killing)
    model = {"use": "echo", "fine_tune": False, "deployer": {"url": endpoint.url, "concurrency": 4}}
    (tmp_path / "killed.yaml").write_text(yaml.safe_dump({**_SPECIFICATION, "models": [model]}), encoding="utf-8")
    try:
        killing.client = start(tmp_path, "run killed.yaml -q")
        killing.started.set()
        killing.client.communicate(timeout=120)
        before, kept = len(killing.asked), _kept(tmp_path)
        resumed = start(tmp_path, "run --resume latest -q")
        printed, errors = resumed.communicate(timeout=120)
    finally:
        endpoint.close()

    assert 0 == resumed.returncode, errors
    assert before - kept <= IN_FLIGHT
    assert QUESTIONS <= len(killing.asked) <= QUESTIONS + IN_FLIGHT
    assert 2 * REPEATS == min(Counter(killing.asked).values())
    result = load(store=LocalStore(tmp_path / "llmops-runs"))
    (board,) = result.leaderboards
    (cell,) = board.cells
    assert (RECORDS, REPEATS * RECORDS, 0) == (cell.records, cell.answered, cell.pending)
    assert [(index, repeat) for index in range(RECORDS) for repeat in range(REPEATS)] == [
        (sample.index, sample.repeat) for sample in result.records()
    ]
    assert "Noise floor: echo, asked twice, has the same Exact match both times on all 15 records." in printed


def _kept(folder: Path) -> int:
    """Return the number of answers that the store has, in journals and in finished files."""
    store = LocalStore(folder / "llmops-runs")
    finished = {key.split("/")[2] for key in store.list("artifacts/generations/") if key.endswith("artifact.json")}
    kept: set[tuple[str, int]] = set()
    for key in store.list("artifacts/generations/"):
        address = key.split("/")[2]
        if ("/segments/" in key) if address not in finished else key.endswith("/generations.jsonl"):
            lines = (store.get(key) or b"").splitlines(keepends=True)
            kept |= {(address, json.loads(line)["index"]) for line in lines if line.endswith(b"\n")}
    return len(kept)
