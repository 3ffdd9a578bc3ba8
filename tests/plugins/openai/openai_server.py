"""A server on loopback with OpenAI's API, which tests script: its models, its key and its answers."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Union

import attrs

Reply = Union[str, tuple[int, Any]]
"""What the server answers: a text of the model, or a status with a body (bytes are sent as they are)."""


def capital(body: Mapping[str, Any]) -> Reply:
    """Answer with the capital of the country that is asked about."""
    capitals = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Peru": "Lima"}
    text = body.get("prompt") or body["messages"][-1]["content"]
    return next((city for country, city in capitals.items() if country in text), "I do not know.")


@attrs.define
class OpenAIServer:
    """The server.

    Attributes:
        url: Its base URL.
        models: What it lists; None for a server without a list.
        key: The key that it requires; empty for none.
        answer: Answers the body of a request.
        served: The name of the model in its answers; empty for the requested one.
        page: A page of HTML that it answers to everything.
        bodies: The requests.
        paths: Of all requests.
        headers: Of all requests.
    """

    url: str = ""
    models: list[Any] | None = attrs.field(factory=lambda: ["stub-1"])
    key: str = ""
    answer: Callable[[Mapping[str, Any]], Reply] = capital
    served: str = ""
    page: bytes = b""
    bodies: list[dict[str, Any]] = attrs.field(factory=list)
    paths: list[str] = attrs.field(factory=list)
    headers: list[Mapping[str, str]] = attrs.field(factory=list)

    def reply(self, method: str, path: str, body: Any) -> tuple[int, Any]:  # noqa: PLR0911 - one for each mistake
        """Return the status and the body of the answer to a request."""
        if self.page:
            return 404, self.page
        if self.key and self.headers[-1].get("Authorization") != f"Bearer {self.key}":
            return 401, {"error": {"message": f"Incorrect API key: {self.headers[-1].get('Authorization')}"}}
        if method == "GET" and path == "/v1/models" and self.models is not None:
            models = [item if isinstance(item, dict) else {"id": item, "object": "model"} for item in self.models]
            return 200, {"object": "list", "data": models}
        if method == "GET" or path not in ("/v1/chat/completions", "/v1/completions"):
            return 404, {"detail": "Not Found"}
        if not (body.get("messages") or body.get("prompt")):
            return 400, {"error": {"message": "you must provide messages"}}
        self.bodies.append(body)
        reply = self.answer(body)
        if not isinstance(reply, str):
            return reply
        text = {"message": {"role": "assistant", "content": reply}} if "messages" in body else {"text": reply}
        choice = {"index": 0, "finish_reason": "stop", **text}
        usage = {"prompt_tokens": 10, "completion_tokens": len(reply.split()), "total_tokens": 10 + len(reply.split())}
        return 200, {"model": self.served or body["model"], "choices": [choice], "usage": usage}


@contextlib.contextmanager
def openai_server() -> Iterator[OpenAIServer]:
    """Serve until the end of the block."""
    script = OpenAIServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._handle("GET", None)

        def do_POST(self) -> None:
            self._handle("POST", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _handle(self, method: str, body: Any) -> None:
            script.paths.append(self.path)
            script.headers.append(dict(self.headers))
            status, content = script.reply(method, self.path, body)
            is_page = isinstance(content, bytes)
            data = content if is_page else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if is_page else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Keep requests out of the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
