"""The client of a running pipeline: errors and Ctrl-C while it starts and watches, and reconnecting."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.retries.standard
import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws import polling
from llmops_sdk import Pipeline
from llmops_sdk.plugin import Succeeded

from ...plugins.sagemaker.fixtures import BUCKET, REGION, Cloud, interrupt
from .executions import Executions, plan_uri, put_executions
from .whole_runs import Ended, article, collect, llmops, the_runs, written

STORE = f"s3://{BUCKET}/llmops"
BACK = "; the execution continues in SageMaker; reconnect with: llmops attach RUN --store STORE"
EXPIRED = (400, "ExpiredTokenException", "The security token included in the request is expired")
ASKED = "generate.llama-2-7b"
THROTTLED = (400, "ThrottlingException", "Rate exceeded")

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("jumpstart", "home", "runtime")]

Command = Callable[..., Ended]


def piped(**options: Any) -> Pipeline:
    """Return the article's pipeline without training, as a pipeline of SageMaker."""
    base = article(settings={"image_uri": "image:1"}, fine_tune=False, version="4.*")
    return base.with_executor("sagemaker", poll_seconds=0.01, **options)


@pytest.fixture(name="executions")
def _executions(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Executions:
    """Executions that wait for the test, in an account with a bucket; retries do not wait."""
    monkeypatch.setattr(polling, "_RETRY_INTERVAL", 0.01)
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda *_: 0.001)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    del cloud
    return put_executions(REGION, monkeypatch)


