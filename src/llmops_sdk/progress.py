"""Progress of long work: one small interface, shown as bars on a terminal, as plain lines, as JSON events, or not at all."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from typing_extensions import Self

if TYPE_CHECKING:
    import rich.progress
    from rich.progress import TaskID


UNSAFE = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)
"""Characters that a terminal obeys and does not show, except line ends and tabs."""


_MINUTE, _HOURS = 60, 2 * 3600


class Task:
    """One piece of work with a known or unknown length. Made by `Progress.task`."""

    def __init__(self, progress: Progress, key: str, total: float | None) -> None:
        self._progress = progress
        self._key = key
        self.total = total
        self.done: float = 0

    def advance(self, amount: float = 1, /, **details: str) -> None:
        """Count `amount` more as done; `details` are short texts worth showing (`loss="1.71"`)."""
        self.update(self.done + amount, **details)

    def update(self, done: float, /, **details: str) -> None:
        """Set how much is done in all."""
        self.done = done
        self._progress.on_update(self._key, done, details)


class Progress:
    """Progress that is not shown. The other kinds override `log` and the `on_` methods; all are safe to call from threads."""

    @contextmanager
    def task(self, label: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Show a task for the time of a `with` block.

        Args:
            label: What is being done, in a few words.
            total: The length of the work, or None if it is unknown.
            unit: What is counted: `records`, `steps`, `bytes`.
        """
        self.on_start(label, total, unit)
        try:
            yield Task(self, label, total)
        finally:
            self.on_end(label)

    def log(self, text: str) -> None:
        """Print one line that stays."""

    def on_start(self, label: str, total: float | None, unit: str) -> None:
        """A task has started."""

    def on_update(self, label: str, done: float, details: Mapping[str, str]) -> None:
        """More of a task is done."""

    def on_end(self, label: str) -> None:
        """A task has ended, done or not."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Restore the terminal."""


