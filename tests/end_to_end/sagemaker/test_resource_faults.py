"""Whole runs that meet quotas in use, a lack of capacity, buckets of others, denied access and silent containers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import botocore.retries.standard
import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws import polling
from llmops_sdk.pipeline.execution import resume
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.steps.client import client as asking

from ...plugins.sagemaker.buckets import Buckets
from ...plugins.sagemaker.fixtures import BUCKET, REGION, Cloud, RuntimeServer
from ...plugins.sagemaker.loopback import ServerAnswer
from .executions import plan_uri, put_executions
from .whole_runs import (
    CELL,
    RECORDS,
    article,
    collect,
    llmops,
    still_in_ledger,
    the_run,
    the_runs,
    written,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("jumpstart", "home", "runtime", "quick")]

OTHER = "999999999999"
OWN = "123456789012"
NO_CAPACITY = "CapacityError: Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity"


@pytest.fixture(name="quick")
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait only briefly."""
    monkeypatch.setattr(asking, "LONGEST_WAIT", 0.001)
    monkeypatch.setattr(polling, "_RETRY_INTERVAL", 0.01)
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda *_: 0.001)


def in_use(usage: str) -> tuple[int, str, str]:
    """Return AWS's refusal while one of one instances is in use."""
    message = (
        f"The account-level service limit '{usage}' is 1 Instances, with current utilization of 1 Instances and a request"
        " delta of 1 Instances."
    )
    return 400, "ResourceLimitExceeded", message


def test_records_without_an_answer_in_time_are_asked_by_resume(
    cloud: Cloud, runtime: RuntimeServer, registry: Registry, tmp_path: Path
) -> None:
    """SageMaker's limit of 60 s is a failure for now; what the model itself refuses is not asked again."""
    usual, asked = runtime.answer, Counter[str]()
    first: list[str] = []

    def answer(body: Any) -> ServerAnswer:
        asked[body["inputs"]] += 1
        if body["inputs"] not in first:
            first.append(body["inputs"])
        kind = first.index(body["inputs"])
        if kind > 1:
            return usual(body)
        status = (0, 400)[kind]
        message = {"Message": "Received error from primary", "OriginalMessage": "x", "OriginalStatusCode": status}
        return ServerAnswer(message, 424, "ModelError")

    runtime.answer = answer
    store = tmp_path / "runs"
    pipeline = article(fine_tune=False, version="4.*", deployer={"max_concurrency": 1})
    run = pipeline.run(store=store, registry=registry).run

    assert [asking.ATTEMPTS, 1, 1, 1] == [asked[text] for text in first]
    runtime.answer = usual
    before = len(runtime.asked)
    result = resume(run.id, store=store, registry=registry)
    assert [first[0]] == [body["inputs"] for _, _, body in runtime.asked[before:]]
    assert RECORDS - 1 == result.leaderboards[0].cells[0].answered
    assert [] == cloud.left()


