"""One SageMaker training job: begun, found again, waited for and stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs
from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.aws.account import RUN_TAG, Aws
from llmops_plugins.sagemaker.aws.errors import error_code, told
from llmops_plugins.sagemaker.aws.interrupts import held_interrupt
from llmops_plugins.sagemaker.aws.polling import is_missing, looks, sent
from llmops_plugins.sagemaker.sdk.requests import Request
from llmops_sdk.plugin import Context, EndpointError

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_ATTEMPTS = 99
_RUNNING = frozenset({"InProgress", "Stopping"})
_LOG = logging.getLogger("llmops.sagemaker")
_FOR_INSTANCES = 6 * 3600.0


class TrainingJob:
    """A job by its name, which may not exist yet."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._aws = aws
        self._client = aws.client("sagemaker")
        self.name = name

    def describe(self) -> Mapping[str, Any] | None:
        """Return what SageMaker tells of it, or None where there is none."""
        return sent(self._look, f"training job {self.name!r}", _LOG)

    def _look(self) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self._client.describe_training_job(TrainingJobName=self.name)
        except ClientError as exc:
            if is_missing(exc):
                return None
            raise
        return found

    def begun_by(self, found: Mapping[str, Any]) -> str:
        """Return the run whose tag it has, or an empty text.

        Args:
            found: Of `describe`.
        """
        with told(f"training job {self.name!r}"):
            return self._aws.tags_of(found["TrainingJobArn"]).get(RUN_TAG, "")

    def create(self, request: Request) -> bool:
        """Begin it, and return whether this call has: there may be one since it was looked for.

        An interrupt waits until SageMaker has answered, so that it is known whether there is a job.
        """

        def create() -> bool:
            with held_interrupt():
                try:
                    self._client.create_training_job(**request)
                except ClientError as exc:
                    if error_code(exc) != "ResourceInUse":
                        raise
                    # Another client was faster, or this very request was repeated after a lost answer.
                    return False
            return True

        return sent(create, f"training job {self.name!r}", _LOG)

    def wait(self, context: Context, *, seconds: float, timeout: float) -> Mapping[str, Any]:
        """Look at it until it has ended, and return what SageMaker tells of it.

        Args:
            context: Of the step.
            seconds: Between two looks.
            timeout: Seconds.

        Raises:
            EndpointError: It took too long, or is gone.
        """
        doing, until = f"training job {self.name!r}", time.monotonic() + timeout
        told_stage = ""
        with context.progress.task(f"{context.step}: training job {self.name}") as task:
            for found in looks(self._look, doing, seconds, context.log):
                if found is None:
                    message = f"{doing} is gone"
                    raise EndpointError(message)
                status, stage = found["TrainingJobStatus"], found.get("SecondaryStatus", "")
                if stage != told_stage:
                    context.log.info("%s: %s, %s", doing, status, stage)
                    told_stage = stage
                task.update(0, stage=stage or status)
                if status not in _RUNNING:
                    return dict(found)
                if time.monotonic() > until:
                    message = f"{doing} was not done after {timeout:g} s ({stage or status}): raise 'timeout'"
                    raise EndpointError(message)
        raise AssertionError  # `looks` never ends by itself

    def last_words(self, found: Mapping[str, Any]) -> str:
        """Return how it ended: SageMaker's reason, and the end of its log."""
        status = found["TrainingJobStatus"].lower()
        reason = " ".join(str(found.get("FailureReason") or found.get("SecondaryStatus") or "").split())
        lines = self._aws.last_log_lines(LOG_GROUP, f"{self.name}/")
        said = f"; its last words: {' / '.join(lines)}" if lines else ""
        return f"training job {self.name!r} {status}: {reason}{said} (log group {LOG_GROUP})"

    def stop(self, run_id: str = "") -> None:
        """Stop it where it runs. What has ended stays as it is.

        Args:
            run_id: Unless another run than this has begun it; empty for whoever has.
        """
        found = self.describe()
        if found is None or found["TrainingJobStatus"] != "InProgress":
            return
        if run_id and self.begun_by(found) not in ("", run_id):
            return
        with told(f"training job {self.name!r}"):
            try:
                self._client.stop_training_job(TrainingJobName=self.name)
            except ClientError as exc:
                # It may have ended since it was looked at.
                if error_code(exc) not in ("ValidationException", "ResourceNotFound"):
                    raise


@attrs.frozen
class Attempt:
    """The job that makes a model.

    Attributes:
        job: Its name.
        status: As SageMaker has it, or empty where the job is yet to be begun.
        run_id: The run that has begun it, or empty.
    """

    job: TrainingJob
    status: str = ""
    run_id: str = ""

    @classmethod
    def of(cls, job: TrainingJob, found: Mapping[str, Any] | None) -> Attempt:
        """Return a job as SageMaker tells of it."""
        return cls(job) if found is None else cls(job, found["TrainingJobStatus"], job.begun_by(found))


def find_attempt(aws: Aws, stem: str) -> Attempt:
    """Return the job that makes a model: one that runs or has made it, or the first whose name is free.

    Names are STEM, STEM-2, ...: whoever needs the same model looks for the same names. SageMaker takes each only once, so
    those of jobs that have ended without a model, or whose model is gone, are passed over.

    Raises:
        EndpointError: All names are used.
    """
    for number in range(1, _ATTEMPTS + 1):
        job = TrainingJob(aws, f"{stem}-{number}" if number > 1 else stem)
        found = job.describe()
        if found is None or found["TrainingJobStatus"] == "InProgress" or _has_model(aws, found):
            return Attempt.of(job, found)
    message = (
        f"training jobs {stem!r} to {job.name!r} have ended and left no model; see why, and for further names take"
        " another prefix: with_settings('sagemaker', prefix=...)"
    )
    raise EndpointError(message)


def _has_model(aws: Aws, found: Mapping[str, Any]) -> bool:
    """Tell whether a job is completed and what it made is still in S3."""
    if found["TrainingJobStatus"] != "Completed":
        return False
    uri = found["ModelArtifacts"]["S3ModelArtifacts"]
    parts = urlsplit(uri)
    with told(f"model {uri!r}"):
        try:
            listed = aws.client("s3").list_objects_v2(Bucket=parts.netloc, Prefix=parts.path.lstrip("/"), MaxKeys=1)
        except ClientError as exc:
            if error_code(exc) != "NoSuchBucket":
                raise
            return False
    return bool(listed.get("Contents"))


def longest_wait(request: Request) -> float:
    """Return for how many seconds a job may be looked at: as long as it may run, and a while for its instances."""
    condition = request.get("StoppingCondition", {})
    allowed = condition.get("MaxWaitTimeInSeconds") or condition.get("MaxRuntimeInSeconds") or 24 * 3600
    return float(allowed) + _FOR_INSTANCES
