"""What must hold before a server is asked: its key is set, it can be reached, and it has the model."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

import attrs

from llmops_plugins._openai_api.models import model_names
from llmops_sdk.plugin import (
    BaseModel,
    Check,
    Endpoint,
    Finding,
    HttpTransport,
    RequestError,
    Secret,
    SpecError,
    bearer_headers,
    did_you_mean,
)

_TIMEOUT = 20.0
_MOST_LISTED = 12
_KEY_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_NO_SUCH_PATH = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)


def key_check(key: Secret) -> Check:
    """Return the check of a key; it uses no network."""
    return Check(f"key {_variable(key)}", partial(_check_key, key))


def _check_key(key: Secret) -> Finding:
    try:
        bearer_headers(key)
    except SpecError as exc:
        return Finding("error", str(exc))
    return Finding("ok", "is set")


@attrs.frozen
class ServerCheck:
    """Whether a model's server can be reached, takes the key, and has the model.

    Attributes:
        base: The model's name and address.
        endpoint: Makes its endpoint.
        key: The reference to its key, or None.
        check_model: Whether a model that is not listed is an error.
    """

    base: BaseModel
    endpoint: Callable[[], Endpoint]
    key: Secret | None
    check_model: bool

    def check(self) -> Check:
        """Return the check."""
        return Check(f"{self.base.source} at {self._url}", self._run)

    @property
    def _url(self) -> str:
        return self.base.parameters["base_url"]

    def _run(self) -> Finding:
        try:
            endpoint = self.endpoint()
        except SpecError:  # the check of the key reports it
            return Finding("ok", "is not asked without a key")
        transport = HttpTransport(attrs.evolve(endpoint, concurrency=1), timeout=_TIMEOUT)
        try:
            listed = transport.get(f"{self._url}/models")
        except RequestError as exc:
            return self._without_list(transport, endpoint, exc) if exc.status in _NO_SUCH_PATH else self._failure(exc)
        finally:
            transport.close()
        names = model_names(listed)
        if names is None:
            return Finding("ok", "answers, and lists no models in a form that is known")
        return self._find_model(names)

    def _without_list(self, transport: HttpTransport, endpoint: Endpoint, refusal: RequestError) -> Finding:
        """Distinguish a server without a list of models from a wrong URL, by a request without any fields."""
        try:
            transport.post(endpoint.url, {})
        except RequestError as exc:
            if exc.status in _NO_SUCH_PATH:
                hint = "base_url is where the API is, and usually ends in /v1"
                return Finding("error", f"there is no API at {self._url}: {endpoint.url} answers {exc.status}", hint)
            if not exc.status:
                return self._failure(exc)
        return Finding("ok", f"answers, and has no list of models ({refusal.status}), so the model is not checked")

    def _failure(self, error: RequestError) -> Finding:
        url, cause = self._url, error.__cause__
        if error.status in _KEY_REFUSED:
            if self.key is None:
                hint = "name the environment variable with a key: key_env: NAME"
                return Finding("error", f"{url} refuses requests without a key: {error}", hint)
            return Finding("error", f"{url} refuses the key: {error}", f"check the key in {_variable(self.key)}")
        if isinstance(cause, socket.gaierror):
            return Finding("error", f"the host of {url} is not found: {cause.strerror or cause}", "check base_url")
        if isinstance(cause, ConnectionRefusedError):
            return Finding("error", f"no server listens at {url}", "start it, or check the port in base_url")
        if isinstance(cause, ssl.SSLError):
            hint = "check https:// and the port; a certificate of your own authority is named by SSL_CERT_FILE"
            return Finding("error", f"no secure connection to {url}: {cause.reason or cause}", hint)
        return Finding("error", f"{url} does not answer: {error}", "" if error.status else "check base_url")

    def _find_model(self, names: list[str]) -> Finding:
        model = self.base.source
        if any(model in (name, name.removeprefix("models/"), name.removesuffix(":latest")) for name in names):
            return Finding("ok", f"has the model, one of {len(names)}")
        if not self.check_model:
            return Finding("ok", f"does not list the model, which check_model: false accepts; it lists {_some(names)}")
        near = did_you_mean(model, names)
        hint = f"it has: {_some(names)}; check_model: false accepts a model that is not listed"
        return Finding("error", f"it has no model {model!r}{near if 'did you mean' in near else ''}", hint)


def _variable(key: Secret) -> str:
    return key.reference.removeprefix("env:")


def _some(names: list[str]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(sorted(names)[:_MOST_LISTED]) + more
