"""A run with everything that MLflow gets, and a real MLflow server in an environment of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from llmops_sdk import Pipeline, Progress, Registry, Run

from ....environments import environment


@pytest.fixture(name="pipeline")
def _pipeline() -> Pipeline:
    """A base model, one that is fine-tuned with two seeds, and one whose training fails."""
    return (
        Pipeline.builder("voices")
        .with_dataset("lines", records=6)
        .with_prompt("bare")
        .with_model("echo", name="base", fine_tune=False)
        .with_model("echo", name="tuned", seeds=[1, 2], trainer={"voice": "quiet"})
        .with_model("echo", name="broken", trainer={"fails": True})
        .with_evaluator("echo-score")
        .with_reporter("html")
    )


@pytest.fixture(name="voices")
def _voices(pipeline: Pipeline, registry: Registry, tmp_path: Path) -> Run:
    """A run of the pipeline."""
    return pipeline.run(store=tmp_path / "runs", registry=registry, progress=Progress()).run


@pytest.fixture(scope="session")
def mlflow_python(needs: Callable[..., None], assets_home: Path) -> str:
    """The interpreter of an environment with MLflow and its server, of the client's version; built once on a machine."""
    needs("mlflow")
    installed = version("mlflow-skinny")
    return environment(assets_home, f"mlflow-{installed}", f"mlflow=={installed}")


@pytest.fixture(scope="session")
def mlflow_server(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of MLflow on loopback."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [
        mlflow_python,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    stores = [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, *stores],
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            start_new_session=True,
        )
    try:
        _wait(server, url, folder / "server.log")
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", trust_env=False).is_success:
                return
        time.sleep(0.2)
    pytest.fail(f"MLflow's server did not start: {log.read_text(errors='replace')[-2000:]}")
