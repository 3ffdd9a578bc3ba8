"""One SageMaker training job: starting it, finding it again, waiting for it and stopping it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs
from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.aws.account import RUN_TAG, Aws
from llmops_plugins.sagemaker.aws.polling import is_denied, is_missing, poll, send
from llmops_plugins.sagemaker.errors import error_code, translated_errors
from llmops_plugins.sagemaker.interrupts import delayed_interrupt
from llmops_plugins.sagemaker.jumpstart.requests import Request
from llmops_sdk.plugin import Context, EndpointError, LLMOpsError

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_MAX_ATTEMPTS = 99
_RUNNING = frozenset({"InProgress", "Stopping"})
_LOG = logging.getLogger("llmops.sagemaker")
_INSTANCES_SECONDS = 6 * 3600.0
"""How long SageMaker may take to provide instances."""


class TrainingJob:
    """A job by its name. It may not exist yet."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._aws = aws
        self._client = aws.client("sagemaker")
        self.name = name

    def describe(self) -> Mapping[str, Any] | None:
        """Return SageMaker's description of the job, or None if there is no such job."""
        return send(self._ask, f"training job {self.name!r}", _LOG)

    def _ask(self) -> Mapping[str, Any] | None:
        try:
            description: Mapping[str, Any] = self._client.describe_training_job(TrainingJobName=self.name)
        except ClientError as exc:
            if is_missing(exc):
                return None
            raise
        return description

    def started_by(self, description: Mapping[str, Any]) -> str:
        """Return the run whose tag the job has, or an empty text.

        Args:
            description: The answer of `describe`.
        """
        with translated_errors(f"training job {self.name!r}"):
            return self._aws.tags_of(description["TrainingJobArn"]).get(RUN_TAG, "")

    def create(self, request: Request) -> bool:
        """Start the job, and return whether this call started it: another run may have been faster.

        An interrupt is delayed until SageMaker has answered, so that it is known whether there is a job.
        """

        def create() -> bool:
            with delayed_interrupt():
                try:
                    self._client.create_training_job(**request)
                except ClientError as exc:
                    if error_code(exc) != "ResourceInUse":
                        raise
                    # Another client was faster, or this request was repeated after a lost answer.
                    return False
            return True

        return send(create, f"training job {self.name!r}", _LOG)

    def wait(self, context: Context, *, seconds: float, timeout: float) -> Mapping[str, Any]:
        """Wait for the end of the job, and return SageMaker's description of it.

        Args:
            context: The context of the step.
            seconds: Time between two requests.
            timeout: How long to wait, in seconds.

        Raises:
            EndpointError: It took too long, or the job is missing.
        """
        subject, until = f"training job {self.name!r}", time.monotonic() + timeout
        logged_stage = ""
        with context.progress.task(f"{context.step}: training job {self.name}") as task:
            for job in poll(self._ask, subject, seconds, context.log, created=True):
                if job is None:
                    message = f"{subject} is missing"
                    raise EndpointError(message)
                status, stage = job["TrainingJobStatus"], job.get("SecondaryStatus", "")
                if stage != logged_stage:
                    context.log.info("%s: %s, %s", subject, status, stage)
                    logged_stage = stage
                task.update(0, stage=stage or status)
                if status not in _RUNNING:
                    return dict(job)
                if time.monotonic() > until:
                    message = f"{subject} did not end within {timeout:g} s ({stage or status}): increase 'timeout'"
                    raise EndpointError(message)
        raise AssertionError  # `poll` never ends

    @staticmethod
    def reason(description: Mapping[str, Any]) -> str:
        """Return SageMaker's reason for the end of a job, in one line."""
        return " ".join(str(description.get("FailureReason") or description.get("SecondaryStatus") or "").split())

    def end_message(self, description: Mapping[str, Any]) -> str:
        """Return how the job ended: its status, SageMaker's reason, and the last lines of its log."""
        status = description["TrainingJobStatus"].lower()
        lines = self._aws.last_log_lines(LOG_GROUP, f"{self.name}/")
        log = f"; last log lines: {' / '.join(lines)}" if lines else ""
        return f"training job {self.name!r} {status}: {self.reason(description)}{log} (log group {LOG_GROUP})"

    def stop(self, run_id: str = "") -> None:
        """Stop the job if it is running.

        Args:
            run_id: Stop it only if this run started it; empty for any run.
        """
        try:
            description = self.describe()
        except LLMOpsError as exc:
            if run_id or not is_denied(exc.__cause__):
                raise
            description = {"TrainingJobStatus": "InProgress"}  # it cannot be looked at any more, but perhaps stopped
        if description is None or description["TrainingJobStatus"] != "InProgress":
            return
        if run_id and self.started_by(description) not in ("", run_id):
            return
        with translated_errors(f"training job {self.name!r}"):
            try:
                self._client.stop_training_job(TrainingJobName=self.name)
            except ClientError as exc:
                # It may have ended since the last request.
                if error_code(exc) not in ("ValidationException", "ResourceNotFound"):
                    raise


