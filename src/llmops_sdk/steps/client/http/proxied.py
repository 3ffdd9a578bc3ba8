"""Connections through a proxy, which httpx makes: the environment names it (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from llmops_sdk.steps.client.http.connection import Reply
from llmops_sdk.steps.client.http.limits import ERROR_BYTES, Body

_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete", "http_proxy.start_tls.complete")


def has_proxy(url: str) -> bool:
    """Return whether the environment names a proxy for a URL."""
    parts = urlsplit(url)
    proxies = getproxies()
    return bool(proxies.get(parts.scheme) or proxies.get("all")) and not proxy_bypass(parts.netloc.rpartition("@")[2])


class ProxiedConnection:
    """A client of httpx with one connection, and the sockets under it; see `Connection`.

    Args:
        headers: Sent with every request.
        context: For TLS; None for that of httpx.
        connect_timeout: Seconds for the connection to be made.
        timeout: Seconds for each read and write.
    """

    def __init__(
        self, headers: Mapping[str, str], context: ssl.SSLContext | None, *, connect_timeout: float, timeout: float
    ) -> None:
        self.sockets: set[socket.socket] = set()
        self._client = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=connect_timeout),
            verify=True if context is None else context,
        )

    def send(self, method: str, url: str, content: bytes, limit: int) -> Reply:
        with self._client.stream(method, url, content=content, extensions={"trace": self._trace}) as response:
            body = Body(response.headers.get("content-encoding", ""), limit if response.is_success else ERROR_BYTES)
            for part in response.iter_raw():
                body.add(part)
                if body.is_full:
                    break
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status_code, headers, bytes(body.data), body.is_full)

    def close(self) -> None:
        self._client.close()

    def _trace(self, event: str, details: Mapping[str, Any]) -> None:
        """Note the socket of a new connection, or the encrypted one that replaces it; see httpx's extension `trace`."""
        if event in _CONNECTED:
            self.sockets.clear()
            connected = details["return_value"].get_extra_info("socket")
            if connected is not None:
                self.sockets.add(connected)
