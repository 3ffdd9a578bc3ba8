"""What plugins print and raise."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from contextlib import closing

import pytest

from llmops_sdk.plugin.isolation import (
    LogLines,
    describe_failure,
    prints_to,
    prints_to_stderr,
    raised_by_signal_handler,
)


def test_a_failure_names_the_line_of_the_plugin_and_not_of_the_library_it_calls() -> None:
    """The deepest line of the plugin's own package."""
    try:
        json.loads("{")
    except ValueError as exc:
        text = describe_failure(exc)

    assert text.startswith("JSONDecodeError: Expecting property name")
    assert text.endswith(
        f"(test_isolation.py:{test_a_failure_names_the_line_of_the_plugin_and_not_of_the_library_it_calls.__code__.co_firstlineno + 3})"
    )


def test_an_exit_is_described_as_one() -> None:
    """It is no error of the program."""
    assert "it called sys.exit('no licence')" == describe_failure(SystemExit("no licence"))
    assert "it called sys.exit()" == describe_failure(SystemExit())
    assert "KeyError" == describe_failure(KeyError())


def test_prints_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output has results only."""
    with prints_to_stderr():
        print("hello")  # noqa: T201 - what a plugin should not do

    assert ("", "hello\n") == tuple(capsys.readouterr())


def test_prints_in_another_thread_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Two threads that redirect standard output would leave it redirected."""
    before = sys.stdout

    def work() -> None:
        with prints_to_stderr():
            print("hello")  # noqa: T201 - what a plugin should not do

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert before is sys.stdout
    assert "hello\n" == capsys.readouterr().out


def test_prints_become_lines_of_a_log(caplog: pytest.LogCaptureFixture) -> None:
    """Each line is one entry, the last one without a line end too."""
    with (
        caplog.at_level(logging.INFO),
        closing(LogLines(logging.getLogger("lines"))) as lines,
        prints_to(lines),
    ):
        print("one\ntwo", end="")  # noqa: T201 - what a plugin should not do

    assert ["one", "two"] == caplog.messages


def test_what_a_signal_handler_raises_is_no_failure_of_a_plugin() -> None:
    """A program may end itself in its handler, whatever code was interrupted."""

    def end(_number: int, _frame: object) -> None:
        sys.exit(7)

    before = signal.signal(signal.SIGUSR1, end)
    try:
        with pytest.raises(SystemExit) as raised:
            signal.raise_signal(signal.SIGUSR1)
        assert raised_by_signal_handler(raised.value)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not raised_by_signal_handler(SystemExit(7))
