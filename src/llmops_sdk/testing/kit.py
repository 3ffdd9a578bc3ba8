"""A store in memory, the context of a step, and an endpoint that answers at once."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import AssetError
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.record.stores import Store


class MemoryStore(Store):
    """A store of `put`, `get`, `list` and `delete` only, as an object store has them; for one process."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def put(self, key: str, data: bytes) -> None:
        self._objects[key] = data

    def get(self, key: str) -> bytes | None:
        return self._objects.get(key)

    def list(self, prefix: str) -> Iterator[str]:
        yield from sorted(key for key in self._objects if key.startswith(prefix))

    def delete(self, prefix: str) -> None:
        for key in [key for key in self._objects if key.startswith(prefix)]:
            del self._objects[key]


def make_context(folder: Path, *, home: Path | None = None, assets: Mapping[str, Path] | None = None) -> Context:
    """Make a context as a step would, for calling one implementation by itself.

    Args:
        folder: Where it writes.
        home: Its cache; by default a folder beside.
        assets: What `context.asset` knows.
    """
    known = dict(assets or {})

    def asset(name: str) -> Path:
        if name not in known:
            message = f"this test's context has no asset {name!r}"
            raise AssetError(message)
        return known[name]

    folder.mkdir(parents=True, exist_ok=True)
    return Context(
        run_id="test",
        step="step",
        folder=folder,
        home=home or folder.parent / "home",
        offline=True,
        progress=Progress(),
        log=logging.getLogger("llmops.test"),
        settings={},
        make=Registry().make,
        asset=asset,
    )


class InstantEndpoint:
    """A real HTTP server on loopback that answers the protocol of an endpoint at once, and remembers what it was asked.

    Its tokens are words. Asked for the probabilities of the prompt's tokens (`decoder_input_details`), it makes them up:
    a word has the log-probability of its length by -10, the first one none; `Say it again` has -0.2 - 0.5 = -0.7.

    Args:
        answer: Makes the answer's text from the prompt's text; may raise `Refusal`.

    Attributes:
        prompts: What it was asked, in the order in which it came.
    """

    def __init__(self, answer: Callable[[str], str] = str.upper) -> None:
        self.prompts: list[str] = []
        self._answer = answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where to POST."""
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
                """Say nothing."""

        return Handler


def _made_up_prefill(prompt: str) -> list[dict[str, Any]]:
    return [
        {"id": place, "text": word, "logprob": -len(word) / 10 if place else None}
        for place, word in enumerate(prompt.split())
    ]


@attrs.define(eq=False)
class Refusal(Exception):  # noqa: N818 - it is an answer
    """What an `InstantEndpoint` answers instead of a text: an HTTP status."""

    status: int
    reason: str = "refused"
    headers: Mapping[str, str] = attrs.field(factory=dict)
