"""`HttpTransport`: asking an endpoint over HTTP."""

from __future__ import annotations

import contextlib
import email.utils
import json
import queue
import re
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import httpx

from llmops_sdk.errors import EndpointError, RequestError
from llmops_sdk.plugin.interfaces import Transport
from llmops_sdk.steps.client.answers import parse_answer, parse_log_probability
from llmops_sdk.steps.client.http.addresses import is_loopback
from llmops_sdk.steps.client.http.connection import Connection, DirectConnection, Reply
from llmops_sdk.steps.client.http.limits import Deadlines, most_bytes
from llmops_sdk.steps.client.http.masking import Mask
from llmops_sdk.steps.client.http.proxied import ProxiedConnection, has_proxy
from llmops_sdk.steps.client.payloads import make_payload, make_scoring_payload
from llmops_sdk.steps.client.refusals import error_message, is_transient, refused_parameter, refuses_all
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
_MOST_BYTES = 8 << 20
_USER_AGENT = "llmops-sdk"
_ENCODER = json.JSONEncoder(allow_nan=False)
# Errors that come from the request itself, or from a certificate that is not trusted (a `ValueError`, too).
_HOPELESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, ValueError)


class HttpTransport(Transport):
    """Asks an endpoint by POST, over connections that are kept open and reused.

    One thread uses a connection at a time. Proxies and certificates of the environment are honoured, except for
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
        self._url = endpoint.url
        self._api = endpoint.api
        self._extra_body = endpoint.extra_body
        self._mask = Mask(endpoint.url, endpoint.headers, endpoint.extra_body)
        self._timeout = TIMEOUT if timeout is None else timeout
        self._deadlines = Deadlines()
        self._closed = False
        self._make_connection = partial(
            ProxiedConnection if not is_loopback(endpoint.url) and has_proxy(endpoint.url) else DirectConnection,
            {
                **endpoint.headers,
                "Content-Type": "application/json",
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "User-Agent": _USER_AGENT,
            },
            httpx.create_ssl_context() if endpoint.url.startswith("https:") else None,
            connect_timeout=min(self._timeout, _CONNECT_TIMEOUT),
            timeout=self._timeout,
        )
        # The last one put back is taken first; None stands for a connection not made yet.
        self._connections: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(connections or endpoint.concurrency):
            self._connections.put(None)

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        """Ask once; see `Transport.send`."""
        payload = make_payload(prompt, generation, self._api)
        return parse_answer(self._post(payload, generation.max_new_tokens))

    def log_probability(self, prompt: Prompt) -> float:
        """Ask for the log-probability of a prompt's text; see `Transport.log_probability` and `parse_log_probability`."""
        return parse_log_probability(self._post(make_scoring_payload(prompt, self._api), 1))

    def _post(self, payload: Mapping[str, Any], max_new_tokens: int) -> Any:
        """Return the JSON of an answer.

        Raises:
            RequestError: There is none; without the endpoint's secrets in the message.
        """
        fields = {name: value for name, value in {**payload, **self._extra_body}.items() if value is not None}
        # Escaped to ASCII: a lone surrogate in a record is then the server's to refuse, not a crash here.
        content = _ENCODER.encode(fields).encode("ascii")
        with self._masked():
            reply = self._exchange("POST", self._url, content, most_bytes(max_new_tokens, len(content)))
            return self._read(reply, f"max_new_tokens={max_new_tokens} was asked for")

    @contextlib.contextmanager
    def _masked(self) -> Iterator[None]:
        """Keep the endpoint's secrets out of the message of a `RequestError`."""
        try:
            yield
        except RecursionError:
            message = "the endpoint's answer is not usable JSON: it is nested too deeply"
            raise RequestError(message, retryable=True) from None
        except RequestError as exc:
            text = self._mask.text(str(exc))
            if text == str(exc):
                raise
            exc.args = (text,)
            # The exceptions behind it have the secret too.
            raise exc from None

    def get(self, url: str) -> Any:
        """Return the JSON at another URL of the same server, such as its list of models.

        Raises:
            RequestError: There is none; `status` and the cause say why.
        """
        with self._masked():
            return self._read(self._exchange("GET", url, b"", _MOST_BYTES), "it is no answer of a model")

    def post(self, url: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON that the server answers to another body; as `get`."""
        content = _ENCODER.encode(dict(body)).encode("ascii")
        with self._masked():
            return self._read(self._exchange("POST", url, content, _MOST_BYTES), "it is no answer of a model")

    def _read(self, reply: Reply, request: str) -> Any:
        if not reply.is_success:
            raise self._refusal(reply)
        if reply.is_cut:
            message = f"the endpoint's answer is longer than {len(reply.body)} bytes, though {request}"
            raise RequestError(message, retryable=False)
        return self._mask.json(read_json(reply.body, reply.headers.get("content-type", "")))

    def _exchange(self, method: str, url: str, content: bytes, limit: int) -> Reply:
        connection = self._connections.get()
        shown = self._mask.url if url == self._url else self._mask.text(url)
        try:
            connection = connection or self._make_connection()
            with self._deadlines.watch(self._timeout, connection.sockets) as deadline:
                try:
                    return connection.send(method, url, content, limit)
                except (OSError, ValueError, httpx.RequestError) as exc:
                    if deadline.is_expired or isinstance(exc, (TimeoutError, httpx.TimeoutException)):
                        message = f"{shown} did not answer in time ({self._timeout:g} s for one answer)"
                        raise RequestError(message, retryable=True) from exc
                    reason = str(exc) or type(exc).__name__
                    message = f"{shown} cannot be reached or broke the connection: {reason}"
                    is_hopeless = isinstance(exc, _HOPELESS)
                    raise RequestError(message, retryable=not is_hopeless, refuses_all=is_hopeless) from exc
        finally:
            self._connections.put(connection)
            if self._closed:
                self._close_idle()

    def _refusal(self, reply: Reply) -> RequestError:
        status = reply.status
        if reply.is_redirect:
            to = reply.headers.get("location", "nowhere")
            message = f"{self._mask.url} redirects to {to!r}: give the final URL"
            return RequestError(message, retryable=False, status=status)
        try:
            body = self._mask.json(decode_json(reply.body))
        except (ValueError, RecursionError):
            body = self._mask.text(quote(reply.body))
        message = f"the endpoint answered {status}: {error_message(status, body)}"
        parameter = refused_parameter(status, body)
        retryable = is_transient(status, body)
        return RequestError(
            message,
            retryable=retryable,
            retry_after=_retry_after(reply.headers),
            status=status,
            refuses_all=not retryable and (bool(parameter) or refuses_all(status, body)),
            parameter=parameter,
        )

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


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After`: seconds, or a date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:_MOST_DIGITS])
    try:
        date = email.utils.parsedate_to_datetime(value)
        return max(0.0, date.timestamp() - time.time())
    except (ValueError, OverflowError, TypeError):
        return None
