"""The checks of a JumpStart model before anything is created."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.images import ecr_check
from llmops_plugins.sagemaker.jumpstart.fields import Fields
from llmops_plugins.sagemaker.jumpstart.requests import gated_weights
from llmops_plugins.sagemaker.jumpstart.spec import JumpStartSpec, UnreachableError, read_spec
from llmops_plugins.sagemaker.names import ACCEPT_EULA, TOLERATE_DEPRECATED, TOLERATE_VULNERABLE
from llmops_sdk.plugin import BaseModel, Check, Finding, LLMOpsError, SpecError


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


def training_checks(
    aws: Aws, base: BaseModel, hyperparameters: Mapping[str, str], instance_type: str, image_uri: str
) -> Iterator[Check]:
    """Yield the checks whether a model can be trained in this region: its specification, its licence, its image.

    Args:
        aws: The account and region.
        base: The base weights.
        hyperparameters: Those that the user set.
        instance_type: The instance type, or empty for the one of the specification.
        image_uri: The container's image that the user chose, or empty for the one of the specification.
    """

    def check() -> JumpStartSpec:
        spec = check_training(aws, base, hyperparameters)
        fields = Fields.of(spec.data, aws.region, "training")
        instance = instance_type or spec.training_instance
        gated_weights(fields, instance)
        if not image_uri:
            fields.image(instance)
        return spec

    yield from access_checks(aws, subject("training", base, instance_type), image_uri, check)


def access_checks(aws: Aws, name: str, image_uri: str, check: Callable[[], JumpStartSpec]) -> Iterator[Check]:
    """Yield a check of a model's specification, and one of the image that the user chose.

    Args:
        aws: The account and region.
        name: The name of the first check.
        image_uri: The image, or empty for the one of the specification.
        check: Reads the specification, and raises a `UserError` if a request cannot be made of it.
    """
    yield Check(name, lambda: _access(aws, check))
    in_ecr = ecr_check(aws, image_uri, f"image {image_uri}") if image_uri else None
    if in_ecr:
        yield in_ecr


def subject(purpose: str, base: BaseModel, instance_type: str) -> str:
    """Return the name of the check of a model, which differs for each version and instance type."""
    return f"{purpose} of JumpStart's {base.source} {base.version}" + (f" on {instance_type}" if instance_type else "")


def training_instance(aws: Aws, base: BaseModel) -> str:
    """Return the instance type of a specification; empty if there is none or it cannot be read, which a check reports."""
    try:
        return read_spec(aws, base.source, base.version).training_instance
    except LLMOpsError:
        return ""


def _access(aws: Aws, check: Callable[[], JumpStartSpec]) -> Finding:
    region = aws.region  # a missing one is the same error as in the other checks, not a file that cannot be read
    try:
        spec = check()
    except UnreachableError as exc:
        return Finding("warning", f"not checked: {exc}")
    licence = ", its licence is accepted" if spec.gated else ""
    return Finding("ok", f"{spec.version}{licence}, in {region}")


def _check_tolerated(spec: JumpStartSpec, base: BaseModel, purpose: str) -> None:
    if TOLERATE_VULNERABLE not in base.parameters:
        message = (
            f"the {purpose} code of JumpStart's {spec.model_id!r} {spec.version} is known to have vulnerabilities:"
            " set tolerate_vulnerable_model=True, or use a newer version"
        )
        raise SpecError(message)