@pytest.fixture(name="command")
def _command(executions: Executions, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command on the store; in its errors, RUN and STORE take the place of the run's ID and the store."""

    def hidden(error: str) -> str:
        for run_id in executions.statuses:
            error = error.replace(run_id, "RUN")
        return error.replace(f"'{STORE}?region={REGION}'", "STORE").replace(STORE, "STORE")

    def typed(*arguments: str) -> Ended:
        ended = llmops(capsys, *arguments, "--store", STORE)
        return Ended(ended.code, tuple(map(hidden, ended.errors)), ended.output)

    return typed


def test_attaching_during_throttling(
    cloud: Cloud,
    executions: Executions,
    command: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`--detach` prints the ID. Endless throttling prints how to reconnect, temporary throttling is retried."""
    ended = command("run", written(piped(max_parallel=3), tmp_path), "--detach")

    (run_id,) = executions.statuses
    assert (0, run_id) == (ended.code, ended.output.splitlines()[0])
    assert f"llmops attach {run_id} --store " in ended.output
    bound = {"MaxParallelExecutionSteps": 3}
    for action in ("CreatePipeline", "StartPipelineExecution"):
        assert [bound] == [request["ParallelismConfiguration"] for request in cloud.requests(action)]

    cloud.faults = {"DescribePipelineExecution": [THROTTLED] * 100_000}
    monkeypatch.setattr(polling, "RETRY_SECONDS", 0.2)
    throttled = f"execution 'RUN' of pipeline 'llmops-article': AWS is throttling requests (Rate exceeded): wait{BACK}"
    assert (1, (throttled,)) == ((ended := command("attach", run_id)).code, ended.errors)
    (run,) = the_runs(STORE)
    assert (None, False) == (run.record(ASKED), run.has_results)
    assert "runs left nothing behind" in collect(capsys, STORE, cloud)

    cloud.faults.clear()
    monkeypatch.setattr(polling, "RETRY_SECONDS", 60.0)
    assert "Succeeded" == executions.run(run_id, plan_uri(piped(max_parallel=3).build(), STORE))
    cloud.faults = {
        "DescribePipeline": [THROTTLED] * 8,
        "DescribePipelineExecution": [*[THROTTLED] * 8, (500, "InternalFailure", "oops"), None, THROTTLED],
        "ListPipelineExecutionSteps": [THROTTLED] * 8,
    }
    assert (0, ()) == ((ended := command("attach", run_id)).code, ended.errors)
    assert [[], [], []] == [cloud.faults["DescribePipeline"], cloud.faults["ListPipelineExecutionSteps"], cloud.left()]
    (run,) = the_runs(STORE)
    assert isinstance(run.record(ASKED), Succeeded)
    assert run.has_results
    assert "runs left nothing behind" in collect(capsys, STORE, cloud)


def test_a_token_that_expires_while_watching(
    cloud: Cloud, executions: Executions, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message shows how to reconnect; both ways start nothing new."""
    message = f"execution 'RUN' of pipeline 'llmops-article': the AWS credentials have expired: renew them with 'aws sso login' or new keys{BACK}"
    cloud.faults = {"DescribePipelineExecution": [None, EXPIRED]}
    assert (2, (message,)) == ((ended := command("run", written(piped(), tmp_path))).code, ended.errors)
    (run_id,) = executions.statuses

    cloud.faults = {"DescribePipelineExecution": [None, None, EXPIRED]}
    assert (2, (message,)) == ((ended := command("run", "--resume", run_id)).code, ended.errors)
    assert f"run {run_id} is still running; waiting for its end" in ended.output

    assert {run_id: "Executing"} == executions.statuses
    executions.run(run_id, plan_uri(piped().build(), STORE))
    assert 0 == command("attach", run_id).code
    assert [run_id] == list(executions.statuses)
    assert 1 == cloud.created.count("CreateEndpoint")
    assert [] == cloud.left()
    collect(capsys, STORE, cloud)


@pytest.mark.parametrize("expired", [False, True])
def test_ctrl_c_while_watching_stops_the_execution(
    expired: bool,  # noqa: FBT001 - a parameter
    cloud: Cloud,
    executions: Executions,
    command: Command,
    tmp_path: Path,
) -> None:
    """If the stop is refused, the message reports that the execution continues."""
    cloud.on_call = lambda action: interrupt() if action == "ListPipelineExecutionSteps" else None
    cloud.faults = {"StopPipelineExecution": [EXPIRED] if expired else []}

    ended = command("run", written(piped(), tmp_path))

    message = f"execution 'RUN' of pipeline 'llmops-article': the AWS credentials have expired: renew them with 'aws sso login' or new keys{BACK}"
    assert (2 if expired else 130, (message,) if expired else ()) == (ended.code, ended.errors)
    assert ["Executing" if expired else "Stopped"] == list(executions.statuses.values())


@pytest.mark.parametrize(
    ("action", "begins"),
    [
        ("DescribePipeline", ()),
        ("CreatePipeline", ("Create",)),
        ("StartPipelineExecution", ("Create", "Start", "Stop")),
    ],
)
def test_ctrl_c_while_starting(
    action: str, begins: tuple[str, ...], cloud: Cloud, executions: Executions, command: Command, tmp_path: Path
) -> None:
    """The current request is answered, no other starts anything, and a started execution is stopped."""
    seen: list[str] = []

    def once(called: str) -> None:
        if called == action and not seen:
            seen.append(called)
            interrupt()

    cloud.on_call = once

    ended = command("run", written(piped(), tmp_path))

    assert (130, ()) == (ended.code, ended.errors)
    verbs = [call.action for call in cloud.calls if re.match("Create|Update|Start|Stop", call.action)]
    assert [f"{verb}Pipeline" + "Execution" * (verb != "Create") for verb in begins] == verbs
    assert ["Stopped"] * ("Start" in begins) == list(executions.statuses.values())


def test_a_throttled_start_starts_one_execution(
    cloud: Cloud, executions: Executions, command: Command, tmp_path: Path
) -> None:
    """All attempts have one token; another run has another."""
    cloud.faults = {
        "CreatePipeline": [THROTTLED] * 8,
        "StartPipelineExecution": [THROTTLED] * 8,
    }

    for _ in range(2):
        assert 0 == command("run", written(piped(), tmp_path), "--detach").code

    first, *others, last = [request["ClientRequestToken"] for request in cloud.requests("StartPipelineExecution")]
    assert 10 == len(others) + 2
    assert {first} == set(others) != {last}
    assert 2 == len(executions.statuses)
    assert 9 == len(cloud.requests("CreatePipeline"))
    (update,) = cloud.requests("UpdatePipeline")
    assert {"MaxParallelExecutionSteps": 8} == update["ParallelismConfiguration"]
