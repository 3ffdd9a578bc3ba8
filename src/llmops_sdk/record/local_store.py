"""The store in a folder on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from llmops_sdk.record.layout import ARTIFACTS, lock_key
from llmops_sdk.record.locks import locked, process_exists
from llmops_sdk.record.marks import LARGE, FileMark
from llmops_sdk.record.stores import Journal, Store, StoredFile, complete_lines
from llmops_sdk.values.serial import file_sha256

SYNC_SECONDS = 1.0
"""The longest time until a line of a journal is safe from a power cut."""

_DRAFT = ".tmp"
_ABANDONED_SECONDS = 86_400.0
_MOST_FLUSHES = 8
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:6]


class LocalStore(Store):
    """A store in a folder on this machine."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self.uri = str(self.root)
        self._known: set[str] = set()
        self._durable_folders: set[str] = set()
        # Folder to what is flushed together with the next durable file in it.
        self._unflushed: dict[str, Sequence[str]] = {}

    def put(self, key: str, data: bytes) -> None:
        self._put(key, data, durable=False)

    def put_durable(self, key: str, data: bytes) -> None:
        self._put(key, data, durable=True)

    def _put(self, key: str, data: bytes, *, durable: bool) -> None:
        target = os.path.join(self.uri, key)  # noqa: PTH118 - a hot path: three puts a step
        folder = os.path.dirname(target)  # noqa: PTH120
        if folder not in self._known:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            self._known.add(folder)
        draft = f"{target}.{threading.get_native_id()}.{_HOST}-{os.getpid()}{_DRAFT}"
        try:
            self._write(draft, data)
        except FileNotFoundError:  # the folder was removed meanwhile
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            self._write(draft, data)
        if durable:
            _flush_all([*self._unflushed.pop(folder, ()), draft])
        os.replace(draft, target)  # noqa: PTH105
        if durable:
            folders = self._unsafe_folders(folder)
            _flush_all(folders)
            self._durable_folders.update(folders[:-1])

    def make_durable(self, prefix: str, names: Iterable[str]) -> None:
        last = self.root / prefix
        paths = [last / name for name in names]
        folders = {folder for path in paths for folder in path.relative_to(last).parents if folder.name}
        self._unflushed[str(last)] = [*map(str, paths), *(str(last / folder) for folder in folders)]

    def get(self, key: str) -> bytes | None:
        try:
            with open(os.path.join(self.uri, key), "rb") as file:  # noqa: PTH118, PTH123
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def holds(self, key: str, mark: FileMark, *, thorough: bool = False) -> bool:
        path = self.root / key
        try:
            state = path.stat()
            if state.st_size != mark.size:
                return False
            if mark.size > LARGE and state.st_mtime_ns == mark.modified and not thorough:
                return True
            return file_sha256(path) == mark.sha256
        except OSError:
            return False

    def remove_drafts(self) -> int:
        removed = 0
        for parent, _, names in os.walk(self.root):  # unlike rglob, it bears folders that go meanwhile
            for path in (Path(parent) / name for name in names if name.endswith(_DRAFT)):
                with contextlib.suppress(OSError):
                    if _is_abandoned(path):
                        path.unlink()
                        removed += 1
        return removed

    def list(self, prefix: str) -> Iterator[str]:
        folder = self.root / prefix.rpartition("/")[0]
        keys = []
        for parent, _, names in os.walk(folder):
            for name in names:
                key = (Path(parent) / name).relative_to(self.root).as_posix()
                if key.startswith(prefix) and not name.endswith((_DRAFT, ".lock")):
                    keys.append(key)
        yield from sorted(keys)

    def files(self, prefix: str) -> Iterator[StoredFile]:
        folder = self.root / prefix.rpartition("/")[0]
        for parent, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(parent, name)  # noqa: PTH118 - a store may have a hundred thousand files
                key = os.path.relpath(path, self.uri)
                if not key.startswith(prefix):
                    continue
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    state = os.lstat(path)
                    identity = f"{state.st_dev}:{state.st_ino}" if state.st_nlink > 1 else ""
                    yield StoredFile(key, state.st_size, state.st_mtime, identity, state.st_nlink)

    def delete_keys(self, keys: Iterable[str]) -> None:
        """Remove files, and folders that become empty."""
        for key in keys:
            path = self.root / key
            path.unlink(missing_ok=True)
            for parent in path.parents:
                # Those that all runs, plans or artifacts of a kind share stay: another process may be making one of them.
                shared = 2 if key.startswith(ARTIFACTS) else 1
                if len(parent.relative_to(self.root).parts) <= shared or not _removed_empty(parent):
                    break
                self._known.discard(str(parent))
                self._durable_folders.discard(str(parent))

    def append(self, key: str, data: bytes) -> None:
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as file:
            file.write(data)

    def delete(self, prefix: str) -> None:
        target = self.root / prefix
        if target.is_dir():
            folders = [parent for parent, _, _ in os.walk(target)]
            shutil.rmtree(target)
            self._known.difference_update(folders)
            self._durable_folders.difference_update(folders)
            return
        for key in list(self.list(prefix)):
            (self.root / key).unlink(missing_ok=True)

    def copy(self, source: str, target: str) -> None:
        """Link, if the file system can: artifacts and samples never change once they are finished."""
        path = self.root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        try:
            os.link(self.root / source, path)
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
        with locked(self.root / lock_key(prefix), waiting=waiting):
            yield

    def remove_lock(self, prefix: str) -> None:
        (self.root / lock_key(prefix)).unlink(missing_ok=True)

    def journal(self, prefix: str, name: str) -> Journal:
        folder = self.root / prefix
        folder.mkdir(parents=True, exist_ok=True)
        return _FileJournal(folder / f"{name}.jsonl")

    def read_lines(self, prefix: str) -> Iterator[bytes]:
        for key in self._segments(prefix):
            with (self.root / key).open("rb") as lines:
                yield from complete_lines(lines)

    def upload(self, folder: Path, prefix: str) -> None:
        """Copy each file a block at a time, and rename it."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                target = self.root / prefix / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                draft = target.with_name(f"{target.name}.{_HOST}-{os.getpid()}{_DRAFT}")
                shutil.copyfile(path, draft)
                draft.replace(target)

    def _unsafe_folders(self, folder: str) -> Sequence[str]:
        """Return a folder in which a name is new, and those that lead to it, as far as their names may not be safe yet."""
        folders = [folder]
        while folders[-1] not in self._durable_folders and len(folders[-1]) > len(self.uri):
            folders.append(os.path.dirname(folders[-1]))  # noqa: PTH120
        return folders

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
        remaining = memoryview(line)
        while remaining:
            remaining = remaining[os.write(self._handle, remaining) :]
        now = time.monotonic()
        if now - self._synced > SYNC_SECONDS:
            os.fsync(self._handle)
            self._synced = now

    def close(self) -> None:
        if time.monotonic() - self._opened > SYNC_SECONDS:
            os.fsync(self._handle)
        os.close(self._handle)


def _is_abandoned(draft: Path) -> bool:
    """Return whether no process will finish a draft: its process on this machine is gone, or it is a day old."""
    host, _, process = draft.name.removesuffix(_DRAFT).rpartition(".")[2].partition("-")
    if host != _HOST or not process.isdecimal():
        return time.time() - draft.stat().st_mtime > _ABANDONED_SECONDS
    return not process_exists(int(process))


def _removed_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # it has other files, or is gone
        return False
    return True


def _flush_all(paths: Sequence[str]) -> None:
    """Make what files hold, and the names in folders, safe from a power cut; returns once all of them are.

    They are flushed at the same time, which a file system does in one go. What must be safe before something else is
    flushed in a call of its own.

    Raises:
        OSError: One cannot be flushed.
    """
    *others, last = paths
    futures: list[Future[None]] = []
    if others:
        try:
            futures = [_flushing_threads(os.getpid()).submit(_flush, path) for path in others]
        except RuntimeError:  # the program ends: it starts no thread any more
            for path in others:
                _flush(path)
    try:
        _flush(last)
    finally:
        for future in futures:
            future.result()


@cache
def _flushing_threads(process: int) -> ThreadPoolExecutor:
    """Return the threads of this process: one that was forked has none of its parent's."""
    return ThreadPoolExecutor(_MOST_FLUSHES, thread_name_prefix=f"llmops-flush-{process}")


def _flush(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
