"""kill -9 in the middle of a `generate` step: what was answered is kept, records and probes, and is not asked again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.testing import InstantEndpoint

QUESTIONS = 60
"""Thirty records, and one probe of each."""

_PROGRAM = """
    import sys
    import llmops_sdk.testing
    from llmops_sdk import Pipeline
    from llmops_sdk.progress import Progress
    from llmops_sdk.plugin.registry import Registry

    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    result = (
        Pipeline.builder("killed")
        .with_dataset("lines", records=60, test_fraction=0.5)
        .with_prompt("bare")
        .with_model("echo", fine_tune=False, deployer={"url": sys.argv[2]})
        .with_evaluator("echo-score")
        .with_evaluator("echo-probes")
        .run(store=sys.argv[1], registry=registry, progress=Progress())
    )
    sys.exit(len(result.failures))
"""


class Counted:
    """Answers in capitals, and kills the client while it holds the request of a given number."""

    def __init__(self, kill_at: int) -> None:
        self.kill_at = kill_at
        self.client: subprocess.Popen[bytes] | None = None
        self.started = threading.Event()
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, prompt: str) -> str:
        self.started.wait()
        with self._lock:
            self.asked.append(prompt)
            if len(self.asked) == self.kill_at and self.client is not None:
                os.kill(self.client.pid, signal.SIGKILL)
                self.client.wait()
        return prompt.upper()


@pytest.mark.parametrize("kill_at", [1, 2, 9, 23, 30, 31, 45, 60])
def test_no_answered_record_is_asked_twice_and_none_is_lost(kill_at: int, tmp_path: Path) -> None:
    """At whatever request the client is killed, a second run asks just what the journal does not have."""
    counted = Counted(kill_at)
    endpoint = InstantEndpoint(counted)
    try:
        counted.client = _start(tmp_path, endpoint.url)
        counted.started.set()
        assert -signal.SIGKILL == counted.client.wait(60)
        _wait_for_requests()
        before, kept = list(counted.asked), _journalled(tmp_path)

        counted.kill_at = 0
        again = _start(tmp_path, endpoint.url)
        assert again.wait(60) == 0
    finally:
        endpoint.close()

    after = counted.asked[len(before) :]
    everything = {f"{word}line {number}" for number in range(60) for word in ("", "again ")}
    assert not kept & set(after)
    assert QUESTIONS == len(kept | set(after))
    assert kept <= set(before)
    assert len(after) == len(set(after)) == QUESTIONS - len(kept)
    assert len(before) - len(kept) <= 6  # those in flight: four at a time, and two on their way into the journal
    assert set(after) <= everything


def _wait_for_requests() -> None:
    """Wait until the server has read what the client sent before it was killed: its threads then find their connections closed."""
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(60)


def _start(folder: Path, url: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "LLMOPS_HOME": str(folder / "home")}
    program = textwrap.dedent(_PROGRAM)
    return subprocess.Popen([sys.executable, "-c", program, str(folder / "runs"), url], env=environment)


def _journalled(folder: Path) -> set[str]:
    """The prompts whose answers the killed run kept."""
    store = LocalStore(folder / "runs")
    data = [key for key in store.list("artifacts/data/") if key.endswith("/test.jsonl")]
    prompts = [json.loads(line)["context"] for line in (store.get(data[0]) or b"").splitlines()] if data else []
    kept = set()
    for kind, word in (("generations", ""), ("probes", "again ")):
        for key in store.list(f"artifacts/{kind}/"):
            if "/segments/" in key or key.endswith("/generations.jsonl"):
                lines = (store.get(key) or b"").splitlines(keepends=True)
                kept |= {word + prompts[json.loads(line)["index"]] for line in lines if line.endswith(b"\n")}
    return kept
