"""The server's paths: SageMaker's container and runtime contracts, and OpenAI's completions.

Sources: AWS, "Use your own inference code with hosting services" (`/ping`, `/invocations`) and the API reference of
SageMaker Runtime's InvokeEndpoint (its path, headers and errors); OpenAI's API reference of chat and text completions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import attrs
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from llmops_plugins.local.engine.request import Completion, GenerationOutcome, GenerationRequest, Rejection
from llmops_plugins.local.server.access import LoopbackOnly
from llmops_plugins.local.server.failures import (
    TOO_LARGE,
    Failure,
    RequestFailedError,
    container_error,
    failure_of,
    openai_error,
    rejection_failure,
    runtime_error,
    sagemaker_error,
)
from llmops_plugins.local.server.fields import BadRequestError
from llmops_plugins.local.server.openai.requests import Body, parse_chat, parse_completion
from llmops_plugins.local.server.openai.responses import ChatForm, Form, TextForm
from llmops_plugins.local.server.openai.stream import CompletionStream, EventResponse
from llmops_plugins.local.server.requests import parse_invocation, parse_json
from llmops_plugins.local.server.responses import invocation_body
from llmops_plugins.local.server.worker import EngineWorker

_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"

# A body that is too large is read and discarded up to this many times the limit: a client that is still writing would
# not see the response.
_DISCARDED = 16

_JSON = "application/json"
_BODY_SECONDS = 60.0

_CLIENT_CLOSED_REQUEST = 499

_Result = TypeVar("_Result")

Handler = Callable[[Request], Awaitable[Response]]


def make_app(name: str, worker: EngineWorker, *, max_body: int, endpoint: str = "") -> Starlette:
    """Return the web application.

    Args:
        name: The model's name.
        worker: Completes the requests.
        max_body: The largest request body, in bytes.
        endpoint: The endpoint's name in SageMaker's paths; empty for the model's.
    """
    server = _Server(name, endpoint or name, worker, max_body)
    routes = [
        Route("/ping", server.ping, methods=["GET"]),
        Route("/stats", server.stats, methods=["GET"]),
        Route("/invocations", _with_errors(server.invoke, container_error), methods=["POST"]),
        Route("/endpoints/{endpoint}/invocations", _with_errors(server.invoke, runtime_error), methods=["POST"]),
        Route("/v1/models", server.models, methods=["GET"]),
        Route("/v1/models/{model:path}", _with_errors(server.model, openai_error), methods=["GET"]),
        Route("/v1/chat/completions", _with_errors(server.chat, openai_error), methods=["POST"]),
        Route("/v1/completions", _with_errors(server.complete, openai_error), methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(LoopbackOnly)],
        exception_handlers={HTTPException: cast("Any", _unknown_path)},
    )


class _Server:
    def __init__(self, name: str, endpoint: str, worker: EngineWorker, max_body: int) -> None:
        self._name = name
        self._endpoint = endpoint
        self._worker = worker
        self._max_body = max_body
        self._started = int(time.time())

    async def ping(self, _request: Request) -> Response:
        """Return 200 while requests are completed."""
        return Response(status_code=200 if self._worker.is_alive() else 503)

    async def stats(self, _request: Request) -> Response:
        """Return the counts of requests since the start."""
        return JSONResponse({**attrs.asdict(self._worker.counts), "pending": self._worker.pending})

    async def models(self, _request: Request) -> Response:
        """List the one model."""
        return JSONResponse({"object": "list", "data": [self._model()]})

    async def model(self, request: Request) -> Response:
        """Describe the one model."""
        name = request.path_params["model"]
        if name != self._name:
            message = f"this server has no model {name!r}, only {self._name!r}"
            raise BadRequestError(message, 404, field="model", code="model_not_found")
        return JSONResponse(self._model())

    async def invoke(self, request: Request) -> Response:
        """Complete `inputs` or `messages`, on SageMaker's paths."""
        endpoint = request.path_params.get("endpoint", self._endpoint)
        if endpoint != self._endpoint:
            message = f"endpoint {endpoint!r} not found; this server has {self._endpoint!r}"
            raise _UnknownEndpointError(message)
        fields = await self._read(request)
        if "messages" in fields:
            response = await self._chat(request, fields)
        else:
            body = parse_invocation(fields)
            completions = await self._complete(request, body.requests, "inputs")
            response = JSONResponse(invocation_body(completions, details=body.details))
        response.headers["x-Amzn-Invoked-Production-Variant"] = "AllTraffic"
        if _ATTRIBUTES in request.headers:
            response.headers[_ATTRIBUTES] = request.headers[_ATTRIBUTES]
        return response

    async def chat(self, request: Request) -> Response:
        """Complete a chat, in OpenAI's form."""
        return await self._chat(request, await self._read(request))

    async def complete(self, request: Request) -> Response:
        """Complete texts, in OpenAI's form."""
        body = parse_completion(await self._read(request), self._name)
        return await self._respond(request, body, TextForm)

    async def _chat(self, request: Request, fields: Mapping[str, Any]) -> Response:
        return await self._respond(request, parse_chat(fields, self._name), ChatForm)

    async def _respond(self, request: Request, body: Body, make_form: type[Form]) -> Response:
        form = make_form(self._name, scored=body.requests[0].scores_tokens)
        if not body.streams:
            return JSONResponse(form.body(await self._complete(request, body.requests, "prompt")))
        stream = CompletionStream(self._worker, body.requests)
        try:
            await _unless_disconnected(request, stream.start())
        except BaseException:
            stream.cancel()
            raise
        return EventResponse(stream, form, with_usage=body.streams_usage)

    def _model(self) -> dict[str, Any]:
        return {"id": self._name, "object": "model", "created": self._started, "owned_by": "llmops"}

    async def _read(self, request: Request) -> Mapping[str, Any]:
        types = [value.partition(";")[0].strip().lower() for value in request.headers.getlist("content-type")]
        if not types or any(kind != _JSON for kind in types):
            problem = f"not {', '.join(map(repr, types))}" if types else "and the request has none"
            # A web page may post other types, or none, without asking the server first.
            message = f"the content type must be {_JSON!r}, {problem}"
            raise BadRequestError(message, 415)
        try:
            return parse_json(await asyncio.wait_for(self._read_body(request), _BODY_SECONDS))
        except asyncio.TimeoutError:
            message = f"the body did not arrive within {_BODY_SECONDS:g} s"
            raise BadRequestError(message, 408) from None

    async def _read_body(self, request: Request) -> bytes:
        length = request.headers.get("content-length", "")
        size = int(length) if length.isdecimal() else 0
        chunks: list[bytes] = []
        read = 0
        async for chunk in request.stream():
            read += len(chunk)
            if max(size, read) <= self._max_body:
                chunks.append(chunk)
            elif read > _DISCARDED * self._max_body:
                break
        if max(size, read) > self._max_body:
            message = f"the body is larger than {self._max_body / 1e6:g} MB: send fewer or shorter inputs"
            raise BadRequestError(message, TOO_LARGE)
        return b"".join(chunks)

    async def _complete(self, request: Request, requests: Sequence[GenerationRequest], field: str) -> list[Completion]:
        """Wait for all completions of a body, or until its sender disconnects."""
        queued = self._worker.submit(requests)
        try:
            outcomes = await _unless_disconnected(
                request, asyncio.gather(*(asyncio.wrap_future(one.future) for one in queued))
            )
        finally:
            for one in queued:
                one.cancel()
        return _require_completions(outcomes, field)


