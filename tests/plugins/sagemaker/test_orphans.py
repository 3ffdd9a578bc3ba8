"""Orphans on SageMaker: found by their tags in every state, deleted when possible, and nothing else is touched."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto")


from llmops_plugins.sagemaker import orphans as sweep
from llmops_plugins.sagemaker.aws.prices import Prices
from llmops_plugins.sagemaker.orphans import SageMakerOrphanFinder
from llmops_sdk import LocalStore, Pipeline, Run
from llmops_sdk.gc import delete as removing
from llmops_sdk.gc.delete import delete_leftovers
from llmops_sdk.gc.find import find_leftovers
from llmops_sdk.gc.leftover import Choice, Leftovers
from llmops_sdk.plugin import Resource, Runtime
from llmops_sdk.plugin.registry import Registry

ROLE = "arn:aws:iam::123456789012:role/llmops"


def at(seconds: float) -> str:
    """Return an expiry in that many seconds, as the plugin writes it."""
    return datetime.fromtimestamp(time.time() + seconds, timezone.utc).isoformat(timespec="seconds")


@pytest.fixture(name="collect")
def _collect(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Leftovers]:
    """Run `llmops gc` on an empty store."""
    runtime = Runtime(Registry.load(), home)
    monkeypatch.setattr(removing, "LONGEST_PAUSE", 0.05)

    def collect(patience: float = 0.0, **choice: Any) -> Leftovers:
        leftovers = find_leftovers(LocalStore(tmp_path / "runs"), runtime, Choice(**choice))
        return delete_leftovers(leftovers, runtime, patience=patience)

    return collect


PAST, FUTURE = -3600.0, 3600.0


def test_every_tagged_resource_is_listed(account: Any) -> None:
    """Endpoints in every state, running jobs, configurations and models; with run, step, times, state and instances."""
    states = ("Creating", "InService", "Updating", "Failed", "OutOfService", "Deleting")
    before = time.time()
    for state in states:
        account.endpoint(f"llmops-{state}", state, run_id="r", step="generate.x", expires_at=at(FUTURE))
    account.job("llmops-running", run_id="r", step="train.x", expires_at=at(FUTURE))
    account.job("llmops-done", "Completed", run_id="r")

    listed = {(item.resource.kind, item.state): item for item in SageMakerOrphanFinder({}).list()}

    endpoints = {state for kind, state in listed if kind == "endpoint"}
    assert set(states) - {"Deleting"} == endpoints
    assert {("r", "generate.x")} == {
        (item.run_id, item.step) for (kind, _), item in listed.items() if kind == "endpoint"
    }
    assert "2 x ml.g5.2xlarge" == listed["endpoint", "InService"].billed == listed["endpoint", "Creating"].billed
    assert "" == listed["endpoint", "Failed"].billed == listed["model", ""].billed
    job = listed["training-job", "InProgress"]
    assert ("llmops-running", "1 x ml.g5.12xlarge") == (job.resource.name, job.billed)
    assert job.expires is not None
    assert before + FUTURE - 1 <= job.expires <= time.time() + FUTURE
    assert before - 1 <= job.created <= time.time() + 1


def test_the_price_is_that_of_all_instances(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what they do; unknown where one price is, and for spot instances, which have no fixed one."""
    account.endpoint("llmops-e", run_id="r")
    account.job("llmops-j", run_id="r")
    account.job("llmops-s", run_id="r")
    account.backend.training_jobs["llmops-s"].enable_managed_spot_training = True
    known = {("ml.g5.2xlarge", "Hosting"): 1.5, ("ml.g5.12xlarge", "Training"): 7.0}
    monkeypatch.setattr(Prices, "an_hour", lambda _self, *key: known.get(key))

    finder = SageMakerOrphanFinder({})
    listed = {item.resource.name: item for item in finder.list() if item.billed}
    assert {"llmops-e": 3.0, "llmops-j": 7.0, "llmops-s": None} == {
        name: finder.price(item) for name, item in listed.items()
    }
    assert "1 x ml.g5.12xlarge spot" == listed["llmops-s"].billed
    known.clear()
    assert finder.price(listed["llmops-e"]) is None


