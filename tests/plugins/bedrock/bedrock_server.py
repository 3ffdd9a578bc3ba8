"""A substitute for Bedrock on loopback: it checks requests, and its own answers, with botocore's model of the service."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import attrs
import botocore.session
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from botocore.model import OperationModel

MODEL = "amazon.nova-lite-v1:0"


@attrs.frozen
class Refused(Exception):  # noqa: N818 - it is an answer
    """An error of the service, by the name of its shape."""

    code: str
    message: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    fields: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.define
class BedrockServer:
    """What is asked, and what it answers.

    Attributes:
        url: Of the server.
        answer: Makes the reply to a request of Converse, or raises `Refused`.
        catalogue: The replies about models, by path; what has none does not exist.
        requests: The requests of Converse that fit botocore's model, with the model's ID.
        problems: What botocore's model does not allow, in requests and in replies.
        signed_for: The services that requests were signed for.
    """

    url: str = ""
    answer: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda request: reply(upper(request))
    catalogue: dict[str, Mapping[str, Any] | Refused] = attrs.field(factory=dict)
    requests: list[Mapping[str, Any]] = attrs.field(factory=list)
    problems: list[str] = attrs.field(factory=list)
    signed_for: set[str] = attrs.field(factory=set)


def reply(text: str = "Hi", *, content: Any = None, stop: str = "end_turn", **fields: Any) -> dict[str, Any]:
    """Return a reply of Converse."""
    usage = {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}
    message = {"role": "assistant", "content": [{"text": text}] if content is None else content}
    return {"output": {"message": message}, "stopReason": stop, "usage": usage, "metrics": {"latencyMs": 12}, **fields}


def upper(request: Mapping[str, Any]) -> str:
    """Return the last message of a request in capitals."""
    return str(request["messages"][-1]["content"][-1]["text"]).upper()


@contextmanager
def bedrock_server() -> Iterator[BedrockServer]:
    """Serve in the block."""
    service = botocore.session.get_session().get_service_model("bedrock-runtime")
    converse = service.operation_model("Converse")
    statuses = {shape.name: shape.metadata["error"]["httpStatusCode"] for shape in converse.error_shapes}
    state = BedrockServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model = unquote(self.path.removeprefix("/model/").removesuffix("/converse"))
            state.signed_for.add(self.headers.get("Authorization", "").partition("/aws4_request")[0].rpartition("/")[2])
            self._answer(lambda: _converse(state, converse, {"modelId": model, **body}))

        def do_GET(self) -> None:
            found = state.catalogue.get(unquote(self.path), Refused("ResourceNotFoundException", "no such model"))
            self._answer(lambda: _returned(found))

        def _answer(self, make: Callable[[], Mapping[str, Any]]) -> None:
            try:
                self._send(200, make(), {})
            except Refused as refused:
                status = statuses.get(refused.code, 400)
                body = {"message": refused.message, **refused.fields}
                self._send(status, body, {"x-amzn-ErrorType": refused.code, **refused.headers})

        def _send(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            sent = {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _converse(state: BedrockServer, operation: OperationModel, request: Mapping[str, Any]) -> Mapping[str, Any]:
    report = ParamValidator().validate(request, operation.input_shape)
    limits = operation.input_shape.members["inferenceConfig"].members["temperature"].metadata
    temperature = request.get("inferenceConfig", {}).get("temperature", 0)
    if report.has_errors() or temperature > limits["max"]:
        state.problems.append(report.generate_report() or f"temperature {temperature}")
        refused = Refused("ValidationException", "the request does not fit")
        raise refused
    state.requests.append(request)
    answer = state.answer(request)
    checked = ParamValidator().validate(answer, operation.output_shape)
    if checked.has_errors():
        state.problems.append(checked.generate_report())
    return answer


def _returned(found: Mapping[str, Any] | Refused) -> Mapping[str, Any]:
    if isinstance(found, Refused):
        raise found
    return found
