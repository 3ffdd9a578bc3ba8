"""How far a download is, by the growth of its folder: the hub's library reports to its own bars only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_INTERVAL_SECONDS = 0.5


@contextmanager
def report_growth(folder: Path, report: Callable[[float], None]) -> Iterator[None]:
    """Report the bytes that have come into a folder, twice a second, while the block runs.

    A file that an earlier attempt left incomplete counts as new: its download continues.

    Args:
        folder: Need not exist yet.
        report: Called with the bytes since the block was entered.
    """
    before = sum(size for name, size in _sizes(folder) if not name.endswith(".incomplete"))
    stopped = threading.Event()

    def watch() -> None:
        while not stopped.wait(_INTERVAL_SECONDS):
            report(sum(size for _, size in _sizes(folder)) - before)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for path in folder.glob("*"):
        try:
            yield path.name, path.stat().st_size
        except FileNotFoundError:  # renamed between listing and asking
            continue
