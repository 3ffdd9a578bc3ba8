"""Requests through SageMaker Runtime: what is sent and read, and what each error means."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.endpoint.transport import CUSTOM_ATTRIBUTES, INFERENCE_COMPONENT, RuntimeTransport
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import EndpointError, GenerationOptions, UserError
from llmops_sdk.plugin import (
    Answered,
    ChatPrompt,
    Endpoint,
    Pending,
    Question,
    RequestError,
    TextPrompt,
    Unanswered,
    ask,
)
from llmops_sdk.steps.client import client

from ..fixtures import Cloud, RuntimeServer
from ..loopback import ServerAnswer

PROMPT, OPTIONS = TextPrompt("Say hello", ""), GenerationOptions(max_new_tokens=8)


@pytest.fixture
def connect(
    cloud: Cloud,  # noqa: ARG001 - the SDK looks for an account while it is imported
    runtime: RuntimeServer,  # noqa: ARG001 - what is asked
) -> Iterator[Callable[..., RuntimeTransport]]:
    """Make transports to the endpoint `ep`."""
    transports: list[RuntimeTransport] = []

    def connect(**fields: Any) -> RuntimeTransport:
        transports.append(RuntimeTransport(Aws(SageMakerSettings()), Endpoint("ep", **fields), read_timeout=5.0))
        return transports[-1]

    yield connect
    for transport in transports:
        transport.close()


def test_a_request(connect: Callable[..., RuntimeTransport], runtime: RuntimeServer) -> None:
    """It has the endpoint's path, a signed JSON body of the core's payload, and the endpoint's headers."""
    headers = {CUSTOM_ATTRIBUTES: "accept_eula=true", INFERENCE_COMPONENT: "part"}

    reply = connect(headers=headers, extra_body={"model": "m", "parameters": None}).send(PROMPT, OPTIONS)

    assert "Say hello" == reply.output
    ((path, sent, body),) = runtime.asked
    assert "/endpoints/ep/invocations" == path
    assert ("accept_eula=true", "part") == (sent[CUSTOM_ATTRIBUTES.lower()], sent[INFERENCE_COMPONENT.lower()])
    assert "AWS4-HMAC-SHA256" in sent["authorization"]
    assert ("application/json", {"inputs": "Say hello", "model": "m"}) == (sent["content-type"], body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([{"generation": "Hi"}], "Hi"),
        ([{"generated_text": "Hi"}], "Hi"),
        ({"generated_text": "Hi"}, "Hi"),
        ([{"generation": {"role": "assistant", "content": "Hi"}}], "Hi"),
        ({"choices": [{"message": {"content": "Hi"}}]}, "Hi"),
    ],
)
def test_every_form_of_answer_is_read(
    body: Any, text: str, connect: Callable[..., RuntimeTransport], runtime: RuntimeServer
) -> None:
    """Lists and objects, `generation` and `generated_text`."""
    runtime.answer = lambda _: ServerAnswer(body)

    assert text == connect().send(PROMPT, OPTIONS).output


def test_log_probability(connect: Callable[..., RuntimeTransport], runtime: RuntimeServer) -> None:
    """It has TGI's form; a container that cannot answer, or a chat, is an error that is not retried."""
    prefill = [{"text": "a", "logprob": None}, {"text": "b", "logprob": -0.5}, {"text": "c", "logprob": -0.25}]
    runtime.answer = lambda _: ServerAnswer([{"generated_text": "x", "details": {"prefill": prefill}}])

    assert -0.75 == connect().log_probability(PROMPT)
    assert runtime.asked[0][2]["parameters"]["decoder_input_details"]
    runtime.answer = lambda _: ServerAnswer([{"generated_text": "x"}])
    for prompt in (PROMPT, ChatPrompt(({"role": "user", "content": "Hi"},), "")):
        with pytest.raises(RequestError) as caught:
            connect().log_probability(prompt)
        assert not caught.value.retryable


MODEL_ERROR = {"Message": "Received client error (400) from primary", "OriginalMessage": "input is too long"}


