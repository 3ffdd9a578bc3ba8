"""Adds to moto: pipelines whose steps run, and training jobs and endpoints that take time and can be asked.

moto finds the method for a request by its name: methods are added to its classes, or replaced. This happens only in the
process of the emulator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker import models, urls
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse
from moto.sagemakerruntime.urls import response as runtime

from llmops_plugins.sagemaker.emulator.jumpstart import EmulatedJumpStart
from llmops_plugins.sagemaker.emulator.pipeline import EmulatedExecution

Handler = Callable[[Any], Any]
_PART_BYTES = 48
"""Bytes of one part of a stream: parts may start and end anywhere."""


def add_to_moto(
    start: Callable[[Any], None], executions: Mapping[str, EmulatedExecution], jumpstart: EmulatedJumpStart
) -> None:
    """Let moto use an emulated account.

    Args:
        start: Starts an execution, for moto's object of it.
        executions: The executions by their ARN.
        jumpstart: The training jobs and endpoints.
    """
    for cls in vars(models).values():
        if isinstance(cls, type) and "validate_instance_type" in vars(cls):
            cls.validate_instance_type = lambda *_args: None  # type: ignore[attr-defined] # moto's list is incomplete
    for handler in (*_pipelines(start, executions), *_training_jobs(jumpstart), *_endpoints(jumpstart)):
        setattr(SageMakerResponse, handler.__name__, handler)
    for handler in _requests(jumpstart):
        setattr(SageMakerRuntimeResponse, handler.__name__, handler)
    # Without this, moto takes the path for one of SageMaker itself.
    urls.url_paths["{0}/endpoints/(?P<name>[^/]+)/invocations-response-stream$"] = runtime.dispatch


def _pipelines(start: Callable[[Any], None], executions: Mapping[str, EmulatedExecution]) -> tuple[Handler, ...]:
    create = SageMakerResponse.start_pipeline_execution

    def start_pipeline_execution(self: Any) -> Any:
        answer: Any = create(self)
        pipeline = self.sagemaker_backend.pipelines[self._get_param("PipelineName")]
        start(pipeline.pipeline_executions[answer.result["PipelineExecutionArn"]])
        return answer

    def list_pipeline_execution_steps(self: Any) -> Any:
        arn = self._get_param("PipelineExecutionArn")
        steps = list(executions[arn].steps.values())
        return ActionResult({"PipelineExecutionSteps": [step.json(arn.partition(":pipeline/")[0]) for step in steps]})

    def stop_pipeline_execution(self: Any) -> Any:
        arn = self._get_param("PipelineExecutionArn")
        executions[arn].stop()
        return ActionResult({"PipelineExecutionArn": arn})

    return start_pipeline_execution, list_pipeline_execution_steps, stop_pipeline_execution


def _training_jobs(jumpstart: EmulatedJumpStart) -> tuple[Handler, ...]:
    create = SageMakerResponse.create_training_job

    def create_training_job(self: Any) -> Any:
        answer = create(self)
        job = self.sagemaker_backend.training_jobs[self._get_param("TrainingJobName")]
        jumpstart.start_training(job, self._get_param("Environment") or {})
        return answer

    def stop_training_job(self: Any) -> Any:
        name = self._get_param("TrainingJobName")
        self.sagemaker_backend.describe_training_job(name)  # refuses an unknown name
        jumpstart.stop_training(self.sagemaker_backend.training_jobs[name])
        return EmptyResult()

    return create_training_job, stop_training_job


def _endpoints(jumpstart: EmulatedJumpStart) -> tuple[Handler, ...]:
    create, delete = SageMakerResponse.create_endpoint, SageMakerResponse.delete_endpoint

    def create_endpoint(self: Any) -> Any:
        backend, answer = self.sagemaker_backend, create(self)
        config = backend.describe_endpoint_config(self._get_param("EndpointConfigName"))
        model = backend.describe_model(config["ProductionVariants"][0]["ModelName"]).response_object
        container = model.get("PrimaryContainer") or model["Containers"][0]
        endpoint = backend.endpoints[self._get_param("EndpointName")]
        jumpstart.start_endpoint(endpoint, container, self._get_param("Tags") or [])
        return answer

    def delete_endpoint(self: Any) -> Any:
        endpoint = self.sagemaker_backend.endpoints.get(self._get_param("EndpointName"))
        if endpoint is not None:
            jumpstart.end_endpoint(endpoint)
        return delete(self)

    return create_endpoint, delete_endpoint


class _RequestError(ServiceException):
    """An error of SageMaker Runtime; moto adds the fields that the API of the service has."""

    def __init__(self, message: str, *, code: str, **fields: Any) -> None:
        super().__init__(code, message)
        vars(self).update(fields)


def _requests(jumpstart: EmulatedJumpStart) -> tuple[Handler, ...]:
    """Return the handlers of requests to an endpoint, with and without a stream."""

    def ask(self: Any, body: bytes) -> bytes:
        name = self.path.split("/")[2]
        try:
            answer = jumpstart.ask(name, body, self.headers.get("X-Amzn-SageMaker-Custom-Attributes", ""))
        except KeyError:
            message = f"Endpoint {name} of account {self.current_account} not found."
            raise _RequestError(message, code="ValidationError") from None
        except httpx.HTTPError as exc:
            raise _RequestError(str(exc), code="InternalFailure") from exc
        if not answer.is_success:
            status, text = answer.status_code, answer.text
            message = f"Received server error ({status}) from primary with message {text!r}"
            raise _RequestError(message, code="ModelError", OriginalStatusCode=status, OriginalMessage=text)
        return answer.content

    def invoke_endpoint(self: Any) -> Any:
        body = self.body if isinstance(self.body, bytes) else self.body.encode()
        headers = {"Content-Type": "application/json", "x-Amzn-Invoked-Production-Variant": "AllTraffic"}
        return 200, headers, ask(self, body)

    def invoke_endpoint_with_response_stream(self: Any) -> Any:
        # The server of the substitute model does not stream.
        fields = {name: value for name, value in json.loads(self.body).items() if name != "stream"}
        answer = json.loads(ask(self, json.dumps(fields).encode()))
        data = "".join(f"data:{json.dumps(event)}\n\n" for event in _events(answer)).encode()
        parts = (data[start : start + _PART_BYTES] for start in range(0, len(data), _PART_BYTES))
        return ActionResult({"Body": [{"PayloadPart": {"Bytes": part}} for part in parts]})

    return invoke_endpoint, invoke_endpoint_with_response_stream


def _events(answer: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the events in which TGI would stream an answer; the answer of a chat is one event."""
    if not isinstance(answer, list):
        yield answer
        return
    for word in re.findall(r"\s*\S+|\s+$", answer[0]["generated_text"]):
        yield {"token": {"text": word}, "generated_text": None, "details": None}
    yield {"token": {"text": ""}, "details": None, **answer[0]}