@attrs.frozen
class Attempt:
    """The job that trains a model.

    Attributes:
        job: The job.
        status: The status in SageMaker, or empty if the job is not started yet.
        run_id: The run that started it, or empty.
    """

    job: TrainingJob
    status: str = ""
    run_id: str = ""

    @classmethod
    def of(cls, job: TrainingJob, description: Mapping[str, Any] | None) -> Attempt:
        """Return the attempt of a job, from SageMaker's description of it."""
        if description is None:
            return cls(job)
        return cls(job, description["TrainingJobStatus"], job.started_by(description))


def find_attempt(aws: Aws, stem: str) -> Attempt:
    """Return the job that trains a model: one that is running or completed, or the first one whose name is free.

    Names are STEM, STEM-2, ...: all runs that need the same model look for the same names. SageMaker accepts each name
    once, so the names of jobs that ended without a model, or whose model was deleted, are skipped.

    Raises:
        EndpointError: All names are used.
    """
    for number in range(1, _MAX_ATTEMPTS + 1):
        job = TrainingJob(aws, f"{stem}-{number}" if number > 1 else stem)
        description = job.describe()
        if description is None or description["TrainingJobStatus"] == "InProgress" or _has_model(aws, description):
            return Attempt.of(job, description)
    message = (
        f"training jobs {stem!r} to {job.name!r} ended without a model: check their logs; to get new names, set another"
        " prefix: with_settings('sagemaker', prefix=...)"
    )
    raise EndpointError(message)


def _has_model(aws: Aws, job: Mapping[str, Any]) -> bool:
    """Return whether a job is completed and its model is still in S3."""
    if job["TrainingJobStatus"] != "Completed":
        return False
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    parts = urlsplit(uri)
    with translated_errors(f"model {uri!r}"):
        try:
            listed = aws.client("s3").list_objects_v2(Bucket=parts.netloc, Prefix=parts.path.lstrip("/"), MaxKeys=1)
        except ClientError as exc:
            if error_code(exc) != "NoSuchBucket":
                raise
            return False
    return bool(listed.get("Contents"))


def max_wait_seconds(request: Request) -> float:
    """Return how long to wait for a job: as long as it may run, plus the time to get its instances."""
    condition = request.get("StoppingCondition", {})
    allowed = condition.get("MaxWaitTimeInSeconds") or condition.get("MaxRuntimeInSeconds") or 24 * 3600
    return float(allowed) + _INSTANCES_SECONDS


def spot_saving(job: Mapping[str, Any]) -> float | None:
    """Return what spot instances saved, in percent of the job's time; None for a job on demand, or without known times.

    The formula is AWS's, in "DescribeTrainingJob" (`BillableTimeInSeconds`) of the Amazon SageMaker API Reference.

    Args:
        job: SageMaker's description of the job.
    """
    trained, billed = job.get("TrainingTimeInSeconds"), job.get("BillableTimeInSeconds")
    if not job.get("EnableManagedSpotTraining") or not trained or billed is None:
        return None
    return 100 * (float(trained) - float(billed)) / float(trained)
