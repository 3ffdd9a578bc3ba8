"""Creating an endpoint, waiting for it and deleting it, and how each of them can fail."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import datetime, timezone

import pytest

pytest.importorskip("sagemaker")

import attrs
import boto3

from llmops_plugins.sagemaker.aws import polling
from llmops_plugins.sagemaker.endpoint.deployer import SageMakerEndpoint
from llmops_sdk import EndpointError, UserError
from llmops_sdk.plugin import Context, Resource, ResourceBusyError

from ..fixtures import Cloud, interrupt
from .deploying import NAME, OPTIONS, TRAINED, with_endpoint

pytestmark = pytest.mark.usefixtures("jumpstart")


@pytest.fixture
def context(make_context: Callable[..., Context]) -> Context:
    return make_context(step="generate.llama")


def test_the_endpoint_of_a_killed_attempt_is_used(cloud: Cloud, context: Context) -> None:
    """In service or still being created, it is not created a second time."""
    SageMakerEndpoint(OPTIONS).deploy(context, TRAINED)
    cloud.turn("endpoint", NAME, ("Creating", ""), ("Creating", ""), ("InService", ""))

    assert NAME == with_endpoint(context).name

    assert 1 == cloud.created.count("CreateEndpoint")
    assert [] == cloud.left()


def test_leftovers_of_a_failed_attempt_are_replaced(cloud: Cloud, context: Context) -> None:
    """A failed endpoint, or a model and a configuration without endpoint, are deleted and created again.

    What is left of a model or a configuration is known when its name is refused; it may be of another model.
    """
    SageMakerEndpoint(OPTIONS).deploy(context, TRAINED)
    cloud.turn("endpoint", NAME, ("Failed", "no disk"))
    in_use = [(400, "ValidationException", f'Cannot create already existing x "{NAME}".')]
    cloud.faults = {"CreateModel": [*in_use], "CreateEndpointConfig": [*in_use]}

    assert NAME == SageMakerEndpoint(OPTIONS).deploy(context, TRAINED).name
    assert [1, 1, 1] == [len(cloud.requests(f"Delete{noun}")) for noun in ("Endpoint", "EndpointConfig", "Model")]
    boto3.client("sagemaker").delete_endpoint(EndpointName=NAME)
    cloud.faults = {"CreateModel": [*in_use], "CreateEndpointConfig": [*in_use]}
    assert NAME == with_endpoint(context).name

    assert [5, 3] == [cloud.created.count(action) for action in ("CreateModel", "CreateEndpoint")]
    assert [] == cloud.left()


def test_nothing_is_deleted_before_a_new_name_is_created(cloud: Cloud, context: Context) -> None:
    """No refused request is in the account's trail, and no permission to delete is needed before something exists."""
    SageMakerEndpoint(OPTIONS).deploy(context, TRAINED)

    actions = [call.action for call in cloud.calls if call.service == "sagemaker"]
    assert ["DescribeEndpoint", "CreateModel", "CreateEndpointConfig", "CreateEndpoint"] == actions[:4]
    assert [] == [action for action in actions if action.startswith("Delete")]


def test_the_error_of_a_failed_endpoint_has_the_reason_and_the_last_log_lines(cloud: Cloud, context: Context) -> None:
    """It is one message, and nothing is left."""
    cloud.endpoint_stages = [("Creating", ""), ("Failed", "The primary container did not pass\nthe ping health check")]
    logs, group = boto3.client("logs"), f"/aws/sagemaker/Endpoints/{NAME}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="AllTraffic/i-1")
    event = {"timestamp": int(time.time() * 1000), "message": "CUDA out of memory"}
    logs.put_log_events(logGroupName=group, logStreamName="AllTraffic/i-1", logEvents=[event])

    with pytest.raises(EndpointError) as caught:
        with_endpoint(context)

    assert (
        f"endpoint '{NAME}' is Failed: The primary container did not pass the ping health check;"
        f" last log lines: CUDA out of memory (log group {group})"
    ) == str(caught.value)
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
    """The client repeats it, SageMaker reports that the resource exists, and the step continues.

    A model and a configuration may be an earlier attempt's, and are made again; an endpoint was missing before.
    """
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

    assert (2 if action == "CreateEndpoint" else 3) == cloud.created.count(action)
    assert [] == cloud.left()


# -- quotas, capacity and permissions -------------------------------------------------------------

QUOTA = (
    "The account-level service limit 'ml.g5.2xlarge for endpoint usage' is 1 Instances, with current utilization of 1"
    " Instances and a request delta of 1 Instances."
)
NO_CAPACITY = "CapacityError: Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity"


