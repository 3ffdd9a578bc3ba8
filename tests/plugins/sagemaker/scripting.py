"""moto, scripted by the tests: it records requests, fails on demand, and its resources take time."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("moto")

import moto.core.responses
import moto.s3.models
import moto.sagemaker.models
import moto.sagemaker.responses
from moto.sagemaker.exceptions import ResourceInUseException, ValidationError

if TYPE_CHECKING:
    from .fixtures import Cloud


def script_moto(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record and script moto, which lacks g5 instances and stopping, and whose resources are ready at once."""
    for cls in vars(moto.sagemaker.models).values():
        if isinstance(cls, type) and "validate_instance_type" in vars(cls):
            monkeypatch.setattr(cls, "validate_instance_type", lambda *_: None)
    _record_calls(cloud, monkeypatch)
    _script_jobs(cloud, monkeypatch)
    _script_endpoints(cloud, monkeypatch)


def _record_calls(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    call_action = moto.core.responses.BaseResponse.call_action

    def recording(self: Any) -> Any:
        action = self._get_action()
        try:
            request = json.loads(self.body or b"{}")
        except (ValueError, TypeError):
            request = {}
        cloud.record(self.service_name, action, request)
        cloud.on_call(action)
        waiting = cloud.faults.get(action)
        fault = waiting.pop(0) if waiting else None
        if action == "ListServiceQuotas":  # moto has none
            return 200, {}, json.dumps({"Quotas": []})
        if fault is None:
            return call_action(self)
        status, code, message = fault
        headers = {"status": status, "x-amzn-errortype": code}
        if self.service_name in ("iam", "sts"):  # which answer in XML
            error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            return status, headers, f"<ErrorResponse>{error}</ErrorResponse>"
        return status, headers, json.dumps({"__type": code, "message": message})

    monkeypatch.setattr(moto.core.responses.BaseResponse, "call_action", recording)


def _script_jobs(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = moto.sagemaker.models.SageMakerModelBackend
    create_job, describe_job = backend.create_training_job, backend.describe_training_job
    one_by_one = threading.Lock()

    def create(self: Any, training_job_name: str, **fields: Any) -> Any:
        with one_by_one:
            if training_job_name in self.training_jobs:
                raise ResourceInUseException(message=f"Training job names must be unique: {training_job_name}")
            return create_job(self, training_job_name=training_job_name, **fields)

    def describe(self: Any, training_job_name: str) -> Any:
        job = self.training_jobs.get(training_job_name)
        if job is not None:
            status, reason = cloud.advance("job", training_job_name, cloud.job_stages)
            job.training_job_status, job.secondary_status = status, "Training" if status == "InProgress" else status
            job.failure_reason = reason
            if job.output_data_config.get("CompressionType") == "NONE":  # as the service has it
                uri = f"{job.output_data_config['S3OutputPath'].rstrip('/')}/{training_job_name}/output/model/"
                job.model_artifacts = {"S3ModelArtifacts": uri}
            if status == "Completed" and training_job_name not in cloud.lost_models:
                put_model(job.model_artifacts["S3ModelArtifacts"])
        return describe_job(self, training_job_name)

    def stop(self: Any) -> str:
        name = json.loads(self.body)["TrainingJobName"]
        self.sagemaker_backend.training_jobs[name].training_job_status = "Stopping"
        cloud.turn("job", name, ("Stopping", ""), ("Stopped", ""))
        return "{}"

    def put_model(uri: str) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3 = moto.s3.models.s3_backends["123456789012"]["aws"]
        if bucket in s3.buckets:
            s3.put_object(bucket, f"{key}weights" if key.endswith("/") else key, b"")

    monkeypatch.setattr(backend, "create_training_job", create)
    monkeypatch.setattr(backend, "describe_training_job", describe)
    monkeypatch.setattr(moto.sagemaker.responses.SageMakerResponse, "stop_training_job", stop, raising=False)


def _script_endpoints(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = moto.sagemaker.models.SageMakerModelBackend
    describe_endpoint, delete_endpoint = backend.describe_endpoint, backend.delete_endpoint

    def describe(self: Any, endpoint_name: str) -> Any:
        endpoint = self.endpoints.get(endpoint_name)
        if endpoint is not None:
            stage = cloud.advance("endpoint", endpoint_name, cloud.endpoint_stages)
            endpoint.endpoint_status, endpoint.failure_reason = stage
        return describe_endpoint(self, endpoint_name)

    def delete(self: Any, endpoint_name: str) -> None:
        endpoint = self.endpoints.get(endpoint_name)
        if endpoint is not None and endpoint.endpoint_status in ("Creating", "Updating"):
            raise ValidationError(message="Cannot update in-progress endpoint")
        cloud.forget("endpoint", endpoint_name)
        delete_endpoint(self, endpoint_name)

    monkeypatch.setattr(backend, "describe_endpoint", describe)
    monkeypatch.setattr(backend, "delete_endpoint", delete)
