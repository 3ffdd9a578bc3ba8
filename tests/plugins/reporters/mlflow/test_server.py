"""Reaching an MLflow server, and what is reported where it cannot be reached."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module

import pytest

from llmops_plugins.reporters.mlflow import server
from llmops_plugins.reporters.mlflow.server import connected, tracking_uri
from llmops_sdk import MissingExtraError, SpecError, UserError

ARN = "arn:aws:sagemaker:us-east-1:111122223333:mlflow-tracking-server/llms"


def test_the_address_is_the_option_or_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As MLflow's own programs read it; without either there is no default, which could be any folder."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5001")
    assert "http://127.0.0.1:5000" == tracking_uri("http://127.0.0.1:5000", offline=False)
    assert "http://127.0.0.1:5001" == tracking_uri("", offline=False)

    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(SpecError, match="no MLflow server is named; set tracking_uri"):
        tracking_uri("", offline=False)


def test_an_arn_needs_the_plugin_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line has the command that installs it."""
    monkeypatch.setattr(server, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"pip install sagemaker-mlflow$"):
        tracking_uri(ARN, offline=False)

    monkeypatch.setattr(server, "find_spec", lambda name: name == "sagemaker_mlflow")
    assert ARN == tracking_uri(ARN, offline=False)


@pytest.mark.parametrize("uri", ["https://mlflow.example.com", "databricks"])
def test_nothing_is_sent_offline(uri: str) -> None:
    """Except to this machine."""
    with pytest.raises(SpecError, match="the run is offline, so nothing was sent to MLflow at"):
        tracking_uri(uri, offline=True)

    assert "http://localhost:5000" == tracking_uri("http://localhost:5000", offline=True)


@pytest.mark.slow
def test_a_server_that_refuses_connections_is_one_line_within_seconds(needs: Callable[..., None]) -> None:
    """MLflow's own client would try for minutes; the environment is as it was."""
    needs("mlflow")
    import_module("mlflow")  # takes longer than the rest
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    before, start = dict(os.environ), time.monotonic()

    with (
        pytest.raises(UserError, match=f"^MLflow at '{url}': it does not answer: .*refused") as refused,
        connected(url, "x"),
    ):
        pass

    assert time.monotonic() - start < 20
    assert "\n" not in str(refused.value)
    assert before == dict(os.environ)


@pytest.mark.slow
def test_a_server_that_never_answers_is_one_line_within_seconds(
    needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for once."""
    needs("mlflow")
    monkeypatch.setitem(server._FIRST_PATIENCE, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        with pytest.raises(UserError, match=r"it does not answer: .*timed out"), connected(url, "x"):
            pass


@pytest.mark.slow
def test_a_server_of_something_else_is_one_line(needs: Callable[..., None]) -> None:
    """Its page is not printed at length; requests to this machine do not go through a proxy."""
    needs("mlflow")
    with _web_server() as url, pytest.MonkeyPatch.context() as environment:
        environment.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        with pytest.raises(UserError, match=r"^MLflow at .*404") as refused, connected(url, "x"):
            pass

    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)


@contextmanager
def _web_server() -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404, explain="<p>nothing\nhere</p>" * 1000)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{pages.server_address[1]}"
        pages.shutdown()
