"""Deploying an endpoint: creating it, finding it again, asking, deleting, and how it can fail to start."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

import attrs
import boto3
import moto.sagemaker.responses

from llmops_plugins.sagemaker.endpoint.deployer import ExistingEndpoint, SageMakerEndpoint
from llmops_plugins.sagemaker.endpoint.options import ExistingEndpointOptions, SageMakerEndpointOptions
from llmops_sdk import EndpointError, GenerationOptions, Pipeline, SpecError
from llmops_sdk.plugin import (
    BaseModel,
    Context,
    Endpoint,
    Resource,
    ResourceBusyError,
    ServableModel,
    TextPrompt,
    TrainedModel,
)
from llmops_sdk.plugin.registry import Registry

from ..fixtures import MODEL_ID, SETTINGS, Cloud, RuntimeServer, interrupt

pytestmark = pytest.mark.usefixtures("jumpstart")

MakeContext = Callable[..., Context]

NAME = "llmops-run-1-generate-llama"
OPTIONS = SageMakerEndpointOptions(poll_seconds=0.01, start_timeout=30.0, delete_timeout=30.0, concurrency=3)
BASE = BaseModel("jumpstart", MODEL_ID, "4.0.0", {"accept_eula": "true"})
TRAINED = TrainedModel("jumpstart-artifact", "s3://b/job/output/model", BASE, metadata={"compression": "NONE"})
PROMPT, GENERATION = TextPrompt("Say hello", ""), GenerationOptions()


@pytest.fixture
def context(make_context: MakeContext) -> Context:
    return make_context(step="generate.llama")


def with_endpoint(
    context: Context, model: ServableModel = TRAINED, options: SageMakerEndpointOptions = OPTIONS
) -> Endpoint:
    """Deploy and delete as the `generate` step does: all three are deleted in every case, the last one named first."""
    deployer = SageMakerEndpoint(options)
    resources = deployer.resources(context, model)
    try:
        return deployer.deploy(context, model)
    finally:
        for resource in reversed(resources):
            deployer.delete(context, resource)


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

    wanted = {"team": "nlp", "llmops:run-id": "run-1", "llmops:step": "generate.llama"}
    for action in ("CreateModel", "CreateEndpointConfig", "CreateEndpoint"):
        (request,) = cloud.requests(action)
        assert wanted.items() <= {tag["Key"]: tag["Value"] for tag in request["Tags"]}.items(), action


@pytest.mark.parametrize("model", [TRAINED, BASE])
def test_timeouts_of_the_start(model: ServableModel, cloud: Cloud, context: Context) -> None:
    """Each is the option's value, or else the one of the model's metadata."""
    names = ("ModelDataDownloadTimeoutInSeconds", "ContainerStartupHealthCheckTimeoutInSeconds")
    chosen: tuple[dict[str, Any], ...] = (
        {},
        {"container_startup_health_check_timeout": 900},
        {"model_data_download_timeout": 60},
    )
    for said in chosen:
        with_endpoint(context, model, attrs.evolve(OPTIONS, **said))

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
            with pytest.raises(SpecError) as found:
                pipeline.with_model("llama-2-7b", fine_tune=False, accept_eula=True, deployer={name: seconds}).build(
                    registry
                )
            assert name in str(found.value)
            assert message in str(found.value)
            assert "\n" not in str(found.value)
        for allowed in (60, 3600):
            made: Any = registry.make("deployer", "sagemaker-endpoint", {name: allowed})
            assert allowed == getattr(made.options, name)


def test_a_base_model_is_deployed(cloud: Cloud, context: Context) -> None:
    """Its requests are those of JumpStart's metadata."""
    with_endpoint(context, BASE)

    assert "jumpstart-private-cache-prod" in cloud.requests("CreateModel")[0]["PrimaryContainer"]["ModelDataUrl"]
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


def test_the_endpoint_of_a_killed_attempt_is_used(cloud: Cloud, context: Context) -> None:
    """In service or still being created, it is not created a second time."""
    SageMakerEndpoint(OPTIONS).deploy(context, TRAINED)
    cloud.turn("endpoint", NAME, ("Creating", ""), ("Creating", ""), ("InService", ""))

    assert NAME == with_endpoint(context).name

    assert 1 == cloud.created.count("CreateEndpoint")
    assert [] == cloud.left()


def test_leftovers_of_a_failed_attempt_are_replaced(cloud: Cloud, context: Context) -> None:
    """A failed endpoint, or a model and a configuration without endpoint, are deleted and created again."""
    SageMakerEndpoint(OPTIONS).deploy(context, TRAINED)
    cloud.turn("endpoint", NAME, ("Failed", "no capacity"))

    assert NAME == SageMakerEndpoint(OPTIONS).deploy(context, TRAINED).name
    boto3.client("sagemaker").delete_endpoint(EndpointName=NAME)
    assert NAME == with_endpoint(context).name

    assert [3, 3] == [cloud.created.count(action) for action in ("CreateModel", "CreateEndpoint")]
    assert [] == cloud.left()


