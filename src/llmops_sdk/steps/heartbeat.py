"""The heartbeat of the steps that this process works on: one thread for all of them."""

from __future__ import annotations

import contextlib
import threading
import time

from llmops_sdk.record.run import Run

HEARTBEAT_SECONDS = 15.0
"""Seconds between two heartbeats of a running step."""


class Heartbeat:
    """Says of every step that is begun and not ended, every `HEARTBEAT_SECONDS`, that it is alive."""

    def __init__(self) -> None:
        self._alive: dict[tuple[str, str], tuple[Run, float]] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self, run: Run, step: str, at: float) -> None:
        """Say it at once, and from now on."""
        run.write_started(step, at)
        with self._lock:
            self._alive[(run.id, step)] = (run, at)
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="llmops-heart", daemon=True)
                self._thread.start()

    def stop(self, run: Run, step: str) -> None:
        """Say it no more."""
        with self._lock:
            self._alive.pop((run.id, step), None)

    def _beat(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            with self._lock:
                alive = dict(self._alive)
            for (_, step), (run, at) in alive.items():
                with contextlib.suppress(Exception):  # a beat that a store loses must not be the last one
                    run.write_started(step, at)


HEARTBEAT = Heartbeat()
