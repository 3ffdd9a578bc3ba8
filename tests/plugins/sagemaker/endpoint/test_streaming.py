"""Streamed answers: the request, joining the parts, and the ways in which a stream can fail."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

pytest.importorskip("moto")

from moto.core.eventstream import EventStreamEncoder

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.endpoint.transport import CUSTOM_ATTRIBUTES, RuntimeTransport
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import EndpointError, GenerationOptions, Pipeline, UserError
from llmops_sdk.plugin import Answer, Answered, ChatPrompt, Endpoint, Question, RequestError, TextPrompt, ask
from llmops_sdk.plugin.registry import Registry

from ..fixtures import Account, Cloud, RuntimeServer
from ..loopback import ServerAnswer

PROMPT, OPTIONS = TextPrompt("Say hello", ""), GenerationOptions(max_new_tokens=8)
CHAT = ChatPrompt(({"role": "user", "content": "Hi"},), "")
TEXT = "Grüße, 你好 🙂"


@pytest.fixture(name="transport")
def _transport(
    cloud: Cloud,  # noqa: ARG001 - the SDK looks for an account while it is imported
    runtime: RuntimeServer,  # noqa: ARG001 - what is asked
) -> Iterator[RuntimeTransport]:
    """Sends requests for streams to the endpoint `ep`."""
    endpoint = Endpoint("ep", headers={CUSTOM_ATTRIBUTES: "accept_eula=true"})
    transport = RuntimeTransport(Aws(SageMakerSettings()), endpoint, read_timeout=1.0, streaming=True)
    yield transport
    transport.close()


def sse(*events: Any) -> bytes:
    return "".join(f"data:{json.dumps(event, ensure_ascii=False)}\n\n" for event in events).encode()


def lines(*events: Any) -> bytes:
    return "".join(f"{json.dumps(event, ensure_ascii=False)}\n" for event in events).encode()


def token(text: str, **more: Any) -> dict[str, Any]:
    return {"token": {"id": 1, "text": text, "special": False}, **more}


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more}


def payload_part(data: bytes) -> bytes:
    """Return a message of an event stream, with a part of the container's answer."""
    headers = {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}
    return EventStreamEncoder().encode_message(headers, data)


def parts(data: bytes, size: int = 7) -> Iterator[bytes]:
    """Return messages of a few bytes each, which split lines and characters."""
    return (payload_part(data[start : start + size]) for start in range(0, len(data), size))


def once(chunks: Iterator[bytes]) -> Callable[[Any], ServerAnswer]:
    return lambda _: ServerAnswer(chunks)


def failure(kind: str, text: str) -> bytes:
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return EventStreamEncoder().encode_message(headers, json.dumps({"Message": text}).encode())


DETAILS = {"finish_reason": "eos_token", "generated_tokens": 3}
USAGE = {"prompt_tokens": 2, "completion_tokens": 3}

TGI = sse(
    token("Grüße,", generated_text=None, details=None),
    token(" 你好", generated_text=None, details=None),
    token(" 🙂", generated_text=None, details=None),
    token("</s>", generated_text=TEXT, details=DETAILS),
)
LMI = lines(token("Grüße,"), token(" 你好 🙂"), token("", generated_text=TEXT, details=DETAILS))
OPENAI = b": ping\n\nevent: message\n" + sse(
    chunk({"role": "assistant", "content": ""}), chunk({"content": "Grüße, "}), chunk({"content": "你好 🙂"})
)


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (TGI, Answer(TEXT, None, 3, "stop")),
        (LMI, Answer(TEXT, None, 3, "stop")),
        (lines({"outputs": ["Grüße,"]}, {"outputs": [" 你好 🙂"]}), Answer(TEXT)),
        (
            OPENAI + sse(chunk({}, "stop"), {"choices": [], "usage": USAGE, "model": "m"}) + b"data: [DONE]\n\n",
            Answer(TEXT, 2, 3, "stop", "m"),
        ),
        (OPENAI + b"data: [DONE]", Answer(TEXT)),
        (
            lines({"choices": [{"text": TEXT, "finish_reason": None}]}, {"choices": [{"text": "", "finish_reason": "length"}]}),
            Answer(TEXT, finish_reason="length"),
        ),
        (TGI.replace(b"\n", b"\r\n"), Answer(TEXT, None, 3, "stop")),
        (LMI.rstrip(b"\n"), Answer(TEXT, None, 3, "stop")),
    ],
    ids=["tgi", "lmi", "outputs", "chat", "no-reason", "completion", "crlf", "no-end-of-line"],
)  # fmt: skip
def test_every_form_of_stream_is_read(
    data: bytes, reply: Answer, transport: RuntimeTransport, runtime: RuntimeServer
) -> None:
    """The parts may be cut anywhere; the reply is that of a complete answer, with the time to first token."""
    for size in (1, 7, 10_000):
        runtime.answer = once(parts(data, size))

        answer = transport.send(PROMPT, OPTIONS)

        assert answer.time_to_first_token is not None
        assert reply == attrs.evolve(answer, time_to_first_token=None)


