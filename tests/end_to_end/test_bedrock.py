"""Whole runs with a model of Bedrock, which a server on loopback substitutes for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Result, StepFailedError, UserError, rescore
from llmops_sdk.plugin.registry import Registry

from ..plugins.bedrock.bedrock_server import BedrockServer, Refused, bedrock_server, reply, upper

MODEL = "us.amazon.nova-lite-v1:0"
THROTTLED = Refused("ThrottlingException", "Too many requests", {"Retry-After": "0"})
DENIED = Refused("AccessDeniedException", "You don't have access to the model")
_SPECIFICATION = f"""
name: hosted
datasets: [{{use: lines, records: 20}}]
prompts: [bare]
models:
  - {{use: echo, name: here, voice: quiet, fine_tune: false}}
  - {{use: bedrock, name: hosted, model: "{MODEL}", max_concurrency: 2, additional_fields: {{top_k: 1}}}}
evaluators: [echo-score]
settings:
  bedrock: {{region: us-west-2}}
"""
_PROGRAM = """
    import sys
    import llmops_sdk.testing
    from llmops_sdk import Pipeline, Progress
    from llmops_sdk.plugin.registry import Registry

    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    Pipeline.from_yaml("hosted.yaml").run(store="runs", registry=registry, progress=Progress())
"""


@pytest.fixture(name="bedrock")
def _bedrock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path) -> Iterator[BedrockServer]:  # noqa: ARG001
    """A server that knows the model, with credentials for it, and a specification in the current folder."""
    (tmp_path / "hosted.yaml").write_text(_SPECIFICATION, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "s3cret-value",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    with bedrock_server() as server:
        server.catalogue[f"/inference-profiles/{MODEL}"] = {"inferenceProfileName": "Nova", "status": "ACTIVE"}
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", server.url)
        yield server
        assert [] == server.problems


def _run(registry: Registry) -> Result:
    return Pipeline.from_yaml("hosted.yaml").run(store="runs", registry=registry, progress=Progress())


def test_a_hosted_model_is_compared_with_another(bedrock: BedrockServer, registry: Registry) -> None:
    """From a file as with the builder; throttling is waited for, and a guardrail leaves its record unanswered."""
    throttled = {"line 3"}

    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        text = request["messages"][0]["content"][0]["text"]
        if text in throttled:
            throttled.remove(text)
            raise THROTTLED
        return reply("No.", stop="guardrail_intervened") if text == "line 7" else reply(upper(request))

    bedrock.answer = answer
    pipeline = (
        Pipeline.builder("hosted")
        .with_dataset("lines", records=20)
        .with_prompt("bare")
        .with_model("echo", name="here", voice="quiet", fine_tune=False)
        .with_model("bedrock", name="hosted", model=MODEL, max_concurrency=2, additional_fields={"top_k": 1})
        .with_evaluator("echo-score")
        .with_settings("bedrock", region="us-west-2")
    )

    result = _run(registry)

    assert pipeline.build(registry) == result.run.plan
    cells = {cell.model: cell for cell in result.leaderboards[0].cells}
    records = [sample.record["context"] for sample in result.run.samples("hosted.bare.lines")]
    assert 10 - ("line 7" in records) == cells["hosted"].answered
    assert 1.0 == cells["hosted"].estimates["exact"].mean
    assert {"model": MODEL, "region": "us-west-2"}.items() <= cells["hosted"].endpoint.items()
    assert all({"top_k": 1} == request["additionalModelRequestFields"] for request in bedrock.requests)
    assert not [path for path in Path().rglob("*") if path.is_file() and b"s3cret-value" in path.read_bytes()]


def test_new_metrics_ask_nothing(bedrock: BedrockServer, registry: Registry) -> None:
    """The answers are in the record."""
    result = _run(registry)
    bedrock.requests.clear()

    evaluators = [{"use": "qa-accuracy", "metrics": ["f1"]}]
    rescored = rescore(
        result.run.id, evaluators, metric="f1", store=LocalStore("runs"), progress=Progress(), registry=registry
    )

    assert {"here", "hosted"} == {cell.model for cell in rescored.leaderboards[0].cells if "f1" in cell.estimates}
    assert [] == bedrock.requests


@pytest.mark.slow
def test_a_killed_run_asks_no_record_twice(bedrock: BedrockServer) -> None:
    """Besides those that were in flight."""
    text = _SPECIFICATION.replace("records: 20", "records: 60")
    Path("hosted.yaml").write_text(text, encoding="utf-8")
    client: list[subprocess.Popen[bytes]] = []

    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(bedrock.requests) == 20:
            os.kill(client[0].pid, signal.SIGKILL)
            client[0].wait()
        return reply(upper(request))

    bedrock.answer = answer
    client.append(_start())
    assert -signal.SIGKILL == client[0].wait(120)
    before = [request["messages"][0]["content"][0]["text"] for request in bedrock.requests]
    bedrock.requests.clear()
    bedrock.answer = lambda request: reply(upper(request))

    assert 0 == _start().wait(120)

    after = [request["messages"][0]["content"][0]["text"] for request in bedrock.requests]
    assert 30 == len({*before, *after})
    assert len({*before} & {*after}) <= 13  # in flight, or on their way to the journal


def test_a_model_that_bedrock_does_not_have_is_found_before_the_run(bedrock: BedrockServer, registry: Registry) -> None:
    """Nothing is started; what the check cannot know is one line of the candidate."""
    bedrock.catalogue.clear()
    with pytest.raises(
        UserError, match=f"nothing was started: Bedrock model {MODEL}: Bedrock has no model '{MODEL}' in us-west-2"
    ):
        _run(registry)

    def answer(_: Any) -> Mapping[str, Any]:
        raise DENIED

    bedrock.catalogue[f"/inference-profiles/{MODEL}"] = Refused("AccessDeniedException", "no")
    bedrock.answer = answer
    try:
        failures = _run(registry).failures
    except StepFailedError as exc:
        failures = Result(exc.run).failures
    (failure,) = {failure.error for failure in failures if failure.step == "generate.hosted"}
    assert f"Bedrock model '{MODEL}': access denied: You don't have access to the model; the role needs" in failure


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(_PROGRAM)])
