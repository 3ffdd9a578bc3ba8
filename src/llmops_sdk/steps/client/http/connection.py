"""One connection to a server, kept open between requests: HTTP/1.1 (RFC 9112), as little of it as an answer needs.

An HTTP library spends a millisecond of CPU on a request, which is most of the time of a client with a hundred requests in
flight. Requests through a proxy are left to httpx, see `proxied`.
"""

from __future__ import annotations

import base64
import contextlib
import re
import select
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

import attrs

from llmops_sdk.steps.client.http.limits import ERROR_BYTES, Body

_HEAD_BYTES = 64 << 10
_READ_BYTES = 64 << 10
_END_OF_HEAD = b"\r\n\r\n"
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [^\r\n]*)?")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_LONGEST_LINE = 4 << 10
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_INFORMATIONAL = range(100, 200)
_SWITCHING_PROTOCOLS = 101
_WITHOUT_BODY = (204, 304)
_SUCCESS = range(200, 300)
_REDIRECT = range(300, 400)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class ProtocolError(ConnectionError):
    """The server sent what is not HTTP/1.1, or closed the connection in the middle of it."""


@attrs.frozen
class Reply:
    """What a server sent.

    Attributes:
        status: The HTTP status.
        headers: By their names in lower case.
        body: Decoded from its content encoding.
        is_cut: Whether there is more of the body than was read.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False

    @property
    def is_success(self) -> bool:
        """Whether it is an answer."""
        return self.status in _SUCCESS

    @property
    def is_redirect(self) -> bool:
        """Whether it names another URL."""
        return self.status in _REDIRECT


class Connection(Protocol):
    """What requests are sent over, one at a time.

    Attributes:
        sockets: The open sockets: what a deadline shuts down.
    """

    sockets: set[socket.socket]

    def send(self, method: str, url: str, content: bytes, limit: int) -> Reply:
        """Send a request, and read its reply up to `limit` bytes of an answer.

        Raises:
            OSError: The server cannot be reached, or broke the connection.
            RequestError: The body cannot be decoded.
        """

    def close(self) -> None:
        """Close it; the next request opens it again."""


class DirectConnection:
    """A connection without a proxy.

    Args:
        headers: Sent with every request.
        context: For TLS; None where no URL is asked by `https:`.
        connect_timeout: Seconds for the connection to be made.
        timeout: Seconds for each read and write; the whole request has a deadline of its own.

    Raises:
        ValueError: A header has characters that no header may have.
    """

    def __init__(
        self, headers: Mapping[str, str], context: ssl.SSLContext | None, *, connect_timeout: float, timeout: float
    ) -> None:
        self.sockets: set[socket.socket] = set()
        self._headers = dict(headers)
        self._context = context
        self._connect_timeout = connect_timeout
        self._timeout = timeout
        self._heads: dict[tuple[str, str], bytes] = {}
        self._socket: socket.socket | None = None
        self._server: tuple[str, str, int] | None = None
        self._received = b""

    def send(self, method: str, url: str, content: bytes, limit: int) -> Reply:
        head = self._heads.get((method, url))
        if head is None:
            head = self._heads[method, url] = _request_head(method, url, self._headers)
        try:
            opened = self._open(url)
            opened.sendall(b"%sContent-Length: %d\r\n\r\n%s" % (head, len(content), content))
            reply, is_reusable = self._read_reply(opened, limit)
        except BaseException:
            self.close()
            raise
        if not is_reusable:
            self.close()
        return reply

    def close(self) -> None:
        self.sockets.clear()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        self._socket = None
        self._received = b""

    def _open(self, url: str) -> socket.socket:
        server = _server_of(url)
        if self._socket is not None and (self._server != server or _is_closed(self._socket)):
            self.close()
        if self._socket is None:
            self._server = server
            self._socket = self._connect(*server)
        return self._socket

    def _connect(self, scheme: str, host: str, port: int) -> socket.socket:
        opened = socket.create_connection((host, port), self._connect_timeout)
        self.sockets.add(opened)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if scheme == "https" and self._context is not None:
                plain, opened = opened, self._context.wrap_socket(opened, server_hostname=host)
                self.sockets.discard(plain)
                self.sockets.add(opened)
            opened.settimeout(self._timeout)
        except BaseException:
            opened.close()
            raise
        return opened

    def _read_reply(self, opened: socket.socket, limit: int) -> tuple[Reply, bool]:
        """Return a reply, and whether the connection can take another request."""
        status, version, headers = self._read_head(opened)
        while status in _INFORMATIONAL:
            if status == _SWITCHING_PROTOCOLS:
                message = "the server switched to another protocol"
                raise ProtocolError(message)
            status, version, headers = self._read_head(opened)
        body = Body(headers.get("content-encoding", ""), limit if status in _SUCCESS else ERROR_BYTES)
        has_end = self._read_body(opened, status, headers, body)
        options = headers.get("connection", "").lower()
        keeps = "close" not in options and (version == b"1" or "keep-alive" in options)
        is_reusable = keeps and has_end and not body.is_full and not self._received
        return Reply(status, headers, bytes(body.data), body.is_full), is_reusable

    def _read_head(self, opened: socket.socket) -> tuple[int, bytes, dict[str, str]]:
        while (end := self._received.find(_END_OF_HEAD)) < 0:
            if len(self._received) > _HEAD_BYTES:
                message = f"the reply's headers have more than {_HEAD_BYTES} bytes"
                raise ProtocolError(message)
            self._receive(opened)
        first, *lines = self._received[:end].split(b"\r\n")
        self._received = self._received[end + len(_END_OF_HEAD) :]
        match = _STATUS_LINE.fullmatch(first)
        if match is None:
            message = f"the reply is not HTTP/1.1: it starts with {first[:60]!r}"
            raise ProtocolError(message)
        return int(match[2]), match[1], _parse_headers(lines)

    def _read_body(self, opened: socket.socket, status: int, headers: Mapping[str, str], body: Body) -> bool:
        """Read the body up to its limit; return whether its end is known without closing the connection."""
        if status in _WITHOUT_BODY:
            return True
        coding = headers.get("transfer-encoding", "").lower()
        if coding == "chunked":
            self._read_chunks(opened, body)
            return True
        if coding:
            message = f"the reply has the transfer encoding {coding[:60]!r}, which was not asked for"
            raise ProtocolError(message)
        length = headers.get("content-length")
        if length is None:
            self._read_until_closed(opened, body)
            return False
        if not (length.isascii() and length.isdecimal()) or len(length) > _LENGTH_DIGITS:
            message = f"the reply's Content-Length is no number: {length[:60]!r}"
            raise ProtocolError(message)
        self._read_exactly(opened, int(length), body)
        return True

    def _read_chunks(self, opened: socket.socket, body: Body) -> None:
        while not body.is_full:
            line = self._read_line(opened)
            match = _CHUNK_SIZE.fullmatch(line)
            if match is None:
                message = f"the reply has a damaged chunk: {line[:60]!r}"
                raise ProtocolError(message)
            size = int(match[1], 16)
            if size == 0:
                while self._read_line(opened):  # trailers
                    pass
                return
            self._read_exactly(opened, size, body)
            if not body.is_full and self._read_line(opened):
                message = "the reply has a damaged chunk: it is longer than it says"
                raise ProtocolError(message)

    def _read_exactly(self, opened: socket.socket, size: int, body: Body) -> None:
        while size > 0 and not body.is_full:
            if not self._received:
                self._receive(opened)
            part, self._received = self._received[:size], self._received[size:]
            size -= len(part)
            body.add(part)

    def _read_until_closed(self, opened: socket.socket, body: Body) -> None:
        body.add(self._received)
        self._received = b""
        while not body.is_full and (part := opened.recv(_READ_BYTES)):
            body.add(part)

    def _read_line(self, opened: socket.socket) -> bytes:
        while (end := self._received.find(b"\r\n")) < 0:
            if len(self._received) > _LONGEST_LINE:
                message = "the reply has a damaged chunk: its size has no end"
                raise ProtocolError(message)
            self._receive(opened)
        line, self._received = self._received[:end], self._received[end + 2 :]
        return line

    def _receive(self, opened: socket.socket) -> None:
        part = opened.recv(_READ_BYTES)
        if not part:
            message = "the server closed the connection before its reply was complete"
            raise ProtocolError(message)
        self._received += part


_LENGTH_DIGITS = 18


@lru_cache
def _server_of(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]


def _is_closed(opened: socket.socket) -> bool:
    """Return whether the server closed an idle connection, or sent what nobody asked for."""
    poll = select.poll()
    poll.register(opened, select.POLLIN)
    if not poll.poll(0):
        return False
    if not isinstance(opened, ssl.SSLSocket):
        return True
    timeout = opened.gettimeout()
    try:
        opened.settimeout(0.0)
        opened.recv(1)
    except ssl.SSLWantReadError:  # a ticket for the next session, no data
        opened.settimeout(timeout)
        return False
    except OSError:
        return True
    return True


def _request_head(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    target += f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?')}" if parts.query else ""
    lines = {"Host": parts.netloc.rpartition("@")[2], **headers}
    if parts.username is not None and "authorization" not in {name.lower() for name in headers}:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    for name, value in lines.items():
        if not _HEADER_NAME.fullmatch(name) or _UNSAFE_VALUE.search(value):
            message = f"the header {name!r} has characters that no header may have"
            raise ValueError(message)
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {target} HTTP/1.1\r\n{text}".encode("latin-1")


def _parse_headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            message = f"the reply has a damaged header: {line[:60]!r}"
            raise ProtocolError(message)
        key, text = name.decode("ascii").lower(), value.strip().decode("latin-1")
        if key == "content-length" and headers.get(key, text) != text:
            message = "the reply has two lengths"
            raise ProtocolError(message)
        headers[key] = text if key not in headers or key == "content-length" else f"{headers[key]}, {text}"
    return headers
