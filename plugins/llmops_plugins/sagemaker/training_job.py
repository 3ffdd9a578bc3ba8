"""One SageMaker training job: begun, found again, waited for and stopped."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.aws import Aws
from llmops_plugins.sagemaker.aws_errors import error_code, told
from llmops_plugins.sagemaker.interrupts import held_interrupt
from llmops_plugins.sagemaker.polling import is_missing, looks
from llmops_plugins.sagemaker.sdk_requests import Request
from llmops_sdk import Context, EndpointError

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
RUNNING = frozenset({"InProgress", "Stopping"})
_FOR_INSTANCES = 6 * 3600.0


class TrainingJob:
    """A job by its name, which may not exist yet."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._aws = aws
        self._client = aws.client("sagemaker")
        self.name = name

    def describe(self) -> Mapping[str, Any] | None:
        """Return what SageMaker tells of it, or None where there is none."""
        with told(f"training job {self.name!r}"):
            return self._look()

    def _look(self) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self._client.describe_training_job(TrainingJobName=self.name)
        except ClientError as exc:
            if is_missing(exc):
                return None
            raise
        return found

    def create(self, request: Request) -> None:
        """Begin it; an interrupt waits until SageMaker has answered, so that it is known whether there is a job."""
        with held_interrupt(), told(f"training job {self.name!r}"):
            try:
                self._client.create_training_job(**request)
            except ClientError as exc:
                if error_code(exc) != "ResourceInUse":  # this very request was repeated after a lost answer
                    raise

    def wait(self, context: Context, *, seconds: float, timeout: float) -> Mapping[str, Any]:
        """Look at it until it is completed, and return what SageMaker tells of it.

        Args:
            context: Of the step.
            seconds: Between two looks.
            timeout: Seconds.

        Raises:
            EndpointError: It failed, was stopped, or took too long: the reason and the last lines of its log.
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
                if status == "Completed":
                    return dict(found)
                if status not in RUNNING:
                    raise EndpointError(self.last_words(found))
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

    def stop(self) -> bool:
        """Stop it where it runs; return whether it is there without a result. What has ended stays as it is."""
        found = self.describe()
        if found is None:
            return False
        if found["TrainingJobStatus"] == "InProgress":
            with told(f"training job {self.name!r}"):
                try:
                    self._client.stop_training_job(TrainingJobName=self.name)
                except ClientError as exc:
                    # It may have ended since it was looked at.
                    if error_code(exc) not in ("ValidationException", "ResourceNotFound"):
                        raise
        return bool(found["TrainingJobStatus"] != "Completed")


def longest_wait(request: Request) -> float:
    """Return for how many seconds a job may be looked at: as long as it may run, and a while for its instances."""
    condition = request.get("StoppingCondition", {})
    allowed = condition.get("MaxWaitTimeInSeconds") or condition.get("MaxRuntimeInSeconds") or 24 * 3600
    return float(allowed) + _FOR_INSTANCES
