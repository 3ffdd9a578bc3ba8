"""One SageMaker endpoint with its configuration and its model: creating, finding, waiting for and deleting it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.capacity import Patience, create_with_quota, lacks_capacity
from llmops_plugins.sagemaker.aws.polling import is_denied, is_missing, poll, send
from llmops_plugins.sagemaker.endpoint.requests import EndpointRequests
from llmops_plugins.sagemaker.errors import error_code, error_text, translated_errors
from llmops_plugins.sagemaker.interrupts import delayed_interrupt
from llmops_plugins.sagemaker.names import ENDPOINT, ENDPOINT_CONFIG, MODEL
from llmops_sdk.plugin import Context, EndpointError, LLMOpsError, ResourceBusyError

LOG_GROUPS = "/aws/sagemaker/Endpoints"
TRANSITIONAL = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
_USABLE = frozenset({"InService", "Creating"})
_METRICS = (("Invocations", "Sum", 1.0), ("ModelLatency", "Average", 1e-6), ("OverheadLatency", "Average", 1e-6))
"""The names in CloudWatch, the requested statistic, and the factor that converts it to seconds."""


class _NoCapacityError(EndpointError):
    """AWS had no instances for an endpoint."""


class Hosting:
    """The endpoint, configuration and model of one name. They may not exist yet.

    Args:
        aws: The account and region.
        name: The name.
        context: The context of the step.
    """

    def __init__(self, aws: Aws, name: str, context: Context) -> None:
        self._aws = aws
        self._client = aws.client("sagemaker")
        self._name = name
        self._context = context

    def describe(self) -> Mapping[str, Any] | None:
        """Return SageMaker's description of the endpoint, or None if it does not exist."""
        return send(self._ask, f"endpoint {self._name!r}", self._context.log)

    def _ask(self) -> Mapping[str, Any] | None:
        try:
            description: Mapping[str, Any] = self._client.describe_endpoint(EndpointName=self._name)
        except ClientError as exc:
            if is_missing(exc):
                return None
            raise
        return description

    # -- create ---------------------------------------------------------------------------------

    def create_or_find(self, requests: EndpointRequests, patience: Patience, *, timeout: float) -> None:
        """Create the endpoint unless an earlier attempt did, and wait until it is in service.

        An endpoint that fails because AWS lacks capacity is deleted, and created again.

        Args:
            requests: The requests that create it.
            patience: How long to wait for a quota and for instances.
            timeout: Seconds within which it must be in service.

        Raises:
            EndpointError: It failed or took too long; the message has the reason and the last lines of its log.
        """
        seconds = patience.seconds
        endpoint = self.describe()
        if endpoint is None or endpoint["EndpointStatus"] not in _USABLE:
            if endpoint is not None:
                self._delete_and_wait(seconds=seconds, timeout=timeout)
            self._create("create_model", requests.model, MODEL)
            self._create("create_endpoint_config", requests.endpoint_config, ENDPOINT_CONFIG)
            self._create_endpoint(requests.endpoint, patience)
        else:
            self._context.log.info("endpoint %r exists: %s", self._name, endpoint["EndpointStatus"])
        for attempt, pause in enumerate(patience.pauses(), 1):
            try:
                return self._wait_in_service(seconds=seconds, timeout=timeout)
            except _NoCapacityError as exc:
                if attempt >= patience.attempts:
                    message = f"{exc}; attempts: {attempt}, see 'capacity_attempts'; or take another instance type"
                    raise EndpointError(message) from exc
                text = f"{exc}; creating it again ({attempt + 1} of {patience.attempts} attempts)"
                self._context.log.warning("%s", text)
                self._context.progress.log(f"{self._context.step}: {text}")
            self._delete_and_wait(seconds=seconds, timeout=timeout)
            time.sleep(pause)
            self._create_endpoint(requests.endpoint, patience)
        raise AssertionError  # `pauses` never ends

    def _create(self, action: str, request: Mapping[str, Any], kind: str) -> None:
        """Create a model or a configuration; what an earlier attempt left under its name is deleted, since it may differ."""
        if not self._send(action, request):
            self._context.log.info("%s %r of an earlier attempt is replaced", kind, self._name)
            self.delete(kind, seconds=0.0, timeout=0.0)
            self._send(action, request)

    def _create_endpoint(self, request: Mapping[str, Any], patience: Patience) -> None:
        # The name was free: an endpoint that exists now is from this request, which was repeated after a lost answer.
        def create() -> bool:
            return self._send("create_endpoint", {**request, "Tags": self._aws.renewed(request["Tags"])})

        create_with_quota(create, f"endpoint {self._name!r}", self._context, patience)

    def _send(self, action: str, request: Mapping[str, Any]) -> bool:
        """Send one Create* request, and return False if the name is in use.

        An interrupt is delayed until the answer, so that the resource can be deleted.
        """

        def create() -> bool:
            with delayed_interrupt():
                try:
                    getattr(self._client, action)(**request)
                except ClientError as exc:
                    if error_code(exc) != "ValidationException" or "already exist" not in error_text(exc).lower():
                        raise
                    return False
            return True

        kind = action.removeprefix("create_").replace("_", " ")
        return send(create, f"{kind} {self._name!r}", self._context.log)

    def _delete_and_wait(self, *, seconds: float, timeout: float) -> None:
        """Delete the endpoint of an earlier attempt, since its name is needed again."""
        self._delete_endpoint(seconds=seconds, timeout=timeout)
        self._wait_deleted(seconds=seconds, timeout=timeout)

    def _wait_deleted(self, *, seconds: float, timeout: float) -> None:
        subject, until = f"endpoint {self._name!r}", time.monotonic() + timeout
        for endpoint in poll(self._ask, subject, seconds, self._context.log, created=True):
            if endpoint is None:
                return
            if time.monotonic() > until:
                message = f"{subject} of an earlier attempt is still {endpoint['EndpointStatus']} after {timeout:g} s"
                raise EndpointError(message)

    def _wait_in_service(self, *, seconds: float, timeout: float) -> None:
        subject, until = f"endpoint {self._name!r}", time.monotonic() + timeout
        for endpoint in poll(self._ask, subject, seconds, self._context.log, created=True):
            status = endpoint["EndpointStatus"] if endpoint is not None else "missing"
            if status == "InService":
                return
            if status != "Creating":
                reason = " ".join(str((endpoint or {}).get("FailureReason") or "").split())
                message = f"{subject} is {status}: {reason or 'SageMaker gives no reason'}{self._last_log_lines()}"
                raise _NoCapacityError(message) if lacks_capacity(reason) else EndpointError(message)
            if time.monotonic() > until:
                message = f"{subject} was not in service after {timeout:g} s: increase 'start_timeout'{self._last_log_lines()}"
                raise EndpointError(message)

    def _last_log_lines(self) -> str:
        group = f"{LOG_GROUPS}/{self._name}"
        lines = self._aws.last_log_lines(group, "")
        return f"; last log lines: {' / '.join(lines)} (log group {group})" if lines else f" (log group {group})"

    # -- delete ---------------------------------------------------------------------------------

    def delete(self, kind: str, *, seconds: float, timeout: float) -> None:
        """Delete one of the three, whatever its state. Does nothing if it does not exist.

        Args:
            kind: `endpoint`, `endpoint-config` or `model`.
            seconds: Time between two attempts at an endpoint that is being created or changed.
            timeout: How long to retry, in seconds.

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
            message = f"the deployer 'sagemaker-endpoint' creates no {kind!r}"
            raise ValueError(message)

    def _delete_one(self, kind: str, delete: Callable[[], Any]) -> None:
        with translated_errors(f"{kind} {self._name!r}"):
            try:
                delete()
            except ClientError as exc:
                if not is_missing(exc):
                    raise

    def _delete_endpoint(self, *, seconds: float, timeout: float) -> None:
        try:
            self._delete_when_possible(seconds=seconds, timeout=timeout)
        except LLMOpsError as exc:
            if not is_denied(exc.__cause__):
                raise
            # It cannot be looked at any more, but perhaps deleted.
            self._delete_one(ENDPOINT, lambda: self._client.delete_endpoint(EndpointName=self._name))

    def _delete_when_possible(self, *, seconds: float, timeout: float) -> None:
        until = time.monotonic() + timeout
        for endpoint in poll(self._ask, f"endpoint {self._name!r}", seconds, self._context.log):
            if endpoint is None or endpoint["EndpointStatus"] == "Deleting":
                return
            is_changing = endpoint["EndpointStatus"] in TRANSITIONAL
            try:
                self._delete_one(ENDPOINT, lambda: self._client.delete_endpoint(EndpointName=self._name))
            except EndpointError:
                if not is_changing:
                    raise
            else:
                self._log_metrics(endpoint)
                return
            if time.monotonic() > until:
                message = (
                    f"endpoint {self._name!r} is {endpoint['EndpointStatus']} and cannot be deleted yet: llmops gc"
                )
                raise ResourceBusyError(message)

    def _log_metrics(self, endpoint: Mapping[str, Any]) -> None:
        """Write the metrics of CloudWatch to the step's log and to `cloudwatch.json`; never fails the step.

        CloudWatch lags by a minute or two: the last requests may be missing.
        """
        if endpoint["EndpointStatus"] != "InService":
            return
        try:
            metrics = self._metrics(endpoint["CreationTime"], str(endpoint["ProductionVariants"][0]["VariantName"]))
        except (BotoCoreError, ClientError, KeyError, IndexError, TypeError) as exc:
            self._context.log.info("endpoint %r: cannot read CloudWatch: %s", self._name, exc)
            return
        with suppress(OSError):
            draft = self._context.folder / "cloudwatch.json.tmp"
            draft.write_text(json.dumps(metrics, indent=2), encoding="utf-8")
            draft.replace(draft.with_suffix(""))
        text = ", ".join(f"{name} {value:.6g}" for name, value in metrics.items())
        self._context.log.info("endpoint %r: CloudWatch so far: %s", self._name, text or "nothing yet")

    def _metrics(self, since: datetime, variant: str) -> dict[str, float]:
        now = datetime.now(timezone.utc)
        # One period since the creation, in whole minutes, as CloudWatch requires.
        period = max(60, -(-int((now - since).total_seconds() + 60) // 60) * 60)
        metrics = {}
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
                metrics[name if scale == 1.0 else f"{name}_s"] = value * scale
        return metrics
