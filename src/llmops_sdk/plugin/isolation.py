"""Calling code of plugins: what it prints stays out of standard output, and what it raises is named with its place."""

from __future__ import annotations

import io
import logging
import signal
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import IO

_CORE = "llmops_sdk"
_STANDARD_LIBRARY = sysconfig.get_path("stdlib")
_INSTALLED = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))

PLUGIN_FAILURES = (Exception, SystemExit, GeneratorExit)
"""What code of a plugin may raise without ending the program: everything but Ctrl-C."""


@contextmanager
def prints_to(stream: IO[str]) -> Iterator[None]:
    """Send what is printed in the block to a stream, so that standard output has results and nothing else.

    Outside the main thread this does nothing: standard output belongs to the whole process, and two threads that
    redirect it would leave it redirected.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with redirect_stdout(stream):
        yield


def prints_to_stderr() -> AbstractContextManager[None]:
    """Send what is printed in the block to standard error."""
    return prints_to(sys.stderr)


class LogLines(io.StringIO):
    """A stream whose lines are written to a log."""

    def __init__(self, log: logging.Logger) -> None:
        super().__init__()
        self._log = log
        self._line = ""

    def write(self, text: str) -> int:
        *lines, self._line = f"{self._line}{text}".split("\n")
        for line in lines:
            self._log.info("%s", line)
        return len(text)

    def close(self) -> None:
        """Write the last line."""
        if self._line:
            self.write("\n")
        super().close()


def describe_failure(error: BaseException) -> str:
    """Return in one line what code of a plugin raised, with the file and line of its own code.

    The place is the deepest one in the package of the first code that is neither this project's core nor Python's own:
    of a plugin that calls a library, the line of the plugin.
    """
    text = " ".join(str(error).split())
    if isinstance(error, SystemExit):
        reason = f"it called sys.exit({text!r})" if text else "it called sys.exit()"
    elif text:
        reason = f"{type(error).__name__}: {text}"
    else:
        reason = type(error).__name__
    place = _place(error.__traceback__)
    return f"{reason} ({place})" if place else reason


def raised_by_signal_handler(error: BaseException) -> bool:
    """Return whether a signal handler of the program raised an error, and not the code that it interrupted."""
    handlers = (signal.getsignal(number) for number in signal.valid_signals())
    codes = {getattr(handler, "__code__", None) for handler in handlers}
    return any(frame.f_code in codes for frame, _ in walk_tb(error.__traceback__))


def _place(traceback: TracebackType | None) -> str:
    root, place = "", ""
    while traceback is not None:
        code, name = traceback.tb_frame.f_code, str(traceback.tb_frame.f_globals.get("__name__", ""))
        package = name.partition(".")[0]
        if not root and package != _CORE and not _is_of_python(code.co_filename):
            root = package
        if root and package == root:
            place = f"{Path(code.co_filename).name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def _is_of_python(filename: str) -> bool:
    if filename.startswith("<"):
        return True
    return filename.startswith(_STANDARD_LIBRARY) and not filename.startswith(_INSTALLED)
