"""Emulated training jobs and endpoints of JumpStart models, on the objects of moto, whose states are set here."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import httpx
from moto.sagemaker.exceptions import ValidationError

from llmops_plugins.sagemaker.emulator.choices import EmulatorChoices
from llmops_plugins.sagemaker.emulator.container import download
from llmops_plugins.sagemaker.emulator.metadata import GATED, is_model_package
from llmops_plugins.sagemaker.emulator.process import EmulatedProcess
from llmops_plugins.sagemaker.emulator.substitute import SubstituteModel
from llmops_sdk.plugin import TrainedModel, from_json

_MODEL_TAG, _VERSION_TAG = "sagemaker-sdk:jumpstart-model-id", "sagemaker-sdk:jumpstart-model-version"
_START_SECONDS = 0.3
"""How long an endpoint is at least being created."""

_REQUEST_SECONDS = 60.0
"""SageMaker's time limit of a request to an endpoint."""


@attrs.define
class _Endpoint:
    is_package: bool
    url: str = ""
    end: Callable[[], None] = attrs.field(default=lambda: None)


@attrs.define
class EmulatedJumpStart:
    """All training jobs and endpoints of the account.

    Attributes:
        choices: The choices for the account.
        folder: Holds their files.
        s3: A boto3 client.
    """

    choices: EmulatorChoices
    folder: Path
    s3: Any
    _jobs: dict[str, EmulatedProcess] = attrs.field(factory=dict)
    _endpoints: dict[str, _Endpoint] = attrs.field(factory=dict)

    # -- training jobs --------------------------------------------------------------------------

    def start_training(self, job: Any, environment: Mapping[str, str]) -> None:
        """Start to emulate a training job.

        Args:
            job: moto's object.
            environment: The variables of its container.
        """
        name = job.training_job_name
        target = f"{job.output_data_config['S3OutputPath'].rstrip('/')}/{name}/output/model"
        is_compressed = job.output_data_config.get("CompressionType") != "NONE"
        job.model_artifacts = {"S3ModelArtifacts": f"{target}.tar.gz" if is_compressed else f"{target}/"}
        folder = self.folder / "jobs" / name
        folder.mkdir(parents=True)
        process = self._jobs[name] = EmulatedProcess(folder / "log")
        _set_job(job, "InProgress", "Starting")
        in_background(lambda: self._train(job, process, folder, environment))

    def stop_training(self, job: Any) -> None:
        """Stop a training job; does nothing if it has ended."""
        if job.training_job_status == "InProgress":
            _set_job(job, "Stopping")
            self._jobs[job.training_job_name].stop()

    def _train(self, job: Any, process: EmulatedProcess, folder: Path, environment: Mapping[str, str]) -> None:
        with _failure(lambda reason: _set_job(job, "Failed", reason=f"AlgorithmError: {reason}")):
            for channel in job.input_data_config:
                if channel["ChannelName"] == "training":
                    download(self.s3, channel["DataSource"]["S3DataSource"]["S3Uri"], folder / "data")
            if _tag(job.tags, _MODEL_TAG).startswith(GATED) and not _accepts_licence(job, environment):
                message = "the licence is not accepted: neither in the environment (accept_eula) nor of a channel"
                raise RuntimeError(message)
            if not process.is_stopped:
                _set_job(job, "InProgress", "Training")
            command = [
                sys.executable,
                "-m",
                SubstituteModel.__module__,
                json.dumps(attrs.asdict(self.choices)),
                str(folder),
            ]
            start = time.monotonic()
            code = process.run(command, cwd=folder)
            # Spot instances are billed for less, and how much less is not known here.
            job.training_time_in_seconds = job.billable_time_in_seconds = round(time.monotonic() - start) or 1
            if process.is_stopped:
                _set_job(job, "Stopped")
                return
            if code:
                message = f"{process.last_line}, exit code: {code}"
                raise RuntimeError(message)
            bucket, key = _model_address(job.model_artifacts["S3ModelArtifacts"])
            self.s3.upload_file(str(folder / "trained.json"), bucket, key)
            _set_job(job, "Completed")

    # -- endpoints ------------------------------------------------------------------------------

    def start_endpoint(self, endpoint: Any, container: Mapping[str, Any], tags: list[dict[str, str]]) -> None:
        """Start to emulate an endpoint.

        Args:
            endpoint: moto's object.
            container: The container of its model.
            tags: Its tags, in which the SageMaker SDK names the model.
        """
        is_package = is_model_package(_tag(tags, _MODEL_TAG), _tag(tags, _VERSION_TAG))
        emulated = self._endpoints[endpoint.endpoint_name] = _Endpoint(is_package)
        endpoint.endpoint_status, endpoint.failure_reason = "Creating", None
        in_background(lambda: self._serve(endpoint, emulated, container))

    def end_endpoint(self, endpoint: Any) -> None:
        """End an endpoint that is being deleted.

        Raises:
            ValidationError: It is being created.
        """
        if endpoint.endpoint_status == "Creating":
            raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')
        self._endpoints.pop(endpoint.endpoint_name).end()

    def ask(self, name: str, body: bytes, attributes: str) -> httpx.Response:
        """Send a request to an endpoint; the container of a model package refuses one that does not accept its licence.

        Args:
            name: The name of the endpoint.
            body: The body of the request.
            attributes: The custom attributes of the request.

        Raises:
            KeyError: It is not in service.
        """
        endpoint = self._endpoints[name]
        if not endpoint.url:
            raise KeyError(name)
        if endpoint.is_package and "accept_eula=true" not in attributes:
            return httpx.Response(400, text="Need to pass custom_attributes='accept_eula=true' as part of header")
        with httpx.Client(trust_env=False, timeout=_REQUEST_SECONDS) as client:
            return client.post(endpoint.url, content=body, headers={"Content-Type": "application/json"})

    def _serve(self, endpoint: Any, emulated: _Endpoint, container: Mapping[str, Any]) -> None:
        def fail(reason: str) -> None:
            endpoint.endpoint_status, endpoint.failure_reason = "Failed", reason

        name = endpoint.endpoint_name
        with _failure(fail):
            time.sleep(_START_SECONDS)
            substitute = SubstituteModel(self.choices)
            emulated.url, emulated.end = substitute.serve(
                name, self.folder / "endpoints" / name, self._weights(container)
            )
            endpoint.endpoint_status = "InService"

    def _weights(self, container: Mapping[str, Any]) -> TrainedModel | None:
        """Return the weights of an emulated training job, or None for JumpStart's own, which are not here."""
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        uri = source.get("S3Uri") or container.get("ModelDataUrl")
        if not uri:
            return None
        bucket, key = _model_address(uri)
        try:
            data = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except (self.s3.exceptions.NoSuchKey, self.s3.exceptions.NoSuchBucket):
            return None
        trained: TrainedModel = from_json(json.loads(data), TrainedModel)
        return trained

    # -------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End everything."""
        for process in self._jobs.values():
            process.stop()
        for endpoint in self._endpoints.values():
            endpoint.end()


