"""Deploying an endpoint: creating it, finding it again, asking, deleting, and how it can fail to start."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

import attrs
import boto3
import moto.sagemaker.responses

from llmops_plugins.sagemaker.endpoint.deployer import ExistingEndpoint, SageMakerEndpoint
from llmops_plugins.sagemaker.endpoint.options import ExistingEndpointOptions
from llmops_sdk import EndpointError, GenerationOptions, Pipeline, SpecError
from llmops_sdk.plugin import (
    BaseModel,
    Context,
    Endpoint,
    ServableModel,
    TextPrompt,
)
from llmops_sdk.plugin.registry import Registry

from ..fixtures import MODEL_ID, SETTINGS, Cloud, RuntimeServer
from .deploying import BASE, NAME, OPTIONS, TRAINED, with_endpoint

pytestmark = pytest.mark.usefixtures("jumpstart")

MakeContext = Callable[..., Context]

PROMPT, GENERATION = TextPrompt("Say hello", ""), GenerationOptions()


@pytest.fixture
def context(make_context: MakeContext) -> Context:
    return make_context(step="generate.llama")


@pytest.mark.parametrize(
    ("base", "attributes"),
    [
        (BASE, None),
        (attrs.evolve(BASE, version="2.0.4", parameters={"accept_eula": "true", "tolerate_vulnerable": "true"}), "accept_eula=true"),
    ],
)  # fmt: skip
def test_an_endpoint_is_created_asked_and_deleted(
    base: BaseModel, attributes: str | None, cloud: Cloud, runtime: RuntimeServer, context: Context
) -> None:
    """Three requests create it; it is asked by its name, accepting the licence if the version needs that; nothing is left."""
    deployer, model = SageMakerEndpoint(OPTIONS), attrs.evolve(TRAINED, base=base)
    endpoint = deployer.deploy(context, model)
    transport = deployer.connect(context, endpoint)
    reply = transport.send(PROMPT, GENERATION)
    transport.close()

    assert ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"] == cloud.created
    assert ("Say hello", f"/endpoints/{NAME}/invocations") == (reply.output, runtime.asked[0][0])
    assert attributes == runtime.asked[0][1].get("x-amzn-sagemaker-custom-attributes")
    source = cloud.requests("CreateModel")[0]["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert "s3://b/job/output/model/" == source["S3Uri"]
    assert 3 == endpoint.concurrency
    assert {"model": f"{MODEL_ID} {base.version}", "instance_type": "ml.g5.2xlarge", "region": "us-east-1"}.items() <= (
        endpoint.metadata.items()
    )
    resources = deployer.resources(context, model)
    assert {f"{resource.kind} {resource.name}" for resource in resources} == set(cloud.left())
    for resource in reversed(resources):
        deployer.delete(context, resource)
    assert ["DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel"] == [
        call.action for call in cloud.calls if call.action.startswith("Delete")
    ][-3:]
    assert [] == cloud.left()
    for resource in resources:  # once more, and by another object
        SageMakerEndpoint(OPTIONS).delete(context, resource)


def test_all_three_have_the_users_tags(cloud: Cloud, make_context: MakeContext) -> None:
    """Model, configuration and endpoint have them beside the project's own."""
    with_endpoint(make_context(step="generate.llama", settings={**SETTINGS, "tags": {"team": "nlp"}}))

    expected = {"team": "nlp", "llmops:run-id": "run-1", "llmops:step": "generate.llama"}
    for action in ("CreateModel", "CreateEndpointConfig", "CreateEndpoint"):
        (request,) = cloud.requests(action)
        assert expected.items() <= {tag["Key"]: tag["Value"] for tag in request["Tags"]}.items(), action


@pytest.mark.parametrize("model", [TRAINED, BASE])
def test_timeouts_of_the_start(model: ServableModel, cloud: Cloud, context: Context) -> None:
    """Each is the option's value, or else the one of the model's metadata."""
    names = ("ModelDataDownloadTimeoutInSeconds", "ContainerStartupHealthCheckTimeoutInSeconds")
    choices: tuple[dict[str, Any], ...] = (
        {},
        {"container_startup_health_check_timeout": 900},
        {"model_data_download_timeout": 60},
    )
    for options in choices:
        with_endpoint(context, model, attrs.evolve(OPTIONS, **options))

    sent = [request["ProductionVariants"][0] for request in cloud.requests("CreateEndpointConfig")]
    assert [(3600, 3600), (3600, 900), (60, 3600)] == [tuple(variant[name] for name in names) for variant in sent]


def test_a_timeout_that_sagemaker_would_refuse_is_an_error(registry: Registry) -> None:
    """`build()` names the option and the allowed range."""
    for name in ("model_data_download_timeout", "container_startup_health_check_timeout"):
        for seconds, message in (
            (59, "must be 60 to 3600 seconds, not 59"),
            (3601, "seconds, not 3601"),
            ("1 h", "1 h"),
        ):
            pipeline = Pipeline.builder().with_evaluator("echo-score")
            with pytest.raises(SpecError) as caught:
                pipeline.with_model("llama-2-7b", fine_tune=False, accept_eula=True, deployer={name: seconds}).build(
                    registry
                )
            assert name in str(caught.value)
            assert message in str(caught.value)
            assert "\n" not in str(caught.value)
        for allowed in (60, 3600):
            deployer: Any = registry.make("deployer", "sagemaker-endpoint", {name: allowed})
            assert allowed == getattr(deployer.options, name)


