"""How far the work is: one small interface, told on a terminal, in plain lines, as JSON events, or not at all."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from typing_extensions import Self

if TYPE_CHECKING:
    from rich.progress import TaskID


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
        """Say how much is done in all."""
        self.done = done
        self._progress.on_update(self._key, done, details)


class Progress:
    """Tells nobody. The other kinds override the `on_` methods; all of them are safe to call from threads."""

    @contextmanager
    def task(self, label: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Open a task for the time of a `with` block.

        Args:
            label: What is being done, in a few words.
            total: The length of the work, or None where it is not known.
            unit: What is counted: `records`, `steps`, `bytes`.
        """
        self.on_start(label, total, unit)
        try:
            yield Task(self, label, total)
        finally:
            self.on_end(label)

    def log(self, text: str) -> None:
        """Tell one line that stays."""

    def on_start(self, label: str, total: float | None, unit: str) -> None:
        """A task begins."""

    def on_update(self, label: str, done: float, details: Mapping[str, str]) -> None:
        """A task has come further."""

    def on_end(self, label: str) -> None:
        """A task ends, done or not."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Leave the terminal as it was found."""


class EventProgress(Progress):
    """Writes one JSON event a line, for the parent process, which plays them to its own progress with `replay`."""

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
    """Tell `progress` what an `EventProgress` wrote as one line."""
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
    """Writes whole lines, at most one for each task in `every` seconds: for logs and pipes."""

    def __init__(self, stream: IO[str] | None = None, *, every: float = 10.0) -> None:
        self._stream = stream or sys.stderr
        self._every = every
        self._open: dict[str, tuple[float | None, str]] = {}
        self._told: dict[str, float] = {}

    def log(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def on_start(self, label: str, total: float | None, unit: str) -> None:
        self._open[label] = (total, unit)
        self._told[label] = time.monotonic()

    def on_update(self, label: str, done: float, details: Mapping[str, str]) -> None:
        now = time.monotonic()
        if label not in self._open or now - self._told[label] < self._every:
            return
        self._told[label] = now
        total, unit = self._open[label]
        size = f"{_count(done, unit)}/{_count(total, unit)}" if total else _count(done, unit)
        self.log("  ".join([f"  {label}: {size} {'' if unit == 'bytes' else unit}".rstrip(), *_details(details)]))

    def on_end(self, label: str) -> None:
        self._open.pop(label, None)


class RichProgress(Progress):
    """Draws bars on a terminal, with rich; lines that stay are printed above them."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress as Bars, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._console = Console(file=stream or sys.stderr)
        self._bars = Bars(
            TextColumn("  {task.description}", style="cyan"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[details]}", style="dim"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._units: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._bars.stop()

    def log(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def on_start(self, label: str, total: float | None, unit: str) -> None:
        self._units[label] = unit
        self._tasks[label] = self._bars.add_task(label, total=total, details="")

    def on_update(self, label: str, done: float, details: Mapping[str, str]) -> None:
        task = self._tasks.get(label)
        if task is None:
            return
        unit = self._units[label]
        counted = f"{_count(done, unit)} {'' if unit == 'bytes' else unit}".strip()
        self._bars.update(task, completed=done, details="  ".join([counted, *_details(details)]))

    def on_end(self, label: str) -> None:
        task = self._tasks.pop(label, None)
        if task is not None:
            self._bars.remove_task(task)


def progress_for(stream: IO[str] | None = None, *, quiet: bool = False) -> Progress:
    """Return what fits: bars on a terminal, plain lines elsewhere, nothing when quiet."""
    stream = stream or sys.stderr
    if quiet:
        return Progress()
    return RichProgress(stream) if stream.isatty() else PlainProgress(stream)


def _count(amount: float | None, unit: str) -> str:
    if amount is None:
        return "?"
    return f"{amount / 1e6:.1f} MB" if unit == "bytes" else f"{amount:,.0f}"


def _details(details: Mapping[str, str]) -> list[str]:
    return [f"{name.replace('_', ' ')} {text}" for name, text in details.items()]
