"""Ctrl-C, the end that is asked for with SIGTERM, and calls that must not be cut in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def interrupt_at_sigterm() -> None:
    """Let SIGTERM, with which SageMaker stops a container, be a Ctrl-C from now on, so that `held_interrupt` holds both.

    Called in the main thread. A container's shell may have had SIGINT ignored; it is Python's again.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda _number, _frame: signal.raise_signal(signal.SIGINT))


@contextmanager
def held_interrupt() -> Iterator[None]:
    """Hold Ctrl-C back until the block has ended, and raise it then, whatever the block raised.

    For two kinds of calls. The SageMaker SDK returns from a `finally` of its telemetry, which swallows an interrupt, and
    the program would go on. And a request that creates something must be answered before what it made can be deleted.
    A second Ctrl-C is not held. Outside the main thread, where signals do not arrive, this does nothing.
    """
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT) if in_main else None
    if not callable(before):  # ignored, or not Python's
        yield
        return
    held = 0

    def hold(_number: int, _frame: FrameType | None) -> None:
        nonlocal held
        held += 1
        if held > 1:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            raise KeyboardInterrupt
