"""Answers that come token by token: what is sent, how their parts are put together, and what each way to break means."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.settings import SageMakerSettings
from llmops_plugins.sagemaker.emulator.stream import message, payload_part, streamed
from llmops_plugins.sagemaker.endpoint.transport import CUSTOM_ATTRIBUTES, RuntimeTransport
from llmops_sdk import EndpointError, GenerationOptions, Pipeline, UserError
from llmops_sdk.plugin import Answered, ChatPrompt, Endpoint, Question, Reply, RequestError, TextPrompt, ask
from llmops_sdk.plugin.registry import Registry

from ..conftest import Account, Cloud, RuntimeServer
from ..loopback import Answer

PROMPT, OPTIONS = TextPrompt("Say hello", ""), GenerationOptions(max_new_tokens=8)
CHAT = ChatPrompt(({"role": "user", "content": "Hi"},), "")
TEXT = "Grüße, 你好 🙂"


@pytest.fixture(name="transport")
def _transport(
    cloud: Cloud,  # noqa: ARG001 - the SDK looks for an account while it is imported
    runtime: RuntimeServer,  # noqa: ARG001 - what is asked
) -> Iterator[RuntimeTransport]:
    """Asks the endpoint `ep` for streams."""
    endpoint = Endpoint("ep", headers={CUSTOM_ATTRIBUTES: "accept_eula=true"})
    made = RuntimeTransport(Aws(SageMakerSettings()), endpoint, read_timeout=1.0, streaming=True)
    yield made
    made.close()


def sse(*events: Any) -> bytes:
    return "".join(f"data:{json.dumps(event, ensure_ascii=False)}\n\n" for event in events).encode()


def lines(*events: Any) -> bytes:
    return "".join(f"{json.dumps(event, ensure_ascii=False)}\n" for event in events).encode()


def token(text: str, **more: Any) -> dict[str, Any]:
    return {"token": {"id": 1, "text": text, "special": False}, **more}


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more}


def parts(data: bytes, size: int = 7) -> Iterator[bytes]:
    """Messages with a few bytes each, which split lines and characters."""
    return (payload_part(data[start : start + size]) for start in range(0, len(data), size))


def once(chunks: Iterator[bytes]) -> Callable[[Any], Answer]:
    return lambda _: Answer(chunks)


def failure(kind: str, text: str) -> bytes:
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return message(headers, json.dumps({"Message": text}).encode())


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
        (TGI, Reply(TEXT, None, 3, "stop")),
        (LMI, Reply(TEXT, None, 3, "stop")),
        (lines({"outputs": ["Grüße,"]}, {"outputs": [" 你好 🙂"]}), Reply(TEXT)),
        (
            OPENAI + sse(chunk({}, "stop"), {"choices": [], "usage": USAGE, "model": "m"}) + b"data: [DONE]\n\n",
            Reply(TEXT, 2, 3, "stop", "m"),
        ),
        (OPENAI + b"data: [DONE]", Reply(TEXT)),
        (
            lines({"choices": [{"text": TEXT, "finish_reason": None}]}, {"choices": [{"text": "", "finish_reason": "length"}]}),
            Reply(TEXT, finish_reason="length"),
        ),
        (TGI.replace(b"\n", b"\r\n"), Reply(TEXT, None, 3, "stop")),
        (LMI.rstrip(b"\n"), Reply(TEXT, None, 3, "stop")),
    ],
    ids=["tgi", "lmi", "outputs", "chat", "no-reason", "completion", "crlf", "no-end-of-line"],
)  # fmt: skip
def test_every_form_of_stream_is_read(
    data: bytes, reply: Reply, transport: RuntimeTransport, runtime: RuntimeServer
) -> None:
    """Wherever SageMaker cuts it into parts; the reply is that of a whole answer, with the time to its first token."""
    for size in (1, 7, 10_000):
        runtime.answer = once(parts(data, size))

        found = transport.send(PROMPT, OPTIONS)

        assert found.time_to_first_token is not None
        assert reply == attrs.evolve(found, time_to_first_token=None)


@pytest.mark.parametrize("prompt", [PROMPT, CHAT])
def test_one_request(prompt: TextPrompt | ChatPrompt, transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """The stream's own path, a signed JSON body that asks for a stream, and the headers that the endpoint wants."""
    runtime.answer = lambda _: Answer(parts(TGI))

    transport.send(prompt, OPTIONS)

    ((path, sent, body),) = runtime.asked
    assert "/endpoints/ep/invocations-response-stream" == path
    assert body["stream"] is True
    assert ("accept_eula=true", "application/json") == (sent[CUSTOM_ATTRIBUTES.lower()], sent["content-type"])
    assert "AWS4-HMAC-SHA256" in sent["authorization"]


