"""What `llmops gc` asks of SageMaker: resources that carry the tags of a run, in whatever state, and their deletion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any

import attrs
from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.aws.account import EXPIRES_TAG, RUN_TAG, STEP_TAG, Aws
from llmops_plugins.sagemaker.aws.errors import told
from llmops_plugins.sagemaker.aws.names import ENDPOINT, ENDPOINT_CONFIG, MODEL, TRAINING_JOB
from llmops_plugins.sagemaker.aws.polling import is_missing
from llmops_plugins.sagemaker.aws.settings import SageMakerSettings
from llmops_plugins.sagemaker.endpoint.hosting import BUSY
from llmops_plugins.sagemaker.jumpstart.training_job import TrainingJob
from llmops_sdk.plugin import EndpointError, OrphanFinder, Resource, ResourceBusyError, TaggedResource

_PREFIX = "llmops-"
"""How the names of all that is made begin; tags, which are asked one by one, decide."""

_PAGE = 100
_NOT_BILLED = frozenset({"Failed", "OutOfService"})
_EXECUTING = frozenset({"Executing", "Stopping"})
_LONGEST_EXECUTION = timedelta(days=28)


@attrs.frozen
class _Kind:
    """How SageMaker lists one kind of resources.

    Attributes:
        name: As resources have it.
        noun: As SageMaker's fields begin.
        action: The paginated request.
        answer: The field with what it lists.
        chosen: What else is asked.
    """

    name: str
    noun: str
    action: str
    answer: str
    chosen: Mapping[str, str] = attrs.field(factory=dict)


# In the order in which they are deleted: what costs first, and an endpoint before what it uses.
_KINDS = (
    _Kind(ENDPOINT, "Endpoint", "list_endpoints", "Endpoints"),
    _Kind(TRAINING_JOB, "TrainingJob", "list_training_jobs", "TrainingJobSummaries", {"StatusEquals": "InProgress"}),
    _Kind(ENDPOINT_CONFIG, "EndpointConfig", "list_endpoint_configs", "EndpointConfigs"),
    _Kind(MODEL, "Model", "list_models", "Models"),
)


class SageMakerOrphanFinder(OrphanFinder):
    """One account and region; a training job that has ended costs nothing and cannot be deleted, and is not listed."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self._aws = Aws(SageMakerSettings.from_mapping(settings))

    @property
    def place(self) -> str:
        """The region, and the profile where one is named."""
        profile = self._aws.settings.profile
        return f"SageMaker in {self._aws.region}" + (f" as {profile}" if profile else "")

    def list(self, run_id: str = "") -> Iterator[TaggedResource]:
        """Yield what has the tag `llmops:run-id` and is not being deleted; see `Sweeper.list`."""
        for kind in _KINDS:
            for item in self._listed(kind):
                state = str(item.get(f"{kind.noun}Status", ""))
                tags = {} if state == "Deleting" else self._tags(str(item[f"{kind.noun}Arn"]))
                if RUN_TAG in tags and run_id in ("", tags[RUN_TAG]):
                    yield self._known(kind, item, state, tags)

    def delete(self, resource: Resource) -> None:
        """Delete one that was listed, or stop it; see `Sweeper.delete`."""
        name, sagemaker = resource.name, self._aws.client("sagemaker")
        if resource.kind == TRAINING_JOB:
            TrainingJob(self._aws, name).stop()
        elif resource.kind == ENDPOINT:
            self._delete_endpoint(name)
        elif resource.kind == ENDPOINT_CONFIG:
            self._unless_gone(resource, lambda: sagemaker.delete_endpoint_config(EndpointConfigName=name))
        elif resource.kind == MODEL:
            self._unless_gone(resource, lambda: sagemaker.delete_model(ModelName=name))

    # -- look -----------------------------------------------------------------------------------

    def _listed(self, kind: _Kind) -> Iterator[Mapping[str, Any]]:
        with told(self.place):
            pages = self._aws.client("sagemaker").get_paginator(kind.action)
            chosen = {"NameContains": _PREFIX, "PaginationConfig": {"PageSize": _PAGE}, **kind.chosen}
            for page in pages.paginate(**chosen):
                yield from (item for item in page[kind.answer] if item[f"{kind.noun}Name"].startswith(_PREFIX))

    def _tags(self, arn: str) -> dict[str, str]:
        """Return a resource's tags; none where it has gone since it was listed."""
        with told(self.place):
            try:
                return self._aws.tags_of(arn)
            except ClientError as exc:
                if not is_missing(exc):
                    raise
                return {}

    def _known(self, kind: _Kind, item: Mapping[str, Any], state: str, tags: Mapping[str, str]) -> TaggedResource:
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
        """Return the instances of an endpoint or a job, as far as SageMaker still knows."""
        sagemaker = self._aws.client("sagemaker")
        with told(self.place):
            try:
                if kind.name == TRAINING_JOB:
                    used = sagemaker.describe_training_job(TrainingJobName=name)["ResourceConfig"]
                    return f"{used.get('InstanceCount', 1)} x {used['InstanceType']}"
                if kind.name == ENDPOINT:
                    config = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
                    found = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
                    instances = [variant for variant in found if "InstanceType" in variant]
                    return ", ".join(
                        f"{each.get('InitialInstanceCount', 1)} x {each['InstanceType']}" for each in instances
                    )
            except (ClientError, KeyError) as exc:
                if isinstance(exc, ClientError) and not is_missing(exc):
                    raise
        return ""

    @cached_property
    def _executing(self) -> frozenset[str]:
        """The ids of the pipeline executions that run now; a run on SageMaker has its execution's id."""
        sagemaker, found = self._aws.client("sagemaker"), set()
        since = datetime.now(timezone.utc) - _LONGEST_EXECUTION
        with told(self.place):
            for page in sagemaker.get_paginator("list_pipelines").paginate():
                for pipeline in page["PipelineSummaries"]:
                    if pipeline.get("LastExecutionTime", since) < since:
                        continue
                    executions = sagemaker.get_paginator("list_pipeline_executions").paginate(
                        PipelineName=pipeline["PipelineName"], CreatedAfter=since
                    )
                    found |= {
                        execution["PipelineExecutionArn"].rpartition("/")[2]
                        for listed in executions
                        for execution in listed["PipelineExecutionSummaries"]
                        if execution["PipelineExecutionStatus"] in _EXECUTING
                    }
        return frozenset(found)

    # -- delete ---------------------------------------------------------------------------------

    def _delete_endpoint(self, name: str) -> None:
        sagemaker, state = self._aws.client("sagemaker"), ""

        def delete() -> None:
            nonlocal state
            state = sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]
            if state != "Deleting":
                sagemaker.delete_endpoint(EndpointName=name)

        try:
            self._unless_gone(Resource(ENDPOINT, name), delete)
        except EndpointError as exc:
            if state not in BUSY:
                raise
            message = f"endpoint {name!r} is {state} and cannot be deleted yet"
            raise ResourceBusyError(message) from exc

    @staticmethod
    def _unless_gone(resource: Resource, delete: Callable[[], object]) -> None:
        with told(f"{resource.kind} {resource.name!r}"):
            try:
                delete()
            except ClientError as exc:
                if not is_missing(exc):
                    raise


def _seconds(text: str) -> float | None:
    """Return the time that a tag says, or None where it says none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
