"""Sending a compiled pipeline to SageMaker: upload its files, create or update the pipeline, start an execution, stop it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.polling import is_missing, send
from llmops_plugins.sagemaker.errors import error_code, error_text, translated_errors
from llmops_plugins.sagemaker.interrupts import delayed_interrupt
from llmops_plugins.sagemaker.pipeline.compile import Compiled, Place
from llmops_plugins.sagemaker.pipeline.execution import with_attach_hint
from llmops_plugins.sagemaker.pipeline.graph import StepGraph
from llmops_sdk.plugin import UserError

CREATED_BY = "made by llmops-sdk"
"""The start of the description of our pipelines: no other pipeline is ever replaced."""

_LARGEST_INLINE = 100_000
"""Bytes of a definition that is sent in the request itself."""

_UPLOADS = 16
_ENDED_CODES = frozenset({"ValidationException", "ConflictException", "ResourceNotFound"})
_LOG = logging.getLogger("llmops.sagemaker")


def start(aws: Aws, graph: StepGraph, compiled: Compiled, place: Place) -> str:
    """Upload, create or update the pipeline, start it, and return the ARN of the execution.

    Raises:
        UserError: The name belongs to a pipeline that is not ours; or credentials, permissions.
        EndpointError: AWS refuses the request for another reason.
    """
    _upload(aws, compiled.uploads)
    version = _upsert(aws, graph, compiled, place)
    client, arn = aws.client("sagemaker"), ""
    request = {
        "PipelineName": graph.pipeline,
        "PipelineExecutionDescription": f"{CREATED_BY}, plan {graph.plan[:12]}",
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": graph.max_parallel},
        "ClientRequestToken": secrets.token_hex(16),  # all attempts with one token start one execution
        **({"PipelineVersionId": version} if version else {}),  # another client may have updated it in the meantime
    }

    def start_execution() -> None:
        nonlocal arn
        with delayed_interrupt():
            arn = str(client.start_pipeline_execution(**request)["PipelineExecutionArn"])

    try:
        send(start_execution, f"pipeline {graph.pipeline!r}", _LOG)
    except KeyboardInterrupt:
        if arn:
            stop(aws, arn)
        raise
    return arn


def stop(aws: Aws, arn: str) -> None:
    """Ask SageMaker to stop an execution, without waiting for its end. Does nothing if it has ended.

    Raises:
        UserError: It could not be stopped and is still running.
        EndpointError: The same.
    """
    execution_id = arn.rpartition("/")[2]
    with with_attach_hint(execution_id), translated_errors(f"execution {execution_id!r} cannot be stopped"):
        try:
            aws.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=arn)
        except ClientError as exc:
            if error_code(exc) not in _ENDED_CODES:
                raise


def _upload(aws: Aws, uploads: Mapping[tuple[str, str], bytes]) -> None:
    s3 = aws.client("s3", Config(max_pool_connections=_UPLOADS))
    key = aws.settings.kms_key
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def put(item: tuple[tuple[str, str], bytes]) -> None:
        (bucket, name), data = item
        s3.put_object(Bucket=bucket, Key=name, Body=data, **encrypted)

    with translated_errors("upload of the pipeline"), ThreadPoolExecutor(_UPLOADS) as pool:
        for _ in pool.map(put, uploads.items()):
            pass


def _upsert(aws: Aws, graph: StepGraph, compiled: Compiled, place: Place) -> int | None:
    """Create the pipeline or update it, and return its version, if SageMaker reports one."""
    client = aws.client("sagemaker")
    request = {
        "PipelineName": graph.pipeline,
        "PipelineDescription": f"{CREATED_BY}, plan {graph.plan[:12]}",
        "RoleArn": aws.role,
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": graph.max_parallel},
        **_definition(aws, graph, compiled, place),
    }
    tags = [{"Key": name, "Value": value} for name, value in graph.tags.items()]

    def create_or_update() -> Mapping[str, Any]:
        if not _is_ours(client, graph.pipeline):
            try:
                with delayed_interrupt():
                    return dict(client.create_pipeline(**request, **({"Tags": tags} if tags else {})))
            except ClientError as exc:
                if error_code(exc) != "ValidationException" or "exist" not in error_text(exc):
                    raise
        with delayed_interrupt():
            return dict(client.update_pipeline(**request))

    return send(create_or_update, f"pipeline {graph.pipeline!r}", _LOG).get("PipelineVersionId")


def _is_ours(client: Any, name: str) -> bool:
    """Return whether the pipeline exists.

    Raises:
        UserError: It exists, and this project did not create it.
    """
    try:
        pipeline = client.describe_pipeline(PipelineName=name)
    except ClientError as exc:
        if is_missing(exc):
            return False
        raise
    if not str(pipeline.get("PipelineDescription", "")).startswith(CREATED_BY):
        message = (
            f"SageMaker has a pipeline {name!r} that llmops-sdk did not create:"
            " set another name with the executor's option 'pipeline'"
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
