"""Completions as server-sent events, while they are generated.

Sources: OpenAI's API reference of streaming; the HTML standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Union

from starlette.responses import StreamingResponse

from llmops_plugins.local.engine.request import Completion, GenerationOutcome, GenerationRequest, Piece, Rejection
from llmops_plugins.local.server.failures import RequestFailedError, openai_error_body, rejection_failure
from llmops_plugins.local.server.openai.responses import Form
from llmops_plugins.local.server.worker import EngineWorker

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_DONE = b"data: [DONE]\n\n"

_Event = tuple[int, Union[Piece, GenerationOutcome]]
"""The index of a prompt, and what comes for it."""


class CompletionStream:
    """The completions of one body, piece by piece, in the order in which they are generated.

    Args:
        worker: Completes the requests, beside those of others.
        requests: What to complete.

    Raises:
        QueueFullError: There is no room for them now.
    """

    def __init__(self, worker: EngineWorker, requests: Sequence[GenerationRequest]) -> None:
        self._events: asyncio.Queue[_Event] = asyncio.Queue()
        self._first: _Event | None = None
        self._loop = asyncio.get_running_loop()
        self._queued = worker.submit(requests, self._put)
        for index, queued in enumerate(self._queued):
            queued.future.add_done_callback(partial(self._put_outcome, index))

    async def start(self) -> None:
        """Wait for the first piece.

        Raises:
            RequestFailedError: There is none: the request was rejected.
        """
        self._first = index, event = await self._events.get()
        if isinstance(event, Rejection):
            raise RequestFailedError(rejection_failure(event, self._name(index)))

    async def chunks(self, form: Form, *, with_usage: bool) -> AsyncIterator[dict[str, Any]]:
        """Yield the chunks, after `start`.

        Args:
            form: Of the response.
            with_usage: Whether the token counts come last.
        """
        progress = [_Progress() for _ in self._queued]
        for index in range(len(progress)):
            first = form.first_chunk(index)
            if first is not None:
                yield first
        while not all(one.completion for one in progress):
            index, event = self._first or await self._events.get()
            self._first = None
            if isinstance(event, Rejection):
                yield openai_error_body(rejection_failure(event, self._name(index)))
                return
            piece = progress[index].advance(event)
            if piece != Piece(""):
                yield form.chunk(index, piece)
            if isinstance(event, Completion):
                yield form.last_chunk(index, event.finish_reason)
        if with_usage:
            yield form.usage_chunk([one.completion for one in progress if one.completion])

    def cancel(self) -> None:
        """Stop what is not complete: its rows are free for others."""
        for queued in self._queued:
            queued.cancel()

    def _put(self, index: int, event: Piece | GenerationOutcome) -> None:
        """Take what comes from the engine's thread."""
        self._loop.call_soon_threadsafe(self._events.put_nowait, (index, event))

    def _put_outcome(self, index: int, future: Future[GenerationOutcome]) -> None:
        self._put(index, future.result())

    def _name(self, index: int) -> str:
        return f"prompt[{index}]: " if len(self._queued) > 1 else ""


class _Progress:
    """How much of a completion was sent."""

    def __init__(self) -> None:
        self.completion: Completion | None = None
        self._characters = 0
        self._tokens = 0

    def advance(self, event: Piece | Completion) -> Piece:
        """Return what is to be sent: a piece, or what is left of a completion."""
        if isinstance(event, Completion):
            self.completion = event
            event = Piece(event.text[self._characters :], event.tokens[self._tokens :])
        self._characters += len(event.text)
        self._tokens += len(event.tokens)
        return event


class EventResponse(StreamingResponse):
    """Sends a stream, and cancels it when the client disconnects.

    Args:
        stream: One that has started.
        form: Of the response.
        with_usage: Whether the token counts come last.
    """

    def __init__(self, stream: CompletionStream, form: Form, *, with_usage: bool) -> None:
        super().__init__(
            _events(stream.chunks(form, with_usage=with_usage)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache"},
        )
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events; see the ASGI specification."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.cancel()


async def _events(chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    is_complete = True
    async for chunk in chunks:
        is_complete = "error" not in chunk
        yield f"data: {json.dumps(chunk, ensure_ascii=False, allow_nan=False)}\n\n".encode()
    if is_complete:
        yield _DONE
