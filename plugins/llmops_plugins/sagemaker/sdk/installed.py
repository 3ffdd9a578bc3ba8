"""The line of the SageMaker SDK that is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version as version_of

from llmops_plugins.sagemaker.sdk.line import Line
from llmops_plugins.sagemaker.sdk.v2 import Line2
from llmops_plugins.sagemaker.sdk.v3 import Line3
from llmops_sdk.plugin import UserError

PARTS = ("sagemaker-core", "sagemaker-train", "sagemaker-serve", "sagemaker-mlops")
"""The distributions that `sagemaker` 3.x consists of; 2.x uses an older `sagemaker-core`."""

_OLDEST, _NEWEST = (2, 253, 1), (4,)
_BROKEN = "2.256.0"
"""Its remote functions cannot run: aws/sagemaker-python-sdk#5484."""


def version() -> str:
    """Return the installed version of the SageMaker SDK, without importing it.

    Raises:
        UserError: It is not installed.
    """
    installed = _version("sagemaker")
    if not installed:
        message = "the SageMaker SDK is not installed: pip install 'llmops-sdk[sagemaker]'"
        raise UserError(message)
    return installed


def line() -> Line:
    """Return the installed line.

    Raises:
        UserError: There is none, or what is installed does not fit together; the message has the command to type.
    """
    problem = problem_of(version(), {name: _version(name) for name in PARTS})
    if problem:
        raise UserError(problem)
    return Line2() if version().startswith("2.") else Line3()


def problem_of(sdk: str, parts: dict[str, str]) -> str:
    """Return what is wrong with the installed distributions and what to type, or an empty text.

    Args:
        sdk: The version of `sagemaker`.
        parts: The versions of `PARTS` by name; empty for one that is not installed.
    """
    numbers = _numbers(sdk)
    if not _OLDEST <= numbers < _NEWEST or sdk == _BROKEN:
        why = "whose remote functions cannot run" if sdk == _BROKEN else "and 2.253.1 to 3.x are supported"
        return f"sagemaker {sdk} is installed, {why}: pip install 'sagemaker>=2.253.1,<4,!={_BROKEN}'"
    is_2 = numbers[0] == 2  # noqa: PLR2004 - the line
    of_3 = [name for name, number in parts.items() if number and (name != PARTS[0] or _numbers(number)[0] > 1)]
    if is_2 and of_3:
        named = ", ".join(f"{name} {parts[name]}" for name in of_3)
        return (
            f"sagemaker {sdk} and parts of 3.x ({named}) are installed into one folder: pip uninstall {' '.join(of_3)}, and"
            f" pip install --force-reinstall sagemaker=={sdk}"
        )
    missing = [name for name in PARTS if name not in of_3]
    if not is_2 and missing:
        return f"sagemaker {sdk} lacks {', '.join(missing)}: pip install --force-reinstall sagemaker=={sdk}"
    return ""


def _version(name: str) -> str:
    try:
        return version_of(name)
    except PackageNotFoundError:
        return ""


def _numbers(text: str) -> tuple[int, ...]:
    digits = ("".join(letter for letter in part if letter.isdigit()) for part in text.split(".")[:3])
    return tuple(int(part or 0) for part in digits)
