"""Whether an answer is JSON that fits a schema."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from llmops_plugins.metrics.structured.options import JsonSchemaOptions
from llmops_plugins.metrics.structured.schema import JsonSchema
from llmops_sdk.plugin import RecordScore, Scored
from llmops_sdk.testing import make_context

OPTIONS = JsonSchemaOptions(
    schema={
        "type": "object",
        "required": ["city"],
        "properties": {"city": {"type": "string"}, "population": {"type": "integer", "minimum": 0}},
        "additionalProperties": False,
    }
)


@pytest.mark.parametrize(
    ("output", "fits", "is_json", "problem"),
    [
        ('{"city": "Rome", "population": 3}', 1, 1, ""),
        ('```json\n{"city": "Rome"}\n```', 1, 1, ""),
        ('{"city": "Rome", "population": -1}', 0, 1, "$.population: -1 is less than the minimum of 0"),
        ('{"population": 1}', 0, 1, "$: 'city' is a required property"),
        ('{"city": "Rome", "mayor": "R"}', 0, 1, "$: Additional properties are not allowed ('mayor' was unexpected)"),
        ("[]", 0, 1, "$: [] is not of type 'object'"),
        ("Rome", 0, 0, "the answer is no JSON (Expecting value at line 1, column 1): 'Rome'"),
        ("", 0, 0, "the answer is empty"),
    ],
)
def test_answers_are_checked(
    score_answer: Callable[..., RecordScore], output: str, fits: float, is_json: float, problem: str
) -> None:
    """The form is what is measured: a wrong one has the score 0 and the first problem with its path."""
    notes = {"problem": problem} if problem else {}
    expected = Scored(3, {"json_schema_valid": fits, "json_readable": is_json}, notes)

    assert expected == score_answer(JsonSchema(OPTIONS), output)


def test_the_version_of_the_library_is_recorded(tmp_path: Path) -> None:
    """It decides some values."""
    assert {"jsonschema": version("jsonschema")} == JsonSchema(OPTIONS).provenance(make_context(tmp_path))
