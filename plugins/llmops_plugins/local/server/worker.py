"""The one thread that owns the engine: requests from any thread go in, futures come out."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future

import attrs

from llmops_plugins.local.engine.engine import Engine, Job, Outcome, Refused, Request

_log = logging.getLogger(__name__)


class FullError(Exception):
    """More requests wait than the server takes; ask again later."""


@attrs.define(eq=False)
class Ticket:
    """A request on its way.

    Attributes:
        request: What was asked.
        future: Gets the outcome.
        job: Set when the engine has it.
    """

    request: Request
    future: Future[Outcome] = attrs.field(factory=Future)
    job: Job | None = None
    cancelled: bool = False

    def cancel(self) -> None:
        """Say that nobody waits for it any more: it leaves before the next step."""
        self.cancelled = True
        if self.job is not None:
            self.job.cancelled = True


@attrs.define
class Counts:
    """What the server has done since it started.

    Attributes:
        requests: Bodies with prompts that were taken in.
        records: Prompts in them.
        answered: Prompts that got an answer.
        refused: Prompts that the engine refused.
        prompt_tokens: Of the answered ones.
        output_tokens: Of the answered ones.
    """

    requests: int = 0
    records: int = 0
    answered: int = 0
    refused: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0


class Worker(threading.Thread):
    """Runs an engine.

    Args:
        engine: Used by this thread alone from now on.
        window: Seconds that the first request at an idle engine waits for others to start with.
        most_waiting: Prompts that may wait at a time.
    """

    def __init__(self, engine: Engine, *, window: float, most_waiting: int) -> None:
        super().__init__(name="engine", daemon=True)
        self.counts = Counts()
        self._engine = engine
        self._window = window
        self._most = most_waiting
        self._changed = threading.Condition()
        self._incoming: deque[Ticket] = deque()
        # Those that the engine has, by their job.
        self._taken: dict[Job, Ticket] = {}

    @property
    def pending(self) -> int:
        """How many prompts wait or are being answered."""
        return len(self._incoming) + len(self._taken)

    def reset_counts(self) -> None:
        """Count from 0 again."""
        self.counts = Counts()

    def submit(self, requests: Sequence[Request]) -> list[Ticket]:
        """Take requests in; all of them or none.

        Raises:
            FullError: There is no room for all of them now.
        """
        tickets = [Ticket(request) for request in requests]
        with self._changed:
            if self.pending and self.pending + len(tickets) > self._most:
                raise FullError
            self._incoming.extend(tickets)
            self.counts.requests += 1
            self.counts.records += len(tickets)
            self._changed.notify()
        return tickets

    def run(self) -> None:
        """Work until the process ends."""
        while True:
            self._wait()
            try:
                self._take()
                done = self._engine.advance()
            except Exception as exc:  # noqa: BLE001 - all that can go wrong goes to the parent
                _log.exception("the engine failed")
                reason = f"the model failed: {type(exc).__name__}: {' '.join(str(exc).split())[:200]}"
                self._fail(Refused(reason, fault="model"))
            else:
                for job in done:
                    self._finish(self._taken.pop(job), job.outcome)
                self._forget_cancelled()

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

    def _take(self) -> None:
        while True:
            with self._changed:
                if not self._incoming:
                    return
                ticket = self._incoming.popleft()
            if ticket.cancelled or not ticket.future.set_running_or_notify_cancel():
                continue
            job = self._engine.submit(ticket.request)
            if isinstance(job, Refused):
                self._finish(ticket, job)
                continue
            self._taken[job] = ticket
            ticket.job = job
            job.cancelled = ticket.cancelled

    def _forget_cancelled(self) -> None:
        for job in [job for job in self._taken if job.cancelled]:
            self._finish(self._taken.pop(job), Refused("nobody waits for it any more"))

    def _fail(self, refused: Refused) -> None:
        for ticket in self._taken.values():
            self._finish(ticket, refused)
        self._taken.clear()

    def _finish(self, ticket: Ticket, outcome: Outcome | None) -> None:
        if isinstance(outcome, Refused):
            self.counts.refused += 1
        elif outcome is not None:
            self.counts.answered += 1
            self.counts.prompt_tokens += outcome.prompt_tokens
            self.counts.output_tokens += outcome.output_tokens
        if outcome is not None:
            ticket.future.set_result(outcome)
