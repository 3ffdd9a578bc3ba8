"""Waiting until a server can be asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from http import HTTPStatus

import httpx

from llmops_plugins._openai_api.models import model_names
from llmops_plugins.served.process import Process
from llmops_sdk.plugin import EndpointError, Progress

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_REQUEST_SECONDS = 5.0
_NO_SUCH_PATH = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)
_SHOWN = 60


def wait_until_ready(
    process: Process, url: str, paths: Sequence[str], *, timeout: float, progress: Progress, label: str
) -> None:
    """Wait until a server answers 200 at the first of some paths that it has.

    Args:
        process: The server.
        url: Its address.
        paths: The paths, in the order in which they are tried.
        timeout: Seconds within which it must be ready.
        progress: Shows how long it takes, and the last line of the log.
        label: What is waited for.

    Raises:
        EndpointError: It exited, or took too long.
    """
    started, pause = time.monotonic(), _FIRST_PAUSE
    with httpx.Client(trust_env=False, timeout=_REQUEST_SECONDS) as client, progress.task(label, unit="s") as task:
        while True:
            state = _state(client, url, paths)
            if not process.is_running:  # whatever answers, it is another program
                process.raise_ended("before it was ready")
            if not state:
                return
            waited = time.monotonic() - started
            if waited > timeout:
                problem = f"the server was not ready within {timeout:g} s: {state}; raise ready_timeout, or name its ready_path"
                raise process.failure(problem)
            task.update(waited, log=process.last_line()[-_SHOWN:])
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def served_model(url: str, name: str, path: str) -> str:
    """Return the name by which a server knows its model.

    Args:
        url: The server's address.
        name: The name that the command was given for it.
        path: The weights that it was given, or empty.

    Raises:
        EndpointError: It lists several models, and none of them is called so.
    """
    try:
        listed = httpx.get(f"{url}/v1/models", trust_env=False, timeout=_REQUEST_SECONDS)
        names = model_names(listed.json()) if listed.is_success else None
    except (httpx.HTTPError, ValueError):
        names = None
    if not names or name in names:
        return name
    if path in names:
        return path
    if len(names) > 1:
        message = f"the server has several models ({', '.join(names)}), none called {name!r}: let the command call it {{name}}"
        raise EndpointError(message)
    return names[0]


def _state(client: httpx.Client, url: str, paths: Sequence[str]) -> str:
    """Return why a server is not ready, or an empty text if it is."""
    for path in paths:
        try:
            status = client.get(f"{url}{path}").status_code
        except httpx.ConnectError:
            return "nothing listens at its port"
        except httpx.HTTPError as exc:
            return f"{path} does not answer ({type(exc).__name__})"
        if status == HTTPStatus.OK:
            return ""
        if status not in _NO_SUCH_PATH:
            return f"{path} answers {status}"
    return f"it has no {' or '.join(paths)}"
