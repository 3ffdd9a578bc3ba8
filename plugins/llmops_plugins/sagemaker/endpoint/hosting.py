"""One SageMaker endpoint with its configuration and its model: made, found again, waited for and deleted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.errors import error_code, error_text, told
from llmops_plugins.sagemaker.aws.interrupts import held_interrupt
from llmops_plugins.sagemaker.aws.names import ENDPOINT, ENDPOINT_CONFIG, MODEL
from llmops_plugins.sagemaker.aws.polling import is_missing, looks, sent
from llmops_plugins.sagemaker.sdk.requests import EndpointRequests
from llmops_sdk.plugin import Context, EndpointError, ResourceBusyError

LOG_GROUPS = "/aws/sagemaker/Endpoints"
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
_USABLE = frozenset({"InService", "Creating"})
_METRICS = (("Invocations", "Sum", 1.0), ("ModelLatency", "Average", 1e-6), ("OverheadLatency", "Average", 1e-6))
"""CloudWatch's names, the statistic that is asked, and what brings it into seconds."""


class Hosting:
    """What is deployed under a name, which may be nothing yet.

    Args:
        aws: The account and region.
        name: Of endpoint, configuration and model.
        context: Of the step.
    """

    def __init__(self, aws: Aws, name: str, context: Context) -> None:
        self._aws = aws
        self._client = aws.client("sagemaker")
        self._name = name
        self._context = context

    def describe(self) -> Mapping[str, Any] | None:
        """Return what SageMaker tells of the endpoint, or None where there is none."""
        return sent(self._look, f"endpoint {self._name!r}", self._context.log)

    def _look(self) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self._client.describe_endpoint(EndpointName=self._name)
        except ClientError as exc:
            if is_missing(exc):
                return None
            raise
        return found

    # -- make -----------------------------------------------------------------------------------

    def make_or_find(self, requests: EndpointRequests, *, seconds: float, timeout: float) -> None:
        """Make the endpoint unless an earlier attempt has, and wait until it is in service.

        Args:
            requests: That make it.
            seconds: Between two looks.
            timeout: Seconds until it must be in service.

        Raises:
            EndpointError: It failed or took too long: the reason and the last lines of its log.
        """
        found = self.describe()
        if found is None or found["EndpointStatus"] not in _USABLE:
            self._clear(found, seconds=seconds, timeout=timeout)
            self._create("create_model", requests.model)
            self._create("create_endpoint_config", requests.endpoint_config)
            self._create("create_endpoint", requests.endpoint)
        else:
            self._context.log.info("endpoint %r: found, %s", self._name, found["EndpointStatus"])
        self._wait_in_service(seconds=seconds, timeout=timeout)

    def _create(self, action: str, request: Mapping[str, Any]) -> None:
        """Send one Create* request; an interrupt waits for the answer, so that what was made can be deleted."""

        def create() -> None:
            with held_interrupt():
                try:
                    getattr(self._client, action)(**request)
                except ClientError as exc:
                    # This very request was repeated after a lost answer: the name was free before it.
                    if error_code(exc) != "ValidationException" or "already exist" not in error_text(exc).lower():
                        raise

        what = action.removeprefix("create_").replace("_", " ")
        sent(create, f"{what} {self._name!r}", self._context.log)

    def _clear(self, found: Mapping[str, Any] | None, *, seconds: float, timeout: float) -> None:
        """Delete what an earlier attempt under this name has left behind: their names are needed again."""
        if found is not None:
            self.delete(ENDPOINT, seconds=seconds, timeout=timeout)
            self._wait_gone(seconds=seconds, timeout=timeout)
        self.delete(ENDPOINT_CONFIG, seconds=seconds, timeout=timeout)
        self.delete(MODEL, seconds=seconds, timeout=timeout)

    def _wait_gone(self, *, seconds: float, timeout: float) -> None:
        doing, until = f"endpoint {self._name!r}", time.monotonic() + timeout
        for found in looks(self._look, doing, seconds, self._context.log):
            if found is None:
                return
            if time.monotonic() > until:
                message = f"{doing} of an earlier attempt is still {found['EndpointStatus']} after {timeout:g} s"
                raise EndpointError(message)

    def _wait_in_service(self, *, seconds: float, timeout: float) -> None:
        doing, until = f"endpoint {self._name!r}", time.monotonic() + timeout
        for found in looks(self._look, doing, seconds, self._context.log):
            status = found["EndpointStatus"] if found is not None else "gone"
            if status == "InService":
                return
            if status != "Creating":
                reason = " ".join(str((found or {}).get("FailureReason") or "").split())
                message = f"{doing} is {status}: {reason or 'SageMaker gives no reason'}{self._last_words()}"
                raise EndpointError(message)
            if time.monotonic() > until:
                message = f"{doing} was not in service after {timeout:g} s: raise 'start_timeout'{self._last_words()}"
                raise EndpointError(message)

    def _last_words(self) -> str:
        group = f"{LOG_GROUPS}/{self._name}"
        lines = self._aws.last_log_lines(group, "")
        return f"; its last words: {' / '.join(lines)} (log group {group})" if lines else f" (log group {group})"

    # -- delete ---------------------------------------------------------------------------------

    def delete(self, kind: str, *, seconds: float, timeout: float) -> None:
        """Delete one of the three, in whatever state it is; do nothing when it is gone.

        Args:
            kind: `endpoint`, `endpoint-config` or `model`.
            seconds: Between two attempts at an endpoint that is being created or changed.
            timeout: Seconds for which that is tried.

        Raises:
            ResourceBusyError: The endpoint is still being created or changed, which SageMaker does not interrupt.
        """
        if kind == ENDPOINT:
            self._delete_endpoint(seconds=seconds, timeout=timeout)
        elif kind == ENDPOINT_CONFIG:
            self._delete_one(kind, lambda: self._client.delete_endpoint_config(EndpointConfigName=self._name))
        elif kind == MODEL:
            self._delete_one(kind, lambda: self._client.delete_model(ModelName=self._name))
        else:
            message = f"the deployer 'sagemaker-endpoint' makes no {kind!r}"
            raise ValueError(message)

    def _delete_one(self, kind: str, delete: Callable[[], Any]) -> None:
        with told(f"{kind} {self._name!r}"):
            try:
                delete()
            except ClientError as exc:
                if not is_missing(exc):
                    raise

    def _delete_endpoint(self, *, seconds: float, timeout: float) -> None:
        until = time.monotonic() + timeout
        for found in looks(self._look, f"endpoint {self._name!r}", seconds, self._context.log):
            if found is None or found["EndpointStatus"] == "Deleting":
                return
            busy = found["EndpointStatus"] in BUSY
            try:
                self._delete_one(ENDPOINT, lambda: self._client.delete_endpoint(EndpointName=self._name))
            except EndpointError:
                if not busy:
                    raise
            else:
                self._tell_metrics(found)
                return
            if time.monotonic() > until:
                message = f"endpoint {self._name!r} is {found['EndpointStatus']} and cannot be deleted yet: llmops gc"
                raise ResourceBusyError(message)

    def _tell_metrics(self, found: Mapping[str, Any]) -> None:
        """Write what CloudWatch counted into the step's log and `cloudwatch.json`; never fails the step.

        CloudWatch lags by a minute or two, so that the last requests may not be in it.
        """
        if found["EndpointStatus"] != "InService":
            return
        try:
            measured = self._measured(found["CreationTime"], str(found["ProductionVariants"][0]["VariantName"]))
        except (BotoCoreError, ClientError, KeyError, IndexError, TypeError) as exc:
            self._context.log.info("endpoint %r: CloudWatch tells nothing: %s", self._name, exc)
            return
        with suppress(OSError):
            draft = self._context.folder / "cloudwatch.json.tmp"
            draft.write_text(json.dumps(measured, indent=2), encoding="utf-8")
            draft.replace(draft.with_suffix(""))
        said = ", ".join(f"{name} {value:.6g}" for name, value in measured.items())
        self._context.log.info("endpoint %r: CloudWatch so far: %s", self._name, said or "nothing yet")

    def _measured(self, since: datetime, variant: str) -> dict[str, float]:
        now = datetime.now(timezone.utc)
        # A period of the whole life, in CloudWatch's steps of a minute.
        period = max(60, -(-int((now - since).total_seconds() + 60) // 60) * 60)
        measured = {}
        for name, statistic, scale in _METRICS:
            points = self._aws.client("cloudwatch").get_metric_statistics(
                Namespace="AWS/SageMaker",
                MetricName=name,
                Dimensions=[
                    {"Name": "EndpointName", "Value": self._name},
                    {"Name": "VariantName", "Value": variant},
                ],
                StartTime=since - timedelta(minutes=1),
                EndTime=now + timedelta(minutes=1),
                Period=period,
                Statistics=[statistic],
            )["Datapoints"]
            if points:
                values = [point[statistic] for point in points]
                value = sum(values) if statistic == "Sum" else sum(values) / len(values)
                measured[name if scale == 1.0 else f"{name}_s"] = value * scale
        return measured
