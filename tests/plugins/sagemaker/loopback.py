"""A server on loopback whose answers a test chooses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs


@attrs.frozen
class Asked:
    """One request: its path, its headers (lower case) and its JSON body."""

    path: str
    headers: Mapping[str, str]
    body: Any


@attrs.frozen
class ServerAnswer:
    """An answer: JSON, bytes as they are, or the chunks of an event stream; a ConnectionError cuts the stream off."""

    body: Any
    status: int = 200
    error: str = ""


@contextmanager
def served(answer: Callable[[Asked], ServerAnswer]) -> Iterator[str]:
    """Answer POST requests in the block, each in its own thread; yields the URL of the server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = answer(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if isinstance(reply.body, Iterator):
                self.send_chunks(reply.body)
                return
            data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            if reply.error:
                self.send_header("x-amzn-ErrorType", reply.error)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def send_chunks(self, chunks: Iterator[bytes]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.amazon.eventstream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for chunk in chunks:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.write(b"0\r\n\r\n")
            except ConnectionError:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
