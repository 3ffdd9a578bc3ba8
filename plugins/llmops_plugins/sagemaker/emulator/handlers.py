"""What moto does not do, put into it: pipelines whose steps run, training jobs and endpoints whose states take time.

moto finds the method for a request by its name, so methods are added to its classes, and some replaced. All of it is in
the process that plays AWS, and in no other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx

from llmops_plugins.sagemaker.emulator.jumpstart import BUSY
from llmops_plugins.sagemaker.emulator.metadata import package_arn
from llmops_plugins.sagemaker.emulator.pipeline import RefusedError
from llmops_plugins.sagemaker.emulator.stream import CONTENT_TYPE, streamed

if TYPE_CHECKING:
    from llmops_plugins.sagemaker.emulator.account import World


def put_into_moto(world: World) -> None:
    """Let moto ask the world that is played."""
    from moto.sagemaker import models, responses, urls
    from moto.sagemakerruntime import responses as runtime
    from moto.sagemakerruntime.urls import response as invoking

    for cls in vars(models).values():
        if isinstance(cls, type) and "validate_instance_type" in vars(cls):
            cls.validate_instance_type = lambda *_args: None  # type: ignore[attr-defined] # moto's list is of 2020
    for handlers in (_pipelines, _training_jobs, _packages, _endpoints):
        for handler in handlers(world):
            setattr(responses.SageMakerResponse, handler.__name__, handler)
    for handler in _invoking(world):
        setattr(runtime.SageMakerRuntimeResponse, handler.__name__, handler)
    # moto takes this path for one of SageMaker itself, which it does not know there.
    urls.url_paths["{0}/endpoints/(?P<name>[^/]+)/invocations-response-stream$"] = invoking.dispatch


Handler = Callable[[Any], Any]


def _pipelines(world: World) -> tuple[Handler, ...]:
    from moto.core.responses import ActionResult
    from moto.sagemaker.exceptions import ValidationError
    from moto.sagemaker.responses import SageMakerResponse

    begin, describe = SageMakerResponse.start_pipeline_execution, SageMakerResponse.describe_pipeline_execution

    def refuse(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except RefusedError as exc:
            raise ValidationError(message=str(exc)) from exc

    def start_pipeline_execution(self: Any) -> Any:
        found: Any = begin(self)
        arn = found.result["PipelineExecutionArn"]
        pipeline = self.sagemaker_backend.pipelines[self._get_param("PipelineName")]
        definition, parameters = pipeline.pipeline_definition, self._get_param("PipelineParameters")
        bound = pipeline.pipeline_executions[arn].parallelism_configuration  # the start's, else the pipeline's
        refuse(lambda: world.start_pipeline_execution(arn, definition, parameters, bound))
        return found

    def describe_pipeline_execution(self: Any) -> Any:
        found: Any = describe(self).result
        execution = refuse(lambda: world.execution(self._get_param("PipelineExecutionArn")))
        return ActionResult({**found, "PipelineExecutionStatus": execution.status, "FailureReason": execution.reason})

    def list_pipeline_execution_steps(self: Any) -> Any:
        execution = refuse(lambda: world.execution(self._get_param("PipelineExecutionArn")))
        prefix = execution.arn.partition(":pipeline/")[0]
        steps = [state.json(lambda job: f"{prefix}:training-job/{job}") for state in list(execution.steps.values())]
        return ActionResult({"PipelineExecutionSteps": steps})

    def stop_pipeline_execution(self: Any) -> Any:
        arn = self._get_param("PipelineExecutionArn")
        refuse(lambda: world.execution(arn).stop())
        return ActionResult({"PipelineExecutionArn": arn})

    return start_pipeline_execution, describe_pipeline_execution, list_pipeline_execution_steps, stop_pipeline_execution


def _training_jobs(world: World) -> tuple[Handler, ...]:
    from moto.core.responses import EmptyResult
    from moto.sagemaker.exceptions import ResourceInUseException
    from moto.sagemaker.responses import SageMakerResponse

    create = SageMakerResponse.create_training_job

    def create_training_job(self: Any) -> Any:
        name, jobs = self._get_param("TrainingJobName"), self.sagemaker_backend.training_jobs
        if name in jobs:
            raise ResourceInUseException(message=f"Training job names must be unique: {name} exists already")
        found = create(self)
        world.jumpstart.train(jobs[name], self._get_param("Environment") or {})
        return found

    def stop_training_job(self: Any) -> Any:
        name = self._get_param("TrainingJobName")
        self.sagemaker_backend.describe_training_job(name)  # refuses a name that there is not
        world.jumpstart.stop_training(self.sagemaker_backend.training_jobs[name])
        return EmptyResult()

    return create_training_job, stop_training_job


def _packages(world: World) -> tuple[Handler, ...]:
    from moto.core.responses import ActionResult
    from moto.sagemaker.responses import SageMakerResponse

    describe = SageMakerResponse.describe_model_package

    def describe_model_package(self: Any) -> Any:
        arn = self._get_param("ModelPackageName")
        if arn != package_arn(arn.rpartition("/")[2], world.choices.region):
            return describe(self)
        container = {"Image": "rehearsal-inference:1", "ProductId": "rehearsal"}
        return ActionResult({"ModelPackageArn": arn, "InferenceSpecification": {"Containers": [container]}})

    return (describe_model_package,)


def _endpoints(world: World) -> tuple[Handler, ...]:
    from moto.sagemaker.exceptions import ValidationError
    from moto.sagemaker.responses import SageMakerResponse

    create, delete = SageMakerResponse.create_endpoint, SageMakerResponse.delete_endpoint

    def create_endpoint(self: Any) -> Any:
        backend, name = self.sagemaker_backend, self._get_param("EndpointName")
        if name in backend.endpoints:
            raise ValidationError(message=f'Cannot create already existing endpoint "{name}".')
        found = create(self)
        config = backend.describe_endpoint_config(self._get_param("EndpointConfigName"))
        model = backend.describe_model(config["ProductionVariants"][0]["ModelName"])
        container = model.response_object.get("PrimaryContainer") or model.response_object["Containers"][0]
        world.jumpstart.serve(backend.endpoints[name], container, self._get_param("Tags") or [])
        return found

    def delete_endpoint(self: Any) -> Any:
        name = self._get_param("EndpointName")
        endpoint = self.sagemaker_backend.endpoints.get(name)
        if endpoint is not None and endpoint.endpoint_status in BUSY:
            raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')
        world.jumpstart.end(name)
        return delete(self)

    return create_endpoint, delete_endpoint


def _invoking(world: World) -> tuple[Handler, ...]:
    """Return what answers `InvokeEndpoint`, whole and as a stream: the endpoint's answer, or SageMaker's words where it is none."""

    def refused(status: int, code: str, body: dict[str, Any]) -> Any:
        headers = {"status": status, "Content-Type": "application/json", "x-amzn-ErrorType": code}
        return status, headers, json.dumps(body)

    def answered(self: Any, body: bytes, content_type: str, made: Callable[[bytes], bytes]) -> Any:
        name = self.path.split("/")[2]
        try:
            answer = world.jumpstart.ask(name, body, self.headers.get("X-Amzn-SageMaker-Custom-Attributes", ""))
        except KeyError:
            message = f"Endpoint {name} of account {self.current_account} not found."
            return refused(400, "ValidationError", {"Message": message})
        except httpx.HTTPError as exc:
            return refused(500, "InternalFailure", {"Message": str(exc)})
        if answer.is_success:
            headers = {"Content-Type": content_type, "x-Amzn-Invoked-Production-Variant": "AllTraffic"}
            return 200, headers, made(answer.content)
        told = {"OriginalStatusCode": answer.status_code, "OriginalMessage": answer.text, "LogStreamArn": ""}
        message = f"Received server error ({answer.status_code}) from primary with message {answer.text!r}"
        return refused(424, "ModelError", {"Message": message, **told})

    def invoke_endpoint(self: Any) -> Any:
        body = self.body if isinstance(self.body, bytes) else self.body.encode()
        return answered(self, body, "application/json", bytes)

    def invoke_endpoint_with_response_stream(self: Any) -> Any:
        # The server that stands in does not stream.
        fields = {name: value for name, value in json.loads(self.body).items() if name != "stream"}
        return answered(self, json.dumps(fields).encode(), CONTENT_TYPE, streamed)

    return invoke_endpoint, invoke_endpoint_with_response_stream
