"""The one thread that owns the engine: requests come in from any thread; their pieces and outcomes go out."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

import attrs

from llmops_plugins.local.engine.active_request import ActiveRequest
from llmops_plugins.local.engine.engine import Engine
from llmops_plugins.local.engine.request import GenerationOutcome, GenerationRequest, Piece, Rejection
from llmops_plugins.local.engine.stream import TextStream

_log = logging.getLogger(__name__)


class QueueFullError(Exception):
    """More requests are waiting than the server accepts; try again later."""


@attrs.define(eq=False)
class QueuedRequest:
    """A request between its client and the engine.

    Attributes:
        request: What to complete.
        on_piece: Called from the engine's thread with what was generated, after each step but the last.
        future: Receives the outcome.
        active: Set once the engine has the request.
        cancelled: Whether nobody waits for the outcome any more.
    """

    request: GenerationRequest
    on_piece: Callable[[Piece], None] | None = None
    future: Future[GenerationOutcome] = attrs.field(factory=Future)
    active: ActiveRequest | None = None
    cancelled: bool = False
    _stream: TextStream | None = None
    _published: int = 0

    def activate(self, active: ActiveRequest) -> None:
        """Note that the engine has the request."""
        self.active = active
        active.cancelled = self.cancelled
        if self.on_piece is not None:
            self._stream = TextStream(active.stops)

    def publish(self) -> None:
        """Pass on what was generated since the last time."""
        if self.active is None or self.on_piece is None or self._stream is None:
            return
        text = self._stream.add(self.active.tokens[self._published :])
        piece = Piece(text, self.active.scored_tokens(self._published))
        self._published = len(self.active.tokens)
        if piece != Piece(""):
            self.on_piece(piece)

    def cancel(self) -> None:
        """Stop waiting for the outcome: the request leaves before the next step."""
        self.cancelled = True
        if self.active is not None:
            self.active.cancelled = True


@attrs.define
class Counts:
    """What the server has done since it started.

    Attributes:
        requests: Bodies with prompts that were accepted.
        records: Prompts in them.
        answered: Prompts with a completion.
        refused: Prompts that the engine rejected.
        prompt_tokens: Of the answered prompts.
        output_tokens: Of the answered prompts.
    """

    requests: int = 0
    records: int = 0
    answered: int = 0
    refused: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0


class EngineWorker(threading.Thread):
    """Runs an engine.

    Args:
        engine: Used only by this thread from now on.
        window: Seconds that the first request at an idle engine waits for others to start with.
        max_waiting: The most prompts that may wait at a time.
    """

    def __init__(self, engine: Engine, *, window: float, max_waiting: int) -> None:
        super().__init__(name="engine", daemon=True)
        self.counts = Counts()
        self._engine = engine
        self._window = window
        self._max_waiting = max_waiting
        self._changed = threading.Condition()
        self._incoming: deque[QueuedRequest] = deque()
        # The requests that the engine has.
        self._active: dict[ActiveRequest, QueuedRequest] = {}

    @property
    def pending(self) -> int:
        """Number of prompts that wait or are being completed."""
        return len(self._incoming) + len(self._active)

    def reset_counts(self) -> None:
        """Count from 0 again."""
        self.counts = Counts()

    def submit(
        self, requests: Sequence[GenerationRequest], on_piece: Callable[[int, Piece], None] | None = None
    ) -> list[QueuedRequest]:
        """Accept requests, all of them or none.

        Args:
            requests: Each is completed on its own.
            on_piece: Called from the engine's thread with the index of a request and what was generated for it.

        Raises:
            QueueFullError: There is no room for all of them now.
        """
        queued = [
            QueuedRequest(request, partial(on_piece, index) if on_piece else None)
            for index, request in enumerate(requests)
        ]
        with self._changed:
            if self.pending and self.pending + len(queued) > self._max_waiting:
                raise QueueFullError
            self._incoming.extend(queued)
            self.counts.requests += 1
            self.counts.records += len(queued)
            self._changed.notify()
        return queued

    def run(self) -> None:
        """Work until the process ends."""
        while True:
            self._wait()
            try:
                self._activate()
                done = self._engine.advance()
            except Exception as exc:  # noqa: BLE001 - every failure becomes the requests' outcome
                _log.exception("the engine failed")
                reason = f"the model failed: {type(exc).__name__}: {' '.join(str(exc).split())[:200]}"
                self._fail_all(Rejection(reason, fault="model"))
            else:
                for active in done:
                    self._finish(self._active.pop(active), active.outcome)
                self._drop_cancelled()
                for queued in self._active.values():
                    queued.publish()

    def _wait(self) -> None:
        """Wait for work; at an idle engine, also for a full batch or the end of the window."""
        with self._changed:
            if not self._engine.idle:
                return
            while not self._incoming:
                self._changed.wait()
            until = time.monotonic() + self._window
            while len(self._incoming) < self._engine.max_batch and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    def _activate(self) -> None:
        while True:
            with self._changed:
                if not self._incoming:
                    return
                queued = self._incoming.popleft()
            if queued.cancelled or not queued.future.set_running_or_notify_cancel():
                continue
            active = self._engine.submit(queued.request)
            if isinstance(active, Rejection):
                self._finish(queued, active)
                continue
            self._active[active] = queued
            queued.activate(active)

    def _drop_cancelled(self) -> None:
        for active in [active for active in self._active if active.cancelled]:
            self._finish(self._active.pop(active), Rejection("the client disconnected"))

    def _fail_all(self, rejection: Rejection) -> None:
        for queued in self._active.values():
            self._finish(queued, rejection)
        self._active.clear()

    def _finish(self, queued: QueuedRequest, outcome: GenerationOutcome | None) -> None:
        if isinstance(outcome, Rejection):
            self.counts.refused += 1
        elif outcome is not None:
            self.counts.answered += 1
            self.counts.prompt_tokens += outcome.prompt_tokens
            self.counts.output_tokens += outcome.output_tokens
        if outcome is not None:
            queued.future.set_result(outcome)
