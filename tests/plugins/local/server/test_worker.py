from __future__ import annotations

import pytest

pytest.importorskip("torch")

from llmops_plugins.local.engine.request import Completion, GenerationRequest, Rejection
from llmops_plugins.local.server.worker import Counts, EngineWorker, QueueFullError

from .running import eventually


def test_requests_get_their_outcomes_and_are_counted(worker: EngineWorker) -> None:
    """A request that the engine rejects does not keep the others from completing."""
    good, bad = worker.submit([GenerationRequest("a", max_new_tokens=3), GenerationRequest("a", max_new_tokens=5000)])
    worker.start()
    completed, rejected = good.future.result(20), bad.future.result(20)
    assert isinstance(completed, Completion)
    assert isinstance(rejected, Rejection)
    assert 3 == completed.output_tokens
    expected = Counts(1, 2, answered=1, refused=1, prompt_tokens=completed.prompt_tokens, output_tokens=3)
    assert expected == worker.counts
    worker.reset_counts()
    assert Counts() == worker.counts


def test_a_queue_accepts_all_prompts_of_a_body_or_none(worker: EngineWorker) -> None:
    """A body that is larger than the queue is accepted if nothing else waits."""
    worker.submit([GenerationRequest("a", max_new_tokens=1)] * 2)
    with pytest.raises(QueueFullError):
        worker.submit([GenerationRequest("a", max_new_tokens=1)] * 2)
    assert 2 == worker.pending
    worker.submit([GenerationRequest("a", max_new_tokens=1)])
    worker.start()
    eventually(lambda: worker.pending == 0)
    assert 5 == len(worker.submit([GenerationRequest("a", max_new_tokens=1)] * 5))


def test_a_cancelled_request_makes_room(worker: EngineWorker) -> None:
    """Whether it waits or is being completed, it leaves long before it would be done."""
    running, waiting = worker.submit([GenerationRequest("a", max_new_tokens=1000)] * 2)
    waiting.cancel()
    worker.start()
    eventually(lambda: running.active is not None)
    assert waiting.active is None
    running.cancel()
    outcome = running.future.result(20)
    assert isinstance(outcome, Rejection)
    eventually(lambda: worker.pending == 0)
    assert 0 == worker.counts.output_tokens
