"""The checks of a JumpStart model before anything is created."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.images import ecr_check
from llmops_plugins.sagemaker.jumpstart.fields import Fields, Purpose, hosting_configuration
from llmops_plugins.sagemaker.jumpstart.spec import JumpStartSpec, UnreachableError, read_spec
from llmops_plugins.sagemaker.names import ACCEPT_EULA, TOLERATE_DEPRECATED, TOLERATE_VULNERABLE
from llmops_sdk.plugin import BaseModel, Check, Finding, SpecError


def check_model(aws: Aws, base: BaseModel) -> JumpStartSpec:
    """Read the specification of a model, and check that the model may be served.

    Raises:
        UserError: There is no such model, it is deprecated, or its licence or a vulnerability is not accepted.
    """
    spec = read_spec(aws, base.source, base.version)
    if spec.gated and ACCEPT_EULA not in base.parameters:
        message = f"JumpStart's {spec.model_id!r} is gated: read its licence, and set accept_eula=True if you accept it"
        raise SpecError(message)
    if spec.deprecated and TOLERATE_DEPRECATED not in base.parameters:
        message = f"JumpStart has deprecated {spec.model_id!r} {spec.version}: set tolerate_deprecated_model=True, or use a newer version"
        raise SpecError(message)
    if spec.inference_vulnerable:
        _check_tolerated(spec, base, "serving")
    return spec


def check_training(aws: Aws, base: BaseModel, hyperparameters: Mapping[str, str]) -> JumpStartSpec:
    """Check a model as `check_model` does, and that it can be trained with these hyperparameters.

    Raises:
        UserError: It cannot.
    """
    spec = check_model(aws, base)
    if not spec.trainable:
        message = (
            f"JumpStart cannot fine-tune {spec.model_id!r} {spec.version}: set fine_tune=False, or use another version"
        )
        raise SpecError(message)
    if spec.training_vulnerable:
        _check_tolerated(spec, base, "training")
    if "instruction_tuned" not in spec.hyperparameters:
        message = f"JumpStart's {spec.model_id!r} {spec.version} does not support instruction tuning, which the trainer 'jumpstart' needs"
        raise SpecError(message)
    spec.check_hyperparameters(hyperparameters)
    return spec


def access_checks(aws: Aws, base: BaseModel, purpose: Purpose, instance_type: str, image_uri: str) -> Iterator[Check]:
    """Yield the checks whether a model can be used in this region: its specification, its licence, its image.

    Args:
        aws: The account and region.
        base: The base weights.
        purpose: What for.
        instance_type: The instance type, or empty if it is not known.
        image_uri: The container's image that the user chose, or empty for the one of the specification.
    """
    what = "training" if purpose == "training" else "serving"
    yield Check(
        f"{what} of JumpStart's {base.source}", lambda: _check_access(aws, base, purpose, instance_type, image_uri)
    )
    in_ecr = ecr_check(aws, image_uri, f"image for {what} {base.source}") if image_uri else None
    if in_ecr:
        yield in_ecr


def _check_access(aws: Aws, base: BaseModel, purpose: Purpose, instance_type: str, image_uri: str) -> Finding:
    try:
        spec = check_model(aws, base)
    except UnreachableError as exc:
        return Finding("warning", f"not checked: {exc}")
    configuration = hosting_configuration(spec.data, is_tuned=False) if purpose == "hosting" else ""
    fields = Fields.of(spec.data, aws.region, purpose, configuration)
    if not image_uri and instance_type:
        fields.image(instance_type)
    licence = ", its licence is accepted" if spec.gated else ""
    return Finding("ok", f"{spec.version}{licence}, on {instance_type or 'an unknown instance type'} in {aws.region}")


def default_instance(aws: Aws, base: BaseModel, purpose: Literal["training", "hosting"]) -> str:
    """Return the instance type of a model's specification, of the base model for hosting; empty if it cannot be read now.

    Raises:
        UserError: There is no such model, or its specification is of an unknown form.
    """
    try:
        spec = read_spec(aws, base.source, base.version)
    except UnreachableError:
        return ""
    if purpose == "training":
        return spec.training_instance
    fields = Fields.of(spec.data, aws.region, "hosting", hosting_configuration(spec.data, is_tuned=False))
    return str(fields.get("default_inference_instance_type"))


def _check_tolerated(spec: JumpStartSpec, base: BaseModel, purpose: str) -> None:
    if TOLERATE_VULNERABLE not in base.parameters:
        message = (
            f"the {purpose} code of JumpStart's {spec.model_id!r} {spec.version} is known to have vulnerabilities:"
            " set tolerate_vulnerable_model=True, or use a newer version"
        )
        raise SpecError(message)
