"""Delaying Ctrl-C and SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from llmops_plugins.sagemaker.interrupts import delayed_interrupt, interrupt_at_sigterm


@pytest.fixture(name="handlers")
def _handlers() -> Iterator[None]:
    """Restores the handlers of signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_sigterm_is_delayed_like_ctrl_c() -> None:
    """It is raised at the end of the block, even where SIGINT was ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt_at_sigterm()
    seen: list[str] = []

    def create() -> None:
        with delayed_interrupt():
            signal.raise_signal(signal.SIGTERM)
            seen.append("after SIGTERM")

    with pytest.raises(KeyboardInterrupt):
        create()

    assert ["after SIGTERM"] == seen
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.usefixtures("handlers")
def test_a_second_ctrl_c_is_not_delayed() -> None:
    """A user who presses it twice does not want to wait."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seen: list[str] = []

    def create() -> None:
        with delayed_interrupt():
            signal.raise_signal(signal.SIGINT)
            seen.append("after the first")
            signal.raise_signal(signal.SIGINT)
            seen.append("after the second")

    with pytest.raises(KeyboardInterrupt):
        create()

    assert ["after the first"] == seen
