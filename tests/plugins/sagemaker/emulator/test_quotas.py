"""The quotas of the emulated account, which are those of AWS in its words."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto")

from moto.sagemaker.responses import SageMakerResponse
from moto.servicequotas.responses import ServiceQuotasResponse

from llmops_plugins.sagemaker.aws.capacity import Patience, create_with_quota
from llmops_plugins.sagemaker.aws.preflight import Preflight
from llmops_plugins.sagemaker.emulator.quotas import limit_moto
from llmops_plugins.sagemaker.errors import translated_errors
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import Pipeline, UserError
from llmops_sdk.planning.preflight import run_check
from llmops_sdk.plugin.registry import Registry

from ..fixtures import SETTINGS, Account, Cloud, RuntimeServer

ENDPOINT, JOB = "ml.g5.2xlarge for endpoint usage", "ml.g5.12xlarge for training job usage"


@pytest.fixture(name="limits")
def _limits(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    """The quotas, which a test may change: two instances for endpoints, as each endpoint of these tests has two."""
    del cloud
    quotas = {ENDPOINT: 2.0, JOB: 1.0}
    for name in ("create_training_job", "create_endpoint"):
        monkeypatch.setattr(SageMakerResponse, name, getattr(SageMakerResponse, name))
    monkeypatch.setattr(ServiceQuotasResponse, "list_service_quotas", None, raising=False)
    limit_moto(quotas)
    yield quotas


def refusal(name: str, quota: int, used: int, requested: int) -> str:
    return re.escape(
        f"The account-level service limit '{name}' is {quota} Instances, with current utilization of {used} Instances and a"
        f" request delta of {requested} Instances."
    )


def test_what_exceeds_a_quota_is_refused(limits: dict[str, float], account: Account) -> None:
    """Endpoints count while they exist, jobs while they run; what has no quota is not limited."""
    del limits
    account.endpoint("llmops-1")
    with pytest.raises(account.client.exceptions.ResourceLimitExceeded, match=refusal(ENDPOINT, 2, 2, 2)):
        account.endpoint("llmops-2")
    account.job("llmops-j1")
    with pytest.raises(account.client.exceptions.ResourceLimitExceeded, match=refusal(JOB, 1, 1, 1)):
        account.job("llmops-j2")

    account.client.delete_endpoint(EndpointName="llmops-1")
    account.client.create_endpoint(EndpointName="llmops-3", EndpointConfigName="llmops-2")
    account.backend.training_jobs["llmops-j1"].training_job_status = "Completed"
    account.job("llmops-j3")


def test_one_endpoint_after_the_other_within_the_quota(
    limits: dict[str, float], account: Account, make_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits until the first is deleted; nothing is created twice."""
    del limits
    account.endpoint("llmops-1")
    with pytest.raises(account.client.exceptions.ResourceLimitExceeded):
        account.endpoint("llmops-2")
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            account.client.delete_endpoint(EndpointName="llmops-1")

    def create() -> str:
        with translated_errors("endpoint 'llmops-2'"):
            account.client.create_endpoint(EndpointName="llmops-2", EndpointConfigName="llmops-2")
        return "created"

    monkeypatch.setattr(time, "sleep", sleep)
    assert "created" == create_with_quota(create, "endpoint", make_context(), Patience(15.0, 600.0, 1))
    assert [15.0, 30.0, 60.0] == pauses
    assert ["llmops-2"] == list(account.backend.endpoints)


@pytest.mark.usefixtures("home", "jumpstart")
def test_a_base_and_two_tuned_models_need_a_quota_of_one(
    limits: dict[str, float], cloud: Cloud, runtime: RuntimeServer, registry: Registry, tmp_path: Path
) -> None:
    """On this machine there is never a second endpoint or job: each is gone before the next one is created."""
    limits[ENDPOINT] = 1
    pipeline = (
        Pipeline.builder("three")
        .with_dataset("sample", test_fraction=0.2, seed=42, max_test_records=2)
        .with_prompt("alpaca")
        .with_evaluator("echo-score")
        .with_settings("sagemaker", **SETTINGS)
    )
    deployer = {"poll_seconds": 0.01, "quota_timeout": 0.0}
    for name, epochs in (("base", ""), ("one-epoch", "1"), ("two-epochs", "2")):
        trainer = {"hyperparameters": {"epoch": epochs}, "poll_seconds": 0.01, "quota_timeout": 0.0}
        tuned: dict[str, Any] = {"trainer": trainer} if epochs else {"fine_tune": False}
        pipeline = pipeline.with_model(
            "llama-2-7b", name=name, version="4.*", accept_eula=True, deployer=deployer, **tuned
        )

    result = pipeline.run(store=tmp_path / "runs", registry=registry)

    assert () == result.failures
    endpoints = [call.action for call in cloud.calls if call.action in ("CreateEndpoint", "DeleteEndpoint")]
    assert ["CreateEndpoint", "DeleteEndpoint"] * 3 == endpoints
    assert 3 == len({request["EndpointName"] for request in cloud.requests("CreateEndpoint")})
    assert 2 == len(cloud.requests("CreateTrainingJob"))
    assert 3 * 2 == len(runtime.asked)
    assert [] == cloud.left()


def test_a_quota_of_zero_is_refused_at_once(limits: dict[str, float], account: Account, make_context: Any) -> None:
    """Waiting would not help."""
    limits[JOB] = 0

    def create() -> None:
        with translated_errors("training job"):
            account.job("llmops-j")

    with pytest.raises(UserError, match="ask for a higher quota, or take another instance type"):
        create_with_quota(create, "training job", make_context(), Patience(15.0, 600.0, 1))


def test_service_quotas_lists_them(limits: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """As the checks before a run read them."""
    limits[JOB] = 0
    moto: Any = ServiceQuotasResponse
    listed = moto.list_service_quotas(None)  # the tests' moto answers this action itself
    quotas = {each["QuotaName"]: each["Value"] for each in json.loads(listed)["Quotas"]}
    assert limits == quotas
    monkeypatch.setattr(Preflight, "_quotas", lambda _self: quotas)
    preflight = Preflight(SageMakerSettings.from_mapping(SETTINGS))
    assert ["error", "ok"] == [
        run_check(check).status
        for check in (
            preflight.training_quota("ml.g5.12xlarge", 1, spot=False),
            preflight.endpoint_quota("ml.g5.2xlarge", 1),
        )
    ]
