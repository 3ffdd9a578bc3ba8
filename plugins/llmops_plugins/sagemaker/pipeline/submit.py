"""From the graph to SageMaker: the SDK compiles it once, without sending anything; boto3 uploads, creates and starts."""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
from botocore.config import Config
from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.errors import error_code, error_text, told
from llmops_plugins.sagemaker.aws.interrupts import held_interrupt
from llmops_plugins.sagemaker.aws.polling import is_missing, sent
from llmops_plugins.sagemaker.pipeline.compile import Node, Retry, StepGraph
from llmops_plugins.sagemaker.pipeline.execution import going_on
from llmops_plugins.sagemaker.pipeline.shipping import ship
from llmops_plugins.sagemaker.pipeline.steps import run_node
from llmops_plugins.sagemaker.preflight import DEFAULT_IMAGES, image_hint
from llmops_plugins.sagemaker.sdk.config import remote_function_config
from llmops_plugins.sagemaker.sdk.loading import version
from llmops_plugins.sagemaker.sdk.workflow import workflow
from llmops_sdk.plugin import Plan, SpecError, UserError

MADE_BY = "made by llmops-sdk"
"""How the description of a pipeline of ours begins: no other one is ever replaced."""

_LARGEST_INLINE = 100_000
"""Bytes of a definition that is sent in the request itself."""

_UPLOADS = 16
_HAS_ENDED = frozenset({"ValidationException", "ConflictException", "ResourceNotFound"})
_LOG = logging.getLogger("llmops.sagemaker")
_MASKED = "(not shown)"
_SECRET_WORDS = ("SECRET", "PASSWORD", "TOKEN", "KEY_ID", "ACCESS_KEY")
_SECRET_VARIABLES = ("SECRET", "PASSWORD", "TOKEN", "KEY", "CREDENTIAL")
"""What the names of variables of secrets have in them; elsewhere in a definition, `Key` is that of a tag."""


@attrs.frozen
class Place:
    """Where what is compiled will be.

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
    """A pipeline as the SageMaker SDK wrote it.

    Attributes:
        definition: Its JSON.
        uploads: What must be in S3 before it is started: (bucket, key) to bytes.
        requirements: What each step installs.
    """

    definition: str
    uploads: Mapping[tuple[str, str], bytes]
    requirements: tuple[str, ...]

    def masked(self) -> Any:
        """Return the definition as JSON, with the values of secrets replaced."""
        return _mask(json.loads(self.definition))


def compile_graph(aws: Aws, graph: StepGraph, plan: Plan, registry: Any, place: Place) -> Compiled:
    """Let the SageMaker SDK compile a graph. Nothing is sent; what it would upload is kept.

    Raises:
        UserError: The SDK refuses something, or a plugin cannot be shipped.
    """
    user = remote_function_config(aws)
    image = _image(aws.settings.image_uri or str(user.get("ImageUri", "")))
    with TemporaryDirectory(prefix="llmops-") as made:
        staging, requirements = Path(made) / "workspace", Path(made) / "requirements.txt"
        staging.mkdir()
        more = _user_requirements(user)
        shipment = ship(plan, registry, staging, sagemaker_version=version(), more=more)
        requirements.write_text(shipment.text, encoding="utf-8")
        own = _remote_function(aws, place, image, requirements)
        uploads = _Uploads()
        # The user's configuration, whose path may be relative, is read before the folder is changed.
        with workflow(aws, place.bucket, uploads, own) as (parts, session), _in_folder(staging):
            definition = _pipeline(parts, session, graph, place).definition()
    return Compiled(definition, uploads.files, shipment.requirements)


def _remote_function(aws: Aws, place: Place, image: str, requirements: Path) -> dict[str, Any]:
    """Return what we say of remote functions; the user's configuration says the rest."""
    settings = aws.settings
    said = {
        "Dependencies": str(requirements),
        "IncludeLocalWorkDir": True,
        "CustomFileFilter": {"IgnoreNamePatterns": []},  # without one only *.py files would be taken
        "S3RootUri": place.root,
        "RoleArn": aws.role,
    }
    if image:
        said["ImageUri"] = image
    if settings.kms_key:
        said |= {"S3KmsKeyId": settings.kms_key, "VolumeKmsKeyId": settings.kms_key}
    if settings.subnets:
        said["VpcConfig"] = {"Subnets": list(settings.subnets), "SecurityGroupIds": list(settings.security_groups)}
    return said


