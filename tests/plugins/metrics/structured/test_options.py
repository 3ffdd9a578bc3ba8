"""Options of structured answers that make no sense are refused when the pipeline is built."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.structured.options import JsonFieldsOptions, JsonSchemaOptions, JsonValidityOptions

SCHEMA = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({}, "give a JSON schema as schema, or the file that has it as schema_file"),
        (
            {"type": "text"},
            "schema is no valid JSON schema at $.type: 'text' is not valid under any of the given schemas",
        ),
        (
            {"properties": {"a": {"minimum": "1"}}},
            "schema is no valid JSON schema at $.properties.a.minimum: '1' is not of type",
        ),
        (
            {"$ref": "https://example.org/a.json"},
            "schema refers to 'https://example.org/a.json', which is not in it: only",
        ),
        ({"items": {"$ref": "#/$defs/a"}}, "schema refers to '#/$defs/a', which is not in it"),
        ({"$ref": "#"}, "schema cannot be used: the schema refers to itself without end"),
        ({"$schema": "https://example.org/mine"}, "the schema's draft 'https://example.org/mine' is not known"),
    ],
)
def test_bad_schemas_are_refused(schema: dict[str, Any], message: str) -> None:
    """With the place; nothing is fetched."""
    with pytest.raises(ValueError, match=r".") as error:
        JsonSchemaOptions(schema=schema)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_schema_may_come_from_a_file(tmp_path: Path) -> None:
    """The options then hold what it contains: a run does not look for the file again."""
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    options = JsonSchemaOptions(schema_file=str(path))
    path.unlink()

    assert SCHEMA == options.schema
    assert options == JsonSchemaOptions(**options.to_mapping())


@pytest.mark.parametrize(
    ("content", "message"),
    [("[]", "must hold a JSON object, not list"), ("{", "cannot be read as JSON: Expecting"), (None, "No such file")],
)
def test_a_file_without_a_schema_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    """With its path."""
    path = tmp_path / "schema.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=message):
        JsonSchemaOptions(schema_file=str(path))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: JsonValidityOptions(place="somewhere"), "place is one of fence, whole, anywhere, not 'somewhere'"),
        (lambda: JsonValidityOptions(kind="list"), "kind is one of any, object, array, not 'list'"),
        (lambda: JsonFieldsOptions(metrics=()), "metrics are one or more of json_fields_f1,"),
        (lambda: JsonFieldsOptions(only=("a", "")), "only has names of fields, none of them empty"),
    ],
)
def test_unknown_choices_are_refused(make: Callable[[], object], message: str) -> None:
    """The message lists the known ones."""
    with pytest.raises(ValueError, match=message):
        make()
