from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

import httpx

from llmops_plugins.local.engine.request import GenerationRequest
from llmops_plugins.local.server.app import make_app
from llmops_plugins.local.server.worker import EngineWorker

from .running import NAME, invoke


def post(app: Any, path: str, body: Mapping[str, Any]) -> httpx.Response:
    """Send a request to the application in this process."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:
            return await client.post(path, json=body)

    return asyncio.run(ask())


def test_a_full_queue_says_when_to_try_again(worker: EngineWorker) -> None:
    """503 with Retry-After on every path; one large body is accepted if nothing else waits."""
    app = make_app(NAME, worker, max_body=1000)
    worker.submit([GenerationRequest("a", max_new_tokens=1)] * 4)
    for path, body in (
        ("/invocations", {"inputs": "a"}),
        (f"/endpoints/{NAME}/invocations", {"inputs": "a"}),
        ("/v1/completions", {"prompt": "a"}),
    ):
        response = post(app, path, body)
        assert (503, "1") == (response.status_code, response.headers["Retry-After"])
        assert "try again later" in response.text
    assert 1 == worker.counts.requests


def test_a_failing_model_is_reported_and_the_next_request_is_completed(worker: EngineWorker) -> None:
    """What breaks in the model is a 500 of the container, and a ModelError of the runtime."""
    model: Any = worker._engine._model
    step = model.step

    def fail_once(_tokens: object) -> Any:
        model.step = step
        message = "out of memory"
        raise RuntimeError(message)

    app = make_app(NAME, worker, max_body=1000)
    worker.start()
    body = {"inputs": "a", "parameters": {"max_new_tokens": 3}}
    for path, status in (("/invocations", 500), (f"/endpoints/{NAME}/invocations", 424)):
        model.step = fail_once
        response = post(app, path, body)
        assert (status, "ModelError") == (response.status_code, response.headers["x-amzn-ErrorType"])
        assert "out of memory" in response.json()["Message"]
        assert 200 == post(app, path, body).status_code


def test_boto3_gets_the_errors_of_aws(runtime: Any) -> None:
    """An unknown endpoint is a ValidationError; what the container rejects is a ModelError with its status."""
    with pytest.raises(runtime.exceptions.ValidationError, match="'other' not found"):
        invoke(runtime, b"{}", name="other")
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        invoke(runtime, b'{"inputs": ""}')
    response = caught.value.response
    assert (424, 400) == (response["ResponseMetadata"]["HTTPStatusCode"], response["OriginalStatusCode"])
    assert "'inputs' is empty" == response["OriginalMessage"]
    with pytest.raises(runtime.exceptions.ValidationError, match="larger than"):
        invoke(runtime, b'{"inputs": "%s"}' % (b"a" * 200_000))
