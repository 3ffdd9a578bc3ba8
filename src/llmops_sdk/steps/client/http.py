"""`HttpTransport`: asking an endpoint over HTTP."""

from __future__ import annotations

import contextlib
import email.utils
import ipaddress
import json
import queue
import re
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx

from llmops_sdk.errors import EndpointError, RequestError
from llmops_sdk.plugin.interfaces import Transport
from llmops_sdk.steps.client.answers import parse_answer, parse_log_probability
from llmops_sdk.steps.client.payloads import make_payload, make_scoring_payload
from llmops_sdk.steps.client.refusals import error_message, is_transient, shorten
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import Prompt
from llmops_sdk.values.resources import Endpoint

TIMEOUT = 600.0
"""Seconds to wait for one answer; a slow machine with a long queue needs minutes."""

_HTTP = re.compile(r"https?://[^\s/]+(/\S*)?$")
_CONNECT_TIMEOUT = 10.0

# Errors of httpx that come from the request or the answer itself, not from the connection.
_HOPELESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.DecodingError)


class HttpTransport(Transport):
    """Asks an endpoint by POST, over connections that are kept open and reused.

    Each connection is a client of its own that one thread uses at a time: a pool of httpx that threads wait for can close
    a connection that another thread reads from. Proxies and certificates of the environment are honoured, except for
    this machine itself.

    Args:
        endpoint: Where to ask; its headers go with every request.
        timeout: Seconds to wait for one answer.
        connections: Connections at a time; the endpoint's own `concurrency` by default.

    Raises:
        EndpointError: The endpoint has no HTTP URL.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float = TIMEOUT, connections: int | None = None) -> None:
        if not _HTTP.match(endpoint.url):
            message = f"the endpoint {endpoint.name!r} has no HTTP URL: {endpoint.url!r}"
            raise EndpointError(message)
        self._url = endpoint.url
        self._extra_body = endpoint.extra_body
        self._closed = False
        self._make_client = partial(
            httpx.Client,
            headers={**endpoint.headers, "Content-Type": "application/json", "Accept": "application/json"},
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT)),
            trust_env=not is_loopback(endpoint.url),
            verify=httpx.create_ssl_context(),
        )
        # The last one put back is taken first; None stands for a client not made yet.
        self._clients: queue.LifoQueue[httpx.Client | None] = queue.LifoQueue()
        for _ in range(connections or endpoint.concurrency):
            self._clients.put(None)

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        """Ask once; see `Transport.send`."""
        return parse_answer(self._post(make_payload(prompt, generation)))

    def log_probability(self, prompt: Prompt) -> float:
        """Ask for the log-probability of a prompt's text; see `Transport.log_probability` and `parse_log_probability`."""
        return parse_log_probability(self._post(make_scoring_payload(prompt)))

    def _post(self, payload: Mapping[str, Any]) -> Any:
        fields = {name: value for name, value in {**payload, **self._extra_body}.items() if value is not None}
        # Escaped to ASCII: a lone surrogate in a record is then the server's to refuse, not a crash here.
        body = json.dumps(fields, allow_nan=False).encode("ascii")
        client = self._clients.get()
        try:
            client = client or self._make_client()
            response = client.post(self._url, content=body)
        except httpx.TimeoutException as exc:
            message = f"{self._url} did not answer in time ({type(exc).__name__})"
            raise RequestError(message, retryable=True) from exc
        except httpx.RequestError as exc:
            message = f"{self._url} cannot be reached or broke the connection: {str(exc) or type(exc).__name__}"
            raise RequestError(message, retryable=not isinstance(exc, _HOPELESS)) from exc
        finally:
            self._clients.put(client)
            if self._closed:
                self._close_idle()
        if response.is_success:
            return _decode(response)
        raise _refusal(response)

    def close(self) -> None:
        """Close the connections; one that a request is using is closed when that ends."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        taken = 0
        with contextlib.suppress(queue.Empty):
            while True:
                client = self._clients.get_nowait()
                taken += 1
                if client is not None:
                    client.close()
        for _ in range(taken):
            self._clients.put(None)


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


def _refusal(response: httpx.Response) -> RequestError:
    status = response.status_code
    if response.is_redirect:
        message = f"{response.url} redirects to {response.headers.get('location', 'nowhere')!r}: give the final URL"
        return RequestError(message, retryable=False)
    try:
        body = response.json()
    except ValueError:
        body = response.text
    message = f"the endpoint answered {status}: {error_message(status, body)}"
    return RequestError(message, retryable=is_transient(status, body), retry_after=_retry_after(response))


def _decode(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as exc:
        kind = response.headers.get("content-type", "no content type")
        message = f"the endpoint's answer ({kind}) is not JSON: {shorten(response.text) or 'it is empty'}"
        raise RequestError(message, retryable=False) from exc


def _retry_after(response: httpx.Response) -> float | None:
    """Read `Retry-After`: seconds, or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())
