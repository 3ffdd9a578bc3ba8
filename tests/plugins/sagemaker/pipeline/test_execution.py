"""An execution of a pipeline: its states, its end, and what an error adds. `test_watched_executions.py` watches whole runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("botocore")

from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.errors import translated_errors
from llmops_plugins.sagemaker.pipeline.execution import Execution, NodeState, with_attach_hint
from llmops_plugins.sagemaker.pipeline.graph import graph_of
from llmops_sdk import EndpointError, Progress, Run, RunNotFoundError, UserError
from llmops_sdk.plugin import Failed
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore

from .pipelines import echo_pipeline

RUN_ID = "abcdefghijkl"
PIPELINE = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/llmops-summaries"


class FakeSageMaker:
    """Answers as SageMaker does for one execution, whose states the test gives, one with each request."""

    def __init__(self, *states: tuple[str, Mapping[str, str]]) -> None:
        self.states = list(states)
        self.stopped: list[str] = []
        self.error: ClientError | None = None

    def describe_pipeline(self, **_request: str) -> dict[str, str]:
        return {"PipelineArn": PIPELINE}

    def describe_pipeline_execution(self, **_request: str) -> dict[str, str]:
        if self.error is not None:
            raise self.error
        return {"PipelineExecutionStatus": self.states[0][0]}

    def get_paginator(self, action: str) -> Any:
        assert "list_pipeline_execution_steps" == action
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, **_request: str) -> Iterator[dict[str, Any]]:
        steps = self.states.pop(0)[1] if len(self.states) > 1 else self.states[0][1]
        for name, status in steps.items():  # one on a page
            yield {"PipelineExecutionSteps": [{"StepName": name, "StepStatus": status, "FailureReason": "two\nlines"}]}

    def stop_pipeline_execution(self, *, PipelineExecutionArn: str) -> None:  # noqa: N803 - boto3's name
        self.stopped.append(PipelineExecutionArn)
        self.states = [("Stopped", {})]


class KeptProgress(Progress):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(name="run")
def _run(registry: Registry) -> Run:
    """The run of the execution."""
    return Run.create(MemoryStore(), echo_pipeline().build(registry), run_id=RUN_ID)


@pytest.fixture(name="execution_of")
def _execution_of(run: Run) -> Any:
    """Make the execution of a run that a fake answers for."""

    def make(sagemaker: FakeSageMaker) -> Execution:
        return Execution(cast("Any", SimpleNamespace(client=lambda _: sagemaker)), graph_of(run.plan), run)

    return make


def test_watching_logs_each_state_once(execution_of: Any) -> None:
    """It returns at the end, with the last state of every node."""
    sagemaker = FakeSageMaker(
        ("Executing", {"generate-m1": "Starting"}),
        ("Executing", {"generate-m1": "Starting"}),
        ("Executing", {"generate-m1": "Failed", "score-m1": "Executing"}),
        ("Failed", {"generate-m1": "Failed", "score-m1": "Stopped"}),
    )
    progress, changes = KeptProgress(), []

    status, nodes = execution_of(sagemaker).watch(progress, 0.001, lambda: changes.append(1))

    assert "Failed" == status
    assert NodeState("Stopped", "two lines") == nodes["score-m1"]
    assert [
        "  starting  generate-m1: two lines",
        "  failed    generate-m1: two lines",
        "  executing score-m1: two lines",
        "  stopped   score-m1: two lines",
    ] == progress.lines
    assert 3 == len(changes)


def test_stopping_waits_for_the_end(execution_of: Any) -> None:
    """Its ARN is that of the pipeline with the ID of the run."""
    sagemaker = FakeSageMaker(("Executing", {}))
    execution = execution_of(sagemaker)

    assert execution.stop(Progress(), seconds=0.001, deadline=10)
    assert [f"{PIPELINE}/execution/{RUN_ID}"] == sagemaker.stopped == [execution.arn]


def test_stopping_gives_up_after_the_deadline(execution_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs of its nodes may take two minutes to end."""
    sagemaker = FakeSageMaker(("Stopping", {}))
    monkeypatch.setattr(sagemaker, "stop_pipeline_execution", lambda **_: None)

    assert not execution_of(sagemaker).stop(Progress(), seconds=0.001, deadline=0.01)


def test_a_missing_execution_is_an_error(execution_of: Any) -> None:
    """There is nothing to reconnect to."""
    sagemaker = FakeSageMaker()
    sagemaker.error = ClientError({"Error": {"Code": "ResourceNotFound", "Message": "x"}}, "DescribePipelineExecution")

    with pytest.raises(
        RunNotFoundError, match=f"SageMaker knows no execution '{RUN_ID}' of pipeline 'llmops-summaries'"
    ):
        execution_of(sagemaker).describe()


def test_an_error_while_watching_says_how_to_reconnect() -> None:
    """Instead of how to resume: the execution does not end with this program."""
    expired = ClientError({"Error": {"Code": "ExpiredToken", "Message": "x"}}, "DescribePipelineExecution")
    with pytest.raises(UserError) as caught, with_attach_hint(RUN_ID, "s3://b/a b"), translated_errors("execution"):
        raise expired

    assert (
        "execution: the AWS credentials have expired: renew them with 'aws sso login' or new keys; the execution continues in SageMaker;"
        f" reconnect with: llmops attach {RUN_ID} --store 's3://b/a b'"
    ) == str(caught.value)


def test_an_error_without_a_store_still_names_the_run() -> None:
    """The store is unknown while an execution is being stopped after a failed start."""
    with pytest.raises(EndpointError, match=f"reconnect with: llmops attach {RUN_ID}$"), with_attach_hint(RUN_ID):
        raise EndpointError("x")  # noqa: EM101 - a test's own


def test_a_node_whose_step_failed_is_logged_as_failed(execution_of: Any, run: Run) -> None:
    """It succeeds for SageMaker, so that the others continue; the record has the error."""
    run.write_record(Failed("generate.m1", "no endpoint", "", "generate.m1", 0.0, 0.0))
    states = {"generate-m1": "Succeeded", "generate-m0-bare-lines": "Succeeded", "compare": "Failed"}
    progress = KeptProgress()

    execution_of(FakeSageMaker(("Failed", states))).watch(progress, 0.0, lambda: None)

    assert [
        "  failed    generate-m1: no endpoint",
        "  succeeded generate-m0-bare-lines: two lines",
        "  failed    compare: two lines",
    ] == progress.lines


def test_a_node_with_some_failed_steps_is_logged_as_failed(registry: Registry) -> None:
    """The number of failed steps is in the line."""
    base = echo_pipeline(0).with_prompt("bare", name="other").with_model("echo", name="m0", fine_tune=False)
    run = Run.create(MemoryStore(), base.build(registry), run_id=RUN_ID)
    run.write_record(Failed("score.m0.other.lines", "no encoder", "", "score.m0.other.lines", 0.0, 0.0))
    sagemaker = FakeSageMaker(("Succeeded", {"score-m0": "Succeeded"}))
    progress = KeptProgress()

    Execution(cast("Any", SimpleNamespace(client=lambda _: sagemaker)), graph_of(run.plan), run).watch(
        progress, 0.0, lambda: None
    )

    assert ["  failed    score-m0: 1 of 2 steps: no encoder"] == progress.lines
