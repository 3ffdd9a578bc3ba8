"""The interface of stores: keys and bytes, for plans, runs and artifacts.

Only `put`, `get`, `list` and `delete` are abstract: an object store without append or rename can hold a run. A store on
disk overrides more of it: artifacts are made in place, and a journal line is on the disk before the next request is sent.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs
from typing_extensions import Self

from llmops_sdk.record.marks import LARGE, FileMark, mark_data

DEFAULT_STORE = "llmops-runs"
"""The folder that holds runs by default."""

SEGMENT_RECORDS = 64
"""Lines of one segment of a journal, in a store that cannot append."""

SEGMENT_SECONDS = 10.0
"""The longest time that a line waits for its segment to be full, while lines come."""


@attrs.frozen
class StoredFile:
    """A file of a store, as a list of them has it.

    Attributes:
        key: Its key.
        size: Its bytes.
        modified: When it was last written, in seconds since the epoch; None where the store does not know.
        identity: What it shares its bytes with: files of one identity are one file with several names. Empty for a file that
            shares them with no other.
        links: The number of its names.
    """

    key: str
    size: int
    modified: float | None = None
    identity: str = ""
    links: int = 1


class Journal(ABC):
    """Lines written one after another, which survive a kill. One writer."""

    @abstractmethod
    def write(self, line: bytes) -> None:
        """Write one line (with its line end)."""

    @abstractmethod
    def close(self) -> None:
        """Write what is not in the store yet."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class Store(ABC):
    """Keys (paths with `/`) to bytes. A `put` is atomic: a reader sees all of it or nothing.

    Attributes:
        uri: How another process opens it; empty if none can.
    """

    uri: str = ""

    @abstractmethod
    def put(self, key: str, data: bytes) -> None:
        """Write `data` under `key`, replacing what it had."""

    def put_durable(self, key: str, data: bytes) -> None:
        """Write `data` under `key` as `put` does; once this returns, a power cut does not undo it."""
        self.put(key, data)

    def make_durable(self, prefix: str, names: Iterable[str]) -> None:
        """Make files safe from a power cut, once `put_durable` has written one more key with this prefix.

        An object store keeps what it has accepted: it has nothing to do.

        Args:
            prefix: The prefix of their keys.
            names: The rest of their keys.
        """

    @abstractmethod
    def get(self, key: str) -> bytes | None:
        """Return the data under `key`, or None."""

    @abstractmethod
    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys with this prefix, sorted."""

    @abstractmethod
    def delete(self, prefix: str) -> None:
        """Remove all keys with this prefix."""

    def files(self, prefix: str) -> Iterator[StoredFile]:
        """Yield the files with this prefix with their sizes, drafts included."""
        for key in self.list(prefix):
            yield StoredFile(key, len(self.get(key) or b""))

    def delete_keys(self, keys: Iterable[str]) -> None:
        """Remove keys, many at a time where the store can; one that is gone is no error."""
        for key in keys:
            self.delete(key)

    def holds(self, key: str, mark: FileMark, *, thorough: bool = False) -> bool:
        """Return whether the data under `key` are what they were when they were marked.

        Args:
            key: The key.
            mark: What is known of its data.
            thorough: Whether a large file is read too; otherwise it only has to be there.
        """
        if mark.size > LARGE and not thorough:
            return key in self.list(key)
        data = self.get(key)
        return data is not None and len(data) == mark.size and mark_data(data).sha256 == mark.sha256

    def remove_drafts(self) -> int:
        """Remove what killed processes left half written, and return the number of files; an object store has none."""
        return 0

    def suited(self, settings: Mapping[str, Mapping[str, Any]]) -> Store:
        """Return the store as a run writes to it; the run's settings (plugin name to its settings) may name an encryption key."""
        return self

    def locate(self, key: str) -> str:
        """Return where people find `key`: its path, its URI, or the key itself if there is none."""
        return f"{self.uri}/{key}" if self.uri else key

    def append(self, key: str, data: bytes) -> None:
        """Add to the end of `key`; for logs, which have one writer."""
        self.put(key, (self.get(key) or b"") + data)

    @contextmanager
    def log_file(self, key: str) -> Iterator[Path]:
        """Yield a file to append to, for another process's output; at the end of the block its text is appended to `key`."""
        with tempfile.TemporaryDirectory(prefix="llmops-") as folder:
            path = Path(folder) / "log"
            path.touch()
            try:
                yield path
            finally:
                if path.stat().st_size:
                    self.append(key, path.read_bytes())

    def copy(self, source: str, target: str) -> None:
        """Write the data under `source` under `target` too; do nothing if there is none."""
        data = self.get(source)
        if data is not None:
            self.put(target, data)

    @contextmanager
    def folder(self, prefix: str) -> Iterator[Path]:
        """Yield a folder with the files below `prefix` to read: a copy, if the store is not on this disk."""
        with tempfile.TemporaryDirectory(prefix="llmops-") as folder:
            self.download(prefix, Path(folder))
            yield Path(folder)

    @contextmanager
    def workspace(self, prefix: str, home: Path) -> Iterator[Path]:
        """Yield a folder for the files that will be below `prefix`; what an interrupted attempt left is in it.

        At a normal end the files are in the store; after an exception they stay where the next attempt on this machine
        finds them.
        """
        work = home / "work" / prefix
        work.mkdir(parents=True, exist_ok=True)
        yield work
        self.upload(work, prefix)
        shutil.rmtree(work)

    @contextmanager
    def claim(self, prefix: str, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Keep other processes on this machine from making the same artifact, if the store can.

        Args:
            prefix: Of the artifact.
            waiting: Called once if another process has it; what it raises ends the waiting.
        """
        yield

    def remove_lock(self, prefix: str) -> None:
        """Remove what `claim` leaves in the store; called by who holds the claim."""

    def journal(self, prefix: str, name: str) -> Journal:
        """Open a journal whose segments are below `prefix`; `name` is this attempt's only."""
        return _SegmentJournal(self, f"{prefix}/{name}")

    def read_lines(self, prefix: str) -> Iterator[bytes]:
        """Yield the complete lines of `prefix` or of all segments below it; a truncated last line is skipped."""
        for key in self._segments(prefix):
            yield from complete_lines((self.get(key) or b"").splitlines(keepends=True))

    def _segments(self, prefix: str) -> tuple[str, ...]:
        return tuple(key for key in self.list(prefix) if key == prefix or key.startswith(f"{prefix}/"))

    def upload(self, folder: Path, prefix: str) -> None:
        """Write the files of a folder below `prefix`."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def download(self, prefix: str, folder: Path) -> None:
        """Copy the files below `prefix` into a folder."""
        for key in self.list(f"{prefix}/"):
            target = folder / key.removeprefix(f"{prefix}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.get(key) or b"")


class _SegmentJournal(Journal):
    """Gathers lines and writes them as numbered segments."""

    def __init__(self, store: Store, base: str) -> None:
        self._store = store
        self._base = base
        self._number = 0
        self._lines: list[bytes] = []
        self._written_at = time.monotonic()

    def write(self, line: bytes) -> None:
        self._lines.append(line)
        if len(self._lines) >= SEGMENT_RECORDS or time.monotonic() - self._written_at > SEGMENT_SECONDS:
            self.close()

    def close(self) -> None:
        if self._lines:
            self._store.put(f"{self._base}-{self._number:06d}.jsonl", b"".join(self._lines))
            self._number += 1
            self._lines = []
        self._written_at = time.monotonic()


def complete_lines(lines: Iterator[bytes] | list[bytes]) -> Iterator[bytes]:
    """Yield the lines that end with a line end; a truncated last one is skipped."""
    return (line for line in lines if line.endswith(b"\n"))
