"""`HttpTransport`: asking an endpoint over HTTP."""

from __future__ import annotations

import contextlib
import email.utils
import ipaddress
import json
import queue
import re
import socket
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import attrs
import httpx

from llmops_sdk.errors import EndpointError, RequestError
from llmops_sdk.plugin.interfaces import Transport
from llmops_sdk.steps.client.answers import parse_answer, parse_log_probability
from llmops_sdk.steps.client.limits import ERROR_BYTES, Body, Deadlines, most_bytes
from llmops_sdk.steps.client.masking import Mask
from llmops_sdk.steps.client.payloads import make_payload, make_scoring_payload
from llmops_sdk.steps.client.refusals import error_message, is_transient
from llmops_sdk.steps.client.replies import decode_json, quote, read_json
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import Prompt
from llmops_sdk.values.resources import Endpoint

TIMEOUT = 600.0
"""Seconds for one answer, from the connection to the last byte; a slow machine with a long queue needs minutes."""

_HTTP = re.compile(r"https?://[^\s/]+(/\S*)?$")
_CONNECT_TIMEOUT = 10.0
_MOST_DIGITS = 12
_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete", "http_proxy.start_tls.complete")

# Errors of httpx that come from the request itself, not from the connection or the answer.
_HOPELESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


class HttpTransport(Transport):
    """Asks an endpoint by POST, over connections that are kept open and reused.

    Each connection is a client of its own that one thread uses at a time: a pool of httpx that threads wait for can close
    a connection that another thread reads from. Proxies and certificates of the environment are honoured, except for
    this machine itself. An answer is read up to a limit by what was asked for and up to a deadline, however it arrives;
    the keys in the endpoint's headers and URL are masked in whatever comes back.

    Args:
        endpoint: Where to ask; its headers go with every request.
        timeout: Seconds for one answer; `TIMEOUT` by default.
        connections: Connections at a time; the endpoint's own `concurrency` by default.

    Raises:
        EndpointError: The endpoint has no HTTP URL.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float | None = None, connections: int | None = None) -> None:
        if not _HTTP.match(endpoint.url):
            message = f"the endpoint {endpoint.name!r} has no HTTP URL: {endpoint.url!r}"
            raise EndpointError(message)
        self._url = httpx.URL(endpoint.url)
        self._extra_body = endpoint.extra_body
        self._mask = Mask(endpoint.url, endpoint.headers, endpoint.extra_body)
        self._timeout = TIMEOUT if timeout is None else timeout
        self._deadlines = Deadlines()
        self._closed = False
        self._make_client = partial(
            httpx.Client,
            headers={
                **endpoint.headers,
                "Content-Type": "application/json",
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
            },
            timeout=httpx.Timeout(self._timeout, connect=min(self._timeout, _CONNECT_TIMEOUT)),
            trust_env=not is_loopback(endpoint.url),
            verify=httpx.create_ssl_context(),
        )
        # The last one put back is taken first; None stands for a connection not made yet.
        self._connections: queue.LifoQueue[_Connection | None] = queue.LifoQueue()
        for _ in range(connections or endpoint.concurrency):
            self._connections.put(None)

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        """Ask once; see `Transport.send`."""
        return parse_answer(self._post(make_payload(prompt, generation), generation.max_new_tokens))

    def log_probability(self, prompt: Prompt) -> float:
        """Ask for the log-probability of a prompt's text; see `Transport.log_probability` and `parse_log_probability`."""
        return parse_log_probability(self._post(make_scoring_payload(prompt), 1))

    def _post(self, payload: Mapping[str, Any], max_new_tokens: int) -> Any:
        """Return the JSON of an answer.

        Raises:
            RequestError: There is none; without the endpoint's secrets in the message.
        """
        fields = {name: value for name, value in {**payload, **self._extra_body}.items() if value is not None}
        # Escaped to ASCII: a lone surrogate in a record is then the server's to refuse, not a crash here.
        content = json.dumps(fields, allow_nan=False).encode("ascii")
        try:
            return self._read(self._exchange(content, most_bytes(max_new_tokens, len(content))), max_new_tokens)
        except RecursionError:
            message = "the endpoint's answer is not usable JSON: it is nested too deeply"
            raise RequestError(message, retryable=True) from None
        except RequestError as exc:
            text = self._mask.text(str(exc))
            if text == str(exc):
                raise
            # The exceptions behind it have the secret too.
            raise RequestError(text, retryable=exc.retryable, retry_after=exc.retry_after) from None

    def _read(self, reply: _Reply, max_new_tokens: int) -> Any:
        if not reply.is_success:
            raise self._refusal(reply)
        if reply.is_cut:
            message = (
                f"the endpoint's answer is longer than {len(reply.body)} bytes, "
                f"though max_new_tokens={max_new_tokens} was asked for"
            )
            raise RequestError(message, retryable=False)
        return self._mask.json(read_json(reply.body, reply.headers.get("content-type", "")))

    def _exchange(self, content: bytes, limit: int) -> _Reply:
        connection = self._connections.get()
        try:
            connection = connection or _Connection(self._make_client())
            with self._deadlines.watch(self._timeout, connection.sockets) as deadline:
                try:
                    return connection.post(self._url, content, limit)
                except Exception as exc:
                    if deadline.is_expired or isinstance(exc, httpx.TimeoutException):
                        message = f"{self._mask.url} did not answer in time ({self._timeout:g} s for one answer)"
                        raise RequestError(message, retryable=True) from exc
                    raise
        except httpx.RequestError as exc:
            message = f"{self._mask.url} cannot be reached or broke the connection: {str(exc) or type(exc).__name__}"
            raise RequestError(message, retryable=not isinstance(exc, _HOPELESS)) from exc
        finally:
            self._connections.put(connection)
            if self._closed:
                self._close_idle()

    def _refusal(self, reply: _Reply) -> RequestError:
        status = reply.status
        if reply.is_redirect:
            to = reply.headers.get("location", "nowhere")
            message = f"{self._mask.url} redirects to {to!r}: give the final URL"
            return RequestError(message, retryable=False)
        try:
            body = self._mask.json(decode_json(reply.body))
        except (ValueError, RecursionError):
            body = self._mask.text(quote(reply.body))
        message = f"the endpoint answered {status}: {error_message(status, body)}"
        wait = _retry_after(reply.headers)
        return RequestError(message, retryable=is_transient(status, body), retry_after=wait)

    def close(self) -> None:
        """Close the connections; one that a request is using is closed when that ends."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        taken = 0
        with contextlib.suppress(queue.Empty):
            while True:
                connection = self._connections.get_nowait()
                taken += 1
                if connection is not None:
                    connection.close()
        for _ in range(taken):
            self._connections.put(None)


def is_loopback(url: str) -> bool:
    """Return whether a URL's host is this machine, by its name or number; nothing is resolved.

    >>> is_loopback("http://127.0.0.1:8080/x"), is_loopback("https://example.org")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@attrs.frozen
