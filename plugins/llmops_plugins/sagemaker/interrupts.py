"""Ctrl-C and SIGTERM: delaying them while a call must not be interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def interrupt_at_sigterm() -> None:
    """Treat SIGTERM, with which SageMaker stops a container, as Ctrl-C, so that `delayed_interrupt` delays both.

    Call it in the main thread. It also restores Python's handler of SIGINT, which a container's shell may have disabled.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda _number, _frame: signal.raise_signal(signal.SIGINT))


@contextmanager
def delayed_interrupt() -> Iterator[None]:
    """Delay Ctrl-C to the end of the block, and raise it then, whatever the block raised.

    Two kinds of calls need this. The telemetry of the SageMaker SDK returns from a `finally`, which swallows an interrupt,
    and the program would continue. And a request that creates a resource must be answered before the resource can be
    deleted. A second Ctrl-C is not delayed. Outside the main thread, where signals do not arrive, this does nothing.
    """
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT) if in_main else None
    if not callable(before):  # ignored, or not Python's
        yield
        return
    pending = 0

    def delay(_number: int, _frame: FrameType | None) -> None:
        nonlocal pending
        pending += 1
        if pending > 1:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, delay)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pending:
            raise KeyboardInterrupt
