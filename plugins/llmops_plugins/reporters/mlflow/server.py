"""Reaching an MLflow server: its address, the environment of MLflow's client, and its errors in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from llmops_sdk.plugin import MissingExtraError, SpecError, UserError, is_loopback

if TYPE_CHECKING:
    from mlflow import MlflowClient

URI_VARIABLE = "MLFLOW_TRACKING_URI"

_FIRST_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
"""For the first request: a server that does not answer is noticed within seconds."""

_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "60", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3"}
"""For all others. MLflow's own defaults are 7 retries of 120 seconds each."""

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}

_LONGEST_ERROR = 300


def tracking_uri(option: str, *, offline: bool) -> str:
    """Return the address of the server.

    Args:
        option: The one that the specification names, or empty: then it is that of the environment.
        offline: Whether only this machine may be asked.

    Raises:
        SpecError: There is none, or it may not be asked.
        MissingExtraError: The plugin of MLflow that it needs is not installed.
    """
    uri = option or os.environ.get(URI_VARIABLE, "")
    if not uri:
        message = f"no MLflow server is named; set tracking_uri, or the environment variable {URI_VARIABLE}"
        raise SpecError(message)
    if uri.startswith("arn:") and find_spec("sagemaker_mlflow") is None:
        message = f"{uri!r} is reached through a plugin of MLflow, which is not installed: pip install sagemaker-mlflow"
        raise MissingExtraError(message)
    if offline and uri.startswith(("http:", "https:", "arn:", "databricks")) and not is_loopback(uri):
        message = f"the run is offline, so nothing was sent to MLflow at {uri!r}"
        raise SpecError(message)
    return uri


@contextmanager
def connected(uri: str, experiment: str) -> Iterator[tuple[MlflowClient, str]]:
    """Yield a client of a server, and the ID of an experiment there, which is created if there is none.

    In the block, the environment has what MLflow's client reads; its errors are mapped to `UserError`.

    Raises:
        UserError: The server does not answer, or refuses; one line has the reason.
        SpecError: The experiment is deleted.
    """
    # The plugin for SageMaker reads the address there when it signs a request.
    with _environment({**_QUIET, **_without_proxy(uri), URI_VARIABLE: uri}), _mapped_errors(uri):
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        with _environment(_FIRST_PATIENCE):
            known = client.get_experiment_by_name(experiment)
        with _environment({name: os.environ.get(name, value) for name, value in _PATIENCE.items()}):
            if known is not None and known.lifecycle_stage == "deleted":
                message = f"the experiment {experiment!r} is deleted; restore it in MLflow, or name another one"
                raise SpecError(message)
            yield client, known.experiment_id if known else client.create_experiment(experiment)


@contextmanager
def _mapped_errors(uri: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        yield
    except (MlflowException, RequestException) as exc:
        message = f"MLflow at {uri!r}: {_reason(exc)}"
        raise UserError(message) from exc


def _reason(error: BaseException) -> str:
    """Return in one line why a request failed: of a chain of causes that MLflow and its libraries wrap, the first one."""
    text = " ".join(str(error).split())
    if "Max retries exceeded" in text or "Failed to establish" in text or "timed out" in text.lower():
        while cause := error.__cause__ or error.__context__:
            error = cause
        text = f"it does not answer: {' '.join(str(error).split())}"
    return text if len(text) <= _LONGEST_ERROR else f"{text[:_LONGEST_ERROR]} ..."


def _without_proxy(uri: str) -> dict[str, str]:
    """Return the variables that keep requests to this machine from a proxy."""
    if not is_loopback(uri):
        return {}
    hosts = "127.0.0.1,localhost,::1"
    return {name: ",".join(filter(None, [os.environ.get(name, ""), hosts])) for name in ("NO_PROXY", "no_proxy")}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the time of a block: MLflow's client reads its settings there, at each request."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
