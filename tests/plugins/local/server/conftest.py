"""A server with the tiny model for all tests of this folder, and parts of it in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

import httpx

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.engine import Engine
from llmops_plugins.local.server.worker import EngineWorker

from .running import RunningServer, start_server


@pytest.fixture(scope="session")
def server(tiny_model: Path) -> Iterator[RunningServer]:
    """A server with four rows that accepts bodies of 0.1 MB."""
    with start_server(tiny_model, "--max-batch=4", "--max-body-mb=0.1", "--dtype=float32") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stderr is not None
        ready = json.loads(process.stdout.readline())
        log = threading.Thread(target=process.stderr.read)  # so that its pipe never fills up
        log.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{ready['port']}", timeout=60, trust_env=False) as client:
            yield RunningServer(process, ready, client)
        process.stdin.close()
        assert 0 == process.wait(10)
        log.join()


@pytest.fixture
def runtime(server: RunningServer) -> Any:
    """AWS's client of SageMaker Runtime, with the server as its endpoint."""
    boto3 = pytest.importorskip("boto3")
    from botocore.config import Config

    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=f"http://127.0.0.1:{server.ready['port']}",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(proxies={}, retries={"max_attempts": 0}),
    )


@pytest.fixture
def worker(tiny_model: Path) -> EngineWorker:
    """A worker, not started, with two rows and room for three waiting prompts."""
    return EngineWorker(Engine(tiny_model, Device("cpu", "", "float32"), max_batch=2), window=0.0, max_waiting=3)
