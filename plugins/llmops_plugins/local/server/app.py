"""The server's paths: SageMaker's container and runtime contracts, and OpenAI's completions.

Sources: AWS, "Use your own inference code with hosting services" (`/ping`, `/invocations`) and the API reference of
SageMaker Runtime's InvokeEndpoint (its path, headers and errors); OpenAI's API reference of chat and text completions.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import attrs
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from llmops_plugins.local.engine.engine import Answer, Outcome, Refused
from llmops_plugins.local.server.requests import (
    BadRequestError,
    Body,
    parse_chat,
    parse_completion,
    parse_invocation,
    parse_json,
)
from llmops_plugins.local.server.worker import FullError, Worker

_log = logging.getLogger("llmops.server")

_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"

# Of a body that is too large, so much is read and thrown away: a client that still writes would not see the answer.
_DRAINED = 16

_RETRY_AFTER = "1"
_GONE = 499
_TOO_LARGE = 413

Handler = Callable[[Request], Awaitable[Response]]


@attrs.frozen
class Failure:
    """Why a request got no answer.

    Attributes:
        status: As the model's container says it.
        message: One line.
        fault: `request`, `model` or `load`.
    """

    status: int
    message: str
    fault: str


def make_app(name: str, worker: Worker, *, max_body: int) -> Starlette:
    """Return the web application.

    Args:
        name: Of the endpoint, and of the model in OpenAI's paths.
        worker: Answers.
        max_body: Bytes a body may have.
    """
    server = _Server(name, worker, max_body)
    routes = [
        Route("/ping", server.ping, methods=["GET"]),
        Route("/stats", server.stats, methods=["GET"]),
        Route("/invocations", _guarded(server.invoke, _container_error), methods=["POST"]),
        Route("/endpoints/{endpoint}/invocations", _guarded(server.invoke, _runtime_error), methods=["POST"]),
        Route("/v1/models", server.models, methods=["GET"]),
        Route("/v1/chat/completions", _guarded(server.chat, _openai_error), methods=["POST"]),
        Route("/v1/completions", _guarded(server.complete, _openai_error), methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: cast("Any", _no_path)})


class _Server:
    def __init__(self, name: str, worker: Worker, max_body: int) -> None:
        self._name = name
        self._worker = worker
        self._max_body = max_body
        self._started = int(time.time())

    async def ping(self, _request: Request) -> Response:
        """Say that requests are answered."""
        return Response(status_code=200 if self._worker.is_alive() else 503)

    async def stats(self, _request: Request) -> Response:
        """Tell what was asked since the start."""
        return JSONResponse({**attrs.asdict(self._worker.counts), "pending": self._worker.pending})

    async def models(self, _request: Request) -> Response:
        """List the one model."""
        model = {"id": self._name, "object": "model", "created": self._started, "owned_by": "llmops"}
        return JSONResponse({"object": "list", "data": [model]})

    async def invoke(self, request: Request) -> Response:
        """Answer `inputs` or `messages`, on SageMaker's paths."""
        endpoint = request.path_params.get("endpoint", self._name)
        if endpoint != self._name:
            message = f"endpoint {endpoint!r} not found; this server has {self._name!r}"
            raise _NoEndpointError(message)
        fields = await self._read(request)
        if "messages" in fields:
            answers = await self._answer(request, parse_chat(fields, self._name))
            body: Any = _chat_shape(self._name, answers[0])
        else:
            asked = parse_invocation(fields)
            body = [_generated(answer, details=asked.details) for answer in await self._answer(request, asked)]
        response = JSONResponse(body, headers={"x-Amzn-Invoked-Production-Variant": "AllTraffic"})
        if _ATTRIBUTES in request.headers:
            response.headers[_ATTRIBUTES] = request.headers[_ATTRIBUTES]
        return response

    async def chat(self, request: Request) -> Response:
        """Answer a chat, in OpenAI's form."""
        answers = await self._answer(request, parse_chat(await self._read(request), self._name))
        return JSONResponse(_chat_shape(self._name, answers[0]))

    async def complete(self, request: Request) -> Response:
        """Continue texts, in OpenAI's form."""
        answers = await self._answer(request, parse_completion(await self._read(request), self._name))
        choices = [
            {"index": index, "text": answer.text, "logprobs": None, "finish_reason": answer.finish_reason}
            for index, answer in enumerate(answers)
        ]
        return JSONResponse(_completion(self._name, "text_completion", choices, answers))

    async def _read(self, request: Request) -> Mapping[str, Any]:
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json":
            message = f"the content type must be 'application/json', not {kind!r}"
            raise BadRequestError(message, 415)
        length = request.headers.get("content-length", "")
        size = int(length) if length.isdecimal() else 0
        chunks: list[bytes] = []
        read = 0
        async for chunk in request.stream():
            read += len(chunk)
            if max(size, read) <= self._max_body:
                chunks.append(chunk)
            elif read > _DRAINED * self._max_body:
                break
        if max(size, read) > self._max_body:
            message = f"the body is larger than {self._max_body / 1e6:g} MB: send fewer or shorter inputs"
            raise BadRequestError(message, _TOO_LARGE)
        return parse_json(b"".join(chunks))

    async def _answer(self, request: Request, body: Body) -> list[Answer]:
        """Wait for all answers of a body, or until its sender has gone."""
        tickets = self._worker.submit(body.requests)
        outcomes = asyncio.gather(*(asyncio.wrap_future(ticket.future) for ticket in tickets))
        gone = asyncio.create_task(_wait_for_end(request))
        try:
            await asyncio.wait((outcomes, gone), return_when=asyncio.FIRST_COMPLETED)
            if not outcomes.done():
                outcomes.cancel()
                raise ClientDisconnect
        finally:
            gone.cancel()
            for ticket in tickets:
                ticket.cancel()
        return _all_answered(outcomes.result())