@pytest.mark.parametrize("prompt", [PROMPT, CHAT])
def test_a_request_for_a_stream(
    prompt: TextPrompt | ChatPrompt, transport: RuntimeTransport, runtime: RuntimeServer
) -> None:
    """It has the path of streams, a signed JSON body that asks for a stream, and the endpoint's headers."""
    runtime.answer = lambda _: ServerAnswer(parts(TGI))

    transport.send(prompt, OPTIONS)

    ((path, sent, body),) = runtime.asked
    assert "/endpoints/ep/invocations-response-stream" == path
    assert body["stream"] is True
    assert ("accept_eula=true", "application/json") == (sent[CUSTOM_ATTRIBUTES.lower()], sent["content-type"])
    assert "AWS4-HMAC-SHA256" in sent["authorization"]


def test_log_probabilities_are_not_streamed(transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """A stream does not contain the tokens of the prompt."""
    prefill = [{"logprob": None}, {"logprob": -0.5}]
    runtime.answer = lambda _: ServerAnswer([{"generated_text": "x", "details": {"prefill": prefill}}])

    assert -0.5 == transport.log_probability(PROMPT)
    assert "/endpoints/ep/invocations" == runtime.asked[0][0]
    assert "stream" not in runtime.asked[0][2]


def test_the_time_to_first_token_is_measured(transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """It is shorter than the latency; an event with a role and no text does not count."""
    last = threading.Event()

    def answer(_: Any) -> ServerAnswer:
        def sent() -> Iterator[bytes]:
            yield payload_part(sse(chunk({"role": "assistant", "content": ""})))
            last.wait(0.2)
            yield payload_part(sse(chunk({"content": "a"})))
            last.wait(0.3)
            yield payload_part(sse(chunk({"content": "b"}, "stop")))

        return ServerAnswer(sent())

    runtime.answer = answer

    (outcome,) = ask(transport, iter([Question(0, PROMPT)]), OPTIONS, concurrency=1)

    assert isinstance(outcome, Answered)
    assert outcome.answer.time_to_first_token is not None
    assert outcome.answer.latency is not None
    assert 0.2 <= outcome.answer.time_to_first_token < outcome.answer.latency - 0.1
    assert "ab" == outcome.answer.output


def test_connections_are_reused(transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """A stream is read to its end, so the next request uses the same connection."""
    threads = set()

    def answer(_: Any) -> ServerAnswer:
        threads.add(threading.get_ident())  # the server has one for a connection
        return ServerAnswer(parts(TGI))

    runtime.answer = answer
    for _ in range(3):
        transport.send(PROMPT, OPTIONS)

    assert 1 == len(threads)


@pytest.mark.parametrize(
    "whole", [[{"generated_text": TEXT}], {"generation": TEXT}, {"choices": [{"message": {"content": TEXT}}]}]
)
def test_a_container_that_does_not_stream(
    whole: Any, transport: RuntimeTransport, runtime: RuntimeServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Its answers are used, without a time to first token, and the log warns once."""
    runtime.answer = lambda _: ServerAnswer(parts(json.dumps(whole).encode()))

    with caplog.at_level(logging.WARNING):
        replies = [transport.send(PROMPT, OPTIONS) for _ in range(3)]

    assert [Answer(TEXT)] * 3 == replies
    assert 1 == caplog.text.count("endpoint 'ep' does not stream: each answer arrives in one piece")


@pytest.mark.parametrize(
    ("sent", "retryable", "message"),
    [
        (failure("ModelStreamError", "the connection to the\nmodel was reset"), True, "ModelStreamError in its stream: the connection to the model"),
        (failure("InternalStreamFailure", "try again"), True, "InternalStreamFailure in its stream: try again"),
        (payload_part(sse({"error": "CUDA out of memory", "error_type": "generation"})), True, "CUDA out of memory"),
        (payload_part(sse({"error": "Model is overloaded", "error_type": "overloaded"})), True, "Model is overloaded"),
        (payload_part(lines({"error": "bad seed", "code": 424})), False, "bad seed"),
        (payload_part(lines({"error": {"message": "queue is full", "code": 503}})), True, "queue is full"),
        (payload_part(lines({"object": "error", "message": "too long", "code": 400})), False, "too long"),
        (payload_part(lines(token("", generated_text="", details={"finish_reason": "error"}))), True, "failed while it answered"),
        (payload_part(b""), True, "ended before the end of the answer"),
        (payload_part(b"42\n"), False, "an event that is not an object: 42"),
    ],
)  # fmt: skip
def test_an_error_in_a_stream_fails_the_request(
    sent: bytes, retryable: bool, message: str, transport: RuntimeTransport, runtime: RuntimeServer  # noqa: FBT001 - a table
) -> None:  # fmt: skip
    """The message is one line; the next request is answered."""
    for before in ([], [payload_part(lines(token("a")))]):
        runtime.answer = once(iter([*before, sent]))
        with pytest.raises(RequestError) as caught:
            transport.send(PROMPT, OPTIONS)

        assert (retryable, True) == (caught.value.retryable, message in str(caught.value))
        assert "\n" not in str(caught.value)
    runtime.answer = lambda _: ServerAnswer(parts(TGI))
    assert TEXT == transport.send(PROMPT, OPTIONS).output


@pytest.mark.parametrize("data", [TGI[:60], TGI[: TGI.index(b"</s>")], LMI[:30], OPENAI])
def test_a_stream_without_an_end_is_retried(data: bytes, transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """Half an answer does not count, even if the connection ended normally."""
    answers = iter([data, TGI])
    runtime.answer = lambda _: ServerAnswer(parts(next(answers), 1000))

    (outcome,) = ask(transport, iter([Question(0, PROMPT)]), OPTIONS, concurrency=1)

    assert isinstance(outcome, Answered)
    assert (TEXT, 2) == (outcome.answer.output, len(runtime.asked))


def cut_off() -> Iterator[bytes]:
    yield payload_part(lines(token("a")))
    raise ConnectionAbortedError


def test_a_lost_or_silent_connection_can_be_retried(transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """It breaks in the middle of a stream."""
    silence = threading.Event()

    def silent() -> Iterator[bytes]:
        yield payload_part(lines(token("a")))
        silence.wait(10)

    for chunks in (cut_off(), silent()):
        runtime.answer = once(chunks)
        with pytest.raises(RequestError, match="endpoint 'ep' cannot be reached, or the connection was lost") as caught:
            transport.send(PROMPT, OPTIONS)
        assert caught.value.retryable
    silence.set()


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (ServerAnswer({"Message": "no such path"}, 404, "UnknownOperationException"), EndpointError, "leave out 'streaming'"),
        (ServerAnswer([{"generated_text": "a whole answer"}]), EndpointError, "did not answer with an event stream: leave out"),
        (ServerAnswer({"Message": "no invoke"}, 403, "AccessDeniedException"), UserError, "AWS denied access: no invoke"),
        (ServerAnswer({"Message": "Endpoint ep of account 1 not found."}, 400, "ValidationError"), EndpointError, "no endpoint"),
        (
            ServerAnswer({"Message": "m", "OriginalMessage": "unknown field 'stream'", "OriginalStatusCode": 400}, 424, "ModelError"),
            RequestError,
            "answered ModelError 400: unknown field 'stream'",
        ),
    ],
)  # fmt: skip
def test_an_endpoint_that_refuses_streams(
    answer: ServerAnswer, kind: type[Exception], message: str, transport: RuntimeTransport, runtime: RuntimeServer
) -> None:
    """The message is one line; errors that concern every request stop the step."""
    runtime.answer = lambda _: answer

    with pytest.raises(kind, match=message) as caught:
        transport.send(PROMPT, OPTIONS)

    assert (kind is RequestError) == isinstance(caught.value, RequestError)


@pytest.mark.usefixtures("home")
def test_the_time_to_first_token_is_recorded(
    account: Account, runtime: RuntimeServer, registry: Registry, tmp_path: Path
) -> None:
    """It is in samples, results and report of a run with streaming."""
    account.endpoint("ep")
    runtime.answer = lambda _: ServerAnswer(parts(TGI))
    result = (
        Pipeline.builder("streams")
        .with_dataset("sample", test_fraction=0.2, seed=42, max_test_records=3)
        .with_prompt("plain")
        .with_model("existing-endpoint", endpoint="ep", deployer={"streaming": True})
        .with_evaluator("echo-score")
        .with_settings("sagemaker", region="us-east-1")
        .run(store=tmp_path / "runs", registry=registry)
    )

    (cell,) = result.leaderboards[0].cells
    samples = list(result.run.samples(cell.cell))
    assert [TEXT] * 3 == [sample.output for sample in samples]
    answers = [sample.answer for sample in samples if sample.answer is not None]
    first_tokens = [answer.time_to_first_token or 0.0 for answer in answers]
    assert all(0 < first <= (answer.latency or 0.0) for first, answer in zip(first_tokens, answers, strict=True))
    assert cell.speed is not None
    assert sorted(first_tokens)[1] == cell.speed.time_to_first_token_p50
    assert b"first token" in (result.run.store.get(f"runs/{result.run.id}/report.html") or b"")
    assert {"/endpoints/ep/invocations-response-stream"} == {path for path, _, _ in runtime.asked}
