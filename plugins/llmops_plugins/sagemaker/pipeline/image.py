"""The image in which the steps of a pipeline run: its Python must be that of this machine, since functions are pickled."""

from __future__ import annotations

import re
import sys

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.images import ecr_check
from llmops_plugins.sagemaker.sdk.installed import line, version
from llmops_plugins.sagemaker.user_config import REMOTE_FUNCTION
from llmops_sdk.plugin import Check, Finding, SpecError, UserError

_DEFAULT_IMAGES = ("3.8", "3.10")
"""Python versions for which the SageMaker SDK has an image of its own."""

_PYTHON_OF_IMAGE = re.compile(r"[:-]py(3)(\d{1,2})(?![0-9])")
_SCRIPT = "docs/how-to/step-image.sh"
"""The script of the documentation that builds an image and pushes it."""


def image_check(aws: Aws) -> Check:
    """Return the check of the image that the settings or the user's SageMaker config name."""
    return Check("image of the steps", lambda: _check_image(aws))


def step_image(aws: Aws) -> str:
    """Return the image of the steps, or an empty text for SageMaker's own.

    Raises:
        SpecError: SageMaker has no image for this Python.
    """
    image = _chosen_image(aws)
    if not image and _python() not in _DEFAULT_IMAGES:
        message = f"{_no_image()}: {_hint()}"
        raise SpecError(message)
    return image


def _check_image(aws: Aws) -> Finding:
    try:
        line()
    except UserError as exc:
        return Finding("error", str(exc))
    image = _chosen_image(aws)
    if not image and _python() not in _DEFAULT_IMAGES:
        return Finding("error", _no_image(), _hint())
    python = _PYTHON_OF_IMAGE.search(image)
    if python and ".".join(python.groups()) != _python():
        text = f"{image} has Python {'.'.join(python.groups())}, but this program runs in {_python()}"
        return Finding("error", text, _hint())
    in_ecr = ecr_check(aws, image, "image of the steps", python=_python())
    if in_ecr and (finding := in_ecr.run()).status != "ok":
        return attrs.evolve(finding, hint=finding.hint or _hint())
    return Finding("ok", f"{image or 'the image of SageMaker'}; Python {_python()}, sagemaker {version()}")


def _chosen_image(aws: Aws) -> str:
    return aws.settings.image_uri or aws.config.text(*REMOTE_FUNCTION, "ImageUri")


def _python() -> str:
    return ".".join(map(str, sys.version_info[:2]))


def _no_image() -> str:
    return f"SageMaker has no image for steps in Python {_python()}"


def _hint() -> str:
    contents = f"Python {_python()} and sagemaker {version()}"
    return f"use an image that contains {contents}: with_settings('sagemaker', image_uri=...); {_SCRIPT} builds one"
