"""The heartbeat of the runs and steps that this process works on: one thread for all of them."""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from llmops_sdk.errors import UserError
from llmops_sdk.record.locks import process_exists
from llmops_sdk.record.run import Run
from llmops_sdk.record.runs import read_started
from llmops_sdk.record.stores import Store

HEARTBEAT_SECONDS = 15.0
"""Seconds between two heartbeats of a running step."""

ALIVE_SECONDS = 8 * HEARTBEAT_SECONDS
"""A step with a heartbeat younger than this is running; the clocks of two machines may differ by a minute."""


class Heartbeat:
    """Writes into the record of each running step, every `HEARTBEAT_SECONDS`, that it is alive."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], tuple[Run, float]] = {}
        self._stopped: set[tuple[str, str]] = set()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self, run: Run, step: str, at: float) -> None:
        """Write the first heartbeat of a step now, and the next ones from a thread.

        Args:
            run: The run.
            step: The step; empty means the run itself.
            at: When the step started, in seconds since the epoch.
        """
        run.write_started(step, at)
        with self._lock:
            self._running[(run.id, step)] = (run, at)
            self._stopped.discard((run.id, step))
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name="llmops-heartbeat", daemon=True)
                self._thread.start()

    def stop(self, run: Run, step: str) -> None:
        """Write no further heartbeat of a step."""
        with self._lock:
            self._running.pop((run.id, step), None)
            self._stopped.add((run.id, step))

    def has_stopped(self, run_id: str, step: str) -> bool:
        """Return whether this process worked on a step and does no longer, whatever its last heartbeat shows."""
        return (run_id, step) in self._stopped

    def _write_all(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            with self._lock:
                running = dict(self._running)
            for key, (run, at) in running.items():
                # Under the lock: once `stop` has returned, none is on its way.
                with self._lock, contextlib.suppress(Exception):  # one that a store loses must not be the last one
                    if key in self._running:
                        run.write_started(key[1], at)


HEARTBEAT = Heartbeat()


@contextmanager
def in_progress(run: Run) -> Iterator[None]:
    """Show in the record that a process works on the run, until the end of the block: `llmops clean` leaves it alone.

    Raises:
        RunNotFoundError: `llmops clean` is freeing it.
    """
    HEARTBEAT.start(run, "", time.time())
    try:
        run.check_not_freed()
        yield
    finally:
        HEARTBEAT.stop(run, "")
        with contextlib.suppress(UserError, OSError):  # what cannot be removed only delays `llmops clean`
            run.clear_running()
            if all(run.record(step.name) for step in run.plan.steps):
                run.clear_uses()


def where_running(store: Store, run_id: str, step: str, now: float) -> str:
    """Return where a process works on a step, or an empty text if none does.

    Args:
        store: The store.
        run_id: The run.
        step: The step; empty means the run itself.
        now: In seconds since the epoch.
    """
    started = read_started(store, run_id, step)
    if started is None or now - started.heartbeat > ALIVE_SECONDS:
        return ""
    if started.host == platform.node():
        is_own = started.pid == os.getpid()
        if not process_exists(started.pid) or (is_own and HEARTBEAT.has_stopped(run_id, step)):
            return ""
    return f"{started.host!r}, process {started.pid}"
