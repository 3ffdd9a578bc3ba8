"""What an existing endpoint serves: its model, or inference components, which are models and adapters that share its instances."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import attrs
from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.sagemaker.aws.account import QUICK, Aws
from llmops_plugins.sagemaker.aws.polling import is_denied, is_missing, send
from llmops_plugins.sagemaker.errors import translated_errors
from llmops_sdk.plugin import Check, EndpointError, Finding, LLMOpsError, did_you_mean

_ASKABLE = frozenset({"InService", "Updating", "SystemUpdating"})


@attrs.frozen
class InferenceComponent:
    """One component, as SageMaker describes it.

    Attributes:
        description: SageMaker's description.
        base: The component whose weights it adapts, or None if it has its own.
    """

    description: Mapping[str, Any]
    base: InferenceComponent | None

    @property
    def version(self) -> str:
        """A text that changes when the component, or the one that it adapts, is created again or updated."""
        own = f"{self.description['InferenceComponentArn']} {self.description['LastModifiedTime']}"
        return f"{own} {self.base.version}" if self.base else own

    @property
    def metadata(self) -> dict[str, str]:
        """What answers show: its name, what it serves, and the component that it adapts."""
        specification = self.description.get("Specification", {})
        served = specification.get("Container", {}).get("ArtifactUrl") or specification.get("ModelName", "")
        shown = {
            "inference_component": str(self.description["InferenceComponentName"]),
            "weights": str(served),
            "base_component": str(self.base.description["InferenceComponentName"]) if self.base else "",
        }
        return {name: text for name, text in shown.items() if text}

    def check(self) -> None:
        """Check that it is in service, and what it adapts.

        Raises:
            EndpointError: One is not.
        """
        name, status = self.description["InferenceComponentName"], self.description["InferenceComponentStatus"]
        _check_status(f"inference component {name!r}", status, self.description)
        if self.base:
            self.base.check()


def existing_check(aws: Aws, endpoint: str, component: str) -> Check:
    """Return the check that an endpoint, and its component unless its name is empty, can be asked."""

    def check() -> Finding:
        try:
            check_endpoint(find_endpoint(aws, endpoint))
            if component:
                find_component(aws, endpoint, component).check()
        except LLMOpsError as exc:
            if is_denied(exc.__cause__):
                return Finding("ok", "no permission to look at it: not checked")
            if not isinstance(exc, EndpointError):  # no credentials, no region
                raise
            return Finding("warning", f"{exc}; only answers that are in the store already are used")
        return Finding("ok", f"in service in {aws.region}")

    return Check(f"endpoint {endpoint}" + (f", {component}" if component else ""), check)


def find_endpoint(aws: Aws, name: str, log: logging.Logger | None = None) -> Mapping[str, Any]:
    """Return SageMaker's description of an endpoint.

    Args:
        aws: The account and region.
        name: Its name.
        log: Of a step, which waits while AWS cannot be reached; None asks once.

    Raises:
        EndpointError: It does not exist.
    """
    description = _describe(aws, "endpoint", name, log)
    if description is None:
        message = f"there is no endpoint {name!r} in {aws.region}"
        raise EndpointError(message)
    return description


def check_endpoint(description: Mapping[str, Any]) -> None:
    """Check that an endpoint is in service.

    Raises:
        EndpointError: It is not.
    """
    _check_status(f"endpoint {description['EndpointName']!r}", description["EndpointStatus"], description)


def find_component(aws: Aws, endpoint: str, name: str, log: logging.Logger | None = None) -> InferenceComponent:
    """Return a component of an endpoint; see `find_endpoint`.

    Raises:
        EndpointError: It does not exist or is on another endpoint, or what it adapts.
    """
    subject = f"inference component {name!r}"
    description = _describe(aws, "inference component", name, log)
    if description is None or description["EndpointName"] != endpoint:
        where = (
            f"; {subject} is on {description['EndpointName']!r}" if description else _suggestion(aws, endpoint, name)
        )
        message = f"endpoint {endpoint!r} has no {subject}{where}"
        raise EndpointError(message)
    base = description.get("Specification", {}).get("BaseInferenceComponentName")
    return InferenceComponent(description, find_component(aws, endpoint, base, log) if base else None)


def _describe(aws: Aws, kind: str, name: str, log: logging.Logger | None) -> Mapping[str, Any] | None:
    """Return SageMaker's description of an endpoint or an inference component, or None if it does not exist."""
    client = aws.client("sagemaker", None if log else QUICK)
    action = getattr(client, f"describe_{kind.replace(' ', '_')}")
    parameter = f"{kind.title().replace(' ', '')}Name"

    def describe() -> Mapping[str, Any] | None:
        try:
            description: Mapping[str, Any] = action(**{parameter: name})
        except ClientError as exc:
            if is_missing(exc):
                return None
            raise
        return description

    if log:
        return send(describe, f"{kind} {name!r}", log)
    with translated_errors(f"{kind} {name!r}"):
        return describe()


def _check_status(subject: str, status: str, description: Mapping[str, Any]) -> None:
    if status not in _ASKABLE:
        reason = " ".join(str(description.get("FailureReason") or "").split())
        message = f"{subject} is {status} and not in service{f': {reason}' if reason else ''}"
        raise EndpointError(message)


def _suggestion(aws: Aws, endpoint: str, name: str) -> str:
    """Return the similar names on an endpoint, if the credentials may list them."""
    pages = aws.client("sagemaker").get_paginator("list_inference_components")
    try:
        listed = [
            str(each["InferenceComponentName"])
            for page in pages.paginate(EndpointNameEquals=endpoint)
            for each in page["InferenceComponents"]
        ]
    except (BotoCoreError, ClientError):
        return ""
    return did_you_mean(name, listed) if listed else "; it has none"