def _pipeline(parts: Any, session: Any, graph: StepGraph, place: Place) -> Any:
    parameters = {
        item.name: parts.ParameterString(name=item.name, default_value=item.default) for item in graph.parameters
    }
    retries = [_retry(parts, retry) for retry in graph.retries]
    tags = [{"Key": name, "Value": value} for name, value in graph.tags.items()]
    made: dict[str, Any] = {}
    for node in graph.nodes:
        decorate = parts.step(
            name=node.name,
            description=_description(node),
            instance_type=parameters[node.instance_type],
            keep_alive_period_in_seconds=graph.keep_alive_seconds,
            max_runtime_in_seconds=graph.max_run_seconds,
            volume_size=graph.volume_gb,
            retry_policies=retries or None,
            tags=tags or None,
        )
        made[node.name] = decorate(run_node)(place.plan, parts.EXECUTION_ID, node.name)
        if node.after:
            parts.get_step(made[node.name]).add_depends_on([made[name] for name in node.after])
    return parts.Pipeline(
        name=graph.pipeline, parameters=list(parameters.values()), steps=list(made.values()), sagemaker_session=session
    )


def _description(node: Node) -> str:
    return ", ".join(node.steps)[:3072]


def _retry(parts: Any, retry: Retry) -> Any:
    how = {
        "interval_seconds": retry.interval_seconds,
        "backoff_rate": retry.backoff_rate,
        "max_attempts": retry.max_attempts,
    }
    # These enumerations give their default for any value that they are called with: members are looked up here.
    of_steps = {member.value: member for member in parts.StepExceptionTypeEnum}
    of_jobs = {member.value: member for member in parts.JobExceptionTypeEnum}
    if set(retry.errors) <= set(of_steps):
        return parts.StepRetryPolicy([of_steps[error] for error in retry.errors], **how)
    return parts.JobRetryPolicy([of_jobs[error] for error in retry.errors], **how)


def _image(image: str) -> str:
    minor = ".".join(map(str, sys.version_info[:2]))
    if not image and minor not in DEFAULT_IMAGES:
        message = f"SageMaker has no image for steps in Python {minor}: {image_hint(minor, version())}"
        raise SpecError(message)
    return image


def _user_requirements(user: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the lines of the requirements file that the user's SageMaker config names."""
    named = str(user.get("Dependencies", ""))
    if not named:
        return ()
    path = Path(named).expanduser()
    if path.suffix != ".txt" or not path.is_file():
        message = (
            f"your SageMaker config has RemoteFunction.Dependencies {named!r}; only a requirements file (.txt) that is"
            " there can be joined with what the steps need"
        )
        raise SpecError(message)
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


@contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Make a folder the working directory, which the SDK ships as a whole."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class _Uploads:
    """Stands where the SDK expects boto3's S3 resource, and keeps what it would upload."""

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


def _mask(found: Any, words: tuple[str, ...] = _SECRET_WORDS) -> Any:
    if isinstance(found, dict):
        return {
            name: _MASKED
            if isinstance(value, str) and any(word in name.upper() for word in words)
            else _mask(value, _SECRET_VARIABLES if name == "Environment" else _SECRET_WORDS)
            for name, value in found.items()
        }
    return [_mask(value) for value in found] if isinstance(found, list) else found


# -- AWS ----------------------------------------------------------------------------------------


def start(aws: Aws, graph: StepGraph, compiled: Compiled, place: Place) -> str:
    """Upload, create or update the pipeline, start it, and return the ARN of the execution.

    Raises:
        UserError: There is a pipeline of that name that is not ours; or credentials, permissions.
        EndpointError: AWS refuses something else.
    """
    _upload(aws, compiled.uploads)
    version = _upsert(aws, graph, compiled, place)
    client, arn = aws.client("sagemaker"), ""
    request = {
        "PipelineName": graph.pipeline,
        "PipelineExecutionDescription": f"{MADE_BY}, plan {graph.plan[:12]}",
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": graph.max_parallel},
        "ClientRequestToken": secrets.token_hex(16),  # with one token, all attempts start one execution
        **({"PipelineVersionId": version} if version else {}),  # another client may have updated it since
    }

    def begin() -> None:
        nonlocal arn
        with held_interrupt():
            arn = str(client.start_pipeline_execution(**request)["PipelineExecutionArn"])

    try:
        sent(begin, f"pipeline {graph.pipeline!r}", _LOG)
    except KeyboardInterrupt:
        if arn:
            stop(aws, arn)
        raise
    return arn


def stop(aws: Aws, arn: str) -> None:
    """Ask SageMaker to stop an execution, without waiting for it; one that has ended stays as it is.

    Raises:
        UserError: It could not be stopped, and goes on.
        EndpointError: The same.
    """
    execution_id = arn.rpartition("/")[2]
    with going_on(execution_id), told(f"execution {execution_id!r} cannot be stopped"):
        try:
            aws.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=arn)
        except ClientError as exc:
            if error_code(exc) not in _HAS_ENDED:
                raise


