"""A run whose endpoint answers every second record in a hostile way: only those records are affected, and it ends."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, resume
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.answers import Answered, Outcome, Pending, Unanswered

ANSWERED, NOW, GOOD = Answered, Pending, Unanswered
"""What a reply is: an answer, a failure for now, a failure for good."""

SECONDS = 1.5
DEEP = b"[" * 100_000 + b"]" * 100_000
Send = Callable[[socket.socket], None]


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


def as_json(body: Any, status: str = "200 OK", *headers: str) -> bytes:
    return http(json.dumps(body).encode(), status, *headers)


def chat(content: Any, reason: Any = "stop", **message: Any) -> bytes:
    return as_json(
        {"choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": reason}]}
    )


def generated(text: Any, **details: Any) -> bytes:
    return as_json({"generated_text": text, "details": details})


def dripping(first: bytes, part: bytes, pause: float = 0.2) -> Send:
    def send(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(100):
            connection.sendall(part)
            time.sleep(pause)

    return send


def endless(first: bytes, part: bytes) -> Send:
    def send(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(part)

    return send


@cache
def gzip_bomb() -> bytes:
    body = b'{"generated_text": "' + b"a" * 200_000_000 + b'"}'
    return http(gzip.compress(body), "200 OK", "Content-Encoding: gzip")


OK = "HTTP/1.1 200 OK\r\n"
CHUNKED = (OK + "Transfer-Encoding: chunked\r\n\r\n").encode()

REPLIES: dict[str, tuple[bytes | Send, type[Outcome]]] = {
    "half a surrogate pair": (http(b'{"generated_text": "hi \\ud83d"}'), ANSWERED),
    "half a surrogate pair in an error": (http(b'{"error": "\\ud83d"}', "400 Bad Request"), GOOD),
    "half a surrogate pair as a reason": (generated("hi", finish_reason="\ud83d"), ANSWERED),
    "tokens of 400 digits": (generated("hi", generated_tokens=int("9" * 400)), ANSWERED),
    "tokens of 5,000 digits": (http(b'{"generated_text": "hi", "details": {"generated_tokens": ' + b"9" * 5000 + b"}}"), ANSWERED),
    "negative tokens": (generated("hi", generated_tokens=-5), ANSWERED),
    "tokens that are NaN": (generated("hi", generated_tokens=float("nan")), ANSWERED),
    "tokens as text": (generated("hi", generated_tokens="five"), ANSWERED),
    "details as text": (as_json({"generated_text": "hi", "details": "none"}), ANSWERED),
    "deep JSON": (http(DEEP), NOW),
    "deep JSON, 400": (http(DEEP, "400 Bad Request"), GOOD),
    "deep JSON, 500": (http(DEEP, "500 Oops"), NOW),
    "engine error": (generated("", finish_reason="error"), NOW),
    "engine abort": (chat("half", "abort"), NOW),
    "model loading": (as_json({"response": "", "done": True, "done_reason": "load"}), NOW),
    "out of resources": (chat("half", "insufficient_system_resource"), NOW),
    "content filter": (chat("", "content_filter"), GOOD),
    "refusal": (chat(None, "stop", refusal="I cannot"), GOOD),
    "a tool call": (chat(None, "tool_calls", tool_calls=[{}]), GOOD),
    "cut while reasoning": (chat(None, "length", reasoning_content="hm"), GOOD),
    "content as parts": (chat([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "hi"}]), ANSWERED),
    "content as strange parts": (chat([1, None, {"type": 5}, {"text": {}}]), ANSWERED),
    "content as a number": (chat(5), GOOD),
    "reason as a number": (chat("hi", 5), ANSWERED),
    "error in a 200": (as_json({"error": {"message": "overloaded", "code": 529}}), NOW),
    "error as text in a 200": (as_json({"error": "model is still loading"}), NOW),
    "invalid request in a 200": (as_json({"error": {"message": "context too long", "type": "invalid_request_error"}}), GOOD),
    "error in a choice": (as_json({"choices": [{"message": {"content": ""}, "error": {"code": 502}}]}), NOW),
    "a detail in a 200": (as_json({"detail": "Internal problem"}), NOW),
    "a 429 in a 200": (as_json({"code": 429, "message": "slow"}), NOW),
    "a 429 in a 400": (as_json({"error": {"message": "Rate limit reached"}}, "400 Bad Request"), NOW),
    "a 429 in a 403": (as_json({"error": {"message": "Quota exceeded"}}, "403 Forbidden"), NOW),
    "429 that asks for years": (as_json({}, "429 Slow", "Retry-After: 999999999999999999999"), NOW),
    "429 that asks for nonsense": (as_json({}, "429 Slow", "Retry-After: Mon, 99 Foo 99999999 99:99:99 XXX"), NOW),
    "HTML in a 200": (http(b"<html>Sign in</html>"), NOW),
    "a notice in a 200": (http(b"You have used up your quota."), NOW),
    "empty body": (http(b""), NOW),
    "no content": (b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", NOW),
    "truncated JSON": (http(b'{"generated_text": "hi'), NOW),
    "invalid UTF-8": (http(b'{"generated_text": "hi \xff\xfe"}'), ANSWERED),
    "byte order mark": (http(b'\xef\xbb\xbf{"generated_text": "hi"}'), ANSWERED),
    "UTF-16": (http('{"generated_text": "hi"}'.encode("utf-16")), ANSWERED),
    "null": (as_json(None), GOOD),
    "a number": (as_json(5), GOOD),
    "an empty list": (as_json([]), GOOD),
    "an empty object": (as_json({}), GOOD),
    "text as a list": (as_json({"generated_text": ["hi"]}), GOOD),
    "no choices": (as_json({"choices": []}), GOOD),
    "choices of a wrong type": (as_json({"choices": {"0": "hi"}}), GOOD),
    "terminal escapes": (generated("\x1b[31m\x00\x07 [/red] </script>"), ANSWERED),
    "redirect": (b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", GOOD),
    "switching protocols": (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", NOW),
    "status 999": (b"HTTP/1.1 999 What\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", NOW),
    "status 099": (b"HTTP/1.1 099 What\r\n\r\n", NOW),
    "no HTTP": (b"\x00\x01\x02\x03" * 100, NOW),
    "closed at once": (b"", NOW),
    "closed early": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", NOW),
    "bad chunks": (CHUNKED + b"zz\r\n{}\r\n", NOW),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", NOW),
    "headers of 1 MB": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n", NOW),
    "gzip that is none": (http(b"hi", "200 OK", "Content-Encoding: gzip"), NOW),
    "gzip bomb": (lambda connection: connection.sendall(gzip_bomb()), GOOD),
    "deflate": (http(zlib.compress(b'{"generated_text": "hi"}'), "200 OK", "Content-Encoding: deflate"), ANSWERED),
    "an unknown encoding": (http(b"hi", "200 OK", "Content-Encoding: br"), GOOD),
    "endless body": (endless(CHUNKED, b"10000\r\n" + b"a" * 65536 + b"\r\n"), GOOD),
    "endless error": (endless(b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"a" * 65536 + b"\r\n"), NOW),
    "headers that drip": (dripping(OK.encode(), b"X-More: 1\r\n"), NOW),
    "a body that drips": (dripping(CHUNKED, b"1\r\n \r\n"), NOW),
    "continue for ever": (dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), NOW),
    "silence": (dripping(b"", b"", 0.3), NOW),
}  # fmt: skip


@attrs.define
class Hostile:
    """A server on loopback that answers every second record with one of the replies, and the others with `fine`."""

    url: str = ""
    given: dict[str, str] = attrs.field(factory=dict)
    asked: list[str] = attrs.field(factory=list)
    _left: Iterator[str] = attrs.field(factory=lambda: iter(REPLIES))
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def reply(self, prompt: str) -> bytes | Send:
        with self._lock:
            self.asked.append(prompt)
            if prompt not in self.given:
                is_hostile = len(self.given) % 2 == 1
                self.given[prompt] = next(self._left, "") if is_hostile else ""
        name = self.given[prompt]
        return REPLIES[name][0] if name else generated("fine")


@pytest.fixture(name="hostile")
def _hostile() -> Iterator[Hostile]:
    gzip_bomb()  # takes a second, before anybody waits for it
    server = Hostile()

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            request = connection.makefile("rb")
            headers = list(iter(request.readline, b"\r\n"))
            length = next(int(line.split(b":")[1]) for line in headers if line.lower().startswith(b"content-length:"))
            body = json.loads(request.read(length))
            reply = server.reply(body["inputs"])
            if isinstance(reply, bytes):
                connection.sendall(reply)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)
            else:
                reply(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}/invocations"
        threading.Thread(target=accept, daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.usefixtures("home")
def test_hostile_answers_affect_their_own_records_only(
    hostile: Hostile, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is what it should be: an answer, a failure for now, or one for good; and the run has its results."""
    monkeypatch.setattr("llmops_sdk.steps.client.client.ATTEMPTS", 1)
    monkeypatch.setattr("llmops_sdk.steps.client.http.transport.TIMEOUT", SECONDS)
    pipeline = Pipeline.builder("hostile").with_dataset("lines", records=300).with_prompt("bare")
    pipeline = pipeline.with_model("echo", fine_tune=False).with_deployer(url=hostile.url, concurrency=4)
    pipeline = pipeline.with_evaluator("echo-score").with_generation(max_new_tokens=8)

    started = time.monotonic()
    store = LocalStore(tmp_path / "runs")
    result = pipeline.run(store=store, registry=registry, progress=Progress())
    seconds = time.monotonic() - started

    (board,) = result.leaderboards
    (cell,) = board.cells
    samples = list(result.run.samples(cell.cell))
    outcomes = {hostile.given[sample.record["context"]]: sample.outcome for sample in samples}
    fine = [sample.outcome for sample in samples if not hostile.given[sample.record["context"]]]
    assert len(REPLIES) == len(outcomes) - 1
    assert {("fine",)} == {(outcome.answer.output,) if isinstance(outcome, Answered) else () for outcome in fine}
    wrong = {
        name: outcomes[name] for name, (_, expected) in REPLIES.items() if not isinstance(outcomes[name], expected)
    }
    assert {} == wrong
    assert seconds < 40
    pending = {sample.record["context"] for sample in samples if isinstance(sample.outcome, Pending)}
    hostile.given = dict.fromkeys(hostile.given, "")
    hostile.asked.clear()
    resumed = resume(result.run.id, store=store, registry=registry, progress=Progress())
    assert pending == set(hostile.asked)
    assert len(pending) == len(hostile.asked)
    assert 0 == resumed.leaderboards[0].cells[0].pending