@pytest.mark.parametrize(
    ("status", "error", "body", "retryable", "message"),
    [
        (424, "ModelError", {**MODEL_ERROR, "OriginalStatusCode": 400}, False, "answered ModelError 400: input is too"),
        (424, "ModelError", {**MODEL_ERROR, "OriginalStatusCode": 424}, False, "answered ModelError 424: input is too"),
        (424, "ModelError", {**MODEL_ERROR, "OriginalStatusCode": 500}, True, "answered ModelError 500: input is too"),
        (424, "ModelError", {**MODEL_ERROR, "OriginalStatusCode": 429}, True, "answered ModelError 429: input is too"),
        (429, "ModelNotReadyException", {"Message": "not yet"}, True, "answered ModelNotReadyException 429: not yet"),
        (400, "ThrottlingException", {"Message": "slow down"}, True, "answered ThrottlingException 400: slow down"),
        (500, "InternalFailure", {"Message": "oops"}, True, "answered InternalFailure 500: oops"),
        (503, "ServiceUnavailable", {"Message": "later"}, True, "answered ServiceUnavailable 503: later"),
        (400, "ValidationError", {"Message": "Body is too large"}, False, "answered ValidationError 400: Body is too"),
    ],
)
def test_an_error_of_one_request(
    status: int,
    error: str,
    body: dict[str, Any],
    retryable: bool,  # noqa: FBT001 - a table
    message: str,
    connect: Callable[..., RuntimeTransport],
    runtime: RuntimeServer,
) -> None:
    """It is sent once, since botocore's own retries are off; the error has the container's message and whether to retry."""
    runtime.answer = lambda _: ServerAnswer(body, status, error)

    with pytest.raises(RequestError) as caught:
        connect().send(PROMPT, OPTIONS)

    assert (retryable, 1) == (caught.value.retryable, len(runtime.asked))
    assert f"endpoint 'ep' {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error", "text", "kind", "message"),
    [
        (403, "ExpiredTokenException", "expired", UserError, "the AWS credentials have expired: renew them"),
        (403, "UnrecognizedClientException", "no", UserError, "AWS does not recognize the credentials"),
        (403, "AccessDeniedException", "no invoke", UserError, "AWS denied access: no invoke"),
        (400, "ValidationError", "Endpoint ep of account 1 not found.", EndpointError, "there is no endpoint 'ep'"),
        (
            400,
            "ValidationError",
            "Inference Component Name header is required for endpoints to which you plan to deploy inference components.",
            EndpointError,
            "endpoint 'ep' has inference components: set 'inference_component' to the name of one",
        ),
    ],
)
def test_an_error_of_all_requests_stops_the_step(
    status: int,
    error: str,
    text: str,
    kind: type[Exception],
    message: str,
    connect: Callable[..., RuntimeTransport],
    runtime: RuntimeServer,
) -> None:
    """No record is marked as failed for good."""
    runtime.answer = lambda _: ServerAnswer({"Message": text}, status, error)
    questions = (Question(index, PROMPT) for index in range(1000))

    with pytest.raises(kind, match=message) as caught:
        list(ask(connect(), questions, OPTIONS, concurrency=2))

    assert not isinstance(caught.value, RequestError)
    assert len(runtime.asked) < 20