def _upload(aws: Aws, uploads: Mapping[tuple[str, str], bytes]) -> None:
    s3 = aws.client("s3", Config(max_pool_connections=_UPLOADS))
    key = aws.settings.kms_key
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def put(item: tuple[tuple[str, str], bytes]) -> None:
        (bucket, name), data = item
        s3.put_object(Bucket=bucket, Key=name, Body=data, **encrypted)

    with told("upload of the pipeline"), ThreadPoolExecutor(_UPLOADS) as pool:
        for _ in pool.map(put, uploads.items()):
            pass


def _upsert(aws: Aws, graph: StepGraph, compiled: Compiled, place: Place) -> int | None:
    """Create the pipeline or replace it, and return the version that it has now, where SageMaker tells one."""
    client = aws.client("sagemaker")
    request = {
        "PipelineName": graph.pipeline,
        "PipelineDescription": f"{MADE_BY}, plan {graph.plan[:12]}",
        "RoleArn": aws.role,
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": graph.max_parallel},
        **_definition(aws, graph, compiled, place),
    }
    tags = [{"Key": name, "Value": value} for name, value in graph.tags.items()]

    def create_or_update() -> Mapping[str, Any]:
        if not _is_ours(client, graph.pipeline):
            try:
                with held_interrupt():
                    return dict(client.create_pipeline(**request, **({"Tags": tags} if tags else {})))
            except ClientError as exc:
                if error_code(exc) != "ValidationException" or "exist" not in error_text(exc):
                    raise
        with held_interrupt():
            return dict(client.update_pipeline(**request))

    return sent(create_or_update, f"pipeline {graph.pipeline!r}", _LOG).get("PipelineVersionId")


def _is_ours(client: Any, name: str) -> bool:
    """Tell whether the pipeline is there.

    Raises:
        UserError: It is, and somebody else's.
    """
    try:
        found = client.describe_pipeline(PipelineName=name)
    except ClientError as exc:
        if is_missing(exc):
            return False
        raise
    if not str(found.get("PipelineDescription", "")).startswith(MADE_BY):
        message = (
            f"there is a pipeline {name!r} in SageMaker that this program has not made:"
            " give this one another name with the executor's option 'pipeline'"
        )
        raise UserError(message)
    return True


def _definition(aws: Aws, graph: StepGraph, compiled: Compiled, place: Place) -> dict[str, Any]:
    data = compiled.definition.encode()
    if len(data) < _LARGEST_INLINE:
        return {"PipelineDefinition": compiled.definition}
    prefix = place.root.removeprefix(f"s3://{place.bucket}/")
    key = f"{prefix}/{graph.pipeline}/definitions/{graph.plan}.json"
    _upload(aws, {(place.bucket, key): data})
    return {"PipelineDefinitionS3Location": {"Bucket": place.bucket, "ObjectKey": key}}