def test_the_error_of_a_failed_endpoint_has_the_reason_and_the_last_log_lines(cloud: Cloud, context: Context) -> None:
    """It is one message, and nothing is left."""
    cloud.endpoint_stages = [("Creating", ""), ("Failed", "The primary container did not pass\nthe ping health check")]
    logs, group = boto3.client("logs"), f"/aws/sagemaker/Endpoints/{NAME}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="AllTraffic/i-1")
    event = {"timestamp": int(time.time() * 1000), "message": "CUDA out of memory"}
    logs.put_log_events(logGroupName=group, logStreamName="AllTraffic/i-1", logEvents=[event])

    with pytest.raises(EndpointError) as found:
        with_endpoint(context)

    assert (
        f"endpoint '{NAME}' is Failed: The primary container did not pass the ping health check;"
        f" last log lines: CUDA out of memory (log group {group})"
    ) == str(found.value)
    assert [] == cloud.left()


def test_an_endpoint_that_does_not_start_in_time_is_deleted(cloud: Cloud, context: Context) -> None:
    """The step fails; the deletion waits until SageMaker allows it."""
    cloud.endpoint_stages = [("Creating", "")] * 30 + [("InService", "")]

    with pytest.raises(EndpointError, match=r"was not in service after 0\.05 s: increase 'start_timeout'"):
        with_endpoint(context, options=attrs.evolve(OPTIONS, start_timeout=0.05))

    assert [] == cloud.left()
    assert len(cloud.requests("DeleteEndpoint")) > 1


def test_an_endpoint_that_cannot_be_deleted_yet_is_reported(cloud: Cloud, context: Context) -> None:
    """The deployer that created it waits first; another process reports it at once: `llmops gc` can try again."""
    cloud.endpoint_stages = [("Creating", "")]

    with pytest.raises(ResourceBusyError, match=f"endpoint '{NAME}' is Creating and cannot be deleted yet: llmops gc"):
        with_endpoint(context, options=attrs.evolve(OPTIONS, start_timeout=0.05, delete_timeout=0.05))
    asked = len(cloud.requests("DeleteEndpoint"))
    with pytest.raises(ResourceBusyError):
        SageMakerEndpoint(OPTIONS).delete(context, Resource("endpoint", NAME))

    assert asked + 1 == len(cloud.requests("DeleteEndpoint"))
    cloud.turn("endpoint", NAME, ("InService", ""))
    for kind in ("endpoint", "endpoint-config", "model"):
        SageMakerEndpoint(OPTIONS).delete(context, Resource(kind, NAME))
    assert [] == cloud.left()


