"""One training job: how it can fail, how it is stopped, and what AWS can refuse."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("sagemaker")

import boto3
from botocore.config import Config

from llmops_plugins.sagemaker.aws import account as aws_module, polling
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
def test_credentials_that_expire_while_waiting(
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """The error is one line; with new credentials, the next attempt finds the same job."""
    context = make_context()
    cloud.faults["DescribeTrainingJob"] = [None, *[(400, "ExpiredTokenException", "not you")] * 2]

    with pytest.raises(
        UserError,
        match="the AWS credentials have expired: renew them with 'aws sso login' or new keys, then resume with llmops run",
    ):
        train(context, splits)

    assert JOB == train(context, splits).job_name
    assert 1 == len(cloud.requests("CreateTrainingJob"))


DENIED = (400, "AccessDeniedException", "not you")


def test_an_access_that_is_denied_for_now_does_not_end_the_wait(
    cloud: Cloud, splits: DatasetSplits, make_context: MakeContext
) -> None:
    """A change of a role's policy takes minutes to be seen everywhere."""
    cloud.faults["DescribeTrainingJob"] = [None, DENIED, DENIED]

    assert JOB == train(make_context(), splits).job_name

    assert ["CreateTrainingJob"] == cloud.created
    assert [] == cloud.requests("StopTrainingJob")


def test_a_job_that_cannot_be_looked_at_any_more_is_stopped(
    cloud: Cloud, splits: DatasetSplits, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step fails after some minutes."""
    monkeypatch.setattr(polling, "DENIED_SECONDS", 0.05)
    cloud.job_stages = [("InProgress", "")]
    cloud.faults["DescribeTrainingJob"] = [None, *[DENIED] * 10_000]

    with pytest.raises(UserError, match=f"training job '{JOB}': AWS denied access: not you"):
        train(make_context(), splits)

    assert [{"TrainingJobName": JOB}] == cloud.requests("StopTrainingJob")
    assert [] == cloud.left()


QUOTA = (
    "The account-level service limit 'ml.g5.12xlarge for training job usage' is 1 Instances, with current utilization of 1"
    " Instances and a request delta of 1 Instances."
)
NO_CAPACITY = "CapacityError: Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity"


def test_a_job_waits_while_the_quota_is_in_use(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """The same request is sent until it is accepted."""
    cloud.faults["CreateTrainingJob"] = [(400, "ResourceLimitExceeded", QUOTA)] * 3

    assert JOB == train(make_context(), splits).job_name

    assert [JOB] * 4 == [request["TrainingJobName"] for request in cloud.requests("CreateTrainingJob")]


def test_a_job_without_capacity_is_followed_by_another(
    cloud: Cloud, splits: DatasetSplits, make_context: MakeContext
) -> None:
    """Each has the next name, which is in the ledger before the job is created."""
    entered: list[tuple[str, int]] = []
    stages = iter([("Failed", NO_CAPACITY), ("Failed", NO_CAPACITY), ("Completed", "")])

    def next_job(action: str) -> None:
        if action == "CreateTrainingJob":
            cloud.turn("job", cloud.requests(action)[-1]["TrainingJobName"], ("InProgress", ""), next(stages))

    cloud.on_call = next_job
    context = make_context(
        add_resource=lambda resource: entered.append((resource.name, len(cloud.requests("CreateTrainingJob"))))
    )

    assert f"{JOB}-3" == train(context, splits).job_name

    assert [JOB, f"{JOB}-2", f"{JOB}-3"] == [
        request["TrainingJobName"] for request in cloud.requests("CreateTrainingJob")
    ]
    assert [(f"{JOB}-2", 1), (f"{JOB}-3", 2)] == entered


def test_attempts_at_capacity_are_bounded(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """The message has AWS's reason."""
    cloud.job_stages = [("InProgress", ""), ("Failed", NO_CAPACITY)]

    with pytest.raises(EndpointError, match=f"training job '{JOB}-2' failed: CapacityError"):
        train(make_context(), splits, JumpStartTrainingOptions(poll_seconds=0.01, capacity_attempts=2))

    assert 2 == len(cloud.requests("CreateTrainingJob"))


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
