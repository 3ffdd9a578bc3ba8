"""Where plans, runs and artifacts are kept: a store of keys and bytes, and the one on this machine's disk.

Nothing above this module needs more of a store than `put`, `get`, `list` and `delete`, so an object store without
append or rename can hold a run. A store on disk does better where it can: artifacts are made in place, and a journal
line is on the disk before the next request is sent.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

DEFAULT_STORE = "llmops-runs"
"""The folder that holds runs where none is named."""

SEGMENT_RECORDS = 64
"""Lines a journal gathers for one segment where a store cannot append."""

SEGMENT_SECONDS = 10.0
"""The longest that a line waits for its segment to be full, while lines come."""


class Journal(ABC):
    """Lines written one after another, to be found again after a kill. One writer."""

    @abstractmethod
    def write(self, line: bytes) -> None:
        """Keep one line (with its line end)."""

    @abstractmethod
    def close(self) -> None:
        """Keep what is not kept yet."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class Store(ABC):
    """Keys (paths with `/`) to bytes. A `put` is atomic: a reader sees all of it or nothing.

    Attributes:
        uri: How another process opens it; empty where none can.
    """

    uri: str = ""

    @abstractmethod
    def put(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`, replacing what was there."""

    def put_durable(self, key: str, data: bytes) -> None:
        """Write `data` under `key` as `put` does; once this returns, a power cut does not undo it."""
        self.put(key, data)

    @abstractmethod
    def get(self, key: str) -> bytes | None:
        """Return what `key` holds, or None."""

    @abstractmethod
    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin with `prefix`, sorted."""

    @abstractmethod
    def delete(self, prefix: str) -> None:
        """Remove all keys that begin with `prefix`."""

    def suited(self, settings: Mapping[str, Mapping[str, Any]]) -> Store:
        """Return the store as a run writes to it whose settings (plugin name to its settings) may name a key."""
        return self

    def locate(self, key: str) -> str:
        """Return where people find `key`: its path, its URI, or the key itself where there is none."""
        return f"{self.uri}/{key}" if self.uri else key

    def append(self, key: str, data: bytes) -> None:
        """Add to the end of `key`; for logs, which have one writer."""
        self.put(key, (self.get(key) or b"") + data)

    @contextmanager
    def log_file(self, key: str) -> Iterator[Path]:
        """Lend a file to append to, for another process's output; in the end it is at the end of `key`."""
        with tempfile.TemporaryDirectory(prefix="llmops-") as lent:
            path = Path(lent) / "log"
            path.touch()
            try:
                yield path
            finally:
                if path.stat().st_size:
                    self.append(key, path.read_bytes())

    def copy(self, source: str, target: str) -> None:
        """Put what `source` holds under `target` too; nothing when there is nothing."""
        data = self.get(source)
        if data is not None:
            self.put(target, data)

    @contextmanager
    def folder(self, prefix: str) -> Iterator[Path]:
        """Lend a folder with the files below `prefix` to read: a copy where the store is not on this disk."""
        with tempfile.TemporaryDirectory(prefix="llmops-") as lent:
            self.download(prefix, Path(lent))
            yield Path(lent)

    @contextmanager
    def workspace(self, prefix: str, home: Path) -> Iterator[Path]:
        """Lend a folder to make what will be below `prefix`; what an interrupted attempt left is in it.

        On a normal end the files are in the store; after an exception they stay where a next attempt on this machine
        finds them.
        """
        work = home / "work" / prefix
        work.mkdir(parents=True, exist_ok=True)
        yield work
        self.upload(work, prefix)
        shutil.rmtree(work)

    @contextmanager
    def claim(self, prefix: str, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Keep other processes on this machine from making the same artifact, where the store can.

        Args:
            prefix: Of the artifact.
            waiting: Called once when another process has it.
        """
        yield

    def journal(self, prefix: str, name: str) -> Journal:
        """Open a journal whose segments are below `prefix`; `name` is this attempt's, used by no other."""
        return _SegmentJournal(self, f"{prefix}/{name}")

    def read_lines(self, prefix: str) -> Iterator[bytes]:
        """Yield the whole lines of `prefix` or of all segments below it; a torn last line of one is left out."""
        for key in self._segments(prefix):
            yield from whole_lines((self.get(key) or b"").splitlines(keepends=True))

    def _segments(self, prefix: str) -> tuple[str, ...]:
        return tuple(key for key in self.list(prefix) if key == prefix or key.startswith(f"{prefix}/"))

    def upload(self, folder: Path, prefix: str) -> None:
        """Put the files of a folder below `prefix`."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def download(self, prefix: str, folder: Path) -> None:
        """Write what is below `prefix` into a folder."""
        for key in self.list(f"{prefix}/"):
            target = folder / key.removeprefix(f"{prefix}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.get(key) or b"")


class _SegmentJournal(Journal):
    """Gathers lines and puts them as numbered segments."""

    def __init__(self, store: Store, base: str) -> None:
        self._store = store
        self._base = base
        self._number = 0
        self._lines: list[bytes] = []
        self._kept = time.monotonic()

    def write(self, line: bytes) -> None:
        self._lines.append(line)
        if len(self._lines) >= SEGMENT_RECORDS or time.monotonic() - self._kept > SEGMENT_SECONDS:
            self.close()

    def close(self) -> None:
        if self._lines:
            self._store.put(f"{self._base}-{self._number:06d}.jsonl", b"".join(self._lines))
            self._number += 1
            self._lines = []
        self._kept = time.monotonic()


def whole_lines(lines: Iterator[bytes] | list[bytes]) -> Iterator[bytes]:
    """Yield the lines that end with a line end; a torn last one is left out."""
    return (line for line in lines if line.endswith(b"\n"))