def test_missing_credentials_stop_the_step(
    connect: Callable[..., RuntimeTransport], runtime: RuntimeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the command that fixes it, and nothing is sent."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(UserError, match="there are no AWS credentials: run 'aws configure'"):
        connect().send(PROMPT, OPTIONS)

    assert [] == runtime.asked


@pytest.mark.parametrize(
    ("body", "retryable"),
    [
        (b"", True),
        (b"not JSON", True),
        (b"[" * 100_000, True),
        (b"[]", False),
        (b'{"error": "invalid request"}', False),
    ],
)
def test_an_answer_without_text_is_an_error(
    body: bytes,
    retryable: bool,  # noqa: FBT001 - a table
    connect: Callable[..., RuntimeTransport],
    runtime: RuntimeServer,
) -> None:
    """What is not JSON was not sent by the model, and may be retried; an answer of another form may not."""
    runtime.answer = lambda _: ServerAnswer(body)

    with pytest.raises(RequestError) as caught:
        connect().send(PROMPT, OPTIONS)

    assert retryable == caught.value.retryable


def test_a_whole_answer_is_read_up_to_a_limit(connect: Callable[..., RuntimeTransport], runtime: RuntimeServer) -> None:
    """By what was asked for."""
    runtime.answer = lambda _: ServerAnswer([{"generated_text": "a" * 5_000_000}])

    with pytest.raises(RequestError, match="more than was asked for") as caught:
        connect().send(PROMPT, OPTIONS)

    assert not caught.value.retryable


def test_an_unreachable_server_can_be_retried(
    connect: Callable[..., RuntimeTransport], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection may come back."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:9")

    with pytest.raises(RequestError, match="endpoint 'ep' cannot be reached, or the connection was lost") as caught:
        connect().send(PROMPT, OPTIONS)

    assert caught.value.retryable


SILENT = {
    "Message": "Received server error (0) from primary with message",
    "OriginalMessage": "Your invocation timed out while waiting for a response from container primary.",
    "OriginalStatusCode": 0,
}


def test_a_container_that_does_not_answer_in_time_is_asked_again(
    connect: Callable[..., RuntimeTransport], runtime: RuntimeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SageMaker waits 60 s. A record that fails so each time is pending: resume asks it; a 4xx of the model is final."""
    monkeypatch.setattr(client, "LONGEST_WAIT", 0.001)
    asked: Counter[str] = Counter()

    def answer(body: Any) -> ServerAnswer:
        text = body["inputs"]
        asked[text] += 1
        if text == "refused":
            return ServerAnswer({**MODEL_ERROR, "OriginalStatusCode": 400}, 424, "ModelError")
        if text == "silent" or (text == "slow" and asked[text] < 3):
            return ServerAnswer(SILENT, 424, "ModelError")
        return ServerAnswer([{"generated_text": "x"}])

    runtime.answer = answer
    texts = ("slow", "silent", "refused", "quick")
    questions = (Question(index, TextPrompt(text, "")) for index, text in enumerate(texts))

    outcomes = {texts[outcome.index]: type(outcome) for outcome in ask(connect(), questions, OPTIONS, concurrency=1)}

    assert {"slow": Answered, "silent": Pending, "refused": Unanswered, "quick": Answered} == outcomes
    assert {"slow": 3, "silent": client.ATTEMPTS, "refused": 1, "quick": 1} == asked


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"max_new_tokens": 8, "do_sample": False, "return_full_text": False, "details": True}),
        ({"parameters": {"details": None, "do_sample": None}}, {"max_new_tokens": 8, "return_full_text": False}),
        (
            {"parameters": {"top_k": 20, "max_new_tokens": 4, "details": None, "absent": None}},
            {"max_new_tokens": 4, "do_sample": False, "return_full_text": False, "top_k": 20},
        ),
        ({"parameters": None}, None),
    ],
)
def test_a_payload_can_be_changed(
    changes: dict[str, Any], expected: Any, connect: Callable[..., RuntimeTransport], runtime: RuntimeServer
) -> None:
    """Fields are added, replaced and, with None, left out; inside `parameters` too."""
    connect(extra_body={**changes, "model": "m"}).send(PROMPT, OPTIONS)

    ((_, _, body),) = runtime.asked
    assert ("Say hello", "m", expected) == (body["inputs"], body["model"], body.get("parameters"))


def test_a_longer_answer_may_be_asked_for(connect: Callable[..., RuntimeTransport], runtime: RuntimeServer) -> None:
    """The limit of an answer is by what was sent."""
    runtime.answer = lambda _: ServerAnswer([{"generated_text": "a" * 1_000_000}])

    reply = connect(extra_body={"parameters": {"max_new_tokens": 1000}}).send(PROMPT, OPTIONS)

    assert 1_000_000 == len(reply.output)


def test_messages_of_the_container_are_masked(aws: Aws, runtime: RuntimeServer) -> None:
    """It may quote a secret of its variables."""
    runtime.answer = lambda _: ServerAnswer({**MODEL_ERROR, "OriginalMessage": "bad hf_secret"}, 424, "ModelError")
    transport = RuntimeTransport(
        aws, Endpoint("ep"), read_timeout=5.0, masked=lambda text: text.replace("hf_secret", "***")
    )

    with pytest.raises(RequestError, match=r"bad \*\*\*"):
        transport.send(PROMPT, OPTIONS)


def test_throttled_requests_are_retried(connect: Callable[..., RuntimeTransport], runtime: RuntimeServer) -> None:
    """Two of three are throttled, eight at a time; every record is answered, and each latency is that of one request."""
    count = itertools.count()
    guard = threading.Lock()

    def answer(body: Any) -> ServerAnswer:
        with guard:
            number = next(count)
        if number % 3 < 2 and number < 36:
            return ServerAnswer({"Message": "Rate exceeded"}, 400, "ThrottlingException")
        return ServerAnswer([{"generated_text": body["inputs"]}])

    runtime.answer = answer
    questions = (Question(index, TextPrompt(f"question {index}", "")) for index in range(24))

    outcomes = list(ask(connect(concurrency=8), questions, OPTIONS, concurrency=8))

    assert 24 == len(outcomes) == sum(isinstance(outcome, Answered) for outcome in outcomes)
    assert {
        f"question {outcome.index}" == outcome.answer.output for outcome in outcomes if isinstance(outcome, Answered)
    } == {True}


def test_a_record_that_the_model_refuses(connect: Callable[..., RuntimeTransport], runtime: RuntimeServer) -> None:
    """Only this record has no answer, and it is not retried."""

    def answer(body: Any) -> ServerAnswer:
        if body["inputs"] == "question 3":
            return ServerAnswer({**MODEL_ERROR, "OriginalStatusCode": 400}, 424, "ModelError")
        return ServerAnswer([{"generated_text": "x"}])

    runtime.answer = answer
    questions = (Question(index, TextPrompt(f"question {index}", "")) for index in range(8))

    outcomes = {outcome.index: outcome for outcome in ask(connect(), questions, OPTIONS, concurrency=4)}

    refused = outcomes.pop(3)
    assert isinstance(refused, Unanswered)
    assert all(isinstance(outcome, Answered) for outcome in outcomes.values())
    assert 8 == len(runtime.asked)
