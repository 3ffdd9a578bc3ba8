from __future__ import annotations

import json
import socket

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

from llmops_plugins.local.server.access import is_loopback

from .running import NAME, RunningServer

BODY = json.dumps({"inputs": "a", "parameters": {"max_new_tokens": 1}}).encode()
JSON = "Content-Type: application/json"
PATHS = ("/invocations", f"/endpoints/{NAME}/invocations")


def send(server: RunningServer, method: str, path: str, *headers: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send a request as its text, with these headers and no others but the length; return the status and the rest."""
    lines = [f"{method} {path} HTTP/1.1", *headers, f"Content-Length: {len(body)}", "Connection: close", "", ""]
    with socket.create_connection(("127.0.0.1", server.ready["port"]), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode() + body)
        response = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(response.split()[1]), response


@pytest.mark.parametrize("path", ["/ping", "/stats", "/v1/models"])
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:{port}", 200),
        ("LOCALHOST", 200),
        ("[::1]:8080", 200),
        ("127.0.0.2", 200),
        ("evil.example", 421),
        ("evil.example:{port}", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("localhost@evil.example", 421),
        ("evil.example@localhost", 421),
        ("localhost/evil.example", 421),
        ("0.0.0.0", 421),
        ("192.168.1.7", 421),
        ("localhost:port", 421),
        ("[::1", 421),
        ("", 421),
    ],
)
def test_only_loopback_names_are_answered(server: RunningServer, path: str, host: str, status: int) -> None:
    """A name that a web page's owner points to 127.0.0.1 reads nothing, not even the counts."""
    got, response = send(server, "GET", path, f"Host: {host.format(port=server.ready['port'])}")
    assert status == got
    if status == 421:
        assert b"this server answers only to localhost and loopback addresses" in response


def test_a_request_without_a_host_or_with_two_is_refused(server: RunningServer) -> None:
    """No browser sends one."""
    assert 400 == send(server, "GET", "/stats")[0]
    assert 400 == send(server, "GET", "/stats", "Host: localhost", "Host: evil.example")[0]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 200),
        ("https://127.0.0.1", 200),
        ("http://evil.example", 403),
        ("https://localhost.evil.example", 403),
        ("null", 403),
        ("file://", 403),
        ("", 403),
    ],
)
def test_web_pages_of_other_machines_are_refused(server: RunningServer, path: str, origin: str, status: int) -> None:
    """The browser names the page's origin; a page of a program on this machine may ask."""
    before = server.stats()["requests"]
    assert status == send(server, "POST", path, "Host: localhost", JSON, f"Origin: {origin}", body=BODY)[0]
    assert before + (status == 200) == server.stats()["requests"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Content-Type: text/plain",),
        ("Content-Type: application/x-www-form-urlencoded",),
        ("Content-Type: multipart/form-data; boundary=x",),
        ("Content-Type: ",),
        ("Content-Type: text/plain; application/json",),
        ("Content-Type: application/jsonp",),
        (JSON, "Content-Type: text/plain"),
    ],
)
def test_a_body_must_be_declared_as_json(server: RunningServer, path: str, headers: tuple[str, ...]) -> None:
    """What a page can post without asking first is refused: 415, on SageMaker's runtime path inside its 424."""
    status, response = send(server, "POST", path, "Host: localhost", *headers, body=BODY)
    assert (415 if path == "/invocations" else 424) == status
    assert b"the content type must be 'application/json'" in response


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost", True),
        ("http://[::1]:80", True),
        ("http://127.1", False),
        ("ftp://localhost", False),
        ("http://localhost/path", False),
        ("http://localhost?x", False),
        ("http://localhost:99999", False),
        ("http://2130706433", False),
        ("http://local\u017fhost", False),
    ],
)
def test_an_origin_is_loopback_only_if_it_is_written_so(origin: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    """Odd spellings of an address are refused."""
    assert expected == is_loopback(origin)
