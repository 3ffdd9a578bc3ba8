"""Where plans, runs and artifacts are kept: a store of keys and bytes, and the one on this machine's disk.

Nothing above this module needs more of a store than `put`, `get`, `list` and `delete`, so an object store without
append or rename can hold a run. A store on disk does better where it can: artifacts are made in place, and a journal
line is on the disk before the next request is sent.
"""

from __future__ import annotations

import fcntl
import os
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

SEGMENT_RECORDS = 64
"""Lines a journal gathers for one segment where a store cannot append."""

SEGMENT_SECONDS = 10.0
"""The longest that a line waits for its segment to be full, while lines come."""

SYNC_SECONDS = 1.0
"""The longest that a line of a journal on this disk waits to be safe from a power cut."""


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
            yield from _whole_lines((self.get(key) or b"").splitlines(keepends=True))

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


class LocalStore(Store):
    """A store in a folder of this machine."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self.uri = str(self.root)
        self._known: set[str] = set()

    def put(self, key: str, data: bytes) -> None:
        target = os.path.join(self.uri, key)  # noqa: PTH118 - a hot path: three puts a step
        folder = os.path.dirname(target)  # noqa: PTH120
        if folder not in self._known:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            self._known.add(folder)
        draft = f"{target}.{os.getpid()}.tmp"
        try:
            self._write(draft, data)
        except FileNotFoundError:  # somebody removed the folder since
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            self._write(draft, data)
        os.replace(draft, target)  # noqa: PTH105

    def get(self, key: str) -> bytes | None:
        try:
            with open(os.path.join(self.uri, key), "rb") as file:  # noqa: PTH118, PTH123
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def list(self, prefix: str) -> Iterator[str]:
        folder = self.root / prefix.rpartition("/")[0]
        found = []
        for place, _, names in os.walk(folder):
            for name in names:
                key = (Path(place) / name).relative_to(self.root).as_posix()
                if key.startswith(prefix) and not name.endswith((".tmp", ".lock")):
                    found.append(key)
        yield from sorted(found)

    def append(self, key: str, data: bytes) -> None:
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as file:
            file.write(data)

    def delete(self, prefix: str) -> None:
        target = self.root / prefix
        if target.is_dir():
            shutil.rmtree(target)
            self._known.clear()
            return
        for key in list(self.list(prefix)):
            (self.root / key).unlink(missing_ok=True)

    def copy(self, source: str, target: str) -> None:
        """Link, where the file system can: artifacts and samples never change once they are whole."""
        there = self.root / target
        there.parent.mkdir(parents=True, exist_ok=True)
        there.unlink(missing_ok=True)
        try:
            os.link(self.root / source, there)
        except FileNotFoundError:
            return
        except OSError:
            super().copy(source, target)

    @contextmanager
    def log_file(self, key: str) -> Iterator[Path]:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path

    @contextmanager
    def folder(self, prefix: str) -> Iterator[Path]:
        yield self.root / prefix

    @contextmanager
    def workspace(self, prefix: str, home: Path) -> Iterator[Path]:
        work = self.root / prefix
        work.mkdir(parents=True, exist_ok=True)
        yield work

    @contextmanager
    def claim(self, prefix: str, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        lock = self.root / "locks" / f"{prefix.replace('/', '.')}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_CREAT | os.O_RDWR)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def journal(self, prefix: str, name: str) -> Journal:
        folder = self.root / prefix
        folder.mkdir(parents=True, exist_ok=True)
        return _FileJournal(folder / f"{name}.jsonl")

    def read_lines(self, prefix: str) -> Iterator[bytes]:
        for key in self._segments(prefix):
            with (self.root / key).open("rb") as lines:
                yield from _whole_lines(lines)

    @staticmethod
    def _write(path: str, data: bytes) -> None:
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(data)


class _FileJournal(Journal):
    """Appends: a killed process loses no line, a power cut at most those of the last second."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self._opened = self._synced = time.monotonic()

    def write(self, line: bytes) -> None:
        left = memoryview(line)
        while left:
            left = left[os.write(self._handle, left) :]
        now = time.monotonic()
        if now - self._synced > SYNC_SECONDS:
            os.fsync(self._handle)
            self._synced = now

    def close(self) -> None:
        if time.monotonic() - self._opened > SYNC_SECONDS:
            os.fsync(self._handle)
        os.close(self._handle)


def _whole_lines(lines: Iterator[bytes] | list[bytes]) -> Iterator[bytes]:
    return (line for line in lines if line.endswith(b"\n"))