def test_resources_without_our_tags_are_not_touched(account: Any, collect: Callable[..., Leftovers]) -> None:
    """Similar names and other tags do not count."""
    account.endpoint("llmops-lookalike")
    account.endpoint("llmops-other", owner="somebody")
    account.endpoint("theirs", run_id="r", expires_at=at(PAST))
    account.job("llmops-job")
    before = account.cloud.left()

    assert () == collect(older_than=0, force=True).items
    assert before == account.cloud.left()
    assert not [call for call in account.cloud.calls if call.action.startswith(("Delete", "Stop"))]


@pytest.mark.parametrize("state", ["InService", "Failed", "OutOfService", "Updating"])
def test_expired_resources_are_deleted_in_every_state(
    state: str, account: Any, collect: Callable[..., Leftovers]
) -> None:
    """Endpoint, configuration, model and running job are deleted once; others stay."""
    account.endpoint("llmops-old", state, run_id="r", step="s", expires_at=at(PAST))
    account.job("llmops-job", run_id="r", step="t", expires_at=at(PAST))
    account.endpoint("llmops-new", run_id="r2", step="s", expires_at=at(FUTURE))
    if state == "Updating":  # which ends
        account.cloud.turn("endpoint", "llmops-old", ("Updating", ""), ("Updating", ""), ("InService", ""))

    done = collect(patience=10)

    assert {"llmops-old", "llmops-job"} == {item.resource.name for item in done.items if item.status == "deleted"}
    assert done.clean
    assert ["endpoint llmops-new", "endpoint-config llmops-new", "model llmops-new"] == account.cloud.left()
    assert "Stopping" == account.backend.training_jobs["llmops-job"].training_job_status
    assert {"skip"} == {item.status for item in collect().items}


def test_the_deletion_of_an_endpoint_that_is_being_created_is_retried(
    account: Any, collect: Callable[..., Leftovers]
) -> None:
    """Its configuration and model are kept until then."""
    account.endpoint("llmops-new", "Creating", run_id="r", step="s", expires_at=at(PAST))

    left = collect(patience=0)
    assert ["failed", "failed", "failed"] == [item.status for item in left.items]
    assert "endpoint 'llmops-new' is Creating and cannot be deleted yet" == left.items[0].error
    assert not left.clean
    assert 3 == len(account.cloud.left())

    account.cloud.turn("endpoint", "llmops-new", *[("Creating", "")] * 6, ("InService", ""))
    assert collect(patience=30).clean
    assert [] == account.cloud.left()
    assert () == collect().items


def test_a_refused_deletion_is_retried(account: Any, collect: Callable[..., Leftovers]) -> None:
    """The second attempt succeeds."""
    account.endpoint("llmops-old", run_id="r", step="s", expires_at=at(PAST))
    account.cloud.faults["DeleteEndpoint"] = [(400, "ValidationException", "not now")]

    assert collect(patience=10).clean
    assert 2 == len(account.cloud.requests("DeleteEndpoint"))


def test_deleting_a_missing_resource_does_nothing(account: Any) -> None:
    """Of each kind."""
    orphan_finder = SageMakerOrphanFinder({})
    for kind in ("endpoint", "endpoint-config", "model", "training-job"):
        orphan_finder.delete(Resource(kind, "llmops-gone"))

    assert [] == account.cloud.left()