def test_probabilities_come_whole(transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """A stream has none of the prompt's tokens."""
    prefill = [{"logprob": None}, {"logprob": -0.5}]
    runtime.answer = lambda _: Answer([{"generated_text": "x", "details": {"prefill": prefill}}])

    assert -0.5 == transport.log_probability(PROMPT)
    assert "/endpoints/ep/invocations" == runtime.asked[0][0]
    assert "stream" not in runtime.asked[0][2]


def test_the_first_token_is_timed_when_it_comes(transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """Before the last one, which waits here; a role without a text is no token."""
    last = threading.Event()

    def answer(_: Any) -> Answer:
        def sent() -> Iterator[bytes]:
            yield payload_part(sse(chunk({"role": "assistant", "content": ""})))
            last.wait(0.2)
            yield payload_part(sse(chunk({"content": "a"})))
            last.wait(0.3)
            yield payload_part(sse(chunk({"content": "b"}, "stop")))

        return Answer(sent())

    runtime.answer = answer

    (outcome,) = ask(transport, iter([Question(0, PROMPT)]), OPTIONS, concurrency=1)

    assert isinstance(outcome, Answered)
    assert outcome.time_to_first_token is not None
    assert 0.2 <= outcome.time_to_first_token <= outcome.latency - 0.3 + 0.01
    assert "ab" == outcome.output


def test_connections_are_kept(transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """A second answer over the first one's connection: it was read to its end."""
    threads = set()

    def answer(_: Any) -> Answer:
        threads.add(threading.get_ident())  # the server has one for a connection
        return Answer(parts(TGI))

    runtime.answer = answer
    for _ in range(3):
        transport.send(PROMPT, OPTIONS)

    assert 1 == len(threads)


@pytest.mark.parametrize(
    "whole", [[{"generated_text": TEXT}], {"generation": TEXT}, {"choices": [{"message": {"content": TEXT}}]}]
)
def test_a_container_that_answers_whole(
    whole: Any, transport: RuntimeTransport, runtime: RuntimeServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Its answers are taken, without a time to the first token, and the log tells it once."""
    runtime.answer = lambda _: Answer(parts(json.dumps(whole).encode()))

    with caplog.at_level(logging.WARNING):
        replies = [transport.send(PROMPT, OPTIONS) for _ in range(3)]

    assert [Reply(TEXT)] * 3 == replies
    assert 1 == caplog.text.count("endpoint 'ep' does not stream: its answers come whole")


@pytest.mark.parametrize(
    ("sent", "retryable", "said"),
    [
        (failure("ModelStreamError", "the connection to the\nmodel was reset"), True, "ModelStreamError in its stream: the connection to the model"),
        (failure("InternalStreamFailure", "try again"), True, "InternalStreamFailure in its stream: try again"),
        (payload_part(sse({"error": "CUDA out of memory", "error_type": "generation"})), False, "CUDA out of memory"),
        (payload_part(sse({"error": "Model is overloaded", "error_type": "overloaded"})), True, "Model is overloaded"),
        (payload_part(lines({"error": "bad seed", "code": 424})), False, "bad seed"),
        (payload_part(lines({"error": {"message": "queue is full", "code": 503}})), True, "queue is full"),
        (payload_part(lines({"object": "error", "message": "too long", "code": 400})), False, "too long"),
        (payload_part(lines(token("", generated_text="", details={"finish_reason": "error"}))), False, "an error of the model"),
        (payload_part(b""), True, "broke off before the answer's end"),
        (payload_part(b"42\n"), False, "an event that is no object: 42"),
    ],
)  # fmt: skip
def test_an_error_in_the_stream(
    sent: bytes, retryable: bool, said: str, transport: RuntimeTransport, runtime: RuntimeServer  # noqa: FBT001 - a table
) -> None:  # fmt: skip
    """After a first token as before it, it is a failure of this request, in one line; the next one is answered."""
    for before in ([], [payload_part(lines(token("a")))]):
        runtime.answer = once(iter([*before, sent]))
        with pytest.raises(RequestError) as found:
            transport.send(PROMPT, OPTIONS)

        assert (retryable, True) == (found.value.retryable, said in str(found.value))
        assert "\n" not in str(found.value)
    runtime.answer = lambda _: Answer(parts(TGI))
    assert TEXT == transport.send(PROMPT, OPTIONS).text


@pytest.mark.parametrize("data", [TGI[:60], TGI[: TGI.index(b"</s>")], LMI[:30], OPENAI])
def test_a_stream_without_an_end(data: bytes, transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """Half an answer is none, however cleanly it ends: it is asked again."""
    answers = iter([data, TGI])
    runtime.answer = lambda _: Answer(parts(next(answers), 1000))

    (outcome,) = ask(transport, iter([Question(0, PROMPT)]), OPTIONS, concurrency=1)

    assert isinstance(outcome, Answered)
    assert (TEXT, 2) == (outcome.output, len(runtime.asked))


def cut_off() -> Iterator[bytes]:
    yield payload_part(lines(token("a")))
    raise ConnectionAbortedError


def test_a_connection_that_breaks_or_is_silent(transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """In the middle of a stream: the request may be sent again."""
    silence = threading.Event()

    def silent() -> Iterator[bytes]:
        yield payload_part(lines(token("a")))
        silence.wait(10)

    for chunks in (cut_off(), silent()):
        runtime.answer = once(chunks)
        with pytest.raises(RequestError, match="endpoint 'ep' cannot be reached or broke off") as found:
            transport.send(PROMPT, OPTIONS)
        assert found.value.retryable
    silence.set()


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Answer({"Message": "no such path"}, 404, "UnknownOperationException"), EndpointError, "leave out 'streaming'"),
        (Answer([{"generated_text": "a whole answer"}]), EndpointError, "answered with no event stream: leave out"),
        (Answer({"Message": "no invoke"}, 403, "AccessDeniedException"), UserError, "AWS does not allow it: no invoke"),
        (Answer({"Message": "Endpoint ep of account 1 not found."}, 400, "ValidationError"), EndpointError, "no endpoint"),
        (
            Answer({"Message": "m", "OriginalMessage": "unknown field 'stream'", "OriginalStatusCode": 400}, 424, "ModelError"),
            RequestError,
            "answered ModelError 400: unknown field 'stream'",
        ),
    ],
)  # fmt: skip
def test_what_refuses_to_stream(
    answer: Answer, kind: type[Exception], said: str, transport: RuntimeTransport, runtime: RuntimeServer
) -> None:
    """One line, as without streaming; what holds for every request ends the asking, whatever else is asked."""
    runtime.answer = lambda _: answer

    with pytest.raises(kind, match=said) as found:
        transport.send(PROMPT, OPTIONS)

    assert (kind is RequestError) == isinstance(found.value, RequestError)


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        ([{"generated_text": f"{TEXT}\n", "details": DETAILS}], Reply(f"{TEXT}\n", None, 3, "stop")),
        ([{"generated_text": ""}], Reply("")),
        (
            {"model": "m", "choices": [{"message": {"content": TEXT}, "finish_reason": "stop"}], "usage": USAGE},
            Reply(TEXT, 2, 3, "stop", "m"),
        ),
    ],
)
def test_what_a_rehearsal_plays(answer: Any, reply: Reply, transport: RuntimeTransport, runtime: RuntimeServer) -> None:
    """A whole answer of the stand-in, as a stream of the same."""
    runtime.answer = lambda _: Answer(iter([streamed(json.dumps(answer).encode())]))

    found = transport.send(PROMPT, OPTIONS)

    assert found.time_to_first_token is not None
    assert reply == attrs.evolve(found, time_to_first_token=None)


@pytest.mark.usefixtures("home")
def test_the_time_to_the_first_token_is_recorded(
    account: Account, runtime: RuntimeServer, registry: Registry, tmp_path: Path
) -> None:
    """Beside the latency, in samples, results and report, where an endpoint is asked for streams."""
    account.endpoint("ep")
    runtime.answer = lambda _: Answer(parts(TGI))
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
    assert [TEXT] * 3 == [sample["output"] for sample in samples]
    assert all(0 < sample["time_to_first_token"] <= sample["latency"] for sample in samples)
    assert cell.speed is not None
    assert sorted(sample["time_to_first_token"] for sample in samples)[1] == cell.speed.time_to_first_token_p50
    assert b"first token" in (result.run.store.get(f"runs/{result.run.id}/report.html") or b"")
    assert {"/endpoints/ep/invocations-response-stream"} == {path for path, _, _ in runtime.asked}