class _NoEndpointError(Exception):
    """Another endpoint was asked for."""


class _RefusedError(Exception):
    """The engine refused."""

    def __init__(self, refused: Refused, place: str) -> None:
        super().__init__(f"{place}{refused.reason}")
        self.fault = refused.fault


def _all_answered(outcomes: Sequence[Outcome]) -> list[Answer]:
    answers = []
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, Refused):
            raise _RefusedError(outcome, f"inputs[{place}]: " if len(outcomes) > 1 else "")
        answers.append(outcome)
    return answers


async def _wait_for_end(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


# -- answers ------------------------------------------------------------------------------------


def _generated(answer: Answer, *, details: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "finish_reason": answer.finish_reason,
        "generated_tokens": answer.output_tokens,
        "prompt_tokens": answer.prompt_tokens,
    }
    if answer.prompt:
        told["prefill"] = [
            {"id": token.id, "text": token.text, "logprob": token.log_probability} for token in answer.prompt
        ]
    return {"generated_text": answer.text, **({"details": told} if details else {})}


def _chat_shape(model: str, answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
    return _completion(model, "chat.completion", [choice], [answer])


def _completion(model: str, kind: str, choices: list[dict[str, Any]], answers: list[Answer]) -> dict[str, Any]:
    asked = sum(answer.prompt_tokens for answer in answers)
    written = sum(answer.output_tokens for answer in answers)
    return {
        "id": f"{'chatcmpl' if kind == 'chat.completion' else 'cmpl'}-{secrets.token_hex(12)}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written},
    }


# -- errors -------------------------------------------------------------------------------------


def _guarded(handler: Handler, refuse: Callable[[Failure], Response]) -> Handler:
    """Turn what a handler raises into an answer of the path's own form."""

    async def managed_resources(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:
            return Response(status_code=_GONE)
        except _NoEndpointError as exc:
            return _sagemaker_error(400, "ValidationError", str(exc), None)
        except Exception as exc:  # noqa: BLE001 - all that can go wrong goes to the parent
            failure = _failure(exc)
        response = refuse(failure)
        if failure.fault == "load":
            response.headers["Retry-After"] = _RETRY_AFTER
        return response

    return managed_resources


def _failure(exc: Exception) -> Failure:
    if isinstance(exc, BadRequestError):
        return Failure(exc.status, str(exc), "request")
    if isinstance(exc, _RefusedError):
        return Failure(400 if exc.fault == "request" else 500, str(exc), exc.fault)
    if isinstance(exc, FullError):
        return Failure(503, "too many requests are waiting: ask again later", "load")
    _log.error("a request failed", exc_info=exc)
    return Failure(500, "the server failed; its log has the reason", "model")


def _container_error(failure: Failure) -> Response:
    """The model container's own answer: its status, and why."""
    kinds = {"request": "ValidationError", "model": "ModelError", "load": "ServiceUnavailable"}
    return _sagemaker_error(failure.status, kinds[failure.fault], failure.message, None)


def _runtime_error(failure: Failure) -> Response:
    """What SageMaker Runtime makes of it: a ModelError, status 424, with what the container said inside."""
    if failure.fault == "load":
        return _sagemaker_error(failure.status, "ServiceUnavailable", failure.message, None)
    if failure.status == _TOO_LARGE:
        return _sagemaker_error(failure.status, "ValidationError", failure.message, None)
    side = "client" if failure.fault == "request" else "server"
    message = f'Received {side} error ({failure.status}) from primary with message "{failure.message}"'
    return _sagemaker_error(424, "ModelError", message, failure)


def _sagemaker_error(status: int, kind: str, message: str, original: Failure | None) -> Response:
    body: dict[str, Any] = {"Message": message}
    if original is not None:
        body |= {"OriginalStatusCode": original.status, "OriginalMessage": original.message}
    return JSONResponse(body, status_code=status, headers={"x-amzn-ErrorType": kind})


def _openai_error(failure: Failure) -> Response:
    kinds = {"request": "invalid_request_error", "model": "server_error", "load": "overloaded_error"}
    error = {"message": failure.message, "type": kinds[failure.fault], "param": None, "code": None}
    return JSONResponse({"error": error}, status_code=failure.status)


async def _no_path(request: Request, exc: HTTPException) -> Response:
    message = f"{request.method} {request.url.path}: {exc.detail}"
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status_code=exc.status_code, headers=exc.headers)
