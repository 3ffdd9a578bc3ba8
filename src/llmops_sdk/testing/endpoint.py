"""An endpoint that answers at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs


class InstantEndpoint:
    """A real HTTP server on loopback that speaks the protocol of an endpoint, answers at once, and records its prompts.

    Its tokens are words. A request for the log-probabilities of the prompt's tokens (`decoder_input_details`) gets
    made-up ones: a word has a tenth of its length, negated, and the first one has none; `Say it again` has
    -0.2 - 0.5 = -0.7.

    Args:
        answer: Makes the answer's text from the prompt's text; may raise `Refusal`.
        port: On 127.0.0.1; 0 takes a free one.

    Attributes:
        prompts: The prompts it received, in order.
    """

    def __init__(self, answer: Callable[[str], str] = str.upper, port: int = 0) -> None:
        self.prompts: list[str] = []
        self._answer = answer
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """The URL for POST requests."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/invocations"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                prompt = body["inputs"] if "inputs" in body else body["messages"][-1]["content"]
                endpoint.prompts.append(prompt)
                try:
                    text = endpoint._answer(prompt)
                except Refusal as refusal:
                    self._send(refusal.status, {"message": refusal.reason}, refusal.headers)
                    return
                details: dict[str, Any] = {
                    "generated_tokens": len(text.split()),
                    "prompt_tokens": len(prompt.split()),
                    "finish_reason": "stop",
                }
                if body.get("parameters", {}).get("decoder_input_details"):
                    details["prefill"] = _made_up_prefill(prompt)
                self._send(200, [{"generated_text": text, "details": details}], {})

            def _send(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(data)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: object) -> None:
                """Log nothing."""

        return Handler


def _made_up_prefill(prompt: str) -> list[dict[str, Any]]:
    return [
        {"id": number, "text": word, "logprob": -len(word) / 10 if number else None}
        for number, word in enumerate(prompt.split())
    ]


@attrs.define(eq=False)
class Refusal(Exception):  # noqa: N818 - it is an answer
    """What an `InstantEndpoint` answers instead of a text.

    Attributes:
        status: The HTTP status.
        reason: The message of the answer.
        headers: Further headers of the answer.
    """

    status: int
    reason: str = "refused"
    headers: Mapping[str, str] = attrs.field(factory=dict)
