"""One training job: how it can fail, how it is stopped, and what AWS can refuse."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("sagemaker")

import boto3
from botocore.config import Config

from llmops_plugins.sagemaker.aws import account as aws_module
from llmops_plugins.sagemaker.jumpstart.options import JumpStartTrainingOptions
from llmops_plugins.sagemaker.jumpstart.trainer import JumpStartTrainer
from llmops_sdk import EndpointError, UserError
from llmops_sdk.plugin import DatasetSplits, Resource

from ..fixtures import Cloud, interrupt
from ..training import JOB, OPTIONS, MakeContext, train

pytestmark = pytest.mark.usefixtures("jumpstart")


def test_the_error_of_a_failed_job_has_the_reason_and_the_last_log_lines(
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """It is one message; another run starts another job, since a name is used once."""
    context = make_context()
    cloud.job_stages = [("InProgress", ""), ("Failed", "AlgorithmError: ExecuteUserScriptError:\nExitCode 1")]
    logs = boto3.client("logs")
    stream = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": f"{JOB}/algo-1-1"}
    logs.create_log_group(logGroupName=stream["logGroupName"])
    logs.create_log_stream(**stream)
    now = int(time.time() * 1000)
    lines = [{"timestamp": now + n, "message": text} for n, text in enumerate(["one", "CUDA out of memory"])]
    logs.put_log_events(**stream, logEvents=lines)

    with pytest.raises(EndpointError) as caught:
        train(context, splits)

    assert (
        f"training job '{JOB}' failed: AlgorithmError: ExecuteUserScriptError: ExitCode 1;"
        " last log lines: one / CUDA out of memory (log group /aws/sagemaker/TrainingJobs)"
    ) == str(caught.value)
    cloud.job_stages = [("Completed", "")]
    assert f"{JOB}-2" == train(context, splits).job_name


def test_a_job_that_was_stopped_in_the_console(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """The status is in the error, and nothing is left to delete."""
    cloud.job_stages = [("InProgress", ""), ("Stopping", ""), ("Stopped", "")]

    with pytest.raises(EndpointError, match=f"training job '{JOB}' stopped: Stopped"):
        train(make_context(), splits)

    assert [] == cloud.requests("StopTrainingJob")


def test_a_job_that_takes_too_long_is_stopped(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """The error names the option; the next attempt starts another job."""
    cloud.job_stages = [("InProgress", "")]
    context = make_context()

    with pytest.raises(EndpointError, match="increase 'timeout'"):
        train(context, splits, JumpStartTrainingOptions(poll_seconds=0.01, timeout=0.05))

    assert 1 == len(cloud.requests("StopTrainingJob"))
    assert [] == cloud.left()
    assert (Resource("training-job", f"{JOB}-2"),) == JumpStartTrainer(OPTIONS).resources(context)


@pytest.mark.parametrize("action", ["DescribeTrainingJob", "CreateTrainingJob"])
def test_ctrl_c_stops_the_job(
    action: str,
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """During the request that creates it, and while waiting; no job is left running."""
    cloud.job_stages = [("InProgress", "")]
    seen: list[int] = []

    def once(called: str) -> None:
        if called == action and cloud.requests("CreateTrainingJob") and not seen:
            seen.append(len(cloud.calls))
            interrupt()

    cloud.on_call = once

    with pytest.raises(KeyboardInterrupt):
        train(make_context(), splits)

    assert seen
    assert ["CreateTrainingJob"] == cloud.created
    assert [] == cloud.left()
    assert [{"TrainingJobName": JOB}] == cloud.requests("StopTrainingJob")


def test_delete_does_nothing_unless_the_job_is_running(
    cloud: Cloud, splits: DatasetSplits, make_context: MakeContext
) -> None:
    """A missing, ended or stopping job stays as it is."""
    context = make_context()
    trainer = JumpStartTrainer(OPTIONS)
    trainer.delete(context, Resource("training-job", "never-there"))
    name = train(context, splits).job_name
    for stage, stops in (("Completed", 0), ("Failed", 0), ("Stopping", 0), ("InProgress", 1)):
        cloud.turn("job", name, (stage, ""))
        remote = make_context(folder=Path("/nonexistent/artifact")) if stage == "InProgress" else context
        JumpStartTrainer(OPTIONS).delete(remote, Resource("training-job", name))
        assert stops == len(cloud.requests("StopTrainingJob"))


# -- faults -------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3 send each request once."""
    monkeypatch.setattr(aws_module, "_CALLS", aws_module._CALLS.merge(Config(retries={"total_max_attempts": 1})))


@pytest.mark.usefixtures("impatient")
def test_temporary_errors_while_waiting_are_retried(
    cloud: Cloud, splits: DatasetSplits, make_context: MakeContext
) -> None:
    """The job continues."""
    cloud.faults["DescribeTrainingJob"] = [
        None,
        *[(400, "ThrottlingException", "Rate exceeded")] * 5,
        (500, "InternalFailure", "oops"),
    ]

    assert train(make_context(), splits).job_name

    assert 9 == len(cloud.requests("DescribeTrainingJob")) - 1  # the last one is by `delete`


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredTokenException", "the AWS credentials have expired: renew them, then resume with llmops run --resume"),
        ("AccessDeniedException", "AWS denied access: not you; the user or role lacks a permission"),
    ],
)
def test_credentials_that_expire_while_waiting(
    code: str,
    message: str,
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """The error is one line; with new credentials, the next attempt finds the same job."""
    context = make_context()
    cloud.faults["DescribeTrainingJob"] = [None, (400, code, "not you"), (400, code, "not you")]

    with pytest.raises(UserError, match=message):
        train(context, splits)

    assert JOB == train(context, splits).job_name
    assert 1 == len(cloud.requests("CreateTrainingJob"))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("ResourceLimitExceeded", UserError, "ml.g5.12xlarge is 0 Instances; ask for a higher quota"),
        ("AccessDeniedException", UserError, "AWS denied access"),
        ("ValidationException", EndpointError, "ml.g5.12xlarge is 0 Instances"),
    ],
)
def test_a_refused_job_is_an_error(
    code: str,
    kind: type[Exception],
    message: str,
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """The error has AWS's message and what to do; the next attempt uses the same name."""
    context = make_context()
    cloud.faults["CreateTrainingJob"] = [(400, code, "The limit for ml.g5.12xlarge is 0 Instances")]

    with pytest.raises(kind, match=message):
        train(context, splits)

    assert JOB == train(context, splits).job_name
