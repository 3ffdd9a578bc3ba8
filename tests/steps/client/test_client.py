"""The client: many questions at a time, retried if that may help, and never more than needed."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import pytest

from llmops_sdk.errors import EndpointError, RequestError
from llmops_sdk.plugin.interfaces import RecordTransport
from llmops_sdk.steps.client.client import HOPELESS, Question, ask
from llmops_sdk.steps.client.http.transport import HttpTransport
from llmops_sdk.steps.client.rates import Rates
from llmops_sdk.steps.client.reasoning import STOPPED
from llmops_sdk.testing import InstantEndpoint, Refusal
from llmops_sdk.values.answers import Answer, Answered, Outcome, Pending, Unanswered
from llmops_sdk.values.data import Record
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import Prompt, TextPrompt
from llmops_sdk.values.resources import Endpoint


def asking(answer: object, count: int, concurrency: int = 4, **options: Any) -> list[Outcome]:
    """Ask an endpoint that answers so, for `count` records."""
    endpoint = InstantEndpoint(answer)  # type: ignore[arg-type]
    transport = HttpTransport(Endpoint("test", url=endpoint.url))
    prompts = (Question(index, TextPrompt(f"line {index}", "")) for index in range(count))
    try:
        return list(ask(transport, prompts, GenerationOptions(), concurrency=concurrency, **options))
    finally:
        transport.close()
        endpoint.close()


def test_every_record_has_one_outcome() -> None:
    """Outcomes come in any order, one for each record, with the token counts of the endpoint."""
    outcomes = asking(str.upper, 50)

    assert list(range(50)) == sorted(outcome.index for outcome in outcomes)
    assert {f"LINE {index}" for index in range(50)} == {o.answer.output for o in outcomes if isinstance(o, Answered)}
    assert all(isinstance(outcome, Answered) and outcome.answer.output_tokens == 2 for outcome in outcomes)


def test_requests_are_in_flight_together() -> None:
    """With a concurrency of four, four requests wait at the endpoint at one time."""
    together = threading.Barrier(4, timeout=20)

    outcomes = asking(lambda prompt: f"{together.wait() and ''}{prompt}", 8)

    assert all(isinstance(outcome, Answered) for outcome in outcomes)


def test_throttling_is_retried() -> None:
    """A 429 with Retry-After, a 503 and a 500 are retried until there is an answer."""
    refusals = {"line 0": [Refusal(429, headers={"Retry-After": "0"}), Refusal(503), Refusal(500)]}

    def answer(prompt: str) -> str:
        if refusals.get(prompt):
            raise refusals[prompt].pop()
        return prompt

    outcomes = asking(answer, 3)

    assert [0, 1, 2] == sorted(outcome.index for outcome in outcomes if isinstance(outcome, Answered))
    assert {"line 0": []} == refusals


def test_a_refused_record_is_not_retried() -> None:
    """A 4xx is the record's own fault: it fails for good with the server's reason, and the rest is answered."""
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


def test_a_dead_endpoint_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing answers any more, the client stops with the reason, long before it has tried all records."""
    monkeypatch.setattr("llmops_sdk.steps.client.client.ATTEMPTS", 1)
    endpoint = InstantEndpoint()
    transport = HttpTransport(Endpoint("test", url=endpoint.url))
    endpoint.close()
    prompts = (Question(index, TextPrompt("x", "")) for index in itertools.count())

    with pytest.raises(EndpointError, match=f"failed {2 * HOPELESS} records in a row"):
        list(ask(transport, prompts, GenerationOptions(), concurrency=2))
    transport.close()


def test_an_error_in_a_prompt_is_raised() -> None:
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