@pytest.mark.parametrize("action", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint", "DescribeEndpoint"])
def test_ctrl_c_during_a_request(action: str, cloud: Cloud, context: Context) -> None:
    """The request is answered, no other Create* follows, and created resources are deleted."""
    cloud.endpoint_stages = [("Creating", "")] * 3 + [("InService", "")]
    seen: list[list[str]] = []

    def once(called: str) -> None:
        if called == action and not seen and (action != "DescribeEndpoint" or "CreateEndpoint" in cloud.created):
            seen.append(cloud.created)
            interrupt()

    cloud.on_call = once

    with pytest.raises(KeyboardInterrupt):
        with_endpoint(context)

    assert [cloud.created] == seen
    assert [] == cloud.left()


@pytest.mark.parametrize("action", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_a_refused_request_leaves_nothing(action: str, cloud: Cloud, context: Context) -> None:
    """The error has AWS's message; resources created before are deleted."""
    cloud.faults[action] = [(400, "ValidationException", "not today")]

    with pytest.raises(EndpointError, match=f"'{NAME}': not today"):
        with_endpoint(context)

    assert [] == cloud.left()


@pytest.mark.parametrize("action", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_a_request_whose_answer_is_lost_succeeds(action: str, cloud: Cloud, context: Context) -> None:
    """The client repeats it, SageMaker reports that the resource exists, and the step continues."""
    client, noun = boto3.client("sagemaker"), action.removeprefix("Create")
    make = {"Model": client.create_model, "EndpointConfig": client.create_endpoint_config}.get(
        noun, client.create_endpoint
    )

    def made_before(called: str) -> None:
        if called == action and cloud.created.count(action) == 1:
            make(**cloud.requests(action)[0])
            cloud.faults[action] = [(400, "ValidationException", f'Cannot create already existing {noun} "{NAME}".')]

    cloud.on_call = made_before

    assert NAME == with_endpoint(context).name

    assert 2 == cloud.created.count(action)
    assert [] == cloud.left()


def test_the_metrics_of_cloudwatch_are_kept(cloud: Cloud, context: Context, caplog: pytest.LogCaptureFixture) -> None:
    """Invocations and latencies are in the log and a file; an error of CloudWatch does not fail the step."""
    dimensions = [{"Name": "EndpointName", "Value": NAME}, {"Name": "VariantName", "Value": "AllTraffic"}]
    measured = (("Invocations", 1.0), ("Invocations", 1.0), ("ModelLatency", 2e6), ("ModelLatency", 4e6))
    boto3.client("cloudwatch").put_metric_data(
        Namespace="AWS/SageMaker",
        MetricData=[
            {"MetricName": name, "Dimensions": dimensions, "Value": value, "Timestamp": datetime.now(timezone.utc)}
            for name, value in measured
        ],
    )

    with caplog.at_level(logging.INFO, "llmops.test"):
        with_endpoint(context)
        cloud.faults["GetMetricStatistics"] = [(400, "InvalidParameterValue", "no")] * 3
        with_endpoint(context)

    assert f"endpoint '{NAME}': CloudWatch so far: Invocations 2, ModelLatency_s 3" in caplog.text
    assert f"endpoint '{NAME}': cannot read CloudWatch" in caplog.text
    assert {"Invocations": 2.0, "ModelLatency_s": 3.0} == json.loads((context.folder / "cloudwatch.json").read_bytes())
    assert [] == cloud.left()


# -- an endpoint that is there already ----------------------------------------------------------


def existing(cloud: Cloud, context: Context) -> Endpoint:
    """Return an endpoint that somebody else created."""
    cloud.endpoint_stages = [("InService", "")]
    return SageMakerEndpoint(OPTIONS).deploy(context, TRAINED)


@pytest.mark.usefixtures("home")
def test_an_existing_endpoint_is_asked_and_not_deleted(
    cloud: Cloud, runtime: RuntimeServer, context: Context, registry: Registry, tmp_path: Path
) -> None:
    """A whole pipeline asks it and creates nothing; an updated endpoint counts as another model."""
    made = existing(cloud, context)
    before, left = list(cloud.created), cloud.left()
    pipeline = (
        Pipeline.builder("existing")
        .with_dataset("sample", test_fraction=0.2, seed=42, max_test_records=3)
        .with_prompt("plain")
        .with_model("existing-endpoint", endpoint=made.name, deployer={"custom_attributes": "accept_eula=true"})
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
    deployer, model = ExistingEndpoint(ExistingEndpointOptions()), BaseModel("sagemaker-endpoint", made.name)
    known = deployer.fingerprint(context, model)
    boto3.client("sagemaker").delete_endpoint(EndpointName=made.name)
    cloud.turn("endpoint", made.name, ("InService", ""))
    SageMakerEndpoint(OPTIONS).deploy(context, TRAINED)
    assert known != deployer.fingerprint(context, model)


def test_a_missing_existing_endpoint_is_an_error(cloud: Cloud, context: Context) -> None:
    """Unknown or not in service: it is reported before anything is asked."""
    deployer = ExistingEndpoint(ExistingEndpointOptions())
    with pytest.raises(EndpointError, match="there is no endpoint 'nobody' in us-east-1"):
        deployer.deploy(context, BaseModel("sagemaker-endpoint", "nobody"))
    made = existing(cloud, context)
    cloud.turn("endpoint", made.name, ("Failed", "x"))
    with pytest.raises(EndpointError, match=f"endpoint '{made.name}' is Failed and not in service"):
        deployer.deploy(context, BaseModel("sagemaker-endpoint", made.name))
    assert () == deployer.resources(context, BaseModel("sagemaker-endpoint", made.name))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"endpoint": "a b"}, "'endpoint' must match regex"),
        ({"endpoint": "ep", "trainer": "jumpstart"}, "trainer 'jumpstart' trains jumpstart models"),
        ({"endpoint": "ep", "deployer": "sagemaker-endpoint"}, "serves jumpstart, jumpstart-artifact models"),
        ({"endpoint": "ep", "deployer": {"concurrency": 0}}, "'concurrency' must be >= 1: 0"),
    ],
)
def test_build_refuses_endpoints_that_cannot_be_asked(model: dict[str, Any], message: str, registry: Registry) -> None:
    """The error names what is wrong and where."""
    with pytest.raises(SpecError) as found:
        Pipeline.builder().with_model("existing-endpoint", **model).with_evaluator("echo-score").build(registry)

    assert message in str(found.value)
