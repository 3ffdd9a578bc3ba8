"""Pipelines that really run, on an emulated account: detached, attached, killed, and started by others.

Slow: every step starts the SageMaker SDK twice.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import boto3
import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

import llmops_sdk.testing
from llmops_plugins.sagemaker.emulator.choices import emulated_variables
from llmops_plugins.sagemaker.emulator.executor import Emulator
from llmops_sdk import Pipeline, Progress, Run, UserError
from llmops_sdk.pipeline.execution import attach, resume
from llmops_sdk.plugin import Runtime, Succeeded, open_store
from llmops_sdk.plugin.registry import Registry

REGION, BUCKET = "us-east-1", "team-bucket"
STORE = f"s3://{BUCKET}/llmops"
ROLE = "arn:aws:iam::123456789012:role/llmops-rehearsal"
NAME = "llmops-watched"
CLIENT = """
import sys
import llmops_sdk.testing
from llmops_sdk import Pipeline
from llmops_sdk.plugin.registry import Registry

registry = Registry.load()
registry.add("testing", llmops_sdk.testing)
Pipeline.from_yaml(sys.argv[1]).run(store=sys.argv[2], registry=registry)
"""


class KeptProgress(Progress):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(name="plugins", scope="module")
def _plugins() -> Registry:
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    return registry


def pipeline(**options: Any) -> Pipeline:
    base = Pipeline.builder("watched").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    base = base.with_settings("sagemaker", role=ROLE, bucket=BUCKET, region=REGION, image_uri="image:1")
    return base.with_model("echo", fine_tune=False).with_executor("sagemaker", poll_seconds=0.3, **options)


@pytest.fixture(name="emulator", scope="module")
def _emulator(tmp_path_factory: pytest.TempPathFactory, plugins: Registry) -> Iterator[Emulator]:
    """An emulated account with a bucket, which boto3 finds through the environment."""
    plan = attrs.evolve(pipeline().build(plugins), settings={"sagemaker": {"bucket": BUCKET, "region": REGION}})
    options = plugins.make("executor", "sagemaker-rehearsal", {}).options
    home = tmp_path_factory.mktemp("account")
    emulator = Emulator(plan, options, Runtime(plugins, home))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulated_variables(emulator.url, REGION).items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setenv("LLMOPS_HOME", str(home))
        yield emulator
    emulator.close()


@pytest.fixture(name="detached", scope="module")
def _detached(
    emulator: Emulator, plugins: Registry, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, KeptProgress]:
    """A run that was started with `--detach`, with a store on this machine."""
    del emulator
    progress = KeptProgress()
    store = tmp_path_factory.mktemp("local") / "runs"
    result = pipeline().run(store=store, detach=True, registry=plugins, progress=progress)
    assert not (store / "runs").exists()
    return result.run, progress


def wait_for_end(arn: str) -> str:
    """Wait for the end of an execution, and return its status."""
    client = boto3.client("sagemaker")
    until = time.monotonic() + 200
    while (status := client.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]) in (
        "Executing",
        "Stopping",
    ):
        assert time.monotonic() < until
        time.sleep(0.3)
    return str(status)


def arn_of(run_id: str) -> str:
    return f"{boto3.client('sagemaker').describe_pipeline(PipelineName=NAME)['PipelineArn']}/execution/{run_id}"


def executions(name: str) -> list[dict[str, Any]]:
    """Return the executions of a pipeline, or none if there is no such pipeline yet."""
    client = boto3.client("sagemaker")
    try:
        summaries: list[dict[str, Any]] = client.list_pipeline_executions(PipelineName=name)[
            "PipelineExecutionSummaries"
        ]
        for execution in summaries:
            client.describe_pipeline_execution(PipelineExecutionArn=execution["PipelineExecutionArn"])
    except client.exceptions.ClientError:
        return []
    return summaries


def test_a_detached_run_prints_how_to_reconnect(detached: tuple[Run, KeptProgress]) -> None:
    """It also prints that the record is in S3, and how to delete leftovers."""
    run, progress = detached
    output = "\n".join(progress.lines)

    assert f"llmops attach {run.id} --store 's3://{BUCKET}/llmops?region={REGION}'" in output
    assert f"llmops gc --run {run.id}" in output
    assert "runs on SageMaker are stored in S3" in output
    assert run.store.uri.startswith(f"s3://{BUCKET}/llmops")


@pytest.mark.slow
def test_attach_waits_for_the_end(detached: tuple[Run, KeptProgress], plugins: Registry) -> None:
    """Another program needs only the store and the ID."""
    run, _ = detached
    progress = KeptProgress()
    result = attach(run.id, store=STORE, registry=plugins, progress=progress)

    assert () == result.failures
    assert any("succeeded compare" in line for line in progress.lines)
    assert run.read("report.html")
    assert run.read("specification.yaml")


@pytest.mark.slow
def test_a_start_in_studio_is_a_separate_run(detached: tuple[Run, KeptProgress], plugins: Registry) -> None:
    """It has the prepared datasets, repeats no work, and can be attached to."""
    run, _ = detached
    wait_for_end(arn_of(run.id))
    arn = boto3.client("sagemaker").start_pipeline_execution(PipelineName=NAME)["PipelineExecutionArn"]
    assert "Succeeded" == wait_for_end(arn)
    other = Run.open(open_store(STORE, plugins), arn.rpartition("/")[2])
    records = [other.record(step.name) for step in other.plan.steps]

    assert other.id != run.id
    assert all(isinstance(record, Succeeded) for record in records)
    assert {True} == {
        record.cached for record in records if isinstance(record, Succeeded) and "prepare." not in record.step
    }
    assert () == attach(other.id, store=other.store, registry=plugins, progress=Progress()).failures


@pytest.mark.slow
def test_resume_starts_a_new_execution_after_the_end(detached: tuple[Run, KeptProgress], plugins: Registry) -> None:
    """The new execution reuses the results."""
    run, _ = detached
    wait_for_end(arn_of(run.id))
    progress = KeptProgress()
    result = resume(run.id, store=run.store, registry=plugins, progress=progress)
    record = result.run.record("generate.echo")

    assert result.run.id != run.id
    assert isinstance(record, Succeeded)
    assert record.cached
    assert any("starting a new one that reuses its results" in line for line in progress.lines)


def test_attaching_to_a_missing_execution_fails(detached: tuple[Run, KeptProgress], plugins: Registry) -> None:
    """The record exists, but the execution is in another account or was deleted."""
    run, _ = detached
    Run.create(run.store, run.plan, run_id="abcdefghijkl", prepared=True)
    with pytest.raises(UserError, match=r"knows no execution|does not exist"):
        attach("abcdefghijkl", store=run.store, registry=plugins, progress=Progress())


@pytest.mark.slow
def test_an_execution_survives_the_kill_of_its_client(emulator: Emulator, plugins: Registry, tmp_path: Path) -> None:
    """The client is killed as soon as there is an execution, with or without a record; `attach` returns the result."""
    del emulator
    name = "killed-client"
    (tmp_path / "pipeline.yaml").write_text(pipeline(pipeline=name).to_yaml(), encoding="utf-8")
    with subprocess.Popen([sys.executable, "-c", CLIENT, str(tmp_path / "pipeline.yaml"), STORE]) as client:
        until = time.monotonic() + 100
        while not (started := executions(name)):
            assert client.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        client.kill()
    arn = started[0]["PipelineExecutionArn"]
    assert "Succeeded" == wait_for_end(arn)

    result = attach(arn.rpartition("/")[2], store=STORE, registry=plugins, progress=Progress())

    assert () == result.failures
    assert all(entry.deleted for entry in result.run.ledger())


@pytest.mark.slow
def test_two_simultaneous_runs_of_one_pipeline(emulator: Emulator, plugins: Registry) -> None:
    """Each is an execution with its own record, and both have the same result."""
    del emulator
    twice = pipeline(pipeline="twice")
    runs = [twice.run(store=STORE, detach=True, registry=plugins, progress=Progress()).run for _ in range(2)]
    assert runs[0].id != runs[1].id
    for execution in executions("twice"):
        assert "Succeeded" == wait_for_end(execution["PipelineExecutionArn"])

    results = [attach(run.id, store=STORE, registry=plugins, progress=Progress()) for run in runs]

    assert [(), ()] == [result.failures for result in results]
    assert {1.0} == {result.leaderboards[0].cells[0].estimates["exact"].mean for result in results}
    for run in runs:
        reopened = Run.open(open_store(STORE, plugins), run.id)
        assert all(reopened.record(step.name) is not None for step in reopened.plan.steps)
