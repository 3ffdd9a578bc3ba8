"""Which line of the SDK is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from llmops_plugins.sagemaker.sdk import installed
from llmops_plugins.sagemaker.sdk.installed import PARTS, line, problem_of, version
from llmops_plugins.sagemaker.sdk.line import Line
from llmops_plugins.sagemaker.sdk.v2 import Line2
from llmops_plugins.sagemaker.sdk.v3 import Line3
from llmops_sdk import UserError

NONE = dict.fromkeys(PARTS, "")
ALL = dict.fromkeys(PARTS, "2.27.0")


@pytest.mark.parametrize(("found", "parts", "expected"), [("2.257.7", NONE, Line2), ("3.27.0", ALL, Line3)])
def test_the_line_is_chosen_by_version(
    found: str, parts: dict[str, str], expected: type[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is imported to find out."""
    monkeypatch.setattr(installed, "version_of", {**parts, "sagemaker": found}.__getitem__)

    assert isinstance(line(), expected)
    assert found == version()


def test_an_sdk_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command to type."""

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installed, "version_of", missing)
    with pytest.raises(UserError, match=r"pip install 'llmops-sdk\[sagemaker\]'"):
        line()


@pytest.mark.parametrize(
    ("sdk", "parts", "problem"),
    [
        ("2.253.1", NONE, ""),
        ("2.257.7", {**NONE, "sagemaker-core": "1.0.78"}, ""),  # 2.257 needs it
        ("3.27.0", ALL, ""),
        ("3.27.0.dev1", ALL, ""),
        ("2.252.0", NONE, "sagemaker 2.252.0 is installed, and 2.253.1 to 3.x are supported: pip install"),
        ("2.256.0", NONE, "sagemaker 2.256.0 is installed, whose remote functions cannot run: pip install"),
        ("4.0.0", ALL, "sagemaker 4.0.0 is installed, and 2.253.1 to 3.x are supported"),
        (
            "2.257.7",
            ALL,
            "sagemaker 2.257.7 and parts of 3.x (sagemaker-core 2.27.0, sagemaker-train 2.27.0, sagemaker-serve 2.27.0",
        ),
        (
            "3.27.0",
            {**ALL, "sagemaker-mlops": ""},
            "sagemaker 3.27.0 lacks sagemaker-mlops: pip install --force-reinstall sagemaker==3.27.0",
        ),
        ("3.27.0", {**ALL, "sagemaker-core": "1.0.78"}, "sagemaker 3.27.0 lacks sagemaker-core"),
    ],
)
def test_what_does_not_fit_together_is_refused(sdk: str, parts: dict[str, str], problem: str) -> None:
    """Unknown versions, both lines at once, a 3.x without its parts: each with what to type."""
    assert problem_of(sdk, parts).startswith(problem)
    assert bool(problem) == bool(problem_of(sdk, parts))
