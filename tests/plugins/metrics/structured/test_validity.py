"""Whether an answer is valid JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmops_plugins.metrics.structured.options import JsonValidityOptions
from llmops_plugins.metrics.structured.validity import JsonValidity
from llmops_sdk.plugin import RecordScore, Scored


@pytest.mark.parametrize(
    ("output", "options", "problem"),
    [
        ('{"a": 1}', {}, ""),
        ("```\n[1]\n```", {}, ""),
        (
            "```\n[1]\n```",
            {"place": "whole"},
            "the answer is no JSON (Expecting value at line 1, column 1): '``` [1] ```'",
        ),
        ("see [1]", {"place": "anywhere"}, ""),
        ("7", {}, ""),
        ("7", {"kind": "object"}, "the JSON is no object"),
        ("{}", {"kind": "array"}, "the JSON is no array"),
        ("", {}, "the answer is empty"),
        ('{"a": NaN}', {}, "the answer is no JSON (JSON has no NaN): '{\"a\": NaN}'"),
    ],
)
def test_the_form_is_measured(
    score_answer: Callable[..., RecordScore], output: str, options: dict[str, Any], problem: str
) -> None:
    """A wrong one has the score 0 with the reason, and is no failure; there is no reference."""
    expected = Scored(3, {"json_valid": float(not problem)}, {"problem": problem} if problem else {})

    assert expected == score_answer(JsonValidity(JsonValidityOptions(**options)), output)