class EventProgress(Progress):
    """Writes one JSON event a line, for the parent process, which shows them with `replay`."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def _write(self, **event: Any) -> None:
        self._stream.write(json.dumps(event) + "\n")
        self._stream.flush()

    def log(self, text: str) -> None:
        self._write(event="log", text=text)

    def on_start(self, label: str, total: float | None, unit: str) -> None:
        self._write(event="start", label=label, total=total, unit=unit)

    def on_update(self, label: str, done: float, details: Mapping[str, str]) -> None:
        self._write(event="update", label=label, done=done, details=dict(details))

    def on_end(self, label: str) -> None:
        self._write(event="end", label=label)


def replay(line: str, progress: Progress) -> None:
    """Show on `progress` one line that an `EventProgress` wrote."""
    event = json.loads(line)
    kind = event.pop("event")
    if kind == "log":
        progress.log(event["text"])
    elif kind == "start":
        progress.on_start(event["label"], event["total"], event["unit"])
    elif kind == "update":
        progress.on_update(event["label"], event["done"], event["details"])
    elif kind == "end":
        progress.on_end(event["label"])


class PlainProgress(Progress):
    """Writes plain lines, at most one for each task in `every` seconds: for logs and pipes."""

    def __init__(self, stream: IO[str] | None = None, *, every: float = 10.0) -> None:
        self._stream = stream or sys.stderr
        self._every = every
        self._open: dict[str, tuple[float | None, str]] = {}
        self._shown: dict[str, float] = {}
        self._first: dict[str, tuple[float, float]] = {}

    def log(self, text: str) -> None:
        with suppress(OSError):  # a terminal that was closed must not keep an endpoint from being deleted
            self._stream.write(plain(text) + "\n")
            self._stream.flush()

    def on_start(self, label: str, total: float | None, unit: str) -> None:
        self._open[label] = (total, unit)
        self._shown[label] = time.monotonic()

    def on_update(self, label: str, done: float, details: Mapping[str, str]) -> None:
        now = time.monotonic()
        if label not in self._open:
            return
        # What an earlier attempt did is no measure of the speed: the first update may report it.
        first_done, first_at = self._first.setdefault(label, (done, now))
        if now - self._shown[label] < self._every:
            return
        self._shown[label] = now
        total, unit = self._open[label]
        # The steps of a run differ too much in length for an estimate: a task called like its unit has none.
        remaining = "" if unit == label else _remaining(done - first_done, now - first_at, total, done)
        amount = _amount(done, total, "" if unit == label else unit)
        self.log("  ".join(filter(None, [f"  {label}: {amount}", *_details(details), remaining])))

    def on_end(self, label: str) -> None:
        self._open.pop(label, None)
        self._first.pop(label, None)


class RichProgress(Progress):
    """Draws bars on a terminal, with rich; lines that stay are printed above them."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress as Bars, TextColumn, TimeRemainingColumn
        from rich.text import Text

        class RemainingColumn(TimeRemainingColumn):
            def render(self, task: rich.progress.Task) -> Text:
                known = task.fields["unit"] and task.time_remaining is not None
                return Text.assemble(super().render(task), " left") if known else Text("")

        self._bars = Bars(
            TextColumn("  {task.description}", style="cyan", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[amount]}", markup=False),
            TextColumn("{task.fields[details]}", style="dim", markup=False),
            RemainingColumn(),
            console=Console(file=stream or sys.stderr),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._units: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with suppress(OSError):
            self._bars.stop()

    def log(self, text: str) -> None:
        with suppress(OSError):
            self._bars.console.print(plain(text), markup=False, emoji=False, highlight=False, soft_wrap=True)

    def on_start(self, label: str, total: float | None, unit: str) -> None:
        # The steps of a run differ too much in length for an estimate: a task called like its unit has none.
        unit = self._units[label] = "" if unit == label else unit
        amount = _amount(0, total, unit) if total else ""
        self._tasks[label] = self._bars.add_task(plain(label), total=total, unit=unit, amount=amount, details="")

    def on_update(self, label: str, done: float, details: Mapping[str, str]) -> None:
        task = self._tasks.get(label)
        if task is None:
            return
        total = self._bars.tasks[self._bars.task_ids.index(task)].total
        amount = _amount(done, total, self._units[label])
        self._bars.update(task, completed=done, amount=amount, details="  ".join(_details(details)))

    def on_end(self, label: str) -> None:
        task = self._tasks.pop(label, None)
        if task is not None:
            self._bars.remove_task(task)


def progress_for(stream: IO[str] | None = None, *, quiet: bool = False) -> Progress:
    """Return the progress that fits a stream: bars on a terminal, else plain lines; nothing if quiet."""
    stream = stream or sys.stderr
    if quiet:
        return Progress()
    return RichProgress(stream) if stream.isatty() else PlainProgress(stream)


def _amount(done: float, total: float | None, unit: str) -> str:
    """Return how much is done as text: `2/7 steps`, `1.5/540.0 MB`, or `12 records` of an unknown length."""
    if unit == "bytes":
        return f"{done / 1e6:.1f}/{total / 1e6:.1f} MB" if total else f"{done / 1e6:.1f} MB"
    count = f"{done:,.0f}/{total:,.0f}" if total else f"{done:,.0f}"
    return f"{count} {unit}".rstrip()


def _remaining(done: float, seconds: float, total: float | None, done_in_all: float) -> str:
    """Return how long the rest of a task takes at its speed so far: `about 3 min left`."""
    if not total or done <= 0 or seconds <= 0 or done_in_all >= total:
        return ""
    left = (total - done_in_all) * seconds / done
    if left < _MINUTE:
        return f"about {max(1, round(left))} s left"
    return f"about {left / 60:.0f} min left" if left < _HOURS else f"about {left / 3600:.1f} h left"


def _details(details: Mapping[str, str]) -> list[str]:
    return [plain(f"{name.replace('_', ' ')} {text}") for name, text in details.items()]


def plain(text: str) -> str:
    """Return text for a terminal: control characters, bidirectional overrides and lone surrogates as `<code>`.

    Names, paths, answers and the errors of services reach the terminal; none may move its cursor or reverse a line.

    >>> plain("a" + chr(27) + "[2Jb" + chr(0x202E))
    'a<1b>[2Jb<202e>'
    """
    return UNSAFE.sub(lambda match: f"<{ord(match[0]):02x}>", text)
