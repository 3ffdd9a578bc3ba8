"""Compiling a graph with the SageMaker SDK: the definition of the pipeline, and the files it needs. Nothing is sent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.instances import without_refused_key
from llmops_plugins.sagemaker.limits import check_job
from llmops_plugins.sagemaker.pipeline.driver import DRIVER, adapted_driver
from llmops_plugins.sagemaker.pipeline.graph import Retry, StepGraph
from llmops_plugins.sagemaker.pipeline.image import step_image
from llmops_plugins.sagemaker.pipeline.nodes import Node
from llmops_plugins.sagemaker.pipeline.shipping import ship
from llmops_plugins.sagemaker.pipeline.steps import run_node
from llmops_plugins.sagemaker.sdk.installed import version
from llmops_plugins.sagemaker.sdk.workflow import workflow
from llmops_plugins.sagemaker.user_config import REMOTE_FUNCTION
from llmops_sdk.plugin import Plan, SpecError

_MASKED = "(not shown)"
_SECRET_WORDS = ("SECRET", "PASSWORD", "TOKEN", "KEY_ID", "ACCESS_KEY")
_SECRET_VARIABLES = ("SECRET", "PASSWORD", "TOKEN", "KEY", "CREDENTIAL")
"""Words in the names of variables that hold secrets; outside of an environment, `Key` is the key of a tag."""


@attrs.frozen
class Place:
    """Where the files of a compiled pipeline are stored.

    Attributes:
        bucket: The bucket of the store.
        root: The URI below which the SDK puts payloads and results.
        plan: The URI of the plan.
    """

    bucket: str
    root: str
    plan: str


@attrs.frozen
class Compiled:
    """A pipeline, compiled by the SageMaker SDK.

    Attributes:
        definition: The definition, as JSON.
        uploads: The files that must be in S3 before the start: (bucket, key) to bytes.
        requirements: The requirements that each step installs.
    """

    definition: str
    uploads: Mapping[tuple[str, str], bytes]
    requirements: tuple[str, ...]

    def masked(self) -> Any:
        """Return the definition with the values of secrets replaced."""
        return _mask(json.loads(self.definition))


def compile_graph(aws: Aws, graph: StepGraph, plan: Plan, registry: Any, place: Place) -> Compiled:
    """Compile a graph with the SageMaker SDK. Nothing is sent; the files that the SDK would upload are returned.

    Raises:
        UserError: The SDK refuses the pipeline, or a plugin cannot be shipped.
    """
    image = step_image(aws)
    with TemporaryDirectory(prefix="llmops-") as temporary:
        staging, requirements = Path(temporary) / "workspace", Path(temporary) / "requirements.txt"
        staging.mkdir()
        more = _user_requirements(aws.config.section(*REMOTE_FUNCTION))
        shipment = ship(plan, registry, staging, sagemaker_version=version(), more=more)
        requirements.write_text(shipment.text, encoding="utf-8")
        config = _remote_function(aws, place, image, requirements)
        uploads, client = _Uploads(), aws.client("sagemaker")
        sdk = workflow(aws.session, aws.region, client, bucket=place.bucket, s3=uploads, own_config=config)
        # The user's config, whose path may be relative, is read before the folder is changed.
        with sdk as (parts, session), _in_folder(staging):
            definition = json.loads(_pipeline(parts, session, graph, place).definition())
    _adapt(definition, graph)
    return Compiled(json.dumps(definition), _adapted(uploads.files), shipment.requirements)


def _remote_function(aws: Aws, place: Place, image: str, requirements: Path) -> dict[str, Any]:
    """Return our own `RemoteFunction` configuration, which overrides the user's."""
    settings = aws.settings
    config = {
        "Dependencies": str(requirements),
        "IncludeLocalWorkDir": True,
        "CustomFileFilter": {"IgnoreNamePatterns": []},  # without one only *.py files would be taken
        "S3RootUri": place.root,
        "RoleArn": aws.role,
    }
    if image:
        config["ImageUri"] = image
    if settings.kms_key:
        config |= {"S3KmsKeyId": settings.kms_key, "VolumeKmsKeyId": settings.kms_key}
    if settings.subnets:
        config["VpcConfig"] = {"Subnets": list(settings.subnets), "SecurityGroupIds": list(settings.security_groups)}
    return config


