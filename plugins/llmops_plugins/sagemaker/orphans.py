"""The resources in SageMaker that have the tags of a run, found and deleted for `llmops gc`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any

import attrs
from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.aws.account import EXPIRES_TAG, RUN_TAG, STEP_TAG, Aws
from llmops_plugins.sagemaker.aws.polling import is_missing
from llmops_plugins.sagemaker.aws.prices import Component, Prices
from llmops_plugins.sagemaker.endpoint.hosting import TRANSITIONAL
from llmops_plugins.sagemaker.errors import translated_errors
from llmops_plugins.sagemaker.jumpstart.training_job import TrainingJob
from llmops_plugins.sagemaker.names import ENDPOINT, ENDPOINT_CONFIG, MODEL, TRAINING_JOB
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk.plugin import EndpointError, OrphanFinder, Resource, ResourceBusyError, TaggedResource

_PREFIX = "llmops-"
"""The prefix of all names. Only resources with this prefix are asked for their tags, which decide."""

_PAGE = 100
_NOT_BILLED = frozenset({"Failed", "OutOfService"})
_EXECUTING = frozenset({"Executing", "Stopping"})
_LONGEST_EXECUTION = timedelta(days=28)
_INSTANCES = re.compile(r"(?P<count>\d+) x (?P<type>ml\.[a-z0-9.-]+)")


@attrs.frozen
class _Kind:
    """How SageMaker lists one kind of resources.

    Attributes:
        name: The kind, as resources have it.
        noun: The prefix of SageMaker's fields.
        action: The paginated request.
        answer: The field of the answer that holds the list.
        filters: Further parameters of the request.
    """

    name: str
    noun: str
    action: str
    answer: str
    filters: Mapping[str, str] = attrs.field(factory=dict)


# In the order in which they are deleted: billed ones first, and an endpoint before what it uses.
_KINDS = (
    _Kind(ENDPOINT, "Endpoint", "list_endpoints", "Endpoints"),
    _Kind(TRAINING_JOB, "TrainingJob", "list_training_jobs", "TrainingJobSummaries", {"StatusEquals": "InProgress"}),
    _Kind(ENDPOINT_CONFIG, "EndpointConfig", "list_endpoint_configs", "EndpointConfigs"),
    _Kind(MODEL, "Model", "list_models", "Models"),
)


class SageMakerOrphanFinder(OrphanFinder):
    """Finds the resources of one account and region, except ended training jobs: they are not billed and cannot be deleted."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self._aws = Aws(SageMakerSettings.from_mapping(settings))
        self._prices = Prices(self._aws)

    @property
    def place(self) -> str:
        """The region, and the profile if one is set."""
        profile = self._aws.settings.profile
        return f"SageMaker in {self._aws.region}" + (f" as {profile}" if profile else "")

    def list(self, run_id: str = "") -> Iterator[TaggedResource]:
        """Yield the resources with a tag `llmops:run-id` that are not being deleted; see `OrphanFinder.list`."""
        for kind in _KINDS:
            for item in self._listed(kind):
                state = str(item.get(f"{kind.noun}Status", ""))
                tags = {} if state == "Deleting" else self._tags(str(item[f"{kind.noun}Arn"]))
                if RUN_TAG in tags and run_id in ("", tags[RUN_TAG]):
                    yield self._tagged(kind, item, state, tags)

    def price(self, tagged: TaggedResource) -> float | None:
        """Return the price of its instances on demand; see `OrphanFinder.price`."""
        component: Component = "Hosting" if tagged.resource.kind == ENDPOINT else "Training"
        total = 0.0
        for part in tagged.billed.split(", "):
            instances = _INSTANCES.fullmatch(part)  # spot instances have no fixed price
            price = self._prices.an_hour(instances["type"], component) if instances else None
            if instances is None or price is None:
                return None
            total += int(instances["count"]) * price
        return total

    def delete(self, resource: Resource) -> None:
        """Delete a listed resource, or stop a training job; see `OrphanFinder.delete`."""
        name, sagemaker = resource.name, self._aws.client("sagemaker")
        if resource.kind == TRAINING_JOB:
            TrainingJob(self._aws, name).stop()
        elif resource.kind == ENDPOINT:
            self._delete_endpoint(name)
        elif resource.kind == ENDPOINT_CONFIG:
            self._unless_missing(resource, lambda: sagemaker.delete_endpoint_config(EndpointConfigName=name))
        elif resource.kind == MODEL:
            self._unless_missing(resource, lambda: sagemaker.delete_model(ModelName=name))

    # -- find -----------------------------------------------------------------------------------

    def _listed(self, kind: _Kind) -> Iterator[Mapping[str, Any]]:
        with translated_errors(self.place):
            pages = self._aws.client("sagemaker").get_paginator(kind.action)
            filters = {"NameContains": _PREFIX, "PaginationConfig": {"PageSize": _PAGE}, **kind.filters}
            for page in pages.paginate(**filters):
                yield from (item for item in page[kind.answer] if item[f"{kind.noun}Name"].startswith(_PREFIX))

    def _tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a resource; none if it was deleted after it was listed."""
        with translated_errors(self.place):
            try:
                return self._aws.tags_of(arn)
            except ClientError as exc:
                if not is_missing(exc):
                    raise
                return {}

    def _tagged(self, kind: _Kind, item: Mapping[str, Any], state: str, tags: Mapping[str, str]) -> TaggedResource:
        run_id = tags[RUN_TAG]
        return TaggedResource(
            resource=Resource(kind.name, str(item[f"{kind.noun}Name"])),
            run_id=run_id,
            step=tags.get(STEP_TAG, ""),
            created=item["CreationTime"].timestamp(),
            expires=_seconds(tags.get(EXPIRES_TAG, "")),
            state=state,
            billed=self._billed(kind, str(item[f"{kind.noun}Name"])) if state not in _NOT_BILLED else "",
            in_use=f"pipeline execution {run_id!r} is running" if run_id in self._executing else "",
        )

    def _billed(self, kind: _Kind, name: str) -> str:
        """Return the instances of an endpoint or a job; an empty text if SageMaker no longer knows them."""
        sagemaker = self._aws.client("sagemaker")
        with translated_errors(self.place):
            try:
                if kind.name == TRAINING_JOB:
                    job = sagemaker.describe_training_job(TrainingJobName=name)
                    config, spot = job["ResourceConfig"], " spot" if job.get("EnableManagedSpotTraining") else ""
                    return f"{config.get('InstanceCount', 1)} x {config['InstanceType']}{spot}"
                if kind.name == ENDPOINT:
                    config = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
                    variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
                    instances = [variant for variant in variants if "InstanceType" in variant]
                    return ", ".join(
                        f"{each.get('InitialInstanceCount', 1)} x {each['InstanceType']}" for each in instances
                    )
            except (ClientError, KeyError) as exc:
                if isinstance(exc, ClientError) and not is_missing(exc):
                    raise
        return ""

    @cached_property
    def _executing(self) -> frozenset[str]:
        """The IDs of the running pipeline executions; a run on SageMaker has the ID of its execution."""
        sagemaker, running = self._aws.client("sagemaker"), set()
        since = datetime.now(timezone.utc) - _LONGEST_EXECUTION
        with translated_errors(self.place):
            for page in sagemaker.get_paginator("list_pipelines").paginate():
                for pipeline in page["PipelineSummaries"]:
                    if pipeline.get("LastExecutionTime", since) < since:
                        continue
                    executions = sagemaker.get_paginator("list_pipeline_executions").paginate(
                        PipelineName=pipeline["PipelineName"], CreatedAfter=since
                    )
                    running |= {
                        execution["PipelineExecutionArn"].rpartition("/")[2]
                        for listed in executions
                        for execution in listed["PipelineExecutionSummaries"]
                        if execution["PipelineExecutionStatus"] in _EXECUTING
                    }
        return frozenset(running)

    # -- delete ---------------------------------------------------------------------------------

    def _delete_endpoint(self, name: str) -> None:
        sagemaker, state = self._aws.client("sagemaker"), ""

        def delete() -> None:
            nonlocal state
            state = sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]
            if state != "Deleting":
                sagemaker.delete_endpoint(EndpointName=name)

        try:
            self._unless_missing(Resource(ENDPOINT, name), delete)
        except EndpointError as exc:
            if state not in TRANSITIONAL:
                raise
            message = f"endpoint {name!r} is {state} and cannot be deleted yet"
            raise ResourceBusyError(message) from exc

    @staticmethod
    def _unless_missing(resource: Resource, delete: Callable[[], object]) -> None:
        with translated_errors(f"{resource.kind} {resource.name!r}"):
            try:
                delete()
            except ClientError as exc:
                if not is_missing(exc):
                    raise


def _seconds(text: str) -> float | None:
    """Return the time in a tag, or None if it is not a time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
