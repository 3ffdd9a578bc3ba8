"""AWS's published limits on texts that users choose; what breaks one is refused before anything is sent.

The source of each is the Amazon SageMaker API Reference: Tag, CreateTrainingJob, AlgorithmSpecification, ContainerDefinition,
VpcConfig, PipelineExecutionStep, and CreatePipeline, which was reported to refuse names of more than 82 characters although
256 are documented (aws/sagemaker-python-sdk, issue 2933).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from llmops_sdk.plugin import SpecError, digest

LONGEST_STEP_NAME, LONGEST_DISPLAY_NAME, LONGEST_PIPELINE_NAME = 64, 256, 82
MOST_STEPS = 50
"""Steps of a pipeline; an account may have a higher quota."""

_MOST_VARIABLES, _LONGEST_VARIABLE = 100, 512
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
LONGEST_ARGUMENT = 256
"""Characters of an argument of a container."""

_MOST_ARGUMENTS = 100
_MOST_HYPERPARAMETERS, _LONGEST_HYPERPARAMETER, _LONGEST_HYPERPARAMETER_VALUE = 100, 256, 2500
_LONGEST_TAG, _LONGEST_TAG_VALUE = 128, 256
_TAG_CHARACTERS = frozenset("_.:/=+-@")
_TAG_CATEGORIES = ("L", "Z", "N")
_HASH = 8


def shortened(text: str, longest: int, *, of: str = "", always: bool = False) -> str:
    """Return a text with at most `longest` characters; a cut one ends with a hash of the complete one.

    Args:
        text: The text.
        longest: The limit.
        of: What the hash is made of; default: the text.
        always: Whether a text within the limit gets the hash too.
    """
    if len(text) <= longest and not always:
        return text
    return f"{text[: longest - _HASH - 1].rstrip('-')}-{digest(of or text)[:_HASH]}"


def check_tags(tags: Mapping[str, str]) -> None:
    """Check the names and values of tags.

    Raises:
        ValueError: AWS does not allow one; the message names it and the limit.
    """
    for name, value in tags.items():
        for part, text, longest in (("name", name, _LONGEST_TAG), ("value", value, _LONGEST_TAG_VALUE)):
            subject = f"the {part} of tag {_shown(name)}"
            if len(text) > longest:
                message = f"{subject} has {len(text)} characters: AWS allows {longest}"
                raise ValueError(message)
            refused = sorted({character for character in text if not _is_tag_character(character)})
            if refused:
                message = (
                    f"{subject} has {_listed(refused)}: AWS allows letters, digits, spaces and _ . : / = + - @ in tags"
                )
                raise ValueError(message)


def check_job_environment(variables: Mapping[str, str]) -> None:
    """Check the environment variables of a job, whose limits are lower than those of a model.

    Raises:
        ValueError: SageMaker does not allow one; the message names it and the limit, but not its value.
    """
    if len(variables) > _MOST_VARIABLES:
        message = f"there are {len(variables)} environment variables: SageMaker allows {_MOST_VARIABLES}"
        raise ValueError(message)
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            message = (
                f"environment variable {_shown(name)}: SageMaker allows letters, digits and _ in names, no digit first"
            )
            raise ValueError(message)
        for part, text in (("name", name), ("value", value)):
            if len(text) > _LONGEST_VARIABLE:
                message = (
                    f"the {part} of environment variable {_shown(name)} has {len(text)} characters:"
                    f" SageMaker allows {_LONGEST_VARIABLE}"
                )
                raise ValueError(message)


def check_hyperparameters(hyperparameters: Mapping[str, str]) -> None:
    """Check the hyperparameters of a training job.

    Raises:
        ValueError: SageMaker does not allow one; the message names it and the limit.
    """
    if len(hyperparameters) > _MOST_HYPERPARAMETERS:
        message = f"there are {len(hyperparameters)} hyperparameters: SageMaker allows {_MOST_HYPERPARAMETERS}"
        raise ValueError(message)
    for name, value in hyperparameters.items():
        for part, text, longest in (
            ("name", name, _LONGEST_HYPERPARAMETER),
            ("value", value, _LONGEST_HYPERPARAMETER_VALUE),
        ):
            subject = f"the {part} of hyperparameter {_shown(name)}"
            if len(text) > longest:
                message = f"{subject} has {len(text)} characters: SageMaker allows {longest}"
                raise ValueError(message)
            if not re.fullmatch(".*", text):
                message = f"{subject} has a line break, which SageMaker does not allow"
                raise ValueError(message)


def check_job(request: Mapping[str, Any], subject: str) -> None:
    """Check the arguments and variables of the job of a step, as far as they are texts.

    Args:
        request: The `Arguments` of the step in the definition of a pipeline.
        subject: The start of the message.

    Raises:
        SpecError: SageMaker does not allow one.
    """
    arguments = request["AlgorithmSpecification"]["ContainerArguments"]
    if len(arguments) > _MOST_ARGUMENTS:
        message = f"{subject} has {len(arguments)} container arguments: SageMaker allows {_MOST_ARGUMENTS}"
        raise SpecError(message)
    for argument in (argument for argument in arguments if isinstance(argument, str)):
        if len(argument) > LONGEST_ARGUMENT:
            message = (
                f"{subject} has a container argument of {len(argument)} characters, {_shown(argument)}:"
                f" SageMaker allows {LONGEST_ARGUMENT}; shorten bucket, prefix and name of the pipeline"
            )
            raise SpecError(message)
    variables = {name: value for name, value in request.get("Environment", {}).items() if isinstance(value, str)}
    try:
        check_job_environment(variables)
    except ValueError as exc:
        message = f"{subject}: {exc}; see RemoteFunction.EnvironmentVariables of your SageMaker config"
        raise SpecError(message) from exc


def _is_tag_character(character: str) -> bool:
    return character in _TAG_CHARACTERS or unicodedata.category(character)[0] in _TAG_CATEGORIES


def _listed(characters: Iterable[str]) -> str:
    return ", ".join(repr(character) for character in characters)


def _shown(text: str, longest: int = 40) -> str:
    return repr(text if len(text) <= longest else f"{text[:longest]}...")
