"""`HttpTransport` against a real server on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs
import pytest

from llmops_sdk.errors import EndpointError, RequestError
from llmops_sdk.steps.client.http.transport import HttpTransport
from llmops_sdk.steps.client.payloads import make_payload, make_scoring_payload
from llmops_sdk.testing import InstantEndpoint
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import TextPrompt
from llmops_sdk.values.resources import Endpoint

TEXT = TextPrompt("Say hi", "never sent")
GREEDY = GenerationOptions(max_new_tokens=5)


@attrs.define
class Scripted:
    """A server on loopback that answers as the test sets it, and keeps the requests."""

    url: str
    status: int = 200
    body: bytes = b'[{"generated_text": "hi"}]'
    headers: dict[str, str] = attrs.field(factory=dict)
    asked: list[tuple[dict[str, str], bytes]] = attrs.field(factory=list)
    silent: threading.Event = attrs.field(factory=threading.Event)
    connections: set[Any] = attrs.field(factory=set)

    def endpoint(self, **fields: Any) -> Endpoint:
        return Endpoint("tiny", url=self.url, **fields)


@pytest.fixture
def server() -> Iterator[Scripted]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            script.asked.append((dict(self.headers), body))
            script.connections.add(self.client_address)
            if script.silent.is_set():
                self.close_connection = True
                released.wait(20)
                return
            self.send_response(script.status)
            for name, value in {"Content-Type": "application/json", **script.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(script.body)))
            self.end_headers()
            self.wfile.write(script.body)

        def log_message(self, *_arguments: object) -> None:
            pass

    released = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        script = Scripted(f"http://127.0.0.1:{http.server_port}/endpoints/tiny/invocations")
        thread = threading.Thread(target=http.serve_forever, args=(0.05,))
        thread.start()
        yield script
        released.set()
        http.shutdown()
        thread.join()


def send(endpoint: Endpoint, **options: Any) -> Answer:
    transport = HttpTransport(endpoint, **options)
    try:
        return transport.send(TEXT, GREEDY)
    finally:
        transport.close()


def refused(endpoint: Endpoint, **options: Any) -> RequestError:
    with pytest.raises(RequestError) as failure:
        send(endpoint, **options)
    assert "\n" not in str(failure.value)
    return failure.value


def test_a_prompt_is_posted_and_its_answer_read(server: Scripted) -> None:
    """As JSON, with the endpoint's headers."""
    assert Answer("hi") == send(server.endpoint(headers={"X-Amzn-SageMaker-Custom-Attributes": "accept_eula=true"}))
    ((headers, body),) = server.asked
    assert make_payload(TEXT, GREEDY) == json.loads(body)
    assert ("application/json", "accept_eula=true") == (
        headers["Content-Type"], headers["X-Amzn-SageMaker-Custom-Attributes"]
    )  # fmt: skip


def test_a_text_is_posted_and_its_probability_read(server: Scripted) -> None:
    """Over the same connections; a refusal is an error like that of any request."""
    server.body = json.dumps(
        [{"generated_text": "a", "details": {"prefill": [{}, {"logprob": -1.5}, {"logprob": -0.25}]}}]
    ).encode()
    transport = HttpTransport(server.endpoint())
    try:
        assert -1.75 == transport.log_probability(TEXT)
        server.status, server.body = 503, b'{"message": "busy"}'
        with pytest.raises(RequestError, match="the endpoint answered 503: busy") as failure:
            transport.log_probability(TEXT)
    finally:
        transport.close()
    assert failure.value.retryable
    assert make_scoring_payload(TEXT) == json.loads(server.asked[0][1])


def test_the_instant_endpoint_invents_probabilities() -> None:
    """Always the same ones, so that tests need no model: the length of each word after the first, by -10."""
    endpoint = InstantEndpoint()
    transport = HttpTransport(Endpoint("instant", url=endpoint.url))
    try:
        assert pytest.approx(-0.7) == transport.log_probability(TextPrompt("Say it again", ""))
        assert Answer("SAY HI", 2, 2, "stop") == transport.send(TEXT, GREEDY)
    finally:
        transport.close()
        endpoint.close()
    assert ["Say it again", "Say hi"] == endpoint.prompts


def test_half_a_surrogate_pair_reaches_the_server(server: Scripted) -> None:
    """It is sent as JSON's escape, for the server to refuse."""
    transport = HttpTransport(server.endpoint())
    try:
        assert Answer("hi") == transport.send(TextPrompt("\ud800é", ""), GREEDY)
    finally:
        transport.close()
    assert b"\\ud800\\u00e9" in server.asked[0][1]


def test_threads_share_a_few_connections(server: Scripted) -> None:
    """Many requests from several threads go over no more connections than were allowed."""
    transport = HttpTransport(server.endpoint(), connections=3)
    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: transport.send(TEXT, GREEDY), range(40)))
    finally:
        transport.close()
    assert [Answer("hi")] * 40 == answers
    assert len(server.connections) <= 3


def test_closing_does_not_break_requests_in_flight(server: Scripted) -> None:
    """A closed client can still ask."""
    transport = HttpTransport(server.endpoint(), connections=1)
    transport.close()
    assert [Answer("hi")] * 2 == [transport.send(TEXT, GREEDY) for _ in range(2)]


