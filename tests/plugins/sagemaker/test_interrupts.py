"""Delaying Ctrl-C and SIGTERM, and the calls of the SageMaker SDK that would swallow them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from typing import Any

import attrs
import pytest

pytest.importorskip("sagemaker")

from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.endpoint.requests import endpoint_requests
from llmops_plugins.sagemaker.interrupts import delayed_interrupt, interrupt_at_sigterm
from llmops_plugins.sagemaker.jumpstart.recorder import Recorder
from llmops_plugins.sagemaker.jumpstart.requests import training_request
from llmops_plugins.sagemaker.sdk import config
from llmops_sdk import EndpointError

from .fixtures import Cloud, interrupt
from .jumpstart.test_requests import ENDPOINT, TRAINING, aws  # noqa: F401 - one is a fixture


@pytest.fixture(name="handlers")
def _handlers() -> Iterator[None]:
    """Restores the handlers of signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_sigterm_is_delayed_like_ctrl_c() -> None:
    """It is raised at the end of the block, even where SIGINT was ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt_at_sigterm()
    seen: list[str] = []

    def create() -> None:
        with delayed_interrupt():
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
def test_ctrl_c_during_a_call_of_the_sdk_is_raised_after_it(name: str, aws: Aws, cloud: Cloud, seen: list[str]) -> None:  # noqa: F811
    """Nothing is created."""
    with pytest.raises(KeyboardInterrupt):
        BUILDS[name](aws)

    assert name in seen
    assert [] == cloud.created


@pytest.mark.parametrize("name", BUILDS)
def test_the_sdk_alone_would_swallow_ctrl_c(
    name: str, aws: Aws, seen: list[str], monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    """Its telemetry returns from a `finally`. If this fails, interrupts need no longer be delayed for the SDK."""
    monkeypatch.setattr(config, "delayed_interrupt", nullcontext)
    try:
        with suppress(EndpointError):  # of the requests that it did not come to
            BUILDS[name](aws)
    except KeyboardInterrupt:
        pytest.fail("the interrupt came out of the SDK")

    assert name == seen[-1]