def test_quotas_in_use_delay_a_run(cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal reports what is waited for; nothing is created twice."""
    training, endpoint = in_use("ml.g5.12xlarge for training job usage"), in_use("ml.g5.2xlarge for endpoint usage")
    cloud.faults = {"CreateTrainingJob": [training] * 3, "CreateEndpoint": [endpoint] * 3}
    store = str(tmp_path / "runs")

    ended = llmops(capsys, "run", written(article(), tmp_path), "--store", store)

    assert (0, ()) == (ended.code, ended.errors), ended.output
    output = " ".join(ended.output.split())
    for _, _, message in (training, endpoint):
        assert f"waiting up to 21600 s while the quota is in use: {message}" in output
    assert {"CreateTrainingJob": 4, "CreateModel": 1, "CreateEndpointConfig": 1, "CreateEndpoint": 4} == Counter(
        cloud.created
    )
    collect(capsys, store, cloud)


def test_a_run_without_capacity_takes_a_new_job_and_a_new_endpoint(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each job is in the ledger before it is created; the failed endpoint is deleted first."""
    jobs, endpoints = (
        iter([("Failed", NO_CAPACITY), ("Completed", "")]),
        iter([("Failed", NO_CAPACITY), ("InService", "")]),
    )
    store = str(tmp_path / "runs")
    entered: list[bool] = []

    def next_stage(action: str) -> None:
        if action == "CreateTrainingJob":
            name = cloud.requests(action)[-1]["TrainingJobName"]
            cloud.turn("job", name, ("InProgress", ""), next(jobs))
            entered.append(f"training-job {name}" in still_in_ledger(the_run(store)))
        elif action == "CreateEndpoint":
            cloud.turn("endpoint", cloud.requests(action)[-1]["EndpointName"], ("Creating", ""), next(endpoints))

    cloud.on_call = next_stage

    ended = llmops(capsys, "run", written(article(), tmp_path), "--store", store)

    assert (0, ()) == (ended.code, ended.errors), ended.output
    assert [True, True] == entered
    first, second = (request["TrainingJobName"] for request in cloud.requests("CreateTrainingJob"))
    assert f"{first}-2" == second
    made = [call.action for call in cloud.calls if call.action in ("CreateEndpoint", "DeleteEndpoint")]
    assert ["CreateEndpoint", "DeleteEndpoint"] * 2 == made
    assert [] == [line for line in cloud.left() if line]
    assert set() == still_in_ledger(the_run(store))


@pytest.mark.parametrize("executor", ["local", "sagemaker"])
def test_nothing_is_uploaded_to_a_bucket_of_another_account(
    executor: str, cloud: Cloud, buckets: Buckets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It answers 403 only to requests that expect an owner. The message names the account that should own it."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    buckets.owners[BUCKET] = OTHER
    buckets.sent.clear()
    path = written(article(settings={"image_uri": "image:1"}), tmp_path)
    store = f"s3://{BUCKET}/llmops" if executor == "sagemaker" else str(tmp_path / "runs")

    ended = llmops(capsys, "run", path, "--on", executor, "--store", store)

    (error,) = ended.errors
    assert 2 == ended.code
    assert f"bucket '{BUCKET}' belongs to another account than {OWN}, or AWS denied access to it" in error
    assert {"HEAD", "GET"} >= {sent.method for sent in buckets.of(BUCKET)}
    assert [] == cloud.created


def test_every_request_of_whole_runs_expects_the_buckets_owner(
    cloud: Cloud,
    buckets: Buckets,
    registry: Registry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a local run, of a pipeline's client, and of its containers; and nothing is deleted before it was created."""
    executions = put_executions(REGION, monkeypatch)
    pipeline = article(settings={"image_uri": "image:1"}, version="4.*")
    piped, store = pipeline.with_executor("sagemaker", poll_seconds=0.01), f"s3://{BUCKET}/llmops"
    path = written(piped, tmp_path)
    assert 0 == llmops(capsys, "run", path, "--on", "local", "--store", str(tmp_path / "runs")).code
    changes = [call.action for call in cloud.calls if call.action.startswith(("Create", "Delete"))]
    assert ["CreateTrainingJob", "CreateModel", "CreateEndpointConfig", "CreateEndpoint"] == changes[:4]
    assert 0 == llmops(capsys, "run", path, "--detach", "--store", store).code
    (run_id,) = executions.statuses
    executions.run(run_id, plan_uri(piped.build(registry), store))
    assert 0 == llmops(capsys, "attach", run_id, "--store", store).code

    without = [sent for sent in buckets.of(BUCKET) if sent.owner != OWN]
    # Only S3 itself can create a bucket, and its request takes no owner.
    assert {("PUT", "")} >= {(sent.method, sent.owner) for sent in without}
    assert 1 == len(without)
    assert len(buckets.of(BUCKET)) > 50


def test_access_that_stays_denied_leaves_the_job_in_the_ledger(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step reports what may still be billed, and `gc` stops it once access is granted again."""
    monkeypatch.setattr(polling, "DENIED_SECONDS", 0.1)
    cloud.job_stages = [("InProgress", "")]
    denied = (400, "AccessDeniedException", "not you")

    def deny(action: str) -> None:
        if action == "CreateTrainingJob":
            cloud.faults = {"DescribeTrainingJob": [None, *[denied] * 100_000], "StopTrainingJob": [denied] * 100}

    cloud.on_call = deny
    store = str(tmp_path / "runs")

    ended = llmops(capsys, "run", written(article(), tmp_path), "--store", store)

    (job,) = cloud.left()
    assert 3 == ended.code
    assert "AWS denied access: not you" in ended.errors[0]
    assert f"not deleted (may still be billed): {job}" in " ".join(ended.output.split())
    (run,) = the_runs(store)
    assert {job} == still_in_ledger(run)
    assert [CELL] == [cell.cell for cell in run.results().leaderboards[0].failed]
    cloud.faults, cloud.on_call = {}, lambda _: None
    assert 0 == llmops(capsys, "gc", "--run", run.id, "--force", "--store", store).code
    assert ([], set()) == (cloud.left(), still_in_ledger(run))
