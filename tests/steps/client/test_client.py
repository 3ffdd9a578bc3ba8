"""The client: many at a time, again where that may help, and never more than needed."""

from __future__ import annotations

import itertools
import threading

import pytest

from llmops_sdk.errors import EndpointError
from llmops_sdk.steps.client.client import HOPELESS, Question, ask
from llmops_sdk.steps.client.http import HttpTransport
from llmops_sdk.testing import InstantEndpoint, Refusal
from llmops_sdk.values.answers import Answered, Outcome, Unanswered
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import TextPrompt
from llmops_sdk.values.resources import Endpoint


def asking(answer: object, count: int, concurrency: int = 4) -> list[Outcome]:
    """Ask an endpoint that answers so, for `count` records."""
    endpoint = InstantEndpoint(answer)  # type: ignore[arg-type]
    transport = HttpTransport(Endpoint("test", url=endpoint.url))
    prompts = (Question(index, TextPrompt(f"line {index}", "")) for index in range(count))
    try:
        return list(ask(transport, prompts, GenerationOptions(), concurrency=concurrency))
    finally:
        transport.close()
        endpoint.close()


def test_every_record_has_one_outcome() -> None:
    """Outcomes come as they come, one for each record, with what the endpoint counted."""
    outcomes = asking(str.upper, 50)

    assert list(range(50)) == sorted(outcome.index for outcome in outcomes)
    assert {f"LINE {index}" for index in range(50)} == {o.answer.output for o in outcomes if isinstance(o, Answered)}
    assert all(isinstance(outcome, Answered) and outcome.answer.output_tokens == 2 for outcome in outcomes)


def test_requests_are_in_flight_together() -> None:
    """With a concurrency of four, four requests wait at the endpoint at one time."""
    together = threading.Barrier(4, timeout=20)

    outcomes = asking(lambda prompt: f"{together.wait() and ''}{prompt}", 8)

    assert all(isinstance(outcome, Answered) for outcome in outcomes)


def test_throttling_is_asked_again() -> None:
    """A 429 with Retry-After, a 503 and a 500 are asked again, until there is an answer."""
    refusals = {"line 0": [Refusal(429, headers={"Retry-After": "0"}), Refusal(503), Refusal(500)]}

    def answer(prompt: str) -> str:
        if refusals.get(prompt):
            raise refusals[prompt].pop()
        return prompt

    outcomes = asking(answer, 3)

    assert [0, 1, 2] == sorted(outcome.index for outcome in outcomes if isinstance(outcome, Answered))
    assert {"line 0": []} == refusals


def test_a_refused_record_is_told_once_and_the_others_go_on() -> None:
    """A 4xx is the record's own fault: it is not asked again, its error is kept, and the rest is answered."""
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        if prompt == "line 1":
            raise Refusal(400, "too long")
        return prompt

    outcomes = {outcome.index: outcome for outcome in asking(answer, 4)}

    refused = outcomes[1]
    assert isinstance(refused, Unanswered)
    assert "too long" in refused.error
    assert 1 == asked.count("line 1")
    assert 3 == sum(isinstance(outcome, Answered) for outcome in outcomes.values())


def test_a_dead_endpoint_ends_the_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing answers any more, the asking stops with the reason, long before all records have been tried."""
    monkeypatch.setattr("llmops_sdk.steps.client.client.ATTEMPTS", 1)
    endpoint = InstantEndpoint()
    transport = HttpTransport(Endpoint("test", url=endpoint.url))
    endpoint.close()
    prompts = (Question(index, TextPrompt("x", "")) for index in itertools.count())

    with pytest.raises(EndpointError, match=f"failed {2 * HOPELESS} records in a row"):
        list(ask(transport, prompts, GenerationOptions(), concurrency=2))
    transport.close()


def test_a_prompt_that_cannot_be_made_is_raised() -> None:
    """An error while the prompts are read reaches the caller; it does not hang the threads."""

    def prompts() -> object:
        yield Question(0, TextPrompt("x", ""))
        message = "no such field"
        raise ValueError(message)

    endpoint = InstantEndpoint()
    transport = HttpTransport(Endpoint("test", url=endpoint.url))
    with pytest.raises(ValueError, match="no such field"):
        list(ask(transport, prompts(), GenerationOptions(), concurrency=2))  # type: ignore[arg-type]
    transport.close()
    endpoint.close()
