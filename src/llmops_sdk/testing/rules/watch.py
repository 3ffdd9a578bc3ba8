"""Watches what this process opens: connections beyond this machine, and files outside the folders that may be written."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
}
"""The audit events of changes of files: which of their arguments is a path, and which the open folder that it is relative to."""
_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname")


class Watch:
    """An audit hook (PEP 578) that refuses, and records, what breaks the rules `offline` and `own-folder`.

    A hook cannot be taken out again, so this is for a process that ends after the check. It does not see other
    processes that are started.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self._allowed: tuple[str, ...] | None = None
        sys.addaudithook(self._hook)

    @contextmanager
    def watching(self, allowed: Iterable[Path]) -> Iterator[list[tuple[str, str]]]:
        """Watch until the end of the block.

        Args:
            allowed: The files and folders that may be written.

        Yields:
            The list that rules and what broke them are added to.
        """
        self.seen = []
        self._allowed = tuple(os.path.realpath(path) for path in allowed)
        try:
            yield self.seen
        finally:
            self._allowed = None

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._allowed is None:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = any(sign in mode for sign in "wax+") if mode else bool((flags or 0) & _WRITES)
            if writes:
                self._refuse_path(path)
        elif event in _CHANGES:
            for path, folder in _CHANGES[event]:
                if folder is None or arguments[folder] == -1:  # the path of a folder that was opened was seen
                    self._refuse_path(arguments[path])
        elif event == "sqlite3.connect" and arguments[0] != ":memory:":
            self._refuse_path(arguments[0])
        elif event in ("socket.connect", "socket.sendto"):
            self._refuse_address(arguments[0], arguments[1])
        elif event in _LOOKUPS:
            self._refuse_host(arguments[0], arguments[1] if len(arguments) > 1 else "")

    def _refuse_path(self, path: Any) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)) or self._allowed is None:
            return  # a file that is open already
        name = os.path.realpath(os.fsdecode(path))
        if name.startswith("/dev/") or any(
            name == folder or name.startswith(f"{folder}{os.sep}") for folder in self._allowed
        ):
            return
        self._refuse("own-folder", f"it wrote {os.fsdecode(path)!r}", PermissionError)

    def _refuse_address(self, opened: socket.socket, address: Any) -> None:
        if opened.family in (socket.AF_INET, socket.AF_INET6):
            self._refuse_host(address[0], address[1])

    def _refuse_host(self, host: Any, port: Any) -> None:
        if not _is_this_machine(host):
            where = f"{_text(host)}:{port}" if port else _text(host)
            self._refuse("offline", f"it tried to reach {where}", ConnectionRefusedError)

    def _refuse(self, rule: str, action: str, error: type[OSError]) -> None:
        if (rule, action) not in self.seen:
            self.seen.append((rule, action))
        message = f"{action}, which the check of plugins refuses"
        raise error(message)


def _is_this_machine(host: Any) -> bool:
    name = _text(host)
    return name in ("", "localhost", "::1", "0.0.0.0", "::") or name.startswith("127.")  # noqa: S104 - names of this machine


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