def test_a_record_that_still_fails_is_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last attempt at a 503: a later run asks it again."""
    monkeypatch.setattr("llmops_sdk.steps.client.client.ATTEMPTS", 1)

    def answer(prompt: str) -> str:
        if prompt == "line 1":
            raise Refusal(503, "busy")
        return prompt

    outcomes = {outcome.index: outcome for outcome in asking(answer, 4)}

    assert Pending(1, "the endpoint answered 503: busy") == outcomes.pop(1)
    assert all(isinstance(outcome, Answered) for outcome in outcomes.values())


def test_an_answer_has_its_latency() -> None:
    """The seconds of the request that succeeded, without the refused ones."""
    refusals = [Refusal(503, headers={"Retry-After": "0.4"})]

    def answer(prompt: str) -> str:
        if refusals:
            raise refusals.pop()
        return prompt

    (outcome,) = asking(answer, 1)

    assert isinstance(outcome, Answered)
    assert outcome.answer.latency is not None
    assert 0 < outcome.answer.latency < 0.3


class Recorded(RecordTransport):
    """Has the answer to the record 'a' only."""

    def answer(self, index: int, record: Record, prompt: Prompt) -> Answer:
        if record["id"] != "a":
            message = f"no answer to {record['id']}"
            raise RequestError(message, retryable=False, is_missing=record["id"] == "b")
        return Answer(f"recorded {index}", latency=None)


def test_a_transport_with_recorded_answers_gets_the_test_record() -> None:
    """Its latency stays as it was recorded; what has no answer, or no record, is unanswered; what was never asked is missing."""
    questions = [
        Question(0, TextPrompt("x"), record={"id": "a"}),
        Question(1, TextPrompt("x"), record={"id": "b"}),
        Question(2, TextPrompt("x"), record={"id": "c"}),
        Question(3, TextPrompt("a probe")),
    ]

    outcomes = ask(Recorded(), iter(questions), GenerationOptions(), concurrency=1)

    probe = "only the test records have recorded answers, and this question is not one of them"
    assert [
        Answered(0, Answer("recorded 0")),
        Unanswered(1, "no answer to b", is_missing=True),
        Unanswered(2, "no answer to c"),
        Unanswered(3, probe),
    ] == list(outcomes)


def test_reasoning_is_kept_apart() -> None:
    """Wherever it comes from; a text that is cut off in it is no answer, and is not asked again."""
    texts = {"line 0": "<think>hm</think>A", "line 1": "<think>hm", "line 2": "A"}

    outcomes = {outcome.index: outcome for outcome in asking(texts.__getitem__, 3)}

    answers = {index: (o.answer.output, o.answer.reasoning) for index, o in outcomes.items() if isinstance(o, Answered)}
    assert {0: ("A", "hm"), 2: ("A", "")} == answers
    assert Unanswered(1, STOPPED) == outcomes[1]
    assert [Unanswered(0, STOPPED)] == asking(lambda _: "hm", 1, opens_reasoning=True)


def test_an_endpoint_that_refuses_everything_is_asked_no_more() -> None:
    """A refused key, before anything was answered: the first refusal ends it, with its reason."""
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        raise Refusal(401, "Incorrect API key")

    with pytest.raises(RequestError, match="the endpoint answered 401: Incorrect API key"):
        asking(answer, 1000)
    assert len(asked) < 50


def test_a_key_that_is_revoked_meanwhile_settles_nothing() -> None:
    """The questions that it refuses are open, without a retry: a later run asks them again."""
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        if prompt != "line 0":
            raise Refusal(401, "revoked")
        return prompt

    first, *others = asking(answer, 3, concurrency=1)

    assert isinstance(first, Answered)
    assert [Pending(index, "the endpoint answered 401: revoked") for index in (1, 2)] == others
    assert 3 == len(asked)


def test_questions_keep_to_the_rates() -> None:
    """Five questions at 1200 a minute need four pauses of 50 ms, which are no part of a latency."""
    started = time.monotonic()

    outcomes = asking(str.upper, 5, rates=Rates(1200, None))

    assert time.monotonic() - started >= 0.2
    assert all(isinstance(outcome, Answered) for outcome in outcomes)


def test_a_stopped_client_waits_for_no_rate() -> None:
    """After the first answer the caller leaves, although the next turn is an hour away."""
    endpoint = InstantEndpoint()
    transport = HttpTransport(Endpoint("test", url=endpoint.url))
    prompts = (Question(index, TextPrompt("x", "")) for index in range(9))
    outcomes = ask(transport, prompts, GenerationOptions(), concurrency=3, rates=Rates(1 / 60, None))

    assert isinstance(next(outcomes), Answered)
    outcomes.close()  # type: ignore[attr-defined]

    transport.close()
    endpoint.close()
    assert 1 == len(endpoint.prompts)
