"""Limits of one answer: its bytes after decompression, and one deadline for all of it."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from typing import Any

from llmops_sdk.errors import RequestError

_ENVELOPE = 256 << 10
_BYTES_PER_TOKEN = 4 << 10
"""Generous: a token with its log-probability, and 20 others beside it, is 2 KiB of JSON."""
_BYTES_PER_PROMPT_BYTE = 128
"""The details of a prompt's token, which may be one byte of it, are about 80 bytes of JSON."""
ERROR_BYTES = 64 << 10
"""What is read of an answer that is an error."""

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 64 << 10
_AGAIN = 1.0


def most_bytes(max_new_tokens: int, prompt_bytes: int) -> int:
    """Return how many bytes an answer may have, by what was asked for.

    >>> most_bytes(64, 1000)
    652288
    """
    return _ENVELOPE + _BYTES_PER_TOKEN * max_new_tokens + _BYTES_PER_PROMPT_BYTE * prompt_bytes


class Body:
    """The decoded bytes of an answer, up to a limit; no more than that is ever in memory.

    Args:
        encoding: The header `Content-Encoding`.
        limit: The most bytes.

    Raises:
        RequestError: The encoding is not one that was asked for; not retryable.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            message = f"the endpoint's answer has the encoding {encoding[:80]!r}, which was not asked for"
            raise RequestError(message, retryable=False)
        self.data = bytearray()
        self.is_full = False
        self._limit = limit
        self._encoding = encoding
        self._decoder: Any = zlib.decompressobj(_GZIP) if "gzip" in encoding else None

    def add(self, part: bytes) -> None:
        """Add bytes as they arrived; `is_full` is set where they exceed the limit.

        Raises:
            RequestError: They cannot be decompressed; retryable, as for any damaged answer.
        """
        if self._encoding in ("", "identity"):
            self._append(part)
            return
        try:
            for piece in self._decompressed(part):
                self._append(piece)
                if self.is_full:
                    return
        except zlib.error as exc:
            message = f"the endpoint's answer is not valid {self._encoding}: {exc}"
            raise RequestError(message, retryable=True) from exc

    def _decompressed(self, part: bytes) -> Iterator[bytes]:
        if self._decoder is None:  # deflate: with zlib's header, or without
            self._decoder = zlib.decompressobj(zlib.MAX_WBITS if part[:1] == b"\x78" else -zlib.MAX_WBITS)
        while part and not self._decoder.eof:
            yield self._decoder.decompress(part, _PIECE)
            part = self._decoder.unconsumed_tail

    def _append(self, piece: bytes) -> None:
        room = self._limit - len(self.data)
        self.is_full = self.is_full or len(piece) > room
        self.data += piece[:room]


class Deadlines:
    """Ends requests that take too long, whatever the server sends: it shuts their sockets down, from its own thread.

    The time-outs of HTTP clients are for one read; a server that sends a byte now and then never exceeds them.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Deadline]] = []
        self._numbers = itertools.count()
        self._is_running = False

    @contextlib.contextmanager
    def watch(self, seconds: float, sockets: set[socket.socket]) -> Iterator[Deadline]:
        """Watch a request.

        Args:
            seconds: How long it may take.
            sockets: What it is sent over; may change meanwhile.
        """
        deadline = Deadline(sockets)
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._numbers), deadline))
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="deadlines", daemon=True).start()
            elif self._waiting[0][2] is deadline:
                self._changed.notify()
        try:
            yield deadline
        finally:
            deadline.finish()

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._waiting and self._waiting[0][2].is_finished:
                    heapq.heappop(self._waiting)
                if not self._waiting:
                    self._is_running = False
                    return
                wait = self._waiting[0][0] - time.monotonic()
                if wait > 0:
                    self._changed.wait(min(wait, 1.0))
                    continue
                _, number, deadline = heapq.heappop(self._waiting)
                # Once more until it has ended: it may be connecting, and have no socket yet.
                heapq.heappush(self._waiting, (time.monotonic() + _AGAIN, number, deadline))
            deadline.expire()


class Deadline:
    """The deadline of one request.

    Attributes:
        is_expired: Whether the request took too long.
        is_finished: Whether it has ended.
    """

    def __init__(self, sockets: set[socket.socket]) -> None:
        self.is_expired = False
        self.is_finished = False
        self._sockets = sockets
        self._lock = threading.Lock()

    def finish(self) -> None:
        """Note that the request has ended: its connection may be used for the next one."""
        with self._lock:
            self.is_finished = True

    def expire(self) -> None:
        """End the request unless it has ended."""
        with self._lock:
            if self.is_finished:
                return
            self.is_expired = True
            for each in tuple(self._sockets):
                with contextlib.suppress(OSError):
                    # Not `SSLSocket.shutdown`, which would change the object under the thread that reads from it.
                    socket.socket.shutdown(each, socket.SHUT_RDWR)
