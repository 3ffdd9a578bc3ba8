"""The heartbeat of the steps that this process works on: one thread for all of them."""

from __future__ import annotations

import contextlib
import threading
import time

from llmops_sdk.record.run import Run

HEARTBEAT_SECONDS = 15.0
"""Seconds between two heartbeats of a running step."""


class Heartbeat:
    """Writes into the record of each running step, every `HEARTBEAT_SECONDS`, that it is alive."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], tuple[Run, float]] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self, run: Run, step: str, at: float) -> None:
        """Write the first heartbeat of a step now, and the next ones from a thread.

        Args:
            run: The run.
            step: The step.
            at: When the step started, in seconds since the epoch.
        """
        run.write_started(step, at)
        with self._lock:
            self._running[(run.id, step)] = (run, at)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name="llmops-heartbeat", daemon=True)
                self._thread.start()

    def stop(self, run: Run, step: str) -> None:
        """Write no further heartbeat of a step."""
        with self._lock:
            self._running.pop((run.id, step), None)

    def _write_all(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            with self._lock:
                running = dict(self._running)
            for (_, step), (run, at) in running.items():
                with contextlib.suppress(Exception):  # a heartbeat that a store loses must not be the last one
                    run.write_started(step, at)


HEARTBEAT = Heartbeat()
