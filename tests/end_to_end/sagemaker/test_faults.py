"""Whole runs with injected faults: one message, a correct record, no leftovers after `gc`, and a run that can be resumed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import boto3
import botocore.retries.standard
import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws import polling
from llmops_sdk.plugin import Failed
from llmops_sdk.steps.client import client as asking

from ...plugins.sagemaker.fixtures import ROLE, Cloud, RuntimeServer
from ...plugins.sagemaker.loopback import ServerAnswer
from .whole_runs import CELL, GENERATE, RECORDS, TRAIN, article, collect, llmops, the_runs, written

THROTTLED = (400, "ThrottlingException", "Rate exceeded")
EXPIRED = (400, "ExpiredTokenException", "old")
EXPIRED_MESSAGE = (
    "credentials have expired: renew them with 'aws sso login' or new keys, then resume with llmops run --resume"
)
THROTTLED_MESSAGE = "AWS is throttling requests (Rate exceeded): wait, then resume with llmops run --resume"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("jumpstart", "home", "runtime", "quick")]


@pytest.fixture(name="quick")
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait only briefly, and soon give up."""
    monkeypatch.setattr(asking, "LONGEST_WAIT", 0.01)
    monkeypatch.setattr(polling, "RETRY_SECONDS", 0.2)
    monkeypatch.setattr(polling, "_RETRY_INTERVAL", 0.01)
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda *_: 0.001)


# -- failures before the start ----------------------------------------------------------------

NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("changes", "environment", "message"),
    [
        ({}, NO_KEYS, "nothing was started: AWS account, SageMaker role, S3 bucket: AWS identity: there are no AWS credentials: run"),
        ({"settings": {"region": ""}}, {"AWS_DEFAULT_REGION": ""}, "no AWS region is set: with_settings('sagemaker'"),
        ({"settings": {"region": "us-esat-1"}}, {"AWS_ENDPOINT_URL_S3": NOWHERE}, "AWS cannot be reached"),
        ({"settings": {"role": ""}}, {}, "nothing was started: SageMaker role: SageMaker needs an execution role, and"),
        ({"settings": {"role": f"{ROLE}s"}}, {}, "nothing was started: SageMaker role: there is no arn:aws:iam::1234567"),
        ({"settings": {"bucket": "not-there"}}, {}, "nothing was started: S3 bucket: there is no bucket 'not-there'"),
        ({}, {"AWS_ENDPOINT_URL_S3": NOWHERE}, "nothing was started: S3 bucket: bucket 'sagemaker-us-east-1-12345678"),
        ({"accept_eula": False}, {}, "it is under Meta's Llama 2 licence: read it, and set accept_eula=True"),
        ({"tolerate_vulnerable_model": False}, {}, "is known to have vulnerabilities: set tolerate_vulnerable_model=True"),
        ({"use": "jumpstart", "model_id": "meta-textgeneration-llama-2-7"}, {},
         "JumpStart has no model 'meta-textgeneration-llama-2-7' in us-east-1; did you mean"),
        ({"trainer": {"hyperparameters": {"epocs": "1"}}}, {}, "there is no 'epocs'; did you mean 'epoch'?"),
        ({"trainer": {"hyperparameters": {"epoch": "0"}}}, {}, "'epoch' must be at least 1, not '0'"),
    ],
)  # fmt: skip
def test_missing_or_misspelt_settings_start_nothing(
    changes: Mapping[str, Any],
    environment: Mapping[str, str],
    message: str,
    cloud: Cloud,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One message and exit code 2; no run and no resource is created."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    store = str(tmp_path / "runs")

    ended = llmops(capsys, "run", written(article(**changes), tmp_path), "--store", store)

    (error,) = ended.errors
    assert (2, True) == (ended.code, message in error), error
    assert [] == cloud.created
    assert [] == the_runs(store)
    collect(capsys, store, cloud)


# -- failures in the middle of a run ------------------------------------------------------------


def put_log(group: str, stream: str, *lines: str) -> None:
    """Put lines into CloudWatch."""
    logs, now = boto3.client("logs"), int(time.time() * 1000)
    where = {"logGroupName": group, "logStreamName": stream}
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(**where)
    logs.put_log_events(**where, logEvents=[{"timestamp": now + at, "message": text} for at, text in enumerate(lines)])


def failed_job(cloud: Cloud, _runtime: RuntimeServer) -> None:
    cloud.job_stages = [("InProgress", ""), ("Failed", "AlgorithmError: ExecuteUserScriptError:\nExitCode 1")]

    def log(action: str) -> None:
        if action == "CreateTrainingJob":
            name = cloud.requests(action)[-1]["TrainingJobName"]
            put_log("/aws/sagemaker/TrainingJobs", f"{name}/algo-1", "epoch 1", "CUDA out of memory")

    cloud.on_call = log


def failed_endpoint(cloud: Cloud, _runtime: RuntimeServer) -> None:
    cloud.endpoint_stages = [("Creating", ""), ("Failed", "The container did not pass the ping health check")]

    def log(action: str) -> None:
        if action == "CreateEndpoint":
            name = cloud.requests(action)[-1]["EndpointName"]
            put_log(f"/aws/sagemaker/Endpoints/{name}", "AllTraffic/i-1", "loading", "no space left on device")

    cloud.on_call = log


def stuck_endpoint(cloud: Cloud, _runtime: RuntimeServer) -> None:
    cloud.endpoint_stages = [("Creating", "")]


def refusing(status: int) -> Callable[[Cloud, RuntimeServer], None]:
    def arrange(_cloud: Cloud, runtime: RuntimeServer) -> None:
        body = {"Message": "Received error", "OriginalMessage": "worker died", "OriginalStatusCode": status}
        runtime.answer = lambda _: ServerAnswer(body, 424, "ModelError")

    return arrange


def throttled_requests(_cloud: Cloud, runtime: RuntimeServer) -> None:
    runtime.answer = lambda _: ServerAnswer({"Message": "Rate exceeded"}, 400, "ThrottlingException")


def throttling(*actions: str, after: str = "") -> Callable[[Cloud, RuntimeServer], None]:
    """Throttle some kinds of requests from one request on, without end."""
    return failing(THROTTLED, *actions, after=after)


def failing(fault: tuple[int, str, str], *actions: str, after: str = "") -> Callable[[Cloud, RuntimeServer], None]:
    """Answer some kinds of requests with an error from one request on, without end."""

    def arrange(cloud: Cloud, _runtime: RuntimeServer) -> None:
        def start(action: str) -> None:
            if action == after:
                first = {name: [None] if after and name.startswith("Describe") else [] for name in actions}
                cloud.faults = {name: [*first[name], *[fault] * 100_000] for name in actions}

        if after:
            cloud.on_call = start
        else:
            start("")

    return arrange


def expiring(*actions: str, after: str) -> Callable[[Cloud, RuntimeServer], None]:
    """Let the credentials expire once a resource exists: every further request about it is refused."""
    return failing(EXPIRED, *actions, after=after)


@attrs.frozen
class Fault:
    """A fault, the step that reports it, its message, and whether a resource is left for `gc`."""

    arrange: Callable[[Cloud, RuntimeServer], None]
    step: str
    words: tuple[str, ...]
    leaves: tuple[str, ...] = ()


FAULTS = {
    "training job Failed": Fault(
        failed_job,
        TRAIN,
        ("failed: AlgorithmError: ExecuteUserScriptError: ExitCode 1; last log lines: epoch 1 / CUDA out of memory (",),
    ),
    "endpoint Failed": Fault(
        failed_endpoint,
        GENERATE,
        (
            "is Failed: The container did not pass the ping health check",
            "last log lines: loading / no space left on device",
        ),
    ),
    "endpoint stuck": Fault(
        stuck_endpoint, GENERATE, ("was not in service after 0.3 s: increase 'start_timeout'",), ("endpoint",)
    ),
    "ModelError 400": Fault(
        refusing(400), GENERATE, ("no record was answered", "answered ModelError 400: worker died")
    ),
    "ModelError 500": Fault(
        refusing(500), GENERATE, ("no record was answered", "answered ModelError 500: worker died")
    ),
    "throttled CreateTrainingJob": Fault(throttling("CreateTrainingJob"), TRAIN, (THROTTLED_MESSAGE,)),
    "throttled while training": Fault(
        throttling("DescribeTrainingJob", "StopTrainingJob", after="CreateTrainingJob"),
        TRAIN,
        (THROTTLED_MESSAGE,),
        ("training-job",),
    ),
    "credentials that expire while training": Fault(
        expiring("DescribeTrainingJob", "StopTrainingJob", "ListTags", after="CreateTrainingJob"),
        TRAIN,
        (EXPIRED_MESSAGE,),
        ("training-job",),
    ),
    "credentials that expire while deploying": Fault(
        expiring("DescribeEndpoint", "DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel", after="CreateEndpoint"),
        GENERATE,
        (EXPIRED_MESSAGE,),
        ("endpoint", "endpoint-config", "model"),
    ),
    "throttled CreateEndpoint": Fault(throttling("CreateEndpoint"), GENERATE, (THROTTLED_MESSAGE,)),
    "throttled while deploying": Fault(
        throttling("DescribeEndpoint", "DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel", after="CreateEndpoint"),
        GENERATE,
        (THROTTLED_MESSAGE,),
        ("endpoint", "endpoint-config", "model"),
    ),
    "throttled requests": Fault(throttled_requests, GENERATE, ("answered ThrottlingException 400: Rate exceeded",)),
    "throttled deletions": Fault(
        throttling("DeleteEndpoint"),
        GENERATE,
        ("not deleted (may still be billed): endpoint", "Rate exceeded"),
        ("endpoint",),
    ),
}

LONG = (
    "credentials that expire while deploying",
    "ModelError 400",
    "throttled CreateTrainingJob",
    "throttled CreateEndpoint",
    "throttled requests",
    "throttled deletions",
)
"""Faults that resemble others, and are tested by `make slow-test` only."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in FAULTS]
)
def test_a_fault_is_one_message_and_the_run_can_be_resumed(
    name: str, cloud: Cloud, runtime: RuntimeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The candidate has no result but a reason; resources that could not be deleted are reported."""
    fault, usual, store = FAULTS[name], runtime.answer, str(tmp_path / "runs")
    fault.arrange(cloud, runtime)
    path = written(article(deployer={"start_timeout": 0.3, "delete_timeout": 0.1}), tmp_path)

    ended = llmops(capsys, "run", path, "--store", store)

    (error,) = ended.errors
    assert (3, True) == (ended.code, error.startswith(f"{fault.step}: ")), error
    assert [True] * len(fault.words) == [word in error for word in fault.words], error
    (run,) = the_runs(store)
    record = run.record(fault.step)
    assert isinstance(record, Failed)
    assert error == f"{fault.step}: {record.error}"
    assert [(CELL, record.error)] == [(cell.cell, cell.error) for cell in run.results().leaderboards[0].failed]
    left = [line.split()[0] for line in cloud.left()]
    assert sorted(fault.leaves) == sorted(left)
    assert [True] * len(left) == [line in ended.output for line in cloud.left()]
    assert bool(left) == (f"delete with: llmops gc --run {run.id}" in ended.output)

    cloud.faults.clear()
    cloud.on_call = lambda _: None
    runtime.answer = usual
    cloud.job_stages, cloud.endpoint_stages = [("Completed", "")], [("InService", "")]
    for kind, resource in (line.split(" ") for line in cloud.left()):
        if kind == "endpoint":
            cloud.turn(kind, resource, ("InService", ""))
    collect(capsys, store, cloud)
    assert 0 == llmops(capsys, "run", "--resume", run.id, "--store", store).code
    collect(capsys, store, cloud)


def test_temporary_throttling_is_retried(
    cloud: Cloud,
    runtime: RuntimeServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every Create* and Describe* request is throttled longer than boto3 retries; nothing is reported or created twice."""
    asked = ("TrainingJob", "Model", "EndpointConfig", "Endpoint")
    monkeypatch.setattr(polling, "RETRY_SECONDS", 60.0)
    actions = [f"{verb}{noun}" for verb in ("Create", "Describe", "Delete") for noun in asked]
    cloud.faults = {action: [THROTTLED] * (3 if action.startswith("Delete") else 8) for action in actions}
    usual, numbers = runtime.answer, itertools.count()
    throttled = ServerAnswer({"Message": "Rate exceeded"}, 400, "ThrottlingException")
    runtime.answer = lambda body: throttled if next(numbers) < RECORDS else usual(body)
    store = str(tmp_path / "runs")

    ended = llmops(capsys, "run", written(article(), tmp_path), "--store", store)

    assert (0, ()) == (ended.code, ended.errors)
    (run,) = the_runs(store)
    assert RECORDS == run.results().leaderboards[0].cells[0].answered
    assert {action: 9 for action in actions if action.startswith("Create")} == {
        action: len(cloud.requests(action)) for action in actions if action.startswith("Create")
    }
    assert [] == cloud.left()
    assert "runs left nothing behind" in collect(capsys, store, cloud)