def _pipeline(parts: Any, session: Any, graph: StepGraph, place: Place) -> Any:
    parameters = {item.name: parts.parameter(name=item.name, default_value=item.default) for item in graph.parameters}
    retries = [_retry(parts, retry) for retry in graph.retries]
    tags = [{"Key": name, "Value": value} for name, value in graph.tags.items()]
    steps: dict[str, Any] = {}
    for node in graph.nodes:
        decorate = parts.step(
            name=node.name,
            display_name=node.display_name,
            description=_description(node),
            instance_type=parameters[node.instance_type],
            keep_alive_period_in_seconds=graph.keep_alive_seconds,
            max_runtime_in_seconds=graph.max_run_seconds,
            volume_size=graph.volume_gb,
            retry_policies=retries or None,
            tags=tags or None,
        )
        steps[node.name] = decorate(run_node)(place.plan, parts.execution_id, node.name)
        if node.after:
            parts.get_step(steps[node.name]).add_depends_on([steps[name] for name in node.after])
    return parts.pipeline(
        name=graph.pipeline, parameters=list(parameters.values()), steps=list(steps.values()), sagemaker_session=session
    )


def _adapt(definition: Mapping[str, Any], graph: StepGraph) -> None:
    """Remove the key of volumes from steps whose default instance type has local storage, and check the jobs.

    Raises:
        SpecError: A job has a text that SageMaker refuses.
    """
    types = {parameter.name: parameter.default for parameter in graph.parameters}
    for step in definition["Steps"]:
        job, instance_type = step["Arguments"], types[graph.node(step["Name"]).instance_type]
        job["ResourceConfig"] = without_refused_key(job["ResourceConfig"], "VolumeKmsKeyId", [instance_type])
        check_job(job, f"step {step['Name']!r}")


def _adapted(files: Mapping[tuple[str, str], bytes]) -> Mapping[tuple[str, str], bytes]:
    """Return the files with the driver script changed: a stopped container can clean up, and another SDK is refused."""
    return {
        (bucket, key): adapted_driver(data.decode(), version()).encode() if key.endswith(f"/{DRIVER}") else data
        for (bucket, key), data in files.items()
    }


def _description(node: Node) -> str:
    return ", ".join(node.steps)[:3072]


def _retry(parts: Any, retry: Retry) -> Any:
    how = {
        "interval_seconds": retry.interval_seconds,
        "backoff_rate": retry.backoff_rate,
        "max_attempts": retry.max_attempts,
    }
    # Calling one of these enumerations with any unknown value returns its default: so members are looked up by value.
    of_steps = {member.value: member for member in parts.retry.StepExceptionTypeEnum}
    of_jobs = {member.value: member for member in parts.retry.SageMakerJobExceptionTypeEnum}
    if set(retry.errors) <= set(of_steps):
        return parts.retry.StepRetryPolicy([of_steps[error] for error in retry.errors], **how)
    return parts.retry.SageMakerJobStepRetryPolicy([of_jobs[error] for error in retry.errors], **how)


def _user_requirements(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the lines of the requirements file of the user's SageMaker config."""
    dependencies = str(config.get("Dependencies", ""))
    if not dependencies:
        return ()
    path = Path(dependencies).expanduser()
    if path.suffix != ".txt" or not path.is_file():
        message = (
            f"your SageMaker config has RemoteFunction.Dependencies {dependencies!r}; only an existing requirements file"
            " (.txt) can be combined with the requirements of the steps"
        )
        raise SpecError(message)
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


@contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Change the working directory, of which the SDK ships every file."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class _Uploads:
    """Takes the place of boto3's S3 resource in the SDK, and keeps the files that it would upload."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}

    def Object(self, bucket_name: str, key: str) -> _Upload:  # noqa: N802 - boto3's name
        return _Upload(self.files, bucket_name, key)

    def Bucket(self, name: str) -> _Upload:  # noqa: N802 - boto3's name
        return _Upload(self.files, name, "")


@attrs.frozen
class _Upload:
    files: dict[tuple[str, str], bytes]
    bucket: str
    key: str

    def upload_file(self, path: str, **_how: Any) -> None:
        self.files[self.bucket, self.key] = Path(path).read_bytes()

    def put(self, *, Body: str | bytes, **_how: Any) -> None:  # noqa: N803 - boto3's name
        self.files[self.bucket, self.key] = Body if isinstance(Body, bytes) else Body.encode()

    def upload_fileobj(self, file: Any, key: str, **_how: Any) -> None:
        self.files[self.bucket, key] = file.read()


def _mask(value: Any, words: tuple[str, ...] = _SECRET_WORDS) -> Any:
    if isinstance(value, dict):
        return {
            name: _MASKED
            if isinstance(item, str) and any(word in name.upper() for word in words)
            else _mask(item, _SECRET_VARIABLES if name == "Environment" else _SECRET_WORDS)
            for name, item in value.items()
        }
    return [_mask(item) for item in value] if isinstance(value, list) else value
