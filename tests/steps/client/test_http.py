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
from llmops_sdk.steps.client.http import HttpTransport, is_loopback
from llmops_sdk.steps.client.payloads import (
    is_transient,
    make_payload,
    make_scoring_payload,
    parse_answer,
    parse_log_probability,
)
from llmops_sdk.testing import InstantEndpoint
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import ChatPrompt, TextPrompt
from llmops_sdk.values.resources import Endpoint

TEXT = TextPrompt("Say hi", "never sent")
CHAT = ChatPrompt(({"role": "user", "content": "Say hi"},), "never sent")
GREEDY = GenerationOptions(max_new_tokens=5)
SAMPLED = GenerationOptions(max_new_tokens=5, temperature=0.7, top_p=0.9, stop=("\n", "END"), seed=3)


# -- payloads -----------------------------------------------------------------------------------


def test_a_greedy_text_asks_with_what_every_server_takes() -> None:
    """No temperature and no top_p: text generation servers refuse 0 and 1."""
    assert {
        "inputs": "Say hi",
        "parameters": {"max_new_tokens": 5, "do_sample": False, "return_full_text": False, "details": True},
    } == make_payload(TEXT, GREEDY)


def test_a_sampled_text_sends_all_that_decides_the_sample() -> None:
    """Temperature, nucleus, seed and stop strings."""
    assert {
        "inputs": "Say hi",
        "parameters": {
            "max_new_tokens": 5, "do_sample": True, "return_full_text": False, "details": True,
            "temperature": 0.7, "top_p": 0.9, "seed": 3, "stop": ["\n", "END"],
        },
    } == make_payload(TEXT, SAMPLED)  # fmt: skip


def test_a_chat_sends_its_messages() -> None:
    """In OpenAI's form, with the temperature always: chat servers sample without it."""
    assert {
        "messages": [{"role": "user", "content": "Say hi"}], "max_tokens": 5, "temperature": 0.0
    } == make_payload(CHAT, GREEDY)  # fmt: skip
    assert {
        "messages": [{"role": "user", "content": "Say hi"}], "max_tokens": 5, "temperature": 0.7, "top_p": 0.9,
        "seed": 3, "stop": ["\n", "END"],
    } == make_payload(CHAT, SAMPLED)  # fmt: skip


# -- replies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reply"),
    [
        ([{"generated_text": " hi"}], Answer(" hi")),
        ({"generated_text": ""}, Answer("")),
        ([{"generation": "hi"}], Answer("hi")),
        ([{"generation": {"role": "assistant", "content": "hi"}}], Answer("hi")),
        (
            [{"generated_text": "hi", "details": {"finish_reason": "length", "generated_tokens": 2, "prompt_tokens": 9}}],
            Answer("hi", 9, 2, "length"),
        ),
        (
            {"generated_text": "hi", "details": {"finish_reason": "eos_token", "generated_tokens": 2, "prefill": [{}] * 3}},
            Answer("hi", 3, 2, "stop"),
        ),
        ({"generated_text": "hi", "details": {"finish_reason": "stop_sequence", "prefill": []}}, Answer("hi", finish_reason="stop")),
        ({"generated_text": "hi", "details": None}, Answer("hi")),
        (
            {
                "choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 4, "completion_tokens": 1},
            },
            Answer("hi", 4, 1, "stop"),
        ),
        ({"choices": [{"text": "hi", "finish_reason": None}]}, Answer("hi")),
    ],
)  # fmt: skip
def test_every_shape_of_reply_is_read(body: Any, reply: Answer) -> None:
    """Lists of one and objects; TGI, LMI, JumpStart's older containers, and OpenAI, with counts where they are."""
    assert reply == parse_answer(body)


@pytest.mark.parametrize(
    "body",
    [
        None, [], "hi", 3, {}, [{"text": "hi"}], [{"generated_text": "a"}, {"generated_text": "b"}],
        {"generated_text": None}, {"generation": {"role": "assistant"}}, {"choices": []}, {"choices": None},
        {"choices": [{"message": {"content": None}}]}, {"choices": ["hi"]},
    ],
)  # fmt: skip
def test_a_reply_without_a_text_is_not_asked_for_again(body: Any) -> None:
    """The message shows what came, cut to a line."""
    with pytest.raises(RequestError) as found:
        parse_answer(body)
    assert not found.value.retryable
    assert json.dumps(body) in str(found.value)


def test_what_came_is_cut() -> None:
    """A page of HTML or a long list does not flood the log."""
    with pytest.raises(RequestError) as found:
        parse_answer({"outputs": "a" * 5000})
    assert len(str(found.value)) < 500


# -- probabilities of a text --------------------------------------------------------------------

PREFILL = [{"id": 1, "text": "<s>", "logprob": None}, {"id": 2, "text": "Say", "logprob": -1.5},
           {"id": 3, "text": " hi", "logprob": -0.25}]  # fmt: skip


