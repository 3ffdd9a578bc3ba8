"""One connection: every legal form of an HTTP/1.1 reply, and nothing else. Whole runs have the hostile ones."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from llmops_sdk.steps.client.http.connection import DirectConnection, ProtocolError, Reply

Serve = Callable[..., str]
BODY = b"an answer"
CHUNKS = b"4;x=y\r\nan a\r\n5\r\nnswer\r\n0\r\nX-Trailer: 1\r\n\r\n"


def reply(*headers: str, body: bytes = BODY, status: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([status, *headers, "", ""]).encode() + body


@pytest.fixture(name="serve")
def _serve() -> Iterator[Serve]:
    """Serve a list of replies to each connection, one for each request; `seen` has the requests, `b""` a new connection."""
    listeners: list[socket.socket] = []

    def serve(*replies: bytes, seen: list[bytes], context: ssl.SSLContext | None = None) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        left = iter(replies)

        def talk(opened: socket.socket) -> None:
            seen.append(b"")
            with contextlib.suppress(OSError):
                opened = context.wrap_socket(opened, server_side=True) if context else opened
                with opened, opened.makefile("rb") as requests:
                    while first := requests.readline():
                        head = first + b"".join(iter(requests.readline, b"\r\n"))
                        length = int(head.lower().partition(b"content-length:")[2].split()[0])
                        seen.append(head + b"\r\n" + requests.read(length))
                        data = next(left)
                        opened.sendall(data)
                        has_end = b"content-length" in data.lower() or b"chunked" in data.lower()
                        if b"close" in data.lower() or not has_end:
                            return

        def accept() -> None:
            while True:
                try:
                    opened = listener.accept()[0]
                except OSError:
                    return
                threading.Thread(target=talk, args=(opened,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"http{'s' if context else ''}://localhost:{listener.getsockname()[1]}/v1/chat"

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture(name="connection")
def _connection() -> Iterator[DirectConnection]:
    connection = connect()
    yield connection
    connection.close()


def connect(
    context: ssl.SSLContext | None = None, headers: Mapping[str, str] = MappingProxyType({})
) -> DirectConnection:
    return DirectConnection(headers, context or ssl.create_default_context(), connect_timeout=5, timeout=5)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (reply("Content-Length: 9", "X-A: 1", "x-a:  2 "), Reply(200, {"content-length": "9", "x-a": "1, 2"}, BODY)),
        (reply("Transfer-Encoding: chunked", body=CHUNKS), Reply(200, {"transfer-encoding": "chunked"}, BODY)),
        (reply(), Reply(200, {}, BODY)),
        (reply("Content-Length: 9", status="HTTP/1.0 404"), Reply(404, {"content-length": "9"}, BODY)),
        (reply("Content-Length: 5", body=b"", status="HTTP/1.1 204 None"), Reply(204, {"content-length": "5"}, b"")),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + reply("Content-Length: 9"),
            Reply(200, {"content-length": "9"}, BODY),
        ),
    ],
)
def test_every_form_of_a_reply_is_read(
    serve: Serve, connection: DirectConnection, data: bytes, expected: Reply
) -> None:
    """With a length, in chunks, until the server closes, without a body, after interim replies."""
    assert expected == connection.send("POST", serve(data, seen=[]), b"{}", 1000)


def test_a_connection_is_kept_as_long_as_the_server_keeps_it(serve: Serve, connection: DirectConnection) -> None:
    """After a complete reply the same one; after `Connection: close` and after a server that hung up, a new one."""
    seen: list[bytes] = []
    kept, closed = reply("Content-Length: 9"), reply("Content-Length: 9", "Connection: close")
    url = serve(kept, closed, kept, seen=seen)
    assert [BODY] * 3 == [connection.send("POST", url, b"{}", 1000).body for _ in range(3)]
    assert [True, False, False, True, False] == [request == b"" for request in seen]
    assert 1 == len(connection.sockets)


def test_a_reply_is_read_up_to_its_limit(serve: Serve, connection: DirectConnection) -> None:
    """The connection is of no use afterwards."""
    seen: list[bytes] = []
    url = serve(reply("Content-Length: 9"), reply("Content-Length: 9"), seen=seen)
    cut = connection.send("POST", url, b"{}", 4)
    assert (b"an a", True) == (cut.body, cut.is_cut)
    assert BODY == connection.send("POST", url, b"{}", 1000).body
    assert 2 == seen.count(b"")


def test_a_request_has_its_headers_and_its_escaped_path(serve: Serve) -> None:
    """A user and a password in the URL are sent as they should be, and not in the path."""
    seen: list[bytes] = []
    url = serve(reply("Content-Length: 9"), seen=seen)
    host = url.removeprefix("http://").removesuffix("/v1/chat")
    connection = connect(headers={"Accept": "application/json"})
    connection.send("POST", f"http://me:se%40cret@{host}/a b?c=d e", b'{"a": 1}', 1000)
    connection.close()
    expected = (
        f"POST /a%20b?c=d%20e HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n"
        'Authorization: Basic bWU6c2VAY3JldA==\r\nContent-Length: 8\r\n\r\n{"a": 1}'
    )
    assert expected.encode() == seen[1]


@pytest.mark.parametrize(
    "data",
    [
        reply("Content-Length: 9", "Content-Length: 8"), reply("Content-Length: -1"), reply("Content-Length: 99", "Connection: close"),
        reply("Transfer-Encoding: gzip, chunked"), reply("No colon"), reply("Bad name: 1"),
        reply("Transfer-Encoding: chunked", body=b"2\r\nabc\r\n0\r\n\r\n"), b"HTTP/2 200\r\n\r\n", b"",
    ],
)  # fmt: skip
def test_a_damaged_reply_breaks_the_connection(serve: Serve, connection: DirectConnection, data: bytes) -> None:
    """It is an error of the connection, which is closed."""
    with pytest.raises(ProtocolError):
        connection.send("POST", serve(data, seen=[]), b"{}", 1000)
    assert set() == connection.sockets


def test_a_header_with_a_line_break_is_refused() -> None:
    """Before anything is sent."""
    bad = connect(headers={"X-Note": "a\r\nX-Other: b"})
    with pytest.raises(ValueError, match="'X-Note' has characters"):
        bad.send("POST", "http://127.0.0.1:9/", b"", 10)


def test_tls_checks_the_certificate(serve: Serve, tmp_path: Path) -> None:
    """One of an authority that is trusted is asked, over one connection; a foreign one is not."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    seen: list[bytes] = []
    url = serve(reply("Content-Length: 9"), reply("Content-Length: 9"), seen=seen, context=server)
    trusting = connect(ssl.create_default_context(cafile=str(certificate)))
    assert [BODY] * 2 == [trusting.send("POST", url, b"{}", 1000).body for _ in range(2)]
    trusting.close()
    assert 1 == seen.count(b"")
    with pytest.raises(ssl.SSLCertVerificationError):
        connect().send("POST", url, b"{}", 1000)