def in_background(call: Callable[[], None]) -> None:
    """Make a call in a thread, for whose end the emulator waits."""
    threading.Thread(target=call, name="llmops-rehearsal", daemon=True).start()


def _set_job(job: Any, status: str, stage: str = "", *, reason: str | None = None) -> None:
    job.training_job_status, job.secondary_status, job.failure_reason = status, stage or status, reason


def _model_address(uri: str) -> tuple[str, str]:
    """Return bucket and key of the description of an emulated job's model, which takes the place of its files."""
    parts = urlsplit(uri)
    return parts.netloc, f"{parts.path.lstrip('/')}{'trained.json' if uri.endswith('/') else ''}"


def _tag(tags: list[dict[str, str]], name: str) -> str:
    return next((tag["Value"] for tag in tags if tag["Key"] == name), "")


def _accepts_licence(job: Any, environment: Mapping[str, str]) -> bool:
    """Return whether a request accepts a licence, in one of the two ways of the SageMaker SDK."""
    sources = [channel.get("DataSource", {}).get("S3DataSource", {}) for channel in job.input_data_config]
    by_channel = any(source.get("ModelAccessConfig", {}).get("AcceptEula") for source in sources)
    return by_channel or environment.get("accept_eula") == "true"


@contextmanager
def _failure(fail: Callable[[str], None]) -> Iterator[None]:
    """Pass an error of the block on as the reason of a failure."""
    try:
        yield
    except Exception as exc:  # noqa: BLE001 - it has a place where it is reported
        fail(str(exc)[:1024])