def prefilled(prefill: Any) -> Any:
    return [{"generated_text": "a", "details": {"finish_reason": "length", "generated_tokens": 1, "prefill": prefill}}]


def test_the_probability_of_a_text_is_asked_in_tgis_form() -> None:
    """Details of the prompt's tokens are told only with details of the answer."""
    assert {
        "inputs": "Say hi",
        "parameters": {
            "max_new_tokens": 1, "do_sample": False, "details": True, "decoder_input_details": True,
            "return_full_text": False,
        },
    } == make_scoring_payload(TEXT)  # fmt: skip


def test_a_chat_has_no_probability() -> None:
    """It is refused before anything is asked."""
    with pytest.raises(RequestError, match="probability of a chat") as found:
        make_scoring_payload(CHAT)
    assert not found.value.retryable


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (prefilled(PREFILL), -1.75),
        (prefilled(PREFILL)[0], -1.75),
        (prefilled([{"id": 1, "text": "a"}, {"id": 2, "text": "b", "log_prob": -2}]), -2.0),
        (prefilled([{"logprob": -9.0}, {"logprob": -1.0}]), -1.0),
        (prefilled(PREFILL[:1]), 0.0),
    ],
)
def test_the_probability_is_the_sum_over_the_tokens_after_the_first(body: Any, expected: float) -> None:
    """From TGI's list and from LMI's object; whatever a server says about the first token, nothing is before it."""
    assert expected == parse_log_probability(body)


def test_the_probability_is_what_fmeval_takes_it_to_be() -> None:
    """JumpStart's metadata name this path, whose values FMEval sums; a null is none of them."""
    jmespath = pytest.importorskip("jmespath")
    body = prefilled(PREFILL)
    assert sum(jmespath.search("[0].details.prefill[*].logprob", body)) == parse_log_probability(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        *((body, "ENABLE_PREFILL_LOGPROBS") for body in (
            None, [], "a", {}, [{"generated_text": "a"}], {"generated_text": "a", "details": None}, prefilled([]),
            prefilled(None), prefilled({}), prefilled(PREFILL) * 2, {"choices": [{"text": "a"}]},
        )),
        *((prefilled([PREFILL[0], token]), "'details.prefill[1]'") for token in (
            None, "a", {}, {"logprob": None}, {"logprob": "-1"}, {"logprob": float("nan")}, {"logprob": float("-inf")},
            {"logprob": True},
        )),
    ],
)  # fmt: skip
def test_an_answer_without_the_probabilities_is_refused(body: Any, reason: str) -> None:
    """In one line, which says what to do or shows the token; asking again would not help."""
    with pytest.raises(RequestError) as found:
        parse_log_probability(body)
    assert (False, True) == (found.value.retryable, reason in str(found.value))
    assert "\n" not in str(found.value)


# -- over the wire ------------------------------------------------------------------------------


@attrs.define
class Scripted:
    """A server on loopback that answers with what the test says, and remembers what it was asked."""

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
    with pytest.raises(RequestError) as found:
        send(endpoint, **options)
    assert "\n" not in str(found.value)
    return found.value


def test_a_prompt_is_posted_and_its_reply_read(server: Scripted) -> None:
    """As JSON, with the endpoint's headers."""
    assert Answer("hi") == send(server.endpoint(headers={"X-Amzn-SageMaker-Custom-Attributes": "accept_eula=true"}))
    ((headers, body),) = server.asked
    assert make_payload(TEXT, GREEDY) == json.loads(body)
    assert ("application/json", "accept_eula=true") == (
        headers["Content-Type"], headers["X-Amzn-SageMaker-Custom-Attributes"]
    )  # fmt: skip


def test_a_text_is_posted_and_its_probability_read(server: Scripted) -> None:
    """Over the same connections; a refusal of the server is told like that of any request."""
    server.body = json.dumps(prefilled(PREFILL)).encode()
    transport = HttpTransport(server.endpoint())
    try:
        assert -1.75 == transport.log_probability(TEXT)
        server.status, server.body = 503, b'{"message": "busy"}'
        with pytest.raises(RequestError, match="the endpoint answered 503: busy") as found:
            transport.log_probability(TEXT)
    finally:
        transport.close()
    assert found.value.retryable
    assert make_scoring_payload(TEXT) == json.loads(server.asked[0][1])


def test_the_instant_endpoint_makes_probabilities_up() -> None:
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


def test_text_that_is_no_text_reaches_the_server(server: Scripted) -> None:
    """Half a surrogate pair is sent as JSON's escape, for the server to refuse; it breaks nothing here."""
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
            replies = list(pool.map(lambda _: transport.send(TEXT, GREEDY), range(40)))
    finally:
        transport.close()
    assert [Answer("hi")] * 40 == replies
    assert len(server.connections) <= 3


