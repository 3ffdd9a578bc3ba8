"""Judges on loopback: endpoints that grade by a rule, and a server in OpenAI's form."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.metrics.judge.evaluator import LlmJudge
from llmops_plugins.metrics.judge.options import JudgeOptions
from llmops_sdk.plugin import Answer, Context, Generation, RecordScore, TextPrompt
from llmops_sdk.testing import InstantEndpoint, make_context

KEY = "sk-a-secret-key"
URL = "http://127.0.0.1:9/v1/chat/completions"


def graded(prompt: str) -> str:
    """Grade by the number in the output: 1 to 5."""
    match = re.search(r"output (\d+)", prompt)
    return f"It has its reasons.\nScore: {int(match[1]) % 5 + 1}" if match else "Score: 1"


@attrs.define
class Recorder:
    """Answers, and keeps the bodies and headers of requests."""

    answer: Callable[[str], str] = graded
    model: str = "judge-7b-0613"
    bodies: list[dict[str, Any]] = attrs.field(factory=list)
    headers: list[Mapping[str, str]] = attrs.field(factory=list)
    url: str = ""


Serve = Callable[..., InstantEndpoint]


@pytest.fixture(name="openai")
def _openai() -> Iterator[Recorder]:
    """A server in OpenAI's form on loopback, which requires its key and a model."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            recorder.bodies.append(body)
            recorder.headers.append(dict(self.headers))
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                message = f"Incorrect API key: {self.headers.get('Authorization')}"
                self.answer(401, {"error": {"message": message}})
            elif self.path != "/v1/chat/completions" or not body.get("model"):
                self.answer(404, {"error": {"message": "you must provide a model parameter"}})
            else:
                text = recorder.answer(body["messages"][-1]["content"])
                choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
                self.answer(200, {"model": recorder.model, "choices": [choice]})

        def answer(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Keep requests out of the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    recorder.url = f"http://127.0.0.1:{server.server_address[1]}/v1/chat/completions"
    yield recorder
    server.shutdown()
    server.server_close()


@pytest.fixture(name="serve")
def _serve() -> Iterator[Callable[[Callable[[str], str]], InstantEndpoint]]:
    """Start endpoints that answer by a function."""
    started: list[InstantEndpoint] = []

    def serve(answer: Callable[[str], str] = graded) -> InstantEndpoint:
        started.append(InstantEndpoint(answer))
        return started[-1]

    yield serve
    for endpoint in started:
        endpoint.close()


@pytest.fixture(name="step")
def _step(tmp_path: Path) -> Context:
    """The context of a `score` step."""
    return make_context(tmp_path / "step")


def generation(index: int, output: str = "", **fields: Any) -> Generation:
    """Return an output to be judged."""
    record = {"instruction": "Summarize.", "context": f"Text {index}.", "response": f"Reference {index}.", **fields}
    return Generation(index, record, TextPrompt("?", ""), Answer(output or f"output {index}"))


def judge(context: Context, generations: list[Generation], **options: Any) -> list[RecordScore]:
    """Have outputs judged."""
    return list(LlmJudge(JudgeOptions(**options)).evaluate(context, iter(generations)))
