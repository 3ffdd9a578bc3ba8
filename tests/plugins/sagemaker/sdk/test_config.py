"""The user's SageMaker config, and calls of the SDK: their errors, and interrupts that they would swallow."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest

pytest.importorskip("sagemaker")

from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.endpoint.requests import endpoint_requests
from llmops_plugins.sagemaker.jumpstart.recorder import Recorder
from llmops_plugins.sagemaker.jumpstart.requests import training_request
from llmops_plugins.sagemaker.sdk import config
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import EndpointError, UserError

from ..choices import ENDPOINT, TRAINING
from ..fixtures import ROLE, Cloud, interrupt


def test_the_users_sagemaker_config_is_used(
    aws: Aws, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Role, bucket and tags are taken from it if the settings have none; its schema is checked."""
    aws.client("s3").create_bucket(Bucket="from-config")
    config = tmp_path / "config.yaml"
    config.write_text(
        "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK: {Modules: {Session: {DefaultS3Bucket: from-config}}}\n"
        f"  TrainingJob: {{RoleArn: '{ROLE}-2'}}\n  Model: {{EnableNetworkIsolation: false}}\n"
    )
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(config))
    own = Aws(SageMakerSettings())

    assert (f"{ROLE}-2", "from-config") == (own.role, own.bucket)
    assert (ROLE, "from-config") == (aws.role, aws.bucket)
    config.write_text("SchemaVersion: '1.0'\nSageMaker: {TrainingJobs: {}}\n")
    with pytest.raises(
        UserError,
        match="SageMaker config: SageMaker is not valid: the SageMaker SDK knows no 'TrainingJobs'; did you mean 'TrainingJob'",
    ):
        _ = Aws(SageMakerSettings()).role
    assert [] == cloud.created


def test_an_error_of_the_sdk_is_one_line(aws: Aws) -> None:
    """It names the job or endpoint."""
    with pytest.raises(UserError, match=r"training job 'job-1': the SageMaker SDK refuses it: .*vulnerab") as caught:
        training_request(aws, attrs.evolve(TRAINING, tolerate_vulnerable_model=False))

    assert "\n" not in str(caught.value)


# -- interrupts ---------------------------------------------------------------------------------


Build = Callable[[Aws], Any]


def train(account: Aws) -> Any:
    return training_request(account, TRAINING)


def deploy(account: Aws) -> Any:
    return endpoint_requests(account, attrs.evolve(ENDPOINT, version="4.0.0"))


def deploy_package(account: Aws) -> Any:
    return endpoint_requests(account, ENDPOINT)


BUILDS: dict[str, Build] = {
    "create_training_job": train,
    "create_model": deploy,
    "create_endpoint_config": deploy,
    "create_endpoint": deploy,
    "DescribeModelPackage": deploy_package,
}
"""Where the SDK is when the signal comes, inside a call that its telemetry wraps, and what calls it."""


@pytest.fixture(name="seen")
def _seen(request: pytest.FixtureRequest, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests of the SDK in order; a signal arrives during the request that the test names."""
    name, seen = request.node.callspec.params["name"], []
    keep = Recorder._record

    def at(asked: str) -> None:
        if asked.startswith(("create_", "Describe")):
            seen.append(asked)
        if asked == name:
            interrupt()

    def kept(self: Any, asked: str, **fields: Any) -> dict[str, Any]:
        at(asked)
        return keep(self, asked, **fields)

    def package(_self: Any) -> Any:
        return ActionResult({"InferenceSpecification": {"Containers": [{"Image": "i:1", "ProductId": "p"}]}})

    monkeypatch.setattr(Recorder, "_record", kept)
    monkeypatch.setattr(SageMakerResponse, "describe_model_package", package)
    cloud.on_call = at
    return seen


@pytest.mark.parametrize("name", BUILDS)
def test_ctrl_c_during_a_call_of_the_sdk_is_raised_after_it(name: str, aws: Aws, cloud: Cloud, seen: list[str]) -> None:
    """Nothing is created."""
    with pytest.raises(KeyboardInterrupt):
        BUILDS[name](aws)

    assert name in seen
    assert [] == cloud.created


@pytest.mark.parametrize("name", BUILDS)
def test_the_sdk_alone_would_swallow_ctrl_c(
    name: str, aws: Aws, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Its telemetry returns from a `finally`. If this fails, interrupts need no longer be delayed for the SDK."""
    monkeypatch.setattr(config, "delayed_interrupt", nullcontext)
    try:
        with suppress(EndpointError):  # of the requests that it did not come to
            BUILDS[name](aws)
    except KeyboardInterrupt:
        pytest.fail("the interrupt came out of the SDK")

    assert name == seen[-1]