def test_loopback_bypasses_the_proxy_of_the_environment(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy cannot reach this machine's own servers."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert Answer("hi") == send(server.endpoint())


def test_other_hosts_are_asked_through_the_proxy(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted server is the proxy: it gets the request for a host that does not exist."""
    monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/endpoints/tiny/invocations"))
    assert Answer("hi") == send(Endpoint("far", url="http://models.invalid/invocations"))
    assert "models.invalid" == server.asked[0][0]["Host"]


@pytest.mark.parametrize(
    ("status", "body", "retryable", "reason"),
    [
        (400, {"error": {"message": "unknown parameter 'x'", "type": "invalid_request_error"}}, False, "unknown parameter 'x'"),
        (400, {"error": "bad inputs", "error_type": "validation"}, False, "bad inputs"),
        (404, {"detail": "Not Found"}, False, "Not Found"),
        (413, "too\nlarge", False, "too large"),
        (422, {"errors": [1]}, False, '{"errors": [1]}'),
        (424, {"Message": "outer", "OriginalStatusCode": 400, "OriginalMessage": "inner"}, False, "inner"),
        (424, {"Message": "outer", "OriginalStatusCode": 500, "OriginalMessage": "inner"}, True, "inner"),
        (408, "", True, "HTTP status 408 without a reason"),
        (429, {"message": "slow down"}, True, "slow down"),
        (500, "<html>broken</html>", True, "<html>broken</html>"),
        (503, {"Message": "full"}, True, "full"),
    ],
)  # fmt: skip
def test_errors_have_the_reason_and_whether_to_retry(
    server: Scripted,
    status: int,
    body: Any,
    retryable: bool,  # noqa: FBT001 - a table
    reason: str,
) -> None:
    """The server's own message in one line, from each form that servers use."""
    server.status = status
    server.body = (body if isinstance(body, str) else json.dumps(body)).encode()
    error = refused(server.endpoint())
    assert (f"the endpoint answered {status}: {reason}", retryable) == (str(error), error.retryable)


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("7", 7, 7), ("Mon, 06 Jul 2015 10:00:00 GMT", 0, 0), ("soon", None, None), ("-3", None, None), ("", None, None)],
)
def test_the_time_to_wait_is_read(server: Scripted, header: str, low: float | None, high: float | None) -> None:
    """Seconds or a date; anything else is ignored."""
    server.status, server.headers = 503, {"Retry-After": header}
    wait = refused(server.endpoint()).retry_after
    assert (wait is None) == (low is None)
    if wait is not None and low is not None and high is not None:
        assert low <= wait <= high


def test_a_date_is_a_number_of_seconds(server: Scripted) -> None:
    """It becomes the seconds until then."""
    import time

    server.status, server.headers = 429, {"Retry-After": formatdate(time.time() + 60, usegmt=True)}
    assert 50 < (refused(server.endpoint()).retry_after or 0) <= 60


def test_an_answer_that_is_not_json_is_quoted(server: Scripted) -> None:
    """With its content type. A gateway sent it, not the model: a later attempt may get an answer."""
    server.body, server.headers = b"<html>login</html>", {"Content-Type": "text/html"}
    error = refused(server.endpoint())
    assert error.retryable
    assert "(text/html) is not JSON: <html>login</html>" in str(error)


def test_a_redirect_is_not_followed(server: Scripted) -> None:
    """The prompt is sent only to the endpoint's URL; the error has the other URL."""
    server.status, server.headers = 307, {"Location": "http://other.invalid/"}
    error = refused(server.endpoint())
    assert (False, True) == (error.retryable, "'http://other.invalid/'" in str(error))


def test_a_timeout_may_be_retried(server: Scripted) -> None:
    """A server that is silent for longer than allowed."""
    server.silent.set()
    error = refused(server.endpoint(), timeout=0.2)
    assert (True, True) == (error.retryable, "did not answer in time (0.2 s for one answer)" in str(error))


def test_an_unreachable_server_may_come_back() -> None:
    """A refused connection is retryable and names the URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = refused(Endpoint("gone", url=f"http://127.0.0.1:{port}/x"))
    assert error.retryable
    assert f"http://127.0.0.1:{port}/x cannot be reached" in str(error)


def test_invalid_headers_are_not_retried(server: Scripted) -> None:
    """A line break in a header is an error of the endpoint's description, not of the connection."""
    assert not refused(server.endpoint(headers={"X-Note": "a\nb"})).retryable


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/x", "127.0.0.1:80", "http://"])
def test_an_endpoint_needs_a_url(url: str) -> None:
    """Checked when the client is made, before any request."""
    with pytest.raises(EndpointError, match="the endpoint 'tiny' has no HTTP URL"):
        HttpTransport(Endpoint("tiny", url=url))


def test_an_echoed_key_is_masked(server: Scripted) -> None:
    """In an answer, in an error and in what is not JSON."""
    endpoint = server.endpoint(headers={"Authorization": "Bearer sk-very-secret"})
    server.body = b'{"generated_text": "your key is sk-very-\\u0073ecret"}'
    assert Answer("your key is ***") == send(endpoint)
    for status, body in ((200, b"sk-very-secret is no key"), (400, b'{"error": "sk-very-secret"}')):
        server.status, server.body = status, body
        assert "***" in str(refused(endpoint))
        assert "sk-very" not in str(refused(endpoint))


def test_an_answer_is_read_up_to_what_was_asked_for(server: Scripted) -> None:
    """Five tokens are not megabytes."""
    server.body = json.dumps({"generated_text": "a" * 2_000_000}).encode()
    error = refused(server.endpoint())
    assert (False, True) == (error.retryable, "though max_new_tokens=5 was asked for" in str(error))
