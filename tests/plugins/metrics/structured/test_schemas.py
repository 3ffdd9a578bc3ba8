"""JSON schemas are checked and used without a network."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmops_plugins.metrics.structured.schemas import check_schema, make_validator, problem_of

TREE = {"type": "object", "properties": {"inner": {"$ref": "#"}}, "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"a": {}},
            "items": {"$ref": "#/definitions/a"},
        },
        {"$defs": {"a": {"$anchor": "a", "type": "string"}}, "items": {"$ref": "#a"}},
        {"const": {"$ref": "https://example.org"}},
        {"properties": {"$ref": {"type": "string"}}},
        TREE,
    ],
)
def test_schemas_of_all_drafts_are_accepted(schema: dict[str, Any]) -> None:
    """With references to their own parts; a `$ref` within a constant is none, nor is a field of that name."""
    check_schema(schema)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, ""),
        ({"inner": {"inner": {}}}, ""),
        ({"inner": {"outer": 1}}, "$.inner: Additional properties are not allowed ('outer' was unexpected)"),
    ],
)
def test_a_problem_has_its_path(value: Any, expected: str) -> None:
    """In a schema that refers to itself, too."""
    assert expected == problem_of(make_validator(TREE, check_formats=False), value)


@pytest.mark.parametrize(("value", "step"), [(Decimal("1e400"), 3), (Decimal("1e400"), 0.5), (10**400, 0.5)])
def test_a_number_that_cannot_be_divided_is_no_traceback(value: Any, step: float) -> None:
    """JSON's numbers have no largest; `multipleOf` divides, which floats and decimals of that size refuse."""
    with pytest.raises(ValueError, match="a number is too large for the schema's 'multipleOf'"):
        problem_of(make_validator({"multipleOf": step}, check_formats=False), value)


def test_formats_are_checked_where_that_is_asked() -> None:
    """By default they are remarks, as in the standard."""
    schema = {"type": "string", "format": "date"}

    assert "" == problem_of(make_validator(schema, check_formats=False), "tomorrow")
    assert "$: 'tomorrow' is not a 'date'" == problem_of(make_validator(schema, check_formats=True), "tomorrow")
