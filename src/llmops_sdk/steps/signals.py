"""SIGTERM and SIGHUP: while a run lasts, they stop it as Ctrl-C does."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import attrs

STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""`docker stop`, an evicted pod, a cancelled CI job and `timeout` send the first, a closed terminal sends the second."""

REPEATED_SECONDS = 1.0
"""Signals this soon after the first one are the same stop: `timeout` and a closing terminal send theirs twice."""


@attrs.define
class _Stop:
    """The signal that stopped the run of this process, and when it came; 0 is none."""

    number: int = 0
    at: float = 0.0


_STOP = _Stop()


@contextmanager
def stop_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `KeyboardInterrupt` within the block, as Ctrl-C does.

    A second signal ends the process at once. Signals that the program ignores (`nohup`) or has a handler of its own for
    are left alone, and outside the main thread, where Python delivers none, this does nothing. The handlers are removed
    at the end of the block.
    """
    changed = []
    if threading.current_thread() is threading.main_thread():
        changed = [number for number in STOP_SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    if changed:
        _STOP.number = 0
    for number in changed:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


def received_signal() -> int:
    """Return the signal that stopped the last block of `stop_signals`: SIGINT unless another one came."""
    return _STOP.number or signal.SIGINT


def _interrupt(number: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    if _STOP.number:
        if now - _STOP.at >= REPEATED_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        return
    _STOP.number, _STOP.at = number, now
    if callable(signal.getsignal(signal.SIGINT)):
        signal.raise_signal(signal.SIGINT)  # who delays Ctrl-C around a call delays this signal too
    else:  # a shell ignores Ctrl-C for what it runs in the background
        raise KeyboardInterrupt
