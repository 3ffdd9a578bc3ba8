"""SIGTERM and SIGHUP stop a block as Ctrl-C does."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from llmops_sdk.steps.signals import STOP_SIGNALS, received_signal, stop_signals


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_raises_what_ctrl_c_raises(number: int) -> None:
    """The number is known afterwards, and the default action is restored."""
    with pytest.raises(KeyboardInterrupt), stop_signals():
        signal.raise_signal(number)

    assert number == received_signal()
    assert signal.SIG_DFL == signal.getsignal(number)


def test_ctrl_c_is_its_own_signal() -> None:
    """An earlier block's signal is forgotten."""
    with pytest.raises(KeyboardInterrupt), stop_signals():
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stop_signals():
        signal.raise_signal(signal.SIGINT)

    assert signal.SIGINT == received_signal()


def test_the_same_stop_sent_twice_is_one() -> None:
    """`timeout` and a closing terminal send their signal to the process and to its group."""
    cleaned = []

    def hang_up_twice() -> None:
        try:
            signal.raise_signal(signal.SIGHUP)
        finally:
            signal.raise_signal(signal.SIGHUP)
            cleaned.append("endpoint")

    with pytest.raises(KeyboardInterrupt), stop_signals():
        hang_up_twice()

    assert ["endpoint"] == cleaned


def test_a_handler_of_the_program_stays() -> None:
    """Programs that embed the SDK keep theirs, and what they ignore stays ignored."""
    received: list[int] = []
    before = [signal.signal(signal.SIGTERM, lambda number, _: received.append(number))]
    before.append(signal.signal(signal.SIGHUP, signal.SIG_IGN))
    try:
        with stop_signals():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGHUP)
    finally:
        for number, handler in zip(STOP_SIGNALS, before, strict=True):
            signal.signal(number, handler)

    assert [signal.SIGTERM] == received


def test_an_ignored_ctrl_c_does_not_hide_sigterm() -> None:
    """A shell ignores SIGINT for what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), stop_signals():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_installs_nothing() -> None:
    """Python delivers signals to the main thread only."""
    handlers = []

    def look() -> None:
        with stop_signals():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert [signal.SIG_DFL] == handlers


def test_a_delayed_ctrl_c_delays_sigterm() -> None:
    """A call that must not be interrupted replaces the handler of SIGINT; it need not know of SIGTERM."""
    delayed: list[float] = []
    before = signal.signal(signal.SIGINT, lambda *_: delayed.append(time.monotonic()))
    try:
        with stop_signals():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)

    assert 1 == len(delayed)
