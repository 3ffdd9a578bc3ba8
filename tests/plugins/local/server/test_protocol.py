from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("uvicorn")

import uvicorn

from llmops_plugins.local.server import protocol

from .running import RunningServer


@pytest.fixture(name="port")
def _port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server that answers 204 to everything, and waits half a second for headers."""
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.5)

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    config = uvicorn.Config(app, http=protocol.DeadlineProtocol, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def test_headers_that_do_not_arrive_in_time_close_the_connection(port: int) -> None:
    """Before the first request, and within each one, however slowly the bytes drip; a request in time is answered."""
    for start in (b"", b"GET / HTTP/1.1\r\nHost: lo"):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(start)
            assert b"" == connection.recv(100)
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(2):
            connection.sendall(request)
            assert connection.recv(1000).startswith(b"HTTP/1.1 204")
        connection.settimeout(1.0)  # a connection between two requests stays open
        with pytest.raises(TimeoutError):
            connection.recv(100)
        connection.settimeout(10)
        connection.sendall(request[:20])
        assert b"" == connection.recv(100)


def test_headers_are_limited_in_size(server: RunningServer) -> None:
    """In all, whether it is one long header or many short ones."""
    for headers in (b"X: " + b"a" * 40_000, b"\r\n".join(b"X%d: a" % number for number in range(6_000))):
        with socket.create_connection(("127.0.0.1", server.ready["port"]), timeout=10) as connection:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n" + headers)
            assert connection.recv(100).split()[1] in (b"400", b"431")
    assert 200 == server.client.get("/ping").status_code
