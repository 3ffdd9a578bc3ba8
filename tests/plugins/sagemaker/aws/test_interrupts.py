"""Ctrl-C and SIGTERM while something must not be cut in two, or would be swallowed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest

pytest.importorskip("sagemaker")

from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.interrupts import held_interrupt, interrupt_at_sigterm
from llmops_plugins.sagemaker.sdk import config
from llmops_plugins.sagemaker.sdk import jumpstart as sdk
from llmops_sdk import EndpointError

from ..conftest import Cloud, interrupt
from ..sdk.test_jumpstart import ENDPOINT, TRAINING, aws  # noqa: F401 - one is a fixture
from ..whole_runs import article, collect, llmops, the_runs, written


@pytest.fixture(name="handlers")
def _handlers() -> Iterator[None]:
    """The handlers of signals are afterwards what they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_sigterm_is_held_as_ctrl_c_is() -> None:
    """It comes out at the end of what must not be cut in two, even where SIGINT was ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt_at_sigterm()
    seen: list[str] = []

    def create() -> None:
        with held_interrupt():
            signal.raise_signal(signal.SIGTERM)
            seen.append("after SIGTERM")

    with pytest.raises(KeyboardInterrupt):
        create()

    assert ["after SIGTERM"] == seen
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


# -- inside the SDK -----------------------------------------------------------------------------

Build = Callable[[Aws], Any]


def train(account: Aws) -> Any:
    return sdk.training_request(account, TRAINING)


def deploy(account: Aws) -> Any:
    return sdk.endpoint_requests(account, attrs.evolve(ENDPOINT, version="4.0.0"))


def deploy_package(account: Aws) -> Any:
    return sdk.endpoint_requests(account, ENDPOINT)


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
    """What the SDK asked for, in order; a signal comes while it waits for an answer to the request of that name."""
    name, seen = request.node.callspec.params["name"], []
    keep = sdk._Recorder._keep

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

    monkeypatch.setattr(sdk._Recorder, "_keep", kept)
    monkeypatch.setattr(SageMakerResponse, "describe_model_package", package)
    cloud.on_call = at
    return seen


@pytest.mark.parametrize("name", BUILDS)
def test_ctrl_c_inside_the_sdk_is_not_swallowed(name: str, aws: Aws, cloud: Cloud, seen: list[str]) -> None:  # noqa: F811
    """It comes out when the SDK has done its call; nothing was sent that creates anything."""
    with pytest.raises(KeyboardInterrupt):
        BUILDS[name](aws)

    assert name in seen
    assert [] == cloud.created


@pytest.mark.parametrize("name", BUILDS)
def test_the_sdk_would_swallow_it(
    name: str, aws: Aws, seen: list[str], monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    """Its telemetry returns from a `finally`. When this fails, an interrupt need not be held for the SDK any more."""
    monkeypatch.setattr(config, "held_interrupt", nullcontext)
    try:
        with suppress(EndpointError):  # of the requests that it did not come to
            BUILDS[name](aws)
    except KeyboardInterrupt:
        pytest.fail("the interrupt came out of the SDK")

    assert name == seen[-1]


@pytest.mark.parametrize("name", ["create_training_job", "create_model", "create_endpoint"])
@pytest.mark.usefixtures("jumpstart", "home", "runtime")
def test_a_run_that_is_stopped_inside_the_sdk(
    name: str, cloud: Cloud, seen: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is created after it: no job, or nothing after the job."""
    store = str(tmp_path / "runs")

    ended = llmops(capsys, "run", written(article(), tmp_path), "--store", store)

    assert (130, ()) == (ended.code, ended.errors)
    assert name in seen
    assert ["CreateTrainingJob"] * (name != "create_training_job") == cloud.created
    (run,) = the_runs(store)
    assert not run.has_results
    assert [] == cloud.left()
    assert "runs have left nothing behind" in collect(capsys, store, cloud)