def test_an_endpoint_in_ledger_and_account_is_listed_once(
    account: Any, collect: Callable[..., Leftovers], tmp_path: Path
) -> None:
    """It has the state and instances of the account, and its deployer deletes it."""
    registry = Registry.load()
    pipeline = (
        Pipeline.builder("killed").with_dataset("sample").with_model("llama-2-7b", accept_eula=True, fine_tune=False)
    )
    run = Run.create(LocalStore(tmp_path / "runs"), pipeline.build(registry))
    step, name = "generate.llama-2-7b", "llmops-killed"
    for kind in ("model", "endpoint-config", "endpoint"):
        run.add_resource(Resource(kind, name), step)
    account.endpoint(name, "Creating", run_id=run.id, step=step, expires_at=at(FUTURE))
    account.cloud.turn("endpoint", name, ("Creating", ""), ("Creating", ""), ("InService", ""))

    done = collect(patience=10)

    assert [("endpoint", "deleted"), ("endpoint-config", "deleted"), ("model", "deleted")] == [
        (item.resource.kind, item.status) for item in done.items
    ]
    assert ("Creating", "2 x ml.g5.2xlarge") == (done.items[0].state, done.items[0].billed)
    assert [] == account.cloud.left()
    assert all(entry.deleted for entry in run.ledger())
    assert () == collect().items


def test_resources_of_a_running_execution_are_skipped(account: Any, collect: Callable[..., Leftovers]) -> None:
    """Expired or not; they are deleted after its end."""
    client = account.client
    client.create_pipeline(PipelineName="p", PipelineDefinition="{}", RoleArn=ROLE, ClientRequestToken="t" * 32)
    arn = client.start_pipeline_execution(PipelineName="p")["PipelineExecutionArn"]
    execution = account.backend.pipelines["p"].pipeline_executions[arn]
    account.endpoint("llmops-e", run_id=arn.rpartition("/")[2], step="s", expires_at=at(PAST))

    execution.pipeline_execution_status = "Executing"
    spared = collect(older_than=0)
    assert {f"pipeline execution {arn.rpartition('/')[2]!r} is running"} == {item.reason for item in spared.items}
    assert 3 == len(account.cloud.left())

    execution.pipeline_execution_status = "Stopped"
    assert collect().clean
    assert [] == account.cloud.left()


def test_all_pages_of_a_list_are_read(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pages are read."""
    monkeypatch.setattr(sweep, "_PAGE", 2)
    for number in range(5):
        account.job(f"llmops-{number}", run_id="r")

    assert 5 == len(list(SageMakerOrphanFinder({}).list()))
    assert 5 == len(list(SageMakerOrphanFinder({}).list("r")))
    assert [] == list(SageMakerOrphanFinder({}).list("other"))
    assert 3 * 3 == len(account.cloud.requests("ListTrainingJobs"))


def test_a_damaged_expiry_never_expires(account: Any, collect: Callable[..., Leftovers]) -> None:
    """`--older-than` still deletes the resource."""
    account.endpoint("llmops-e", run_id="r", step="s", expires_at="tomorrow")

    assert {"never expires; delete it earlier with --older-than"} == {item.reason for item in collect().items}
    assert collect(older_than=0).clean
    assert [] == account.cloud.left()


def test_an_error_of_aws_is_one_line(
    account: Any, collect: Callable[..., Leftovers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing permission, credentials or region, also when deleting."""
    account.endpoint("llmops-e", run_id="r", step="s", expires_at=at(PAST))
    account.cloud.faults["DeleteEndpoint"] = [(400, "AccessDeniedException", "no sagemaker:DeleteEndpoint")] * 3
    left = collect(patience=10)
    assert ["failed", "deleted", "deleted"] == [item.status for item in left.items]
    assert "endpoint 'llmops-e': AWS denied access: no sagemaker:DeleteEndpoint" in left.items[0].error

    account.cloud.faults["ListEndpoints"] = [(400, "AccessDeniedException", "no sagemaker:ListEndpoints")]
    (unreachable,) = collect().unreachable
    assert ("SageMaker in us-east-1", False) == (unreachable.place, unreachable.needed)
    assert unreachable.error.startswith("AWS denied access: no sagemaker:ListEndpoints")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    (unreachable,) = collect().unreachable
    assert unreachable.error.startswith("there are no AWS credentials")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    (unreachable,) = collect().unreachable
    assert unreachable.error.startswith("no AWS region is set")