class _Reply:
    """What a server sent: `is_cut` where that was more than was read."""

    status: int
    headers: httpx.Headers
    body: bytes
    is_cut: bool = False

    @property
    def is_success(self) -> bool:
        return httpx.codes.is_success(self.status)

    @property
    def is_redirect(self) -> bool:
        return httpx.codes.is_redirect(self.status)


class _Connection:
    """A client of httpx with one connection, and the sockets under it."""

    def __init__(self, client: httpx.Client) -> None:
        self.sockets: set[socket.socket] = set()
        self._client = client

    def post(self, url: httpx.URL, content: bytes, limit: int) -> _Reply:
        # A hot path: `Client.stream` would parse and merge the same URL and headers for every question.
        headers, extensions = self._client.headers, {"trace": self._trace}
        request = httpx.Request("POST", url, headers=headers, content=content, extensions=extensions)
        with contextlib.closing(self._client.send(request, stream=True)) as response:
            limit = limit if response.is_success else ERROR_BYTES
            body = Body(response.headers.get("content-encoding", ""), limit)
            for part in response.iter_raw():
                body.add(part)
                if body.is_full:
                    break
            return _Reply(response.status_code, response.headers, bytes(body.data), body.is_full)

    def close(self) -> None:
        self._client.close()

    def _trace(self, event: str, details: Mapping[str, Any]) -> None:
        """Note the socket of a new connection, or the encrypted one that replaces it; see httpx's extension `trace`."""
        if event in _CONNECTED:
            self.sockets.clear()
            connected = details["return_value"].get_extra_info("socket")
            if connected is not None:
                self.sockets.add(connected)


def _retry_after(headers: httpx.Headers) -> float | None:
    """Read `Retry-After`: seconds, or a date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:_MOST_DIGITS])
    try:
        date = email.utils.parsedate_to_datetime(value)
        return max(0.0, date.timestamp() - time.time())
    except (ValueError, OverflowError, TypeError):
        return None