def test_a_base_model_is_deployed(cloud: Cloud, context: Context) -> None:
    """Its requests are those of JumpStart's metadata."""
    with_endpoint(context, BASE)

    source = cloud.requests("CreateModel")[0]["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert "jumpstart-private-cache-prod" in source["S3Uri"]
    assert "4.0.0" == SageMakerEndpoint(OPTIONS).fingerprint(context, attrs.evolve(BASE, version="4.*"))


def test_a_base_model_of_version_2_is_a_model_package(
    cloud: Cloud, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK asks for the package, and every request accepts its licence."""
    asked: list[str] = []

    def describe_model_package(self: Any) -> str:
        asked.append(json.loads(self.body)["ModelPackageName"])
        return json.dumps({"InferenceSpecification": {"Containers": [{"Image": "i", "ProductId": "p"}]}})

    monkeypatch.setattr(moto.sagemaker.responses.SageMakerResponse, "describe_model_package", describe_model_package)
    base = attrs.evolve(BASE, version="2.0.4", parameters={"accept_eula": "true", "tolerate_vulnerable": "true"})

    endpoint = with_endpoint(context, base)

    (request,) = cloud.requests("CreateModel")
    (container,) = request["Containers"]
    assert {container["ModelPackageName"]} == set(asked)
    assert container["ModelPackageName"] == endpoint.metadata["image"]
    assert ":model-package/" in asked[0]
    assert request["EnableNetworkIsolation"]
    assert f"{MODEL_ID} 2.0.4" == endpoint.metadata["model"]
    assert {"X-Amzn-SageMaker-Custom-Attributes": "accept_eula=true"} == endpoint.headers
    assert [] == cloud.left()


def test_a_secret_of_the_environment_reaches_only_the_container(
    cloud: Cloud,
    runtime: RuntimeServer,
    context: Context,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Plan, record, logs and errors have its reference."""
    monkeypatch.setenv("MY_TOKEN", "hf_secret")
    monkeypatch.setenv("LLMOPS_HOME", str(tmp_path / "home"))
    pipeline = (
        Pipeline.builder("secret")
        .with_dataset("sample", test_fraction=0.2, seed=42, max_test_records=2)
        .with_prompt("alpaca")
        .with_model(
            "llama-2-7b",
            version="4.*",
            accept_eula=True,
            fine_tune=False,
            deployer={"poll_seconds": 0.01, "environment": {"HF_TOKEN": "env:MY_TOKEN", "A": "b"}},
        )
        .with_evaluator("echo-score")
        .with_settings("sagemaker", **SETTINGS)
    )
    pipeline.run(store=tmp_path / "runs", registry=registry)

    container = cloud.requests("CreateModel")[0]["PrimaryContainer"]
    assert {"HF_TOKEN": "hf_secret", "A": "b"}.items() <= container["Environment"].items()
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"env:MY_TOKEN" in data for data in files)
    assert not any(b"hf_secret" in data for data in files)
    assert runtime.asked

    cloud.faults["CreateModel"] = [(400, "ValidationException", "value 'hf_secret' is bad")]
    with pytest.raises(EndpointError, match=r"value '\*\*\*' is bad"):
        with_endpoint(context, BASE, attrs.evolve(OPTIONS, environment={"HF_TOKEN": "env:MY_TOKEN"}))
    monkeypatch.delenv("MY_TOKEN")
    with pytest.raises(SpecError, match="set the environment variable 'MY_TOKEN'"):
        with_endpoint(context, BASE, attrs.evolve(OPTIONS, environment={"HF_TOKEN": "env:MY_TOKEN"}))
    assert [] == cloud.left()


@pytest.mark.parametrize("use", ["sagemaker-endpoint", "existing-endpoint"])
def test_extra_body_cannot_change_the_prompt(use: str, registry: Registry) -> None:
    """Nor the way in which answers are read; and it is JSON."""
    for name in ("inputs", "messages", "stream"):
        with pytest.raises(SpecError, match=f"extra_body cannot have '{name}'"):
            registry.make("deployer", use, {"extra_body": {name: "x"}})
    with pytest.raises(SpecError, match="extra_body is not valid JSON"):
        registry.make("deployer", use, {"extra_body": {"parameters": {"x": float("nan")}}})


def test_extra_body_changes_the_payload_and_the_key(
    runtime: RuntimeServer, context: Context, registry: Registry
) -> None:
    """The endpoint has it, and answers to another payload are other answers."""
    changes = {"parameters": {"details": None, "top_k": 5}}
    deployer = SageMakerEndpoint(attrs.evolve(OPTIONS, extra_body=changes))
    transport = deployer.connect(context, deployer.deploy(context, TRAINED))
    transport.send(PROMPT, GENERATION)
    transport.close()

    ((_, _, body),) = runtime.asked
    assert {"do_sample", "max_new_tokens", "return_full_text", "top_k"} == set(body["parameters"])
    plans = [
        Pipeline.builder()
        .with_model("existing-endpoint", endpoint="ep", deployer={"extra_body": extra})
        .with_evaluator("echo-score")
        .build(registry)
        for extra in ({}, changes)
    ]
    assert 2 == len({plan.models[0].deployer.key for plan in plans})


# -- an existing endpoint -----------------------------------------------------------------------


def existing(cloud: Cloud, context: Context) -> Endpoint:
    """Return an endpoint that somebody else created."""
    cloud.endpoint_stages = [("InService", "")]
    return SageMakerEndpoint(OPTIONS).deploy(context, TRAINED)


@pytest.mark.usefixtures("home")
def test_an_existing_endpoint_is_asked_and_not_deleted(
    cloud: Cloud, runtime: RuntimeServer, context: Context, registry: Registry, tmp_path: Path
) -> None:
    """A whole pipeline asks it and creates nothing; an updated endpoint counts as another model."""
    endpoint = existing(cloud, context)
    before, left = list(cloud.created), cloud.left()
    pipeline = (
        Pipeline.builder("existing")
        .with_dataset("sample", test_fraction=0.2, seed=42, max_test_records=3)
        .with_prompt("plain")
        .with_model("existing-endpoint", endpoint=endpoint.name, deployer={"custom_attributes": "accept_eula=true"})
        .with_evaluator("echo-score")
        .with_settings("sagemaker", **SETTINGS)
    )

    result = pipeline.run(store=tmp_path / "runs", registry=registry)

    assert () == result.failures
    assert (before, left) == (cloud.created, cloud.left())
    assert not [call for call in cloud.calls if call.action.startswith("Delete")][3:]
    assert {"accept_eula=true"} == {sent["x-amzn-sagemaker-custom-attributes"] for _, sent, _ in runtime.asked}
    assert 3 == len(runtime.asked)
    pipeline.run(store=tmp_path / "runs", registry=registry)
    assert 3 == len(runtime.asked)
    deployer, model = ExistingEndpoint(ExistingEndpointOptions()), BaseModel("sagemaker-endpoint", endpoint.name)
    known = deployer.fingerprint(context, model)
    boto3.client("sagemaker").delete_endpoint(EndpointName=endpoint.name)
    cloud.turn("endpoint", endpoint.name, ("InService", ""))
    SageMakerEndpoint(OPTIONS).deploy(context, TRAINED)
    assert known != deployer.fingerprint(context, model)


def test_an_existing_endpoint_has_limits(cloud: Cloud, context: Context) -> None:
    """Requests at a time, and requests and tokens in a minute, so that others who use it are not crowded out."""
    name = existing(cloud, context).name
    options = ExistingEndpointOptions(max_concurrency=2, requests_per_minute=60.0, tokens_per_minute=1000.0)

    endpoint = ExistingEndpoint(options).deploy(context, BaseModel("sagemaker-endpoint", name))

    assert (2, 60.0, 1000.0) == (endpoint.concurrency, endpoint.requests_per_minute, endpoint.tokens_per_minute)


def test_a_missing_existing_endpoint_is_an_error(cloud: Cloud, context: Context) -> None:
    """Unknown or not in service: it is reported before anything is asked."""
    deployer = ExistingEndpoint(ExistingEndpointOptions())
    with pytest.raises(EndpointError, match="there is no endpoint 'nobody' in us-east-1"):
        deployer.deploy(context, BaseModel("sagemaker-endpoint", "nobody"))
    endpoint = existing(cloud, context)
    cloud.turn("endpoint", endpoint.name, ("Failed", "x"))
    with pytest.raises(EndpointError, match=f"endpoint '{endpoint.name}' is Failed and not in service"):
        deployer.deploy(context, BaseModel("sagemaker-endpoint", endpoint.name))
    assert () == deployer.resources(context, BaseModel("sagemaker-endpoint", endpoint.name))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"endpoint": "a b"}, "'endpoint' must match regex"),
        ({"endpoint": "ep", "trainer": "jumpstart"}, "trainer 'jumpstart' trains jumpstart models"),
        ({"endpoint": "ep", "deployer": "sagemaker-endpoint"}, "serves jumpstart, jumpstart-artifact models"),
        ({"endpoint": "ep", "deployer": {"max_concurrency": 0}}, "'max_concurrency' must be >= 1: 0"),
    ],
)
def test_build_refuses_endpoints_that_cannot_be_asked(model: dict[str, Any], message: str, registry: Registry) -> None:
    """The error names what is wrong and where."""
    with pytest.raises(SpecError) as caught:
        Pipeline.builder().with_model("existing-endpoint", **model).with_evaluator("echo-score").build(registry)

    assert message in str(caught.value)
