"""What must hold before a server is asked: its key is set, it can be reached, and it has the model."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from typing import Any

import attrs

from llmops_plugins.openai.endpoint import key_of, make_endpoint
from llmops_plugins.openai.options import OpenAIOptions
from llmops_sdk.plugin import (
    BaseModel,
    Check,
    Endpoint,
    Finding,
    HttpTransport,
    RequestError,
    SpecError,
    bearer_headers,
    did_you_mean,
)

_TIMEOUT = 20.0
_MOST_LISTED = 12
_KEY_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_NO_SUCH_PATH = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)


def key_check(options: OpenAIOptions, base: BaseModel) -> Iterator[Check]:
    """Yield the check of a model's key, unless it needs none; it uses no network."""
    key = key_of(options, base)
    if key is not None:
        yield Check(f"key {key.reference.removeprefix('env:')}", partial(_check_key, options, base))


def server_check(options: OpenAIOptions, base: BaseModel) -> Check:
    """Return the check of a model's server: whether it can be reached, takes the key, and has the model."""
    return Check(f"{base.source} at {base.parameters['base_url']}", partial(_check_server, options, base))


def _check_key(options: OpenAIOptions, base: BaseModel) -> Finding:
    try:
        bearer_headers(key_of(options, base))
    except SpecError as exc:
        return Finding("error", str(exc))
    return Finding("ok", "is set")


def _check_server(options: OpenAIOptions, base: BaseModel) -> Finding:
    try:
        endpoint = make_endpoint(options, base)
    except SpecError:  # the check of the key reports it
        return Finding("ok", "is not asked without a key")
    base_url = base.parameters["base_url"]
    transport = HttpTransport(attrs.evolve(endpoint, concurrency=1), timeout=_TIMEOUT)
    try:
        listed = transport.get(f"{base_url}/models")
    except RequestError as exc:
        if exc.status in _NO_SUCH_PATH:
            return _check_path(endpoint, exc)
        return _unreachable(options, base, exc)
    finally:
        transport.close()
    names = _names(listed)
    if names is None:
        return Finding("ok", "answers, and lists no models in a form that is known")
    return _check_model(options, base.source, names)


def _check_path(endpoint: Endpoint, refusal: RequestError) -> Finding:
    """Distinguish a server without a list of models from a wrong URL, by a request without any fields, which answers nothing."""
    transport = HttpTransport(attrs.evolve(endpoint, concurrency=1), timeout=_TIMEOUT)
    try:
        transport.post(endpoint.url, {})
    except RequestError as exc:
        if exc.status in _NO_SUCH_PATH:
            base_url = endpoint.metadata["url"]
            hint = "base_url is where the API is, and usually ends in /v1"
            return Finding("error", f"there is no API at {base_url}: {endpoint.url} answers {exc.status}", hint)
        if not exc.status:
            return Finding("error", str(exc))
    finally:
        transport.close()
    return Finding("ok", f"answers, and has no list of models ({refusal.status}), so the model is not checked")


def _unreachable(options: OpenAIOptions, base: BaseModel, error: RequestError) -> Finding:
    base_url, cause = base.parameters["base_url"], error.__cause__
    if error.status in _KEY_REFUSED:
        key = key_of(options, base)
        name = key.reference.removeprefix("env:") if key else ""
        hint = f"check the key in {name}" if name else "name the environment variable with a key: key_env: NAME"
        return Finding("error", f"{base_url} refuses {'the key' if key else 'requests without a key'}: {error}", hint)
    if isinstance(cause, socket.gaierror):
        return Finding("error", f"the host of {base_url} is not found: {cause.strerror or cause}", "check base_url")
    if isinstance(cause, ConnectionRefusedError):
        return Finding("error", f"no server listens at {base_url}", "start it, or check the port in base_url")
    if isinstance(cause, ssl.SSLError):
        hint = "check https:// and the port; a certificate of your own authority is named by SSL_CERT_FILE"
        return Finding("error", f"no secure connection to {base_url}: {cause.reason or cause}", hint)
    if error.status or error.retryable:
        return Finding("error", f"{base_url} does not answer: {error}", "" if error.status else "check base_url")
    return Finding("error", str(error))


def _check_model(options: OpenAIOptions, model: str, names: list[str]) -> Finding:
    if any(model in (name, name.removeprefix("models/"), name.removesuffix(":latest")) for name in names):
        return Finding("ok", f"has the model, one of {len(names)}")
    if not options.check_model:
        return Finding(
            "ok", f"does not list the model, which was accepted by check_model: false; it lists {_some(names)}"
        )
    near = did_you_mean(model, names)
    shown = near if "did you mean" in near else ""
    hint = f"it has: {_some(names)}; check_model: false accepts a model that is not listed"
    return Finding("error", f"it has no model {model!r}{shown}", hint)


def _some(names: list[str]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(sorted(names)[:_MOST_LISTED]) + more


def _names(listed: Any) -> list[str] | None:
    """Return the names of a list of models: OpenAI's object with `data`, or a bare list; None for anything else."""
    items = listed.get("data") if isinstance(listed, dict) else listed
    if not isinstance(items, list):
        return None
    names: list[str] = []
    for item in items:
        if isinstance(item, dict):
            aliases = item.get("aliases") if isinstance(item.get("aliases"), list) else []
            names += [name for name in (item.get("id"), item.get("name"), *aliases) if isinstance(name, str)]
    return list(dict.fromkeys(names))
