"""The inference components of an endpoint: models, or adapters of one base, that share its instances and are asked by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.polling import is_missing, send
from llmops_sdk.plugin import Context, EndpointError, did_you_mean

_IN_SERVICE = frozenset({"InService", "Updating"})


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


def find_component(aws: Aws, context: Context, endpoint: str, name: str) -> InferenceComponent:
    """Return a component that is in service.

    Raises:
        EndpointError: It does not exist, is on another endpoint, or is not in service; so is what it adapts.
    """
    client, subject = aws.client("sagemaker"), f"inference component {name!r}"

    def describe() -> Mapping[str, Any] | None:
        try:
            answer: Mapping[str, Any] = client.describe_inference_component(InferenceComponentName=name)
        except ClientError as exc:
            if is_missing(exc):
                return None
            raise
        return answer

    description = send(describe, subject, context.log)
    if description is None or description["EndpointName"] != endpoint:
        where = (
            f"; {subject} is on {description['EndpointName']!r}" if description else _suggestion(aws, endpoint, name)
        )
        message = f"endpoint {endpoint!r} has no {subject}{where}"
        raise EndpointError(message)
    status = description["InferenceComponentStatus"]
    if status not in _IN_SERVICE:
        reason = " ".join(str(description.get("FailureReason") or "").split())
        message = f"{subject} is {status} and not in service{f': {reason}' if reason else ''}"
        raise EndpointError(message)
    base = description.get("Specification", {}).get("BaseInferenceComponentName")
    return InferenceComponent(description, find_component(aws, context, endpoint, base) if base else None)


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