def test_closing_does_not_break_what_is_under_way(server: Scripted) -> None:
    """A request in flight gets its reply, and a client that was closed can still ask."""
    transport = HttpTransport(server.endpoint(), connections=1)
    transport.close()
    assert [Answer("hi")] * 2 == [transport.send(TEXT, GREEDY) for _ in range(2)]


def test_loopback_bypasses_the_proxy_of_the_environment(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy cannot reach this machine's own servers."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert Answer("hi") == send(server.endpoint())


def test_other_hosts_are_asked_through_the_proxy(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted server stands in for the proxy: it gets the request for a host that does not exist."""
    monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/endpoints/tiny/invocations"))
    assert Answer("hi") == send(Endpoint("far", url="http://models.invalid/invocations"))
    assert "models.invalid" == server.asked[0][0]["Host"]


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:80/x", True), ("http://127.1.2.3", True), ("http://[::1]:8/", True),
        ("http://localhost:8080", True), ("https://example.org", False), ("http://10.0.0.1", False),
        ("http://localhost.example.org", False),
    ],
)  # fmt: skip
def test_loopback_is_known_by_name_and_number(url: str, local: bool) -> None:  # noqa: FBT001
    """Nothing is resolved."""
    assert local == is_loopback(url)


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
        (408, "", True, "HTTP status 408, without a reason"),
        (429, {"message": "slow down"}, True, "slow down"),
        (500, "<html>broken</html>", True, "<html>broken</html>"),
        (503, {"Message": "full"}, True, "full"),
    ],
)  # fmt: skip
def test_errors_say_why_and_whether_to_ask_again(
    server: Scripted,
    status: int,
    body: Any,
    retryable: bool,  # noqa: FBT001 - a table
    reason: str,
) -> None:
    """The server's own message in one line, from every shape it comes in."""
    server.status = status
    server.body = (body if isinstance(body, str) else json.dumps(body)).encode()
    error = refused(server.endpoint())
    assert (f"the endpoint answered {status}: {reason}", retryable) == (str(error), error.retryable)


def test_sagemakers_wrapped_throttling_may_be_asked_again() -> None:
    """The container's own status decides what a ModelError means; without one it is final."""
    assert (True, False) == (is_transient(424, {"OriginalStatusCode": 429}), is_transient(424, {"Message": "x"}))


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("7", 7, 7), ("Mon, 06 Jul 2015 10:00:00 GMT", 0, 0), ("soon", None, None), ("-3", None, None), ("", None, None)],
)
def test_how_long_to_wait_is_read(server: Scripted, header: str, low: float | None, high: float | None) -> None:
    """Seconds or a date; anything else is no advice."""
    server.status, server.headers = 503, {"Retry-After": header}
    wait = refused(server.endpoint()).retry_after
    assert (wait is None) == (low is None)
    if wait is not None and low is not None and high is not None:
        assert low <= wait <= high


def test_a_date_to_wait_for_lies_ahead(server: Scripted) -> None:
    """It becomes the seconds until then."""
    import time

    server.status, server.headers = 429, {"Retry-After": formatdate(time.time() + 60, usegmt=True)}
    assert 50 < (refused(server.endpoint()).retry_after or 0) <= 60


def test_an_answer_that_is_no_json_is_shown(server: Scripted) -> None:
    """With its content type; asking again would not help."""
    server.body, server.headers = b"<html>login</html>", {"Content-Type": "text/html"}
    error = refused(server.endpoint())
    assert not error.retryable
    assert "(text/html) is no JSON: <html>login</html>" in str(error)


def test_a_redirect_is_not_followed(server: Scripted) -> None:
    """The prompt goes only where the user said; the message has the place it would have gone."""
    server.status, server.headers = 307, {"Location": "http://elsewhere.invalid/"}
    error = refused(server.endpoint())
    assert (False, True) == (error.retryable, "'http://elsewhere.invalid/'" in str(error))


def test_a_timeout_may_be_asked_again(server: Scripted) -> None:
    """A server that is silent for longer than allowed."""
    server.silent.set()
    error = refused(server.endpoint(), timeout=0.2)
    assert (True, True) == (error.retryable, "did not answer in time (ReadTimeout)" in str(error))


def test_a_server_that_is_not_there_may_come_back() -> None:
    """A refused connection is retryable and names the URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = refused(Endpoint("gone", url=f"http://127.0.0.1:{port}/x"))
    assert error.retryable
    assert f"http://127.0.0.1:{port}/x cannot be reached" in str(error)


def test_headers_that_cannot_be_sent_are_final(server: Scripted) -> None:
    """A line break in a header is an error of the endpoint's description, not of the way to it."""
    assert not refused(server.endpoint(headers={"X-Note": "a\nb"})).retryable


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/x", "127.0.0.1:80", "http://"])
def test_an_endpoint_needs_a_url(url: str) -> None:
    """Found out when the client is made, before anything is asked."""
    with pytest.raises(EndpointError, match="the endpoint 'tiny' has no HTTP URL"):
        HttpTransport(Endpoint("tiny", url=url))
