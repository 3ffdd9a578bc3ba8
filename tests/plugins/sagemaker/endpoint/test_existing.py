"""Inference components of an existing endpoint: a base and its adapters are candidates of one run, each asked by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

import attrs
from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.responses import SageMakerResponse

from llmops_plugins.sagemaker.endpoint.deployer import ExistingEndpoint
from llmops_plugins.sagemaker.endpoint.options import ExistingEndpointOptions
from llmops_sdk import EndpointError, Pipeline
from llmops_sdk.planning.preflight import preflight_checks, run_check
from llmops_sdk.plugin import BaseModel, Context, Finding
from llmops_sdk.plugin.registry import Registry

from ..fixtures import SETTINGS, Account, Cloud, RuntimeServer

MODEL = BaseModel("sagemaker-endpoint", "shared")


@attrs.define
class Components:
    """The components of the account, as SageMaker describes them."""

    described: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    def add(self, name: str, base: str = "", *, endpoint: str = "shared", **changes: Any) -> None:
        """Add a component in service: a model, or an adapter of a base."""
        adapter = {"BaseInferenceComponentName": base, "Container": {"ArtifactUrl": f"s3://b/{name}.tar.gz"}}
        self.described[name] = {
            "InferenceComponentName": name,
            "InferenceComponentArn": f"arn:aws:sagemaker:us-east-1:123456789012:inference-component/{name}",
            "EndpointName": endpoint,
            "EndpointArn": f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{endpoint}",
            "InferenceComponentStatus": "InService",
            "CreationTime": datetime.now(timezone.utc),
            "LastModifiedTime": datetime.now(timezone.utc),
            "Specification": adapter if base else {"ModelName": f"model-of-{name}"},
            **changes,
        }


@pytest.fixture
def components(cloud: Cloud, account: Account, monkeypatch: pytest.MonkeyPatch) -> Components:
    """The endpoint 'shared' with the component 'base' and its adapters 'a' and 'b'; moto has no components."""
    cloud.endpoint_stages = [("InService", "")]
    account.endpoint("shared")
    made = Components()
    made.add("base")
    made.add("a", "base")
    made.add("b", "base")

    def describe_inference_component(self: Any) -> Any:
        name = self._get_param("InferenceComponentName")
        if name not in made.described:
            raise ValidationError(message=f'Could not find inference component "{name}".')
        return ActionResult(made.described[name])

    def list_inference_components(self: Any) -> Any:
        endpoint = self._get_param("EndpointNameEquals")
        listed = [each for each in made.described.values() if each["EndpointName"] == endpoint]
        return ActionResult({"InferenceComponents": listed})

    for handler in (describe_inference_component, list_inference_components):
        monkeypatch.setattr(SageMakerResponse, handler.__name__, handler, raising=False)
    return made


@pytest.fixture
def context(make_context: Callable[..., Context]) -> Context:
    return make_context(step="generate.a")


def deployer(component: str) -> ExistingEndpoint:
    """Return the deployer that asks a component."""
    return ExistingEndpoint(ExistingEndpointOptions(inference_component=component))


@pytest.mark.usefixtures("home", "components")
def test_a_base_and_its_adapters_are_compared_on_one_endpoint(
    cloud: Cloud, runtime: RuntimeServer, registry: Registry, tmp_path: Path
) -> None:
    """Three candidates, one endpoint: each request names its component, and nothing is created or deleted."""
    before = list(cloud.created)
    pipeline = (
        Pipeline.builder("adapters")
        .with_dataset("sample", test_fraction=0.2, seed=42, max_test_records=3)
        .with_prompt("plain")
        .with_evaluator("echo-score")
        .with_settings("sagemaker", **SETTINGS)
    )
    for name in ("base", "a", "b"):
        pipeline = pipeline.with_model(
            "existing-endpoint", name=name, endpoint="shared", deployer={"inference_component": name}
        )

    result = pipeline.run(store=tmp_path / "runs", registry=registry)

    assert () == result.failures
    asked = Counter((path, sent["x-amzn-sagemaker-inference-component"]) for path, sent, _ in runtime.asked)
    assert {("/endpoints/shared/invocations", name): 3 for name in ("base", "a", "b")} == asked
    assert before == cloud.created
    assert not [call for call in cloud.calls if call.action.startswith("Delete")]


def test_a_plan_shows_what_cannot_be_asked(components: Components, cloud: Cloud, registry: Registry) -> None:
    """A warning, since answers that are in the store are used without it; what may not be looked at passes."""
    pipeline = Pipeline.builder("p").with_evaluator("echo-score").with_settings("sagemaker", **SETTINGS)

    def finding(endpoint: str, component: str) -> Finding:
        options = {"inference_component": component}
        plan = pipeline.with_model("existing-endpoint", endpoint=endpoint, deployer=options).build(registry)
        (check,) = preflight_checks(plan, registry)
        return run_check(check)

    assert Finding("ok", "in service in us-east-1") == finding("shared", "")
    assert Finding("ok", "in service in us-east-1") == finding("shared", "a")
    stored = "; only answers that are in the store already are used"
    assert Finding("warning", f"there is no endpoint 'nobody' in us-east-1{stored}") == finding("nobody", "")
    components.add("base", InferenceComponentStatus="Failed")
    expected = f"inference component 'base' is Failed and not in service{stored}"
    assert Finding("warning", expected) == finding("shared", "a")
    cloud.faults["DescribeEndpoint"] = [(400, "AccessDeniedException", "no")]
    assert Finding("ok", "no permission to look at it: not checked") == finding("shared", "a")


def test_a_component_that_is_updated_counts_as_another_model(components: Components, context: Context) -> None:
    """So does an adapter whose base is updated; another component of the endpoint changes nothing."""
    known = deployer("a").fingerprint(context, MODEL)
    components.add("b", "base")
    assert known == deployer("a").fingerprint(context, MODEL)

    components.add("base")
    of_base = deployer("a").fingerprint(context, MODEL)
    components.add("a", "base")

    assert 3 == len({known, of_base, deployer("a").fingerprint(context, MODEL)})
    assert 2 == len({deployer(name).fingerprint(context, MODEL) for name in ("a", "b")})


@pytest.mark.usefixtures("components")
def test_answers_show_what_a_component_serves(context: Context) -> None:
    """The report names the weights, and the component that they adapt."""
    expected = {"inference_component": "a", "base_component": "base", "weights": "s3://b/a.tar.gz"}
    assert expected.items() <= deployer("a").deploy(context, MODEL).metadata.items()
    assert "base_component" not in deployer("base").deploy(context, MODEL).metadata


def test_a_component_that_cannot_be_asked_is_an_error(components: Components, cloud: Cloud, context: Context) -> None:
    """One line names it, before anything is asked: unknown, on another endpoint, or not in service, as is its base."""
    components.add("c", "base", InferenceComponentStatus="Failed", FailureReason="No space\nleft")
    components.add("far", endpoint="other")
    for name, message in (
        ("bases", "endpoint 'shared' has no inference component 'bases'; did you mean 'base'?"),
        ("far", "endpoint 'shared' has no inference component 'far'; inference component 'far' is on 'other'"),
        ("c", "inference component 'c' is Failed and not in service: No space left"),
    ):
        with pytest.raises(EndpointError, match=f"^{message.replace('?', '[?]')}$"):
            deployer(name).deploy(context, MODEL)
    components.add("base", InferenceComponentStatus="Deleting")
    with pytest.raises(EndpointError, match=r"^inference component 'base' is Deleting and not in service$"):
        deployer("a").deploy(context, MODEL)
    components.described.clear()
    with pytest.raises(EndpointError, match=r"no inference component 'a'; it has none$"):
        deployer("a").deploy(context, MODEL)
    cloud.faults["ListInferenceComponents"] = [(400, "AccessDeniedException", "no")]
    with pytest.raises(EndpointError, match=r"no inference component 'a'$"):
        deployer("a").deploy(context, MODEL)