def test_an_endpoint_waits_while_the_quota_is_in_use(cloud: Cloud, context: Context) -> None:
    """Only CreateEndpoint is repeated."""
    cloud.faults["CreateEndpoint"] = [(400, "ResourceLimitExceeded", QUOTA)] * 3

    with_endpoint(context)

    assert ["CreateModel", "CreateEndpointConfig", *["CreateEndpoint"] * 4] == cloud.created
    assert [] == cloud.left()


def test_a_quota_of_zero_is_refused_at_once(cloud: Cloud, context: Context) -> None:
    """The message has what to do."""
    cloud.faults["CreateEndpoint"] = [(400, "ResourceLimitExceeded", QUOTA.replace("1 Instances", "0 Instances"))]

    with pytest.raises(UserError, match=r"is 0 Instances.*ask for a higher quota"):
        with_endpoint(context)

    assert (1, []) == (cloud.created.count("CreateEndpoint"), cloud.left())


def test_ctrl_c_while_a_quota_is_in_use_leaves_nothing(cloud: Cloud, context: Context) -> None:
    """The wait ends, and model and configuration are deleted."""
    cloud.faults["CreateEndpoint"] = [(400, "ResourceLimitExceeded", QUOTA)] * 1000
    cloud.on_call = lambda action: (
        interrupt() if action == "CreateEndpoint" and cloud.created.count(action) == 3 else None
    )

    with pytest.raises(KeyboardInterrupt):
        with_endpoint(context)

    assert (3, []) == (cloud.created.count("CreateEndpoint"), cloud.left())


def test_an_endpoint_without_capacity_is_created_again(cloud: Cloud, context: Context) -> None:
    """The failed one is deleted first; model and configuration stay."""
    stages = iter([("Failed", NO_CAPACITY), ("Failed", NO_CAPACITY), ("InService", "")])

    def next_endpoint(action: str) -> None:
        if action == "CreateEndpoint":
            cloud.turn("endpoint", NAME, ("Creating", ""), next(stages))

    cloud.on_call = next_endpoint

    assert NAME == SageMakerEndpoint(OPTIONS).deploy(context, TRAINED).name

    made = [call.action for call in cloud.calls if call.action in ("CreateEndpoint", "DeleteEndpoint")]
    assert ["CreateEndpoint", "DeleteEndpoint"] * 2 + ["CreateEndpoint"] == made
    assert [1, 1] == [cloud.created.count(action) for action in ("CreateModel", "CreateEndpointConfig")]


def test_attempts_at_capacity_are_bounded(cloud: Cloud, context: Context) -> None:
    """The message has AWS's reason and the option; other failures are not tried again."""
    cloud.endpoint_stages = [("Creating", ""), ("Failed", NO_CAPACITY)]

    with pytest.raises(EndpointError, match=r"CapacityError: .*; attempts: 2, see 'capacity_attempts'"):
        with_endpoint(context, options=attrs.evolve(OPTIONS, capacity_attempts=2))

    assert (2, []) == (cloud.created.count("CreateEndpoint"), cloud.left())


DENIED = (400, "AccessDeniedException", "not you")


def test_an_access_that_is_denied_for_now_does_not_end_the_wait(cloud: Cloud, context: Context) -> None:
    """A change of a role's policy takes minutes to be seen everywhere."""
    cloud.faults["DescribeEndpoint"] = [None, DENIED, DENIED, None, DENIED]

    with_endpoint(context)

    assert (1, []) == (cloud.created.count("CreateEndpoint"), cloud.left())


def test_an_endpoint_that_cannot_be_looked_at_any_more_is_deleted(
    cloud: Cloud, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step fails after some minutes."""
    monkeypatch.setattr(polling, "DENIED_SECONDS", 0.05)
    cloud.endpoint_stages = [("InService", "")]
    cloud.faults["DescribeEndpoint"] = [None, *[DENIED] * 10_000]

    with pytest.raises(UserError, match=f"endpoint '{NAME}': AWS denied access: not you"):
        with_endpoint(context)

    cloud.faults.clear()
    assert [] == cloud.left()


@pytest.mark.parametrize("action", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_a_create_that_is_denied_ends_at_once(action: str, cloud: Cloud, context: Context) -> None:
    """It is sent once."""
    cloud.faults[action] = [DENIED] * 10

    with pytest.raises(UserError, match="AWS denied access"):
        with_endpoint(context)

    assert 1 == cloud.created.count(action)
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
