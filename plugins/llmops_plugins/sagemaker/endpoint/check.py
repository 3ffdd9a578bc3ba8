"""The checks of a JumpStart model that is served, before anything is created."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.endpoint.requests import base_weights, default_instance
from llmops_plugins.sagemaker.jumpstart.check import access_checks, check_model, subject
from llmops_plugins.sagemaker.jumpstart.fields import Fields, hosting_configuration
from llmops_plugins.sagemaker.jumpstart.spec import JumpStartSpec, read_spec
from llmops_sdk.plugin import BaseModel, Check, LLMOpsError


@attrs.frozen
class Served:
    """What is served.

    Attributes:
        base: The base weights.
        trained_on: For fine-tuned weights, the instance type on which they are trained, or empty if it is not known; None
            for the base weights.
    """

    base: BaseModel
    trained_on: str | None = None

    def fields(self, aws: Aws, spec: JumpStartSpec) -> Fields:
        """Return the fields of the specification from which the requests are made."""
        configuration = hosting_configuration(spec.data, is_tuned=self.trained_on is not None)
        return Fields.of(spec.data, aws.region, "hosting", configuration)


def serving_checks(aws: Aws, served: Served, instance_type: str, image_uri: str) -> Iterator[Check]:
    """Yield the checks whether a model can be served in this region: its specification, its licence, its image.

    Args:
        aws: The account and region.
        served: What is served.
        instance_type: The instance type, or empty for the one of the specification.
        image_uri: The container's image that the user chose, or empty for the one of the specification.
    """
    is_tuned = served.trained_on is not None

    def check() -> JumpStartSpec:
        spec = check_model(aws, served.base)
        fields = served.fields(aws, spec)
        instance = instance_type or default_instance(fields, served.trained_on)
        if is_tuned or not fields.model_package(instance):
            if not image_uri:
                fields.image(instance)
            if not is_tuned:
                base_weights(aws, fields, instance, accept_eula=True)
        return spec

    purpose = "serving of fine-tuned weights" if is_tuned else "serving"
    yield from access_checks(aws, subject(purpose, served.base, instance_type), image_uri, check)


def serving_instance(aws: Aws, served: Served) -> str:
    """Return the instance type of a specification; empty if there is none or it cannot be read, which a check reports."""
    try:
        spec = read_spec(aws, served.base.source, served.base.version)
        return default_instance(served.fields(aws, spec), served.trained_on)
    except LLMOpsError:
        return ""