class _UnknownEndpointError(Exception):
    """The request names another endpoint."""


def _require_completions(outcomes: Sequence[GenerationOutcome], field: str) -> list[Completion]:
    completions = []
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, Rejection):
            raise RequestFailedError(rejection_failure(outcome, f"{field}[{number}]: " if len(outcomes) > 1 else ""))
        completions.append(outcome)
    return completions


async def _unless_disconnected(request: Request, awaited: Awaitable[_Result]) -> _Result:
    """Wait for something, or until the sender of the request disconnects.

    Raises:
        ClientDisconnect: Nobody waits for the response any more.
    """
    task = asyncio.ensure_future(awaited)
    disconnected = asyncio.create_task(_wait_for_disconnect(request))
    try:
        await asyncio.wait((task, disconnected), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        disconnected.cancel()


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _with_errors(handler: Handler, error_response: Callable[[Failure], Response]) -> Handler:
    """Turn what a handler raises into a response in the form of the path's API."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:
            return Response(status_code=_CLIENT_CLOSED_REQUEST)
        except _UnknownEndpointError as exc:
            return sagemaker_error(400, "ValidationError", str(exc))
        except Exception as exc:  # noqa: BLE001 - every failure becomes a response
            return error_response(failure_of(exc))

    return handle


async def _unknown_path(request: Request, exc: HTTPException) -> Response:
    message = f"{request.method} {request.url.path}: {exc.detail}"
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status_code=exc.status_code, headers=exc.headers)
